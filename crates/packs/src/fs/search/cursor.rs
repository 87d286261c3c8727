//! Where a search goes on.

use std::cmp::Ordering;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use durward_core::Refusal;

use crate::fs::refuse;

/// The last match that was given: of its file, lines after `line` are still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) line: u64,
    pub(super) path: String,
}

impl Cursor {
    /// After all of a file.
    pub(super) fn after_file(path: &str) -> Self {
        Self {
            line: u64::MAX,
            path: path.to_owned(),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| {
                let (line, path) = text.split_once(':')?;
                Some(Self {
                    line: line.parse().ok()?,
                    path: path.to_owned(),
                })
            })
            .ok_or_else(|| refuse::argument("/cursor", "`cursor` is not one that `fs_search` gave"))
    }

    pub(super) fn spell(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}", self.line, self.path))
    }

    /// True where all of `path`, and what may lie below it, comes before the cursor.
    pub(super) fn is_past(&self, path: &str) -> bool {
        let holds = self
            .path
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('/'));
        let done = self.path == path && self.line == u64::MAX;
        done || (!holds && walk_order(path, &self.path) == Ordering::Less)
    }

    /// The line of `path` up to which everything was given.
    pub(super) fn line_of(&self, path: &str) -> u64 {
        if self.path == path { self.line } else { 0 }
    }
}

/// The order in which a walk meets paths: name by name, a directory before what it holds.
fn walk_order(one: &str, other: &str) -> Ordering {
    one.split('/').cmp(other.split('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_what_comes_before() {
        let cursor = Cursor {
            line: 3,
            path: "b/c/x".into(),
        };
        for past in ["a", "b/a", "b/c/w", "a/z"] {
            assert!(cursor.is_past(past), "{past}");
        }
        for ahead in ["b", "b/c", "b/c/x", "b/c/y", "b.txt", "c"] {
            assert!(!cursor.is_past(ahead), "{ahead}");
        }
        assert!(Cursor::after_file("b").is_past("b"));
        assert_eq!((cursor.line_of("b/c/x"), cursor.line_of("b/c/y")), (3, 0));
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was(line: u64, path in ".*") {
            let cursor = Cursor { line, path };
            prop_assert_eq!(Cursor::parse(&cursor.spell()).unwrap(), cursor);
        }

        #[test]
        fn any_text_is_a_cursor_or_none(text in ".*") {
            let _ = Cursor::parse(&text);
        }
    }
}
