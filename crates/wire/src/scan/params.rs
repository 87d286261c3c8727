//! A message's parameters.

use bytestring::ByteString;
use durward_core::{ProtocolError, RawJson};

use super::{
    members::{self, Member},
    reader::{Reader, Span, Syntax},
    slice,
};
use crate::code;

/// `params`: always an object, `{}` where the message has none. Where its members are is known from
/// the scan; each is read only when it is asked for.
#[derive(Debug, Clone)]
pub struct Params {
    raw: RawJson,
    members: Vec<Member>,
}

/// A member that should be a string and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` must be a string")]
pub struct NotAString {
    /// The member.
    pub key: String,
}

/// A value that should be an object and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` must be an object")]
pub struct NotAnObject {
    /// The member.
    pub key: String,
}

impl Params {
    /// The text.
    pub fn raw(&self) -> &RawJson {
        &self.raw
    }

    /// True where there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The value of a member, as a slice. Keys are compared unescaped.
    pub fn get(&self, key: &str) -> Option<RawJson> {
        let text = self.raw.as_str();
        let member = self
            .members
            .iter()
            .find(|member| member.is_named(text, key))?;
        Some(member.value(&self.raw))
    }

    /// The unescaped value of a member.
    ///
    /// # Errors
    /// If it is there and is no string; `null` is none.
    pub fn string(&self, key: &str) -> Result<Option<String>, NotAString> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|_| NotAString {
            key: key.to_owned(),
        })
    }

    /// The value of a member that is an object.
    ///
    /// # Errors
    /// If it is there and is no object; `null` is none.
    pub fn object(&self, key: &str) -> Result<Option<RawJson>, NotAnObject> {
        match self.get(key) {
            Some(value) if value.bytes().first() != Some(&b'{') => Err(NotAnObject {
                key: key.to_owned(),
            }),
            value => Ok(value),
        }
    }

    /// Reads the object at which the reader stands.
    pub(super) fn read(body: &ByteString, reader: &mut Reader<'_>) -> Result<Self, Syntax> {
        let mut members = Vec::with_capacity(4);
        let whole = reader.object(|reader, key| {
            let value = reader.value()?;
            members.push(Member { key, value });
            Ok(())
        })?;
        for member in &mut members {
            member.rebase(whole);
        }
        Ok(Self {
            raw: slice(body, whole),
            members,
        })
    }
}

impl Member {
    fn rebase(&mut self, object: Span) {
        let start = object.range().start;
        self.key.span = self.key.span.from(start);
        self.value = self.value.from(start);
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            raw: RawJson::empty_object(),
            members: Vec::new(),
        }
    }
}

impl TryFrom<RawJson> for Params {
    type Error = NotAnObject;

    /// Takes an object of our own making, or one that a stage has changed.
    fn try_from(raw: RawJson) -> Result<Self, NotAnObject> {
        let spans = members::spans(&raw);
        let members = spans.ok_or_else(|| NotAnObject {
            key: "params".to_owned(),
        })?;
        Ok(Self {
            raw,
            members: members.into_vec(),
        })
    }
}

impl From<NotAString> for ProtocolError {
    fn from(error: NotAString) -> Self {
        code::invalid_params(error.to_string())
    }
}

impl From<NotAnObject> for ProtocolError {
    fn from(error: NotAnObject) -> Self {
        code::invalid_params(error.to_string())
    }
}
