//! Globs over names and URIs, matched in linear time.

use regex::{Regex, RegexBuilder};

use crate::GuardError;

/// The longest glob that is taken, in bytes.
const MAX_GLOB: usize = 1024;

/// What `*` stops at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// At nothing: names are flat, whatever characters they have.
    Name,
    /// At `/`; `**` goes on, and `**/` may be nothing at all.
    Uri,
}

/// A glob: `*` is any run of characters, `?` is one, anything else is itself. It must match the
/// whole text. There is no escape: names and URIs hold neither character.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    regex: Regex,
}

impl Glob {
    /// Compiles a glob; empty ones and ones above 1,024 bytes are refused.
    pub fn new(text: &str, span: Span) -> Result<Self, GuardError> {
        let fault = |why: String| GuardError::Glob {
            glob: text.chars().take(80).collect(),
            why,
        };
        if text.is_empty() {
            return Err(fault("it is empty".to_owned()));
        }
        if text.len() > MAX_GLOB {
            return Err(fault(format!("it is longer than {MAX_GLOB} bytes")));
        }
        let regex = RegexBuilder::new(&expression(text, span))
            .dot_matches_new_line(true)
            .build()
            .map_err(|error| fault(error.to_string()))?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// Does it match all of `text`? Linear in the length of `text`.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn expression(glob: &str, span: Span) -> String {
    let (run, one) = match span {
        Span::Name => (".*", "."),
        Span::Uri => ("[^/]*", "[^/]"),
    };
    let mut expression = String::from(r"\A");
    let mut rest = glob;
    while let Some(first) = rest.chars().next() {
        let (token, meaning) = if span == Span::Uri && rest.starts_with("**/") {
            ("**/", "(?:.*/)?")
        } else if span == Span::Uri && rest.starts_with("**") {
            ("**", ".*")
        } else if first == '*' {
            ("*", run)
        } else if first == '?' {
            ("?", one)
        } else {
            let literal = &rest[..first.len_utf8()];
            expression.push_str(&regex::escape(literal));
            rest = &rest[literal.len()..];
            continue;
        };
        expression.push_str(meaning);
        rest = &rest[token.len()..];
    }
    expression.push_str(r"\z");
    expression
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(glob: &str, text: &str) -> bool {
        Glob::new(glob, Span::Name).unwrap().matches(text)
    }

    fn uri(glob: &str, text: &str) -> bool {
        Glob::new(glob, Span::Uri).unwrap().matches(text)
    }

    #[test]
    fn a_star_in_a_name_goes_over_everything() {
        assert!(name("*", "ns/read"));
        assert!(name("fs_*", "fs_read"));
        assert!(name("*__delete_*", "github__delete_repo"));
        assert!(name("a*", "a\nb"));
        assert!(!name("fs_*", "xfs_read"));
        assert!(!name("fs_rea", "fs_read"));
    }

    #[test]
    fn what_a_regex_would_read_is_plain_text() {
        assert!(name("^bad(", "^bad("));
        assert!(name("a.b", "a.b"));
        assert!(!name("a.b", "axb"));
        assert!(name("f?o", "fßo"));
        assert!(!name("f?o", "fo"));
    }

    #[test]
    fn a_star_in_a_uri_stops_at_a_slash() {
        assert!(uri("file:///srv/*.md", "file:///srv/a.md"));
        assert!(!uri("file:///srv/*.md", "file:///srv/a/b.md"));
        assert!(uri("file:///srv/docs/**", "file:///srv/docs/a/b.md"));
        assert!(!uri("file:///srv/docs/**", "file:///srv/docs2/a"));
        assert!(uri("file:///**/b", "file:///b"));
        assert!(uri("file:///**/b", "file:///a/c/b"));
        assert!(!uri("file:///**/b", "file:///a/cb"));
    }

    #[test]
    fn long_names_and_hostile_globs_stay_quick() {
        let long = format!("delete_{}", "x".repeat(1_100));
        assert!(name("delete_*", &long));
        let hostile = "*a".repeat(40) + "b";
        assert!(!name(&hostile, &"a".repeat(5_000)));
    }

    #[test]
    fn empty_and_endless_globs_are_refused() {
        assert!(Glob::new("", Span::Name).is_err());
        assert!(Glob::new(&"a".repeat(1_025), Span::Name).is_err());
    }

    proptest! {
        #[test]
        fn text_matches_itself_and_a_prefix_with_a_star(text in "[^*?]{1,40}", cut in 0usize..40) {
            prop_assert!(name(&text, &text));
            let prefix: String = text.chars().take(cut).collect();
            let glob = prefix + "*";
            prop_assert!(name(&glob, &text));
        }

        #[test]
        fn never_panics(glob in "\\PC{0,60}", text in "\\PC{0,60}") {
            if let Ok(glob) = Glob::new(&glob, Span::Uri) {
                glob.matches(&text);
            }
        }
    }
}
