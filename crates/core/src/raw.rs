//! JSON that is known to be sound and is passed on as it was spelled.

use std::{fmt, ops::Range};

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// One JSON value, as its text. Holding one means that the text is valid JSON.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawJson(ByteString);

impl RawJson {
    /// Serialises `value`.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|text| Self(text.into()))
    }

    /// Takes text that a strict scan has found to be exactly one JSON value. Anything else breaks
    /// the promise that every splice relies on.
    pub fn from_scanned(text: ByteString) -> Self {
        debug_assert!(serde_json::from_str::<&RawValue>(&text).is_ok());
        Self(text)
    }

    /// Takes what was put together from sound text so that it is one value again.
    pub fn from_joined(text: impl Into<Bytes>) -> Self {
        // Text joined at the ends of values is UTF-8; the empty string can't parse as JSON.
        Self::from_scanned(ByteString::try_from(text.into()).unwrap_or_default())
    }

    /// One value within this one, as a slice. The range is that of a whole value.
    pub fn part(&self, range: Range<usize>) -> Self {
        Self::from_scanned(self.0.slice_ref(&self.0[range]))
    }

    /// Takes a literal of our own.
    pub fn from_static(text: &'static str) -> Self {
        Self::from_scanned(ByteString::from_static(text))
    }

    /// Takes what serde_json has checked.
    pub fn from_raw(value: &RawValue) -> Self {
        Self(value.get().into())
    }

    /// `{}`.
    pub fn empty_object() -> Self {
        Self::from_static("{}")
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text's bytes, shared.
    pub fn bytes(&self) -> &Bytes {
        self.0.as_bytes()
    }

    /// Bytes of the text.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never true: no JSON value is the empty string.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the value into a type.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        <&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(&self.0))
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}
