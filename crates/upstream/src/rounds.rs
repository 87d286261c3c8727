//! A legacy client in front of a modern server that asks: its questions become requests to the client, and
//! the call is made again with the answers (protocol.md, section 6.3).

use std::time::Duration;

use durward_core::{ProtocolError, RawJson};
use durward_wire::{
    bridge::results::{self, Kind},
    code,
    edit::{self, Change},
    encode, members,
};

use crate::{Exchange, Link, LinkFault, Outcome, client_exchange::ClientExchange};

/// Most rounds of questions in one call.
const MOST_ROUNDS: usize = 8;
/// Most questions of one round.
const MOST_QUESTIONS: usize = 16;
/// The first pause before the call is made again where nothing was asked, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Makes the call, as often as the server asks, until it answers.
pub(crate) async fn to_the_end(
    link: &Link,
    method: &str,
    params: RawJson,
    exchange: &ClientExchange<'_>,
) -> Result<Outcome, LinkFault> {
    let mut params = params;
    let mut pause = FIRST_PAUSE;
    for _ in 0..=MOST_ROUNDS {
        let exchange_of: &dyn Exchange = exchange;
        let result = match link.call(method, &params, exchange_of).await? {
            Outcome::Result(result) => result,
            error @ Outcome::Error(_) => return Ok(error),
        };
        if results::kind(&result) != Kind::InputRequired {
            return Ok(Outcome::Result(result));
        }
        let (mut questions, mut state) = (None, None);
        for (key, value) in members(&result) {
            match key.as_ref() {
                "inputRequests" => questions = Some(value),
                "requestState" => state = Some(value),
                _ => {}
            }
        }
        let answers = match questions.as_ref().map(asked) {
            None => None,
            Some(Err(error)) => return Ok(Outcome::Error(error)),
            Some(Ok(questions)) => match answers(exchange, &questions).await {
                Ok(answers) => Some(answers),
                Err(error) => return Ok(Outcome::Error(error)),
            },
        };
        if answers.is_none() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let set = |value: &'static str, given: &Option<RawJson>| (value, given.clone());
        let given = [set("inputResponses", &answers), set("requestState", &state)];
        let changes: Vec<_> = given
            .iter()
            .map(|(name, value)| (*name, value.as_ref().map_or(Change::Drop, Change::Set)))
            .collect();
        params = edit::changed(&params, &changes);
    }
    Ok(Outcome::Error(code::error(
        code::INTERNAL_ERROR,
        format!("the server asked more than {MOST_ROUNDS} times"),
    )))
}

/// One question: its key, method and params.
pub(crate) type Asked = (String, String, RawJson);

pub(crate) fn asked(questions: &RawJson) -> Result<Vec<Asked>, ProtocolError> {
    let malformed = || code::error(code::INTERNAL_ERROR, "the server's questions can't be read");
    let all = members(questions);
    if all.is_empty() || all.len() > MOST_QUESTIONS {
        return Err(malformed());
    }
    let read = all.into_iter().map(|(key, question)| {
        let (mut method, mut params) = (None, RawJson::empty_object());
        for (name, value) in members(&question) {
            match name.as_ref() {
                "method" => method = value.parse::<String>().ok(),
                "params" => params = value.clone(),
                _ => {}
            }
        }
        Some((key.into_owned(), method?, params))
    });
    read.collect::<Option<_>>().ok_or_else(malformed)
}

/// Puts all questions at once; the answers are in the order of the questions.
pub(crate) async fn answers(
    exchange: &ClientExchange<'_>,
    questions: &[Asked],
) -> Result<RawJson, ProtocolError> {
    let asking = questions.iter().map(|(_, method, params)| async move {
        let answer = exchange.put(method, params.clone()).await;
        match answer {
            // A question that a person won't answer does not end the call.
            Err(_) if method == "elicitation/create" => {
                Ok(RawJson::from_static(r#"{"action":"cancel"}"#))
            }
            answer => answer,
        }
    });
    let answers = futures_util::future::try_join_all(asking).await?;
    let named: Vec<_> = questions
        .iter()
        .zip(&answers)
        .map(|((key, ..), answer)| (key.as_str(), answer))
        .collect();
    Ok(encode::object(&named))
}
