//! Files that people keep, read with the place of every part, and changed in those places alone.

mod json;
mod lines;
#[cfg(test)]
mod tests;
mod toml;
mod yaml;

use std::ops::Range;

use thiserror::Error;

pub(super) use yaml::word;

/// The longest file that is read, in bytes. Some clients keep a history in theirs.
pub(super) const LONGEST: usize = 64 * 1024 * 1024;
/// How deep a file may nest.
const DEPTH: usize = 128;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON, with comments and trailing commas where there are any.
    Json,
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
}

/// Why a file is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {why}")]
pub(super) struct NotUnderstood {
    /// Where, from 1.
    pub(super) line: usize,
    /// Why.
    pub(super) why: String,
}

impl NotUnderstood {
    fn at(text: &str, at: usize, why: impl Into<String>) -> Self {
        let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
        Self {
            line: 1 + before.iter().filter(|b| **b == b'\n').count(),
            why: why.into(),
        }
    }
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// The bytes that it is written in.
    pub(super) span: Range<usize>,
    pub(super) value: Value,
}

/// What a part says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Flag(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) key: String,
    /// From the key's first byte to the value's last.
    pub(super) span: Range<usize>,
    /// The comma after it, in JSON.
    comma: Option<usize>,
    pub(super) node: Node,
}

impl Node {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let member = self.members().iter().find(|member| member.key == key)?;
        Some(&member.node)
    }

    /// The value at a path of keys.
    pub(super) fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        path.into_iter().try_fold(self, |node, key| node.get(key))
    }

    /// Keys and values, in their order; none where it is no map.
    pub(super) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    /// Does it say the same, wherever it stands?
    pub(super) fn says(&self, other: &Self) -> bool {
        plain(self) == plain(other)
    }

    /// The text, where it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A file's text and what it says.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) root: Node,
    format: Format,
}

/// What takes the place of a server's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing.
    Gone,
    /// Another value under the same key.
    Value(Vec<(String, New)>),
    /// Another value under another key.
    Entry(String, Vec<(String, New)>),
}

/// A value that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum New {
    Text(String),
    Flag(bool),
    List(Vec<String>),
}

/// Some bytes of a text and what takes their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

impl Format {
    /// Reads a text. A byte order mark is no part of what it says.
    ///
    /// # Errors
    /// Where it is not of this format, or has a key twice.
    pub(super) fn read(self, text: &str) -> Result<Document<'_>, NotUnderstood> {
        let root = match self {
            Self::Json => json::read(text)?,
            Self::Toml => toml::read(text)?,
            Self::Yaml => yaml::read(text)?,
        };
        Ok(Document {
            text,
            root,
            format: self,
        })
    }
}

impl Document<'_> {
    /// The edits that give entries of the map or list at a path another fate; what has none is kept as it
    /// is. An entry is said by its place among the others.
    ///
    /// # Errors
    /// Where it is written in a way that can't be changed in place.
    pub(super) fn rewire(
        &self,
        path: &[String],
        fates: &[(usize, Fate)],
    ) -> Result<Vec<Edit>, NotUnderstood> {
        let home = self.root.at(path.iter().map(String::as_str));
        let home = home.ok_or_else(|| NotUnderstood::at(self.text, 0, "there are no servers"))?;
        let mut edits = match self.format {
            Format::Json => json::rewire(self.text, home, fates),
            Format::Toml => toml::rewire(self.text, &self.root, path, fates)?,
            Format::Yaml => yaml::rewire(self.text, home, fates)?,
        };
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        // Two that go side by side may both have claimed the blanks between them.
        let mut end = 0;
        for edit in &mut edits {
            edit.span.start = edit.span.start.max(end).min(edit.span.end);
            end = end.max(edit.span.end);
        }
        self.checked(path, fates, edits)
    }

    /// Reads the text as it will be: only what was meant to change may have changed.
    fn checked(
        &self,
        path: &[String],
        fates: &[(usize, Fate)],
        edits: Vec<Edit>,
    ) -> Result<Vec<Edit>, NotUnderstood> {
        let new = applied(self.text, &edits);
        let unsure = || NotUnderstood::at(self.text, 0, "it can't be changed in place");
        let after = self.format.read(&new).map_err(|_| unsure())?;
        let mut expected = plain(&self.root);
        let mut home = Some(&mut expected);
        for key in path {
            home = home.and_then(|value| value.get_mut(key));
        }
        intended(home.ok_or_else(unsure)?, fates);
        match plain(&after.root) == expected {
            true => Ok(edits),
            false => Err(unsure()),
        }
    }
}

/// What a part says, without where.
fn plain(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Number(number) => serde_json::json!({ "number": number }),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(members) => members
            .iter()
            .map(|member| (member.key.clone(), plain(&member.node)))
            .collect(),
    }
}

/// Servers as they are meant to be.
fn intended(home: &mut serde_json::Value, fates: &[(usize, Fate)]) {
    use serde_json::Value as Json;
    let fate = |index: usize| fates.iter().find(|(at, _)| *at == index).map(|(_, it)| it);
    let entry = |entry: &[(String, New)]| -> Json {
        let member = |(key, value): &(String, New)| {
            let value: Json = match value {
                New::Text(text) => text.as_str().into(),
                New::Flag(flag) => (*flag).into(),
                New::List(items) => items.iter().map(String::as_str).collect(),
            };
            (key.clone(), value)
        };
        entry.iter().map(member).collect()
    };
    match home {
        Json::Object(members) => {
            let old = std::mem::take(members).into_iter().enumerate();
            members.extend(old.filter_map(|(index, (key, value))| match fate(index) {
                None => Some((key, value)),
                Some(Fate::Gone) => None,
                Some(Fate::Value(new)) => Some((key, entry(new))),
                Some(Fate::Entry(key, new)) => Some((key.clone(), entry(new))),
            }));
        }
        Json::Array(items) => {
            let old = std::mem::take(items).into_iter().enumerate();
            items.extend(old.filter_map(|(index, item)| match fate(index) {
                None => Some(item),
                Some(Fate::Gone) => None,
                Some(Fate::Value(new) | Fate::Entry(_, new)) => Some(entry(new)),
            }));
        }
        _ => {}
    }
}

/// The text after edits that are in order and don't overlap.
pub(super) fn applied(text: &str, edits: &[Edit]) -> String {
    let mut new = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        new.push_str(text.get(at..edit.span.start).unwrap_or_default());
        new.push_str(&edit.text);
        at = edit.span.end;
    }
    new.push_str(text.get(at..).unwrap_or_default());
    new
}

/// The line break that a text uses.
pub(super) fn line_break(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The bytes of the byte order mark at a text's beginning.
fn mark(text: &str) -> usize {
    match text.starts_with('\u{feff}') {
        true => '\u{feff}'.len_utf8(),
        false => 0,
    }
}

/// As JSON and YAML both read it.
pub(super) fn quoted(text: &str) -> String {
    let mut new = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => new.push_str("\\\""),
            '\\' => new.push_str("\\\\"),
            '\n' => new.push_str("\\n"),
            '\t' => new.push_str("\\t"),
            '\r' => new.push_str("\\r"),
            // What YAML doesn't take as it is (YAML 1.2.2, section 5.1), or takes for a line break.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                new.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => new.push(c),
        }
    }
    new.push('"');
    new
}
