//! Asking the client of a call something while the call is under way.

use crate::{BoxFuture, ProtocolError, RawJson};

/// What a client can be asked (schema.ts 2025-11-25, `ServerRequest`; 2026-07-28, `InputRequest`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// A person, for some input.
    Elicit,
    /// A model.
    Sample,
    /// The folders that it shares.
    Roots,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Elicit, Self::Sample, Self::Roots];

    /// The method that asks it.
    pub fn method(self) -> &'static str {
        match self {
            Self::Elicit => "elicitation/create",
            Self::Sample => "sampling/createMessage",
            Self::Roots => "roots/list",
        }
    }

    /// The question that a method asks, if it asks one.
    pub fn of_method(method: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|question| question.method() == method)
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone)]
pub enum AskFault {
    /// The client never said that it can be asked this.
    Undeclared,
    /// It can be asked this, but not in this way: another mode of elicitation, tools in sampling.
    ModeUndeclared,
    /// It answered with an error.
    Refused(ProtocolError),
    /// It did not answer in time.
    Silent,
    /// It is gone, or can't be asked any more.
    Gone,
}

/// A way to ask the client of one call.
pub trait Ask: Send + Sync {
    /// Asks, and waits for the answer: the bare `result`. Dropping the future withdraws the question.
    fn ask<'a>(
        &'a self,
        question: Question,
        params: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, AskFault>>;
}
