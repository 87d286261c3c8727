//! JSON that is known to be sound and is passed on as it was spelled.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// One JSON value, as its text. Holding one means that the text is valid UTF-8 and valid JSON.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawJson(Bytes);

impl RawJson {
    /// Serialises `value`.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(|text| Self(text.into()))
    }

    /// Takes text that a strict scan has found to be exactly one JSON value. Anything else breaks
    /// the promise that every splice relies on.
    pub fn from_scanned(text: Bytes) -> Self {
        debug_assert!(serde_json::from_slice::<&RawValue>(&text).is_ok());
        Self(text)
    }

    /// Takes a literal of our own.
    pub fn from_static(text: &'static str) -> Self {
        Self::from_scanned(Bytes::from_static(text.as_bytes()))
    }

    /// Takes what serde_json has checked.
    pub fn from_raw(value: &RawValue) -> Self {
        Self(Bytes::copy_from_slice(value.get().as_bytes()))
    }

    /// `{}`.
    pub fn empty_object() -> Self {
        Self::from_static("{}")
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Every constructor takes what is known to be UTF-8; the empty string can't parse as JSON.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The text's bytes, shared.
    pub fn bytes(&self) -> &Bytes {
        &self.0
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
        serde_json::from_slice(&self.0)
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        <&RawValue>::deserialize(&mut serde_json::Deserializer::from_slice(&self.0))
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}
