//! What in a text looks like a secret, whatever the argument is called.

use std::{borrow::Cow, sync::OnceLock};

use regex::{Captures, Regex, RegexBuilder};

use super::{MAX_STRING, REDACTED};
use crate::GuardError;

/// How much of a long string is looked at; no more than a part of it is kept.
const LOOKED_AT: usize = 8 << 10;

/// What gives away each of the patterns below; a text without any of it needs no closer look.
const HINT: &str = r"pass|pwd|secret|token|api.?key|private|authorization|cookie|bearer|basic|-----BEGIN|dw_|gh[pousr]_|github_pat_|sk-|xox|AKIA|ASIA|eyJ|://|[0-9](?:[ -]?[0-9]){12}";

/// A name and its value in free text; the value is taken out.
const ASSIGNED: &str = r#"(?P<keep>(?-u:\b)[a-z0-9_-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|private[_-]?key|authorization|cookie)(?-u:\b)["']?\s*(?:=>|[:=])\s*(?:(?:bearer|basic)\s+)?)(?:"[^"]*"?|'[^']*'?|[^\s,;&"'<>]+)"#;
/// The same as an option of a command line.
const OPTION: &str =
    r#"(?P<keep>--?(?:password|passwd|secret|token|api-?key)\s+)(?:"[^"]*"?|'[^']*'?|\S+)"#;
/// HTTP credentials (RFC 7617, RFC 6750).
const SCHEME: &str = r"(?P<keep>(?-u:\b)(?:bearer|basic)\s+)[a-z0-9._~+/=-]{6,}";
/// The password in a URL.
const USERINFO: &str = r"(?P<keep>://[^\s/@:]*:)[^\s/@]+(?P<after>@)";
/// Keys that are known by their form.
const KNOWN: &str = r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)|(?-u:\b)(?:dw_[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|sk-[A-Za-z0-9_-]{20,}|xox[a-z]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}(?-u:\b)|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)";
/// What may be a card number.
const CARD: &str = r"(?-u:\b)[0-9](?:[ -]?[0-9]){12,18}(?-u:\b)";

#[derive(Debug)]
pub(super) struct Texts {
    hint: Regex,
    /// Built when a text first gives something away, which most never do: a start stays quick.
    closer: OnceLock<Option<Closer>>,
}

/// The closer look.
#[derive(Debug)]
struct Closer {
    rules: [Regex; 5],
    card: Regex,
}

impl Closer {
    fn new() -> Result<Self, GuardError> {
        Ok(Self {
            rules: [
                compiled(KNOWN, Case::Counts)?,
                compiled(ASSIGNED, Case::Ignored)?,
                compiled(OPTION, Case::Ignored)?,
                compiled(SCHEME, Case::Ignored)?,
                compiled(USERINFO, Case::Ignored)?,
            ],
            card: compiled(CARD, Case::Counts)?,
        })
    }
}

impl Texts {
    pub(super) fn new() -> Result<Self, GuardError> {
        Ok(Self {
            hint: compiled(HINT, Case::Ignored)?,
            closer: OnceLock::new(),
        })
    }

    /// False only where no string of this JSON text holds what is taken out.
    pub(super) fn may_hit(&self, json: &str) -> bool {
        self.hint.is_match(json)
    }

    /// What may be kept of a string; `None` for all of it.
    pub(super) fn kept(&self, text: &str) -> Option<String> {
        let looked_at = &text[..text.floor_char_boundary(LOOKED_AT)];
        let masked = self.masked(looked_at);
        if text.len() <= MAX_STRING {
            return match masked {
                Cow::Borrowed(_) => None,
                Cow::Owned(masked) => Some(masked),
            };
        }
        let prefix = &masked[..masked.floor_char_boundary(MAX_STRING)];
        Some(format!("{prefix}…({} bytes)", text.len()))
    }

    fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.hint.is_match(text) {
            return text.into();
        }
        let closer = self.closer.get_or_init(|| Closer::new().ok());
        let Some(Closer { rules, card }) = closer else {
            // Our own patterns compile, as a test shows; if they did not, nothing would be kept.
            return REDACTED.into();
        };
        let mut masked = Cow::Borrowed(text);
        for rule in rules {
            masked = replaced(masked, rule, |found| {
                let part = |name| found.name(name).map_or("", |part| part.as_str());
                format!("{}{REDACTED}{}", part("keep"), part("after"))
            });
        }
        replaced(masked, card, |found| {
            if is_card_number(&found[0]) {
                REDACTED.to_owned()
            } else {
                found[0].to_owned()
            }
        })
    }
}

/// Only what really changes the text makes a new one.
fn replaced<'t>(
    text: Cow<'t, str>,
    rule: &Regex,
    by: impl Fn(&Captures<'_>) -> String,
) -> Cow<'t, str> {
    match rule.replace_all(&text, by) {
        Cow::Owned(new) if new != *text => Cow::Owned(new),
        _ => text,
    }
}

/// 13 to 19 digits, perhaps spaced, whose check digit is right (ISO/IEC 7812-1, Luhn).
pub(super) fn is_card_number(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-');
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    if !text.chars().all(fits) || !(13..=19).contains(&digits.len()) {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, double) => double / 10 + double % 10,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|&digit| digit != 0)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Counts,
    Ignored,
}

fn compiled(pattern: &str, case: Case) -> Result<Regex, GuardError> {
    RegexBuilder::new(pattern)
        .case_insensitive(case == Case::Ignored)
        .build()
        .map_err(|error| GuardError::Glob {
            glob: pattern.to_owned(),
            why: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new().unwrap());
    static CLOSER: LazyLock<Closer> = LazyLock::new(|| Closer::new().unwrap());

    fn kept(text: &str) -> String {
        TEXTS.kept(text).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn secrets_in_free_text_are_masked() {
        for (text, masked) in [
            (
                "card 4111111111111111, password=hunter2",
                "card [REDACTED], password=[REDACTED]",
            ),
            ("card 3782 822463 10005!", "card [REDACTED]!"),
            ("token: abc, then more", "token: [REDACTED], then more"),
            (
                "{\"api_key\": \"x y\", \"a\": 1}",
                "{\"api_key\": [REDACTED], \"a\": 1}",
            ),
            ("DB_PASSWORD='a b' ls", "DB_PASSWORD=[REDACTED] ls"),
            (
                "curl -H 'Authorization: Bearer abcdef123'",
                "curl -H 'Authorization: Bearer [REDACTED]'",
            ),
            ("use Bearer abcdef.123-x now", "use Bearer [REDACTED] now"),
            ("x --password hunter2 y", "x --password [REDACTED] y"),
            ("postgres://me:pw@db/x", "postgres://me:[REDACTED]@db/x"),
            ("key dw_0123456789abcdefghij.", "key [REDACTED]."),
            ("a ghp_0123456789abcdefghij0123 b", "a [REDACTED] b"),
            ("AKIAABCDEFGHIJKLMNOP", "[REDACTED]"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nx",
                "[REDACTED]\nx",
            ),
            ("-----BEGIN PRIVATE KEY-----\nMII cut", "[REDACTED]"),
        ] {
            assert_eq!(kept(text), masked);
        }
    }

    #[test]
    fn plain_text_is_kept() {
        for text in [
            "a book on passwords and tokens",
            "order 4111111111111112",
            "20261120153045",
            "the bearer of news",
            "https://example.com/a:b@c",
            "3f2a9c1e-1111-4222-8333-444455556666",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert_eq!(TEXTS.kept(text), None, "{text}");
        }
    }

    #[test]
    fn long_strings_are_cut_and_masked_first() {
        let text = format!("{}password=hunter2{}", "x ".repeat(400), " y".repeat(4_000));
        let kept = kept(&text);
        assert!(kept.ends_with(&format!("…({} bytes)", text.len())) && kept.len() < 1_100);
        assert!(kept.contains("password=[REDACTED]"));
        let straddling = format!(
            "{}4111111111111111{}",
            "x".repeat(1_015) + " ",
            " ".repeat(100)
        );
        assert!(!self::kept(&straddling).contains("4111"));
    }

    #[test]
    fn check_digits_are_checked() {
        assert!(is_card_number("4111-1111-1111-1111") && is_card_number("378282246310005"));
        assert!(!is_card_number("4111111111111112") && !is_card_number("0000000000000000"));
        assert!(!is_card_number("411111111111") && !is_card_number("1.5"));
    }

    proptest! {
        #[test]
        fn every_rule_is_behind_the_hint(text in "(password|token: |--secret |Bearer |dw_|sk-|://a:b@|4111111111111111|[ -~]){0,12}[a-z0-9=]{0,20}") {
            let hit = CLOSER.rules.iter().any(|rule| rule.is_match(&text));
            prop_assert!(!hit || TEXTS.may_hit(&text));
        }

        #[test]
        fn any_text_is_bounded(text in "\\PC{0,1500}") {
            prop_assert!(kept(&text).len() < MAX_STRING * 14);
        }
    }
}
