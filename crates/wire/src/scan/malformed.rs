//! Why bytes are no message.

use std::borrow::Cow;

use durward_core::ProtocolError;

use super::RequestId;
use super::reader::Syntax;
use crate::code;

/// What a message is refused as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MalformedKind {
    /// Not JSON: -32700.
    Parse,
    /// JSON, but no message that could be read in one way only: -32600.
    Invalid,
}

/// Bytes that are no sound message.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// As what it is refused.
    pub kind: MalformedKind,
    /// The message's id, where it has one that is sound. Never with [`MalformedKind::Parse`].
    pub id: Option<RequestId>,
    /// A sentence for people, without a byte of the message.
    pub reason: Cow<'static, str>,
}

impl Malformed {
    pub(super) fn parse(reason: &'static str) -> Self {
        Self {
            kind: MalformedKind::Parse,
            id: None,
            reason: reason.into(),
        }
    }

    pub(super) fn invalid(reason: &'static str) -> Self {
        Self {
            kind: MalformedKind::Invalid,
            id: None,
            reason: reason.into(),
        }
    }

    pub(super) fn with_id(mut self, id: Option<RequestId>) -> Self {
        self.id = id;
        self
    }

    /// -32700 or -32600.
    pub fn code(&self) -> i64 {
        match self.kind {
            MalformedKind::Parse => code::PARSE_ERROR,
            MalformedKind::Invalid => code::INVALID_REQUEST,
        }
    }

    /// The error to answer with.
    pub fn to_error(&self) -> ProtocolError {
        ProtocolError {
            code: self.code(),
            message: self.reason.clone().into_owned(),
            data: None,
        }
    }
}

impl From<Syntax> for Malformed {
    fn from(Syntax(reason): Syntax) -> Self {
        Self::parse(reason)
    }
}
