//! A request's id: echoed as it was spelled, compared by what it means.

use std::hash::{Hash, Hasher};

use bytes::Bytes;
use durward_core::RawJson;

use super::escape;

/// Bytes of a string id at most, unescaped.
const STRING_MAX: usize = 256;
/// Digits of an integer id at most.
const DIGITS_MAX: usize = 19;

/// The name that a peer gave its request: a string of at most 256 bytes or an integer of at most 19
/// digits. Equal when the value is, whatever the spelling; a string never equals an integer.
#[derive(Debug, Clone)]
pub struct RequestId {
    raw: RawJson,
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Value {
    Integer(i128),
    String(Bytes),
}

/// A JSON value that can't be an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a string of at most 256 bytes or an integer of at most 19 digits")]
pub struct NotASoundId;

impl RequestId {
    /// The id as it was spelled.
    pub fn raw(&self) -> &RawJson {
        &self.raw
    }

    /// The number, if it is a natural one or a string that spells one: peers are known to send our
    /// numbers back as strings.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::String(text) if text.iter().all(u8::is_ascii_digit) => {
                std::str::from_utf8(text).ok()?.parse().ok()
            }
            Value::String(_) => None,
        }
    }

    fn value_of(raw: &RawJson) -> Result<Value, NotASoundId> {
        let bytes = raw.bytes();
        match (bytes.first(), bytes.last()) {
            (Some(b'"'), Some(b'"')) => string(bytes),
            _ => integer(bytes),
        }
    }
}

fn string(quoted: &Bytes) -> Result<Value, NotASoundId> {
    let inner = quoted.slice(1..quoted.len() - 1);
    // An escape is at most six times as long as what it stands for.
    if inner.len() > 6 * STRING_MAX {
        return Err(NotASoundId);
    }
    let value = if memchr::memchr(b'\\', &inner).is_none() {
        inner
    } else {
        let text = std::str::from_utf8(&inner).map_err(|_| NotASoundId)?;
        Bytes::from(escape::unescape(text).into_owned())
    };
    if value.len() > STRING_MAX {
        Err(NotASoundId)
    } else {
        Ok(Value::String(value))
    }
}

fn integer(text: &[u8]) -> Result<Value, NotASoundId> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NotASoundId);
    }
    let size = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    Ok(Value::Integer(if digits.len() < text.len() {
        -size
    } else {
        size
    }))
}

impl TryFrom<RawJson> for RequestId {
    type Error = NotASoundId;

    /// Takes a value that stands elsewhere than in an envelope, such as a cancellation's `requestId`.
    fn try_from(raw: RawJson) -> Result<Self, NotASoundId> {
        let value = Self::value_of(&raw)?;
        Ok(Self { raw, value })
    }
}

impl From<u64> for RequestId {
    /// An id of our own. Beyond 19 digits, which no counter reaches, a peer may refuse it.
    fn from(number: u64) -> Self {
        let raw = RawJson::from_scanned(number.to_string().into());
        Self {
            raw,
            value: Value::Integer(number.into()),
        }
    }
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for RequestId {}

impl Hash for RequestId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}
