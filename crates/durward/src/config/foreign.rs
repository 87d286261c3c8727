//! Other programs' files: their text, and YAML or JSON as a tree in which every value knows its line.

use std::path::Path;

use super::{
    find,
    node::{Node, Value},
    origin::TextId,
    yaml,
};

/// A value of another program's file, and the line that it begins on, from 1.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The line.
    pub line: usize,
    /// The value.
    pub value: TreeValue,
}

/// What a value is; a scalar is its text, whatever type its program gives it.
#[derive(Debug, Clone)]
pub enum TreeValue {
    /// `~`, `null`, or nothing.
    Nothing,
    /// A scalar.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// Keys and values, in the order of the file.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads YAML, or JSON with or without comments. An empty text is an empty map.
    ///
    /// # Errors
    /// What is wrong, and the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let json = text.trim_start().starts_with(['{', '[', '/']);
        let blanked = json.then(|| without_comments(text));
        let text = blanked.as_deref().unwrap_or(text);
        let line = |at: usize| 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
        match yaml::parse(text, TextId::DEFAULTS) {
            Ok(Some(node)) => Ok(tree(node, &line)),
            Ok(None) => Ok(Self {
                line: 1,
                value: TreeValue::Map(Vec::new()),
            }),
            Err(fault) => Err(match fault.place {
                Some(place) => format!("line {}: {}", line(place.span.start), fault.message),
                None => fault.message,
            }),
        }
    }

    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, tree)| tree)
    }

    /// The keys and values of a map; none of anything else.
    pub fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            TreeValue::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            TreeValue::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            TreeValue::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn tree(node: Node, line: &impl Fn(usize) -> usize) -> Tree {
    let value = match node.value {
        Value::Scalar(text, _) => TreeValue::Text(text),
        Value::List(items) => {
            TreeValue::List(items.into_iter().map(|item| tree(item, line)).collect())
        }
        Value::Map(map) => {
            let entry = |(key, node): (super::node::Key, Node)| {
                let mut inner = tree(node, line);
                inner.line = line(key.place.span.start);
                (key.text, inner)
            };
            TreeValue::Map(map.0.into_iter().map(entry).collect())
        }
        // Nothing is sealed before a configuration of ours is read.
        Value::Null | Value::Sealed(_) => TreeValue::Nothing,
    };
    Tree {
        line: line(node.place.span.start),
        value,
    }
}

/// JSON with its comments, and tabs outside of strings, as blanks: every byte stays where it was.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let (mut quoted, mut escaped) = (false, false);
    while let Some(c) = rest.next() {
        match c {
            _ if quoted => {
                quoted = escaped || c != '"';
                escaped = c == '\\' && !escaped;
                out.push(c);
            }
            '"' => {
                quoted = true;
                out.push(c);
            }
            '/' if rest.peek() == Some(&'/') => {
                out.push(' ');
                while let Some(c) = rest.next_if(|c| *c != '\n') {
                    blank(&mut out, c);
                }
            }
            '/' if rest.peek() == Some(&'*') => {
                out.push(' ');
                let mut before = ' ';
                for c in rest.by_ref() {
                    blank(&mut out, c);
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
            }
            '\t' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

fn blank(out: &mut String, c: char) {
    match c {
        '\n' => out.push('\n'),
        _ => out.extend(std::iter::repeat_n(' ', c.len_utf8())),
    }
}

/// The text of another program's file.
///
/// # Errors
/// One sentence that names the file.
pub fn read_foreign(path: &Path) -> Result<String, String> {
    find::read(path).map_err(|diagnostic| diagnostic.message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn yaml_and_json_know_their_lines() {
        let tree = Tree::parse("# note\na:\n  - x\n  - y: 1\n").unwrap();
        let items = tree.get("a").unwrap().items();
        assert_eq!((tree.get("a").unwrap().line, items[1].line), (2, 4));
        let json = "{ // note: \"x\"\n\t\"a\": /* one\n two */ \"b // c\",\n}";
        let tree = Tree::parse(json).unwrap();
        assert_eq!(tree.get("a").unwrap().text(), Some("b // c"));
        assert_eq!(tree.get("a").unwrap().line, 2);
    }

    #[test]
    fn what_is_neither_is_told_with_its_line() {
        assert!(Tree::parse("a: 1\nb: [\n").unwrap_err().contains("line"));
        assert!(Tree::parse("").unwrap().entries().is_empty());
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in ".{0,200}") {
            let _ = Tree::parse(&text);
            prop_assert_eq!(without_comments(&text).len(), text.len());
        }
    }
}
