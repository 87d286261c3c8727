//! What a provider gives back.

use crate::{OwnResult, RawJson};

/// What a provider answers to a call that was let through.
#[derive(Debug)]
pub enum Answer {
    /// The body of the JSON-RPC `result`: an object, without the envelope of any one revision.
    Result(RawJson),
    /// The same, of durward's own making.
    Own(OwnResult),
    /// A modern server's `input_required`, as it came: what the client must bring first. The gate seals
    /// its `requestState`; only modern clients can be told.
    Asks(RawJson),
    /// A modern server's `task`, as it came: it goes on working, and the client looks at it later. The gate
    /// seals its `taskId`; only modern clients that declare the extension can be told.
    Task(RawJson),
    /// A JSON-RPC error, as an upstream or a provider words it.
    Error(ProtocolError),
}

impl Answer {
    /// The answer's size on the wire, without the envelope.
    pub fn len(&self) -> usize {
        match self {
            Self::Result(body) | Self::Asks(body) | Self::Task(body) => body.len(),
            Self::Own(result) => result.size(),
            Self::Error(error) => error.message.len() + error.data.as_ref().map_or(0, RawJson::len),
        }
    }

    /// True where the answer holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A JSON-RPC error object (JSON-RPC 2.0, section 5.1).
#[derive(Debug, Clone)]
pub struct ProtocolError {
    /// The number that peers act on.
    pub code: i64,
    /// One sentence for people.
    pub message: String,
    /// What else is known, if anything.
    pub data: Option<RawJson>,
}
