//! Telling clients of 2025-11-25 that a URL was opened, when the server says so: `notifications/elicitation/complete`
//! for the ids that they were given (client/elicitation).

use std::{sync::Arc, time::Duration};

use durward_core::{OnChange, Provider, RawJson, Revision};
use durward_wire::{elements, encode, member};
use tokio::sync::Notify;

use crate::{gate::Gate, session::Session};

/// Most ids of one message.
const MOST: usize = 16;

/// What is told when the server says so.
pub(crate) const COMPLETE: &str = "notifications/elicitation/complete";

/// The ids that a question asks by, or an error's `data`.
fn ids(message: &RawJson) -> Vec<String> {
    let id = |it: &RawJson| member(it, "elicitationId")?.parse::<String>().ok();
    match member(message, "elicitations") {
        Some(all) => elements(&all).iter().take(MOST).filter_map(id).collect(),
        None => id(message).into_iter().collect(),
    }
}

/// Tells this session of all that the message names, for as long as a person may take.
pub(crate) fn follow(
    gate: &Gate,
    session: &Arc<Session>,
    provider: &dyn Provider,
    message: &RawJson,
    patience: Duration,
) {
    if session.revision() != Revision::V2025_11_25 || !session.is_lasting() {
        return;
    }
    for id in ids(message) {
        let Some(counted) = gate.watches.count_one(session.caller()) else {
            return;
        };
        let done = Arc::new(Notify::new());
        let signal = Arc::clone(&done);
        let told: OnChange = Arc::new(move || signal.notify_one());
        let Some(watch) = provider.watch_elicitation(&id, told) else {
            return;
        };
        let (session, clock) = (Arc::downgrade(session), Arc::clone(gate.clock()));
        let draining = gate.draining().clone();
        gate.tasks.spawn(async move {
            let _held = (watch, counted);
            tokio::select! {
                () = done.notified() => {}
                () = tokio::time::sleep(patience) => return,
                () = draining.cancelled() => return,
            }
            if let Some(session) = session.upgrade() {
                let params = encode::object(&[("elicitationId", &encode::string(&id))]);
                let message = encode::notification(COMPLETE, &params);
                session.tell(&format!("{COMPLETE} {id}"), clock.monotonic(), message);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_a_question_or_of_an_error() {
        let of = |text| ids(&RawJson::from_static(text));
        assert_eq!(of(r#"{"mode":"url","elicitationId":"a"}"#), ["a"]);
        assert_eq!(
            of(r#"{"elicitations":[{"elicitationId":"a"},{},{"elicitationId":"b"}]}"#),
            ["a", "b"]
        );
        assert!(of(r#"{"mode":"form"}"#).is_empty());
    }
}
