//! What of a call's arguments may be kept in a record.

mod name;
mod text;

use durward_core::RawJson;
use serde_json::{Map, Value, json};

use name::Names;
use text::Texts;

use crate::GuardError;

/// What stands where a secret stood.
const REDACTED: &str = "[REDACTED]";
/// The longest string that is kept whole, in bytes.
const MAX_STRING: usize = 1 << 10;
/// The largest record of arguments, in bytes.
const MAX_RECORD: usize = 16 << 10;

/// Takes secrets out of arguments: the values of arguments whose name says so, and what looks like
/// a secret in any text. What is kept is bounded: strings to 1 KiB, the whole to 16 KiB.
#[derive(Debug)]
pub struct Redactor {
    names: Names,
    texts: Texts,
}

impl Redactor {
    /// Takes the names of `audit.redact_names`. A name hits a key that holds it as whole words, in
    /// whatever case and with or without `_` and `-`: `api_key` hits `apiKey` and `MY-API-KEY`.
    pub fn new(names: &[String]) -> Result<Self, GuardError> {
        Ok(Self {
            names: Names::new(names)?,
            texts: Texts::new()?,
        })
    }

    /// The arguments as they may be kept. Where there is nothing to take out or to cut, that is
    /// the very same text, shared.
    pub fn redact(&self, arguments: &RawJson) -> RawJson {
        let text = arguments.as_str();
        if text.len() <= MAX_STRING && !self.names.may_hit(text) && !self.texts.may_hit(text) {
            return arguments.clone();
        }
        let Ok(mut value) = arguments.parse::<Value>() else {
            return omitted(arguments);
        };
        if !self.value(&mut value) && text.len() <= MAX_RECORD {
            return arguments.clone();
        }
        match RawJson::of(&value) {
            Ok(kept) if kept.len() <= MAX_RECORD => kept,
            _ => omitted(arguments),
        }
    }

    /// True where something was changed.
    fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::Object(members) => self.members(members),
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |changed, item| self.value(item) | changed),
            Value::String(text) => replace(text, self.texts.kept(text)),
            Value::Number(number) => {
                let is_card = text::is_card_number(&number.to_string());
                if is_card {
                    *value = REDACTED.into();
                }
                is_card
            }
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn members(&self, members: &mut Map<String, Value>) -> bool {
        let mut changed = false;
        for (key, value) in members.iter_mut() {
            if self.names.hit(key) {
                *value = REDACTED.into();
                changed = true;
            } else {
                changed |= self.value(value);
            }
        }
        if members.keys().any(|key| self.texts.kept(key).is_some()) {
            let kept = |key: String| self.texts.kept(&key).unwrap_or(key);
            *members = std::mem::take(members)
                .into_iter()
                .map(|(key, it)| (kept(key), it))
                .collect();
            changed = true;
        }
        changed
    }
}

fn replace(text: &mut String, kept: Option<String>) -> bool {
    kept.map(|kept| *text = kept).is_some()
}

/// What is kept of arguments that are too large to keep.
fn omitted(arguments: &RawJson) -> RawJson {
    RawJson::of(&json!({ "truncated": true, "bytes": arguments.len() }))
        .unwrap_or_else(|_| RawJson::empty_object())
}

#[cfg(test)]
mod tests;
