//! Waiting for the end of a task, and asking the client meanwhile whatever the task wants to know.

use std::{collections::HashSet, time::Duration};

use durward_core::{Era, ProtocolError, RawJson};
use durward_wire::{
    bridge::tasks::{self, Status},
    code, encode, member,
};

use super::{Following, about};
use crate::{
    Link, LinkFault, Outcome,
    client_exchange::ClientExchange,
    rounds::{self, Stopped},
};

/// How often a modern server is asked, where it says nothing of that.
const PAUSE: Duration = Duration::from_millis(500);
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(30);
/// Most questions that one task may have had.
const MOST: usize = 128;

/// What the call would have been answered, had it not become a task. The exchange must declare tasks.
pub(crate) async fn to_the_end(
    link: &Link,
    own: &str,
    exchange: &ClientExchange<'_>,
) -> Result<Outcome, Stopped> {
    match link.hello().era() {
        Era::Legacy => Ok(result(link, own, exchange).await?),
        Era::Modern => polled(link, own, exchange).await,
    }
}

/// `tasks/result` of a legacy server: it is held open, and brings the questions.
pub(super) async fn result(
    link: &Link,
    own: &str,
    exchange: &ClientExchange<'_>,
) -> Result<Outcome, LinkFault> {
    let ended = link
        .call("tasks/result", &about(own), &Following(exchange))
        .await?;
    Ok(match ended {
        Outcome::Result(result) => Outcome::Result(tasks::unrelated(&result)),
        error => error,
    })
}

async fn polled(link: &Link, own: &str, exchange: &ClientExchange<'_>) -> Result<Outcome, Stopped> {
    let mut asked = HashSet::new();
    let following = Following(exchange);
    loop {
        let task = match link.call("tasks/get", &about(own), &following).await? {
            Outcome::Result(task) => task,
            error => return Ok(error),
        };
        match tasks::status(&task) {
            Some(Status::Completed) => {
                let result = member(&task, "result").unwrap_or_else(RawJson::empty_object);
                return Ok(Outcome::Result(result));
            }
            Some(Status::Failed) => return Ok(Outcome::Error(tasks::error_of(&task))),
            Some(Status::Cancelled) => return Ok(Outcome::Error(cancelled())),
            Some(Status::InputRequired) => match questions(&task, &mut asked) {
                Err(error) => return Ok(Outcome::Error(error)),
                Ok(questions) if questions.is_empty() => {}
                Ok(questions) => {
                    let params: Vec<_> = questions.iter().map(|it| it.params.clone()).collect();
                    let answers = rounds::put(exchange, &questions, &params).await?;
                    let id = encode::string(own);
                    let update = encode::object(&[("taskId", &id), ("inputResponses", &answers)]);
                    match link.call("tasks/update", &update, &following).await? {
                        Outcome::Result(_) => continue,
                        error => return Ok(error),
                    }
                }
            },
            Some(Status::Working) | None => {}
        }
        tokio::time::sleep(pause(&task)).await;
    }
}

/// What the client was not asked before.
fn questions(
    task: &RawJson,
    asked: &mut HashSet<String>,
) -> Result<Vec<rounds::Asked>, ProtocolError> {
    let Some(wanted) = member(task, "inputRequests") else {
        return Ok(Vec::new());
    };
    let mut questions = rounds::asked(&wanted)?;
    questions.retain(|it| asked.insert(it.key.clone()));
    if asked.len() > MOST {
        return Err(code::error(
            code::INTERNAL_ERROR,
            format!("the server's task asked more than {MOST} questions"),
        ));
    }
    Ok(questions)
}

fn pause(task: &RawJson) -> Duration {
    let wanted = member(task, "pollIntervalMs").and_then(|pause| pause.parse::<u64>().ok());
    wanted
        .map_or(PAUSE, Duration::from_millis)
        .clamp(SHORTEST, LONGEST)
}

fn cancelled() -> ProtocolError {
    code::error(code::INTERNAL_ERROR, "the task was cancelled")
}
