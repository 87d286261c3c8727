//! What is done for a client that comes back to a task, in the place where other calls meet their server.

use std::sync::Arc;

use durward_core::{Answer, Call, Era, Operation, Provider, RawJson, Refusal, Target};
use durward_wire::{
    bridge::tasks::{self, Status},
    code,
    edit::{Change, changed},
    encode,
};

use super::{
    Part, Place,
    held::{self, Key},
    kept::Entry,
    legacy, named,
};
use crate::{
    declared::Declared,
    stages::provider::bounded,
    walk::{Walk, unknown},
};

/// A look at a task, or a word to it.
pub(crate) async fn look(
    walk: &mut Walk<'_>,
    provider: Arc<dyn Provider>,
    place: Place,
) -> Result<Answer, Refusal> {
    let entry = place.entry().and_then(|id| walk.gate.kept.find(id));
    if let (Some(entry), Some(id)) = (&entry, walk.called.clone())
        && (entry.cancelled.is_cancelled() || place.own().is_none())
    {
        return Ok(remembered(walk, entry, &id));
    }
    if place.own().is_none() {
        return Err(unknown(&walk.call, walk.called.as_deref()));
    }
    match walk.call.client.revision.era() {
        Era::Modern => modern(walk, provider).await,
        Era::Legacy => legacy::at_server(walk, provider, entry).await,
    }
}

/// Of a task that is here alone, or cancelled here.
fn remembered(walk: &Walk<'_>, entry: &Entry, id: &str) -> Answer {
    let era = walk.call.client.revision.era();
    let seen = entry.seen().unwrap_or_else(RawJson::empty_object);
    // It was announced as at work, and is found done at the first look.
    let now = match entry.result() {
        Some(result) => tasks::ended(&tasks::to_modern(&seen), Ok(&result)),
        None => tasks::to_modern(&seen),
    };
    let acknowledged = Answer::Result(RawJson::empty_object());
    match (walk.call.operation, era) {
        (Operation::CancelTask, Era::Legacy) if entry.has_ended() => legacy::has_ended(),
        (Operation::CancelTask, _) if entry.has_ended() => acknowledged,
        (Operation::CancelTask, _) => {
            let seen = legacy::cancelled(walk, &tasks::to_modern(&seen));
            entry.cancel(&seen);
            match era {
                Era::Legacy => Answer::Result(seen),
                Era::Modern => acknowledged,
            }
        }
        (Operation::UpdateTask, _) => acknowledged,
        (Operation::AwaitTask, _) => match entry.result() {
            Some(result) => {
                entry.note(&tasks::to_legacy(&now));
                Answer::Result(tasks::related(&result, id))
            }
            None => legacy::was_cancelled(),
        },
        (_, era) => {
            let seen = tasks::to_legacy(&now);
            entry.note(&seen);
            Answer::Result(match era {
                Era::Legacy => seen,
                Era::Modern => now,
            })
        }
    }
}

/// One request to the server, in which nobody is asked.
pub(super) async fn once(
    walk: &Walk<'_>,
    provider: &dyn Provider,
    operation: Operation,
) -> Result<Answer, Refusal> {
    let call = Call {
        operation,
        ask: None,
        ..walk.call.clone()
    };
    let (cancel, timeout) = (call.cancel.clone(), call.timeout);
    let work = async { provider.call(&call).await };
    bounded(work, &cancel, timeout, tokio::time::sleep(timeout)).await
}

/// For a client of the extension.
async fn modern(walk: &mut Walk<'_>, provider: Arc<dyn Provider>) -> Result<Answer, Refusal> {
    let key = key(walk);
    let held = key.as_ref().and_then(|key| walk.gate.holds.find(key));
    let operation = walk.call.operation;
    match (operation, &held) {
        (Operation::UpdateTask, Some(held)) => {
            let brought = durward_wire::member(walk.call.arguments.raw(), "inputResponses");
            let brought = brought.unwrap_or_else(RawJson::empty_object);
            held.answer(&brought, Declared::by(&walk.call.client))?;
            return Ok(Answer::Result(RawJson::empty_object()));
        }
        (Operation::CancelTask, Some(held)) => held.cancel(),
        _ => {}
    }
    let task = match once(walk, provider.as_ref(), operation).await? {
        Answer::Result(task) if operation == Operation::GetTask => task,
        // Its acknowledgement may name the task.
        Answer::Result(said) => return Ok(Answer::Result(shown(walk, &said))),
        answer => return Ok(answer),
    };
    let task = shown(walk, &task);
    let is_told = durward_wire::member(&task, "inputRequests").is_some();
    if tasks::status(&task) != Some(Status::InputRequired) || is_told {
        return Ok(Answer::Result(task));
    }
    // A legacy server asks only while somebody waits for the end.
    let limits = walk.standing.house().settings.exchange;
    let Some(key) = key else {
        return Ok(Answer::Result(task));
    };
    let held = held::hold(walk.gate, key, &walk.call, provider, &limits)?;
    let wanted = tokio::select! {
        wanted = held.wanted() => wanted,
        () = walk.call.cancel.cancelled() => None,
    };
    Ok(Answer::Result(match wanted {
        Some(wanted) => changed(&task, &[("inputRequests", Change::Set(&wanted))]),
        // There is nothing to be answered yet.
        None => {
            let working = encode::string(Status::Working.as_str());
            changed(&task, &[("status", Change::Set(&working))])
        }
    }))
}

/// The task under the id that the client knows it by.
pub(super) fn shown(walk: &Walk<'_>, task: &RawJson) -> RawJson {
    match walk.called.as_deref() {
        Some(id) if durward_wire::member(task, "taskId").is_some() => named(task, id),
        _ => task.clone(),
    }
}

fn key(walk: &Walk<'_>) -> Option<Key> {
    let (Part::Of(place), Target::Tool(tool)) = (&walk.part, &walk.call.target) else {
        return None;
    };
    let caller = walk.call.caller.id.clone();
    Some((caller, tool.clone(), place.own()?.into()))
}

/// An error about a task, for a client that ought to know better.
pub(super) fn invalid(sentence: &str) -> Answer {
    Answer::Error(code::invalid_params(sentence))
}
