//! A look at a task of a legacy server, answered as a modern server would.

use durward_core::{Era, Operation, ProtocolError, RawJson};
use durward_wire::bridge::tasks::{self, Status};

use super::{Following, about, to_the_end::result};
use crate::{Link, LinkFault, Outcome, client_exchange::ClientExchange};

/// Does what a client asks of a task. An error of the task's own is put by `error` into the client's words.
pub(crate) async fn looked_at(
    link: &Link,
    own: &str,
    exchange: &ClientExchange<'_>,
    error: impl Fn(ProtocolError) -> ProtocolError,
) -> Result<Outcome, LinkFault> {
    let following = Following(exchange);
    let acknowledged = || Outcome::Result(RawJson::empty_object());
    let get = async || link.call("tasks/get", &about(own), &following).await;
    match exchange.call.operation {
        Operation::AwaitTask => result(link, own, exchange).await,
        Operation::CancelTask => {
            let ended = link.call("tasks/cancel", &about(own), &following).await?;
            if matches!(ended, Outcome::Result(_)) {
                return Ok(acknowledged());
            }
            // A task that has ended can't be cancelled here; a modern client need not know.
            Ok(match get().await? {
                Outcome::Result(_) => acknowledged(),
                error => error,
            })
        }
        // What it asks is asked by `tasks/result`: where none is held open, nothing can be answered.
        Operation::UpdateTask => Ok(match get().await? {
            Outcome::Result(_) => acknowledged(),
            error => error,
        }),
        _ => {
            let task = match get().await? {
                Outcome::Result(task) => tasks::to_modern(&tasks::unrelated(&task)),
                error => return Ok(error),
            };
            let has_end = matches!(
                tasks::status(&task),
                Some(Status::Completed | Status::Failed)
            );
            // Legacy clients ask for the end by itself.
            let is_wanted = exchange.call.client.revision.era() == Era::Modern;
            if !(has_end && is_wanted) {
                return Ok(Outcome::Result(task));
            }
            Ok(Outcome::Result(match result(link, own, exchange).await? {
                Outcome::Result(result) => tasks::ended(&task, Ok(&result)),
                Outcome::Error(cause) => tasks::ended(&task, Err(&error(cause))),
            }))
        }
    }
}
