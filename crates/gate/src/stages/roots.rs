//! Within what the client itself shares.

use std::sync::Arc;

use durward_core::{Operation, Refusal, RefusalCode};

use crate::{
    roots::{self, Unknown},
    walk::{Progress, Walk},
};

/// The finer word of what is no more than a question to a modern client (`input_required`).
pub(crate) const ASKED: &str = "client_asked";

/// Learns the client's own roots, where it has any and what does the call heeds them. As long as they
/// are not known, nothing that they would narrow is done.
pub(crate) async fn learn(walk: &mut Walk<'_>) {
    if !roots::are_offered(&walk.call.client) || !walk.provider().is_some_and(|it| it.heeds_roots())
    {
        return;
    }
    let known = match walk.session {
        Some(session) => {
            let now = || walk.gate.clock().monotonic();
            let ask = || session.ask_for_roots(walk.outlet, now());
            tokio::select! {
                known = session.roots.wait(ask) => known,
                () = walk.call.cancel.cancelled() => {
                    let stopped = Refusal::new(RefusalCode::Cancelled, "The call was cancelled.");
                    walk.progress = Progress::Refused(stopped);
                    return;
                }
            }
        }
        None => match roots::among(walk.answers.as_ref()) {
            Some(known) => known.map(Arc::new),
            None => {
                walk.progress = Progress::Refused(asked(walk.call.operation));
                return;
            }
        },
    };
    match known {
        Ok(roots) => walk.call.narrowed = Some(roots),
        Err(unknown) => walk.progress = Progress::Refused(refuse(unknown)),
    }
}

/// A modern client has no session to remember its roots in: it is asked, where the method can ask.
fn asked(operation: Operation) -> Refusal {
    let (sentence, detail) = match operation {
        Operation::CallTool | Operation::ReadResource | Operation::GetPrompt => {
            ("Your client is asked for its roots first.", ASKED)
        }
        Operation::Complete
        | Operation::Subscribe
        | Operation::GetTask
        | Operation::UpdateTask
        | Operation::CancelTask
        | Operation::AwaitTask => (
            "Your client has roots and can't be asked for them here. Send this request without the \
             `roots` capability.",
            "client_roots",
        ),
    };
    Refusal::new(RefusalCode::Unavailable, sentence).detail(detail)
}

fn refuse(unknown: Unknown) -> Refusal {
    let sentence = match unknown {
        Unknown::Silence => {
            "Your client said that it has roots and did not answer `roots/list`, so no file can be \
             touched. Try again, or connect without the `roots` capability."
        }
        Unknown::Garbage => {
            "Your client's answer to `roots/list` can't be read, so no file can be touched. It must \
             list at most 64 roots."
        }
    };
    Refusal::new(RefusalCode::Unavailable, sentence).detail("client_roots")
}
