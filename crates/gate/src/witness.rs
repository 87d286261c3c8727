//! The record of what servers ask of clients.

use std::sync::Weak;

use durward_core::{AskEnd, Asked, Witness};
use durward_ledger::{Event, EventName};

use crate::gate::Gate;

/// Writes into the gate's journal.
pub(crate) struct Record(pub(crate) Weak<Gate>);

impl Witness for Record {
    fn saw(&self, asked: &Asked<'_>) -> bool {
        let Some(gate) = self.0.upgrade() else {
            return false;
        };
        let name = match asked.end {
            AskEnd::Blocked(_) => EventName::UPSTREAM_BLOCKED,
            _ => EventName::UPSTREAM_ASKED,
        };
        let mut event = Event::new(name)
            .provider(asked.server.as_provider().clone())
            .method(asked.method.to_owned());
        event = match asked.end {
            AskEnd::Answered(word) | AskEnd::Blocked(word) => event.code(word),
            AskEnd::Refused(code) => event.code(code.to_string()),
            AskEnd::Unanswered => event.code("unanswered"),
            AskEnd::PassedOn => event.code("passed_on"),
        };
        if let Some(call) = asked.call {
            event = event
                .caller(call.caller.id.clone())
                .door(call.door)
                .call(call.id)
                .subject(call.target.name().to_owned());
        }
        match gate.journal().event(event) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "what a server asked could not be recorded");
                false
            }
        }
    }
}
