//! One strict pass over the bytes of a message: what is sound, and where its parts are.

mod envelope;
mod escape;
mod id;
mod keys;
mod malformed;
pub(crate) mod members;
mod method;
mod opened;
mod params;
mod plain;
mod reader;

use bytes::Bytes;
use bytestring::ByteString;
use durward_core::RawJson;

pub use id::{NotASoundId, RequestId};
pub use malformed::{Malformed, MalformedKind};
pub use members::{elements, member, members, without};
pub use method::Method;
pub use params::{NotAString, NotAnObject, Params};

use reader::{Reader, Span};

/// Members of one batch at most (2025-03-26 alone has batches).
pub const BATCH_MAX: usize = 64;

/// What a message may be at most. Its length is the frame's and the body's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanLimits {
    /// Levels of objects and arrays, the message itself being the first.
    pub depth: usize,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self { depth: 128 }
    }
}

/// One sound message (JSON-RPC 2.0, sections 4 to 6). Its parts are slices of the scanned body.
#[derive(Debug, Clone)]
pub enum Message {
    /// Wants an answer.
    Request(Request),
    /// Wants none.
    Notification(Notification),
    /// Answers a request of ours.
    Response(Response),
    /// An array of 1 to [`BATCH_MAX`] members; each is sound JSON and is still to be scanned alone.
    Batch(Vec<Bytes>),
}

/// A message with a method and an id.
#[derive(Debug, Clone)]
pub struct Request {
    /// The sender's name for it.
    pub id: RequestId,
    /// What is asked for.
    pub method: Method,
    /// With what.
    pub params: Params,
}

/// A message with a method and no id.
#[derive(Debug, Clone)]
pub struct Notification {
    /// What is told.
    pub method: Method,
    /// With what.
    pub params: Params,
}

/// A message without a method.
#[derive(Debug, Clone)]
pub struct Response {
    /// The request that it answers.
    pub id: RequestId,
    /// What it says.
    pub outcome: ResponseOutcome,
}

/// Either member of a response; having both or none is malformed.
#[derive(Debug, Clone)]
pub enum ResponseOutcome {
    /// `result`, any JSON.
    Result(RawJson),
    /// `error`, an object.
    Error(RawJson),
}

/// Reads one message. Refuses whatever two parsers might read differently: duplicate keys after
/// unescaping, lone surrogates, trailing bytes, a byte-order mark.
///
/// Time is linear in the body, up to a logarithm where objects are large; memory is a small multiple
/// of the body; the stack is flat however deep the nesting.
///
/// # Errors
/// [`Malformed`] with -32700 for what is not JSON, and -32600 (with the id, wherever it stands, if it
/// is sound) for what is no message.
pub fn scan(body: &Bytes, limits: ScanLimits) -> Result<Message, Malformed> {
    if body.len() > Span::MAX {
        return Err(Malformed::invalid("the message is too long"));
    }
    let Ok(body) = ByteString::try_from(body.clone()) else {
        return Err(Malformed::parse("the message is not UTF-8"));
    };
    let mut reader = Reader::judging(&body, limits.depth);
    reader.blanks();
    match reader.peek() {
        Some(b'{') => envelope::read(&body, reader),
        Some(b'[') => batch(&body),
        _ => {
            reader.value()?;
            reader.end()?;
            Err(Malformed::invalid("a message is an object"))
        }
    }
}

/// Reads one value that is no message, as strictly as [`scan`] does: what another program says in a
/// format of its own.
///
/// # Errors
/// [`Malformed`], as by [`scan`].
pub fn scan_value(text: &Bytes, limits: ScanLimits) -> Result<RawJson, Malformed> {
    if text.len() > Span::MAX {
        return Err(Malformed::invalid("the value is too long"));
    }
    let Ok(text) = ByteString::try_from(text.clone()) else {
        return Err(Malformed::parse("the value is not UTF-8"));
    };
    let mut reader = Reader::judging(&text, limits.depth);
    reader.blanks();
    let span = reader.value()?;
    reader.end()?;
    match reader.fault() {
        Some(fault) => Err(Malformed::invalid(fault)),
        None => Ok(slice(&text, span)),
    }
}

/// A value that has been scanned.
fn slice(body: &ByteString, span: Span) -> RawJson {
    RawJson::from_scanned(body.slice_ref(&body[span.range()]))
}

/// Splits an array. Depth and duplicate keys are judged when each member is scanned.
fn batch(body: &ByteString) -> Result<Message, Malformed> {
    let mut reader = Reader::splitting(body);
    reader.blanks();
    let mut members = Vec::new();
    let mut total = 0_usize;
    reader.array(|reader| {
        let span = reader.value()?;
        total += 1;
        if total <= BATCH_MAX {
            members.push(body.as_bytes().slice(span.range()));
        }
        Ok(())
    })?;
    reader.end()?;
    match total {
        0 => Err(Malformed::invalid("a batch has at least one message")),
        1..=BATCH_MAX => Ok(Message::Batch(members)),
        _ => Err(Malformed::invalid("a batch has at most 64 messages")),
    }
}

#[cfg(test)]
mod tests;
