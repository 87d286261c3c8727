//! Asking the client of a call something while the call is under way.

use crate::{BoxFuture, Call, ProtocolError, RawJson, ServerName};

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

/// What a server wanted to ask a client, and what came of it.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Who asked.
    pub server: &'a ServerName,
    /// By which method, known or not.
    pub method: &'a str,
    /// For which call, where that is known.
    pub call: Option<&'a Call>,
    /// What came of it.
    pub end: AskEnd,
}

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskEnd {
    /// The client answered, with this word: `answered`, or what a person chose.
    Answered(&'static str),
    /// It answered with an error of this code.
    Refused(i64),
    /// It did not answer, or not in time.
    Unanswered,
    /// It was put to a client that asks its server again with the answer.
    PassedOn,
    /// It was not put to any client, for this reason.
    Blocked(&'static str),
}

/// Keeps the record of what servers ask.
pub trait Witness: Send + Sync {
    /// Writes it down before the server hears what came of it. False where it can't be written: then the
    /// server gets no answer.
    fn saw(&self, asked: &Asked<'_>) -> bool;
}

/// A way to ask the client of one call.
pub trait Ask: Send + Sync {
    /// Asks, and waits for the answer: the bare `result`. Dropping the future withdraws the question.
    fn ask<'a>(
        &'a self,
        question: Question,
        params: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, AskFault>>;

    /// Tells the client that what it agreed to by this `elicitationId` is done, where it has words for that
    /// (`notifications/elicitation/complete`, MCP 2025-11-25).
    fn completed(&self, _elicitation: &str) {}

    /// Until its end the call waits for a person, and that is not its own time.
    fn held(&self) -> Option<Box<dyn Send>> {
        None
    }

    /// A name that no other elicitation has; none where the client has no use for one.
    fn new_elicitation(&self) -> Option<String> {
        None
    }
}
