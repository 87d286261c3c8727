//! What of a call's arguments may be kept in a record.

mod name;
mod text;

use durward_core::{Arguments, RawJson};
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
/// What an empty array or object takes of it.
const BRACKETS: usize = 2;

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

    /// The value as it may be kept. Where there is nothing to take out or to cut, that is the very
    /// same text, shared.
    pub fn redact(&self, value: &RawJson) -> RawJson {
        self.arguments(&Arguments::new(value.clone()))
    }

    /// As [`redact`](Self::redact), of arguments whose parse others need too.
    pub fn arguments(&self, arguments: &Arguments) -> RawJson {
        let raw = arguments.raw();
        let text = raw.as_str();
        if text.len() <= MAX_STRING && !self.names.may_hit(text) && !self.texts.may_hit(text) {
            return raw.clone();
        }
        let value = arguments.value();
        if value.is_null() && text.trim() != "null" {
            return omitted(raw);
        }
        let mut room = MAX_RECORD;
        let kept = match self.changed(value, &mut room) {
            Ok(None) if text.len() <= MAX_RECORD => return raw.clone(),
            Ok(None) => RawJson::of(value),
            Ok(Some(changed)) => RawJson::of(&changed),
            Err(TooLong) => return omitted(raw),
        };
        match kept {
            Ok(kept) if kept.len() <= MAX_RECORD => kept,
            _ => omitted(raw),
        }
    }

    /// What is kept of it where that is not all. It takes of `room` what it needs at the least.
    fn changed(&self, value: &Value, room: &mut usize) -> Result<Option<Value>, TooLong> {
        let (changed, size) = match value {
            Value::Object(members) => return self.changed_members(members, room),
            Value::Array(items) => return self.changed_items(items, room),
            Value::String(text) => match self.texts.kept(text) {
                Some(kept) => {
                    let size = kept.len();
                    (Some(kept.into()), size)
                }
                None => (None, text.len()),
            },
            Value::Number(number) if text::is_card_number(&number.to_string()) => {
                (Some(REDACTED.into()), REDACTED.len())
            }
            Value::Number(_) | Value::Null | Value::Bool(_) => (None, 1),
        };
        take(room, size)?;
        Ok(changed)
    }

    fn changed_items(&self, items: &[Value], room: &mut usize) -> Result<Option<Value>, TooLong> {
        take(room, BRACKETS)?;
        let changed = items.iter().map(|item| self.changed(item, room));
        let changed = changed.collect::<Result<Vec<_>, _>>()?;
        if changed.iter().all(Option::is_none) {
            return Ok(None);
        }
        let kept = changed.into_iter().zip(items);
        let kept = kept.map(|(changed, item)| changed.unwrap_or_else(|| item.clone()));
        Ok(Some(kept.collect()))
    }

    fn changed_members(
        &self,
        members: &Map<String, Value>,
        room: &mut usize,
    ) -> Result<Option<Value>, TooLong> {
        take(room, BRACKETS)?;
        let changed = members.iter().map(|(key, value)| {
            let changed = match self.names.hit(key) {
                true => Some(REDACTED.into()),
                false => self.changed(value, room)?,
            };
            take(room, key.len().min(MAX_STRING))?;
            Ok((self.texts.kept(key), changed))
        });
        let changed = changed.collect::<Result<Vec<_>, _>>()?;
        if changed.iter().all(|it| matches!(it, (None, None))) {
            return Ok(None);
        }
        let kept = changed.into_iter().zip(members);
        let kept = kept.map(|((name, changed), (key, value))| {
            let name = name.unwrap_or_else(|| key.clone());
            (name, changed.unwrap_or_else(|| value.clone()))
        });
        Ok(Some(kept.collect()))
    }
}

/// More than a record takes.
struct TooLong;

fn take(room: &mut usize, bytes: usize) -> Result<(), TooLong> {
    *room = room.checked_sub(bytes).ok_or(TooLong)?;
    Ok(())
}

/// What is kept of arguments that are too large to keep.
fn omitted(arguments: &RawJson) -> RawJson {
    RawJson::of(&json!({ "truncated": true, "bytes": arguments.len() }))
        .unwrap_or_else(|_| RawJson::empty_object())
}

#[cfg(test)]
mod tests;
