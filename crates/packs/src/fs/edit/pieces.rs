//! Replacing pieces of a text: pure, and all or none.

use std::borrow::Cow;

use memchr::memmem::Finder;
use serde::Deserialize;

/// One replacement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    pub(super) old: String,
    pub(super) new: String,
    #[serde(default)]
    pub(super) all: bool,
}

/// Why a text is not edited. Edits are counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EditFault {
    /// The old text is not there.
    Missing { index: usize },
    /// It is there more than once, and one is meant.
    Several { index: usize, count: usize },
    /// There is no old text.
    Empty { index: usize },
    /// The new text is longer than may be.
    TooLarge { size: u64, limit: u64 },
}

/// Makes the replacements, each in what the one before left. Where every line of the text ends in CRLF,
/// so do those of the edits, however they are spelled.
pub(super) fn apply(text: &str, edits: &[Edit], most: u64) -> Result<String, EditFault> {
    let crlf = ends_in_crlf(text);
    let mut text = Cow::Borrowed(text);
    for (index, edit) in edits.iter().enumerate() {
        let (old, new) = match crlf {
            true => (to_crlf(&edit.old), to_crlf(&edit.new)),
            false => (Cow::from(&edit.old), Cow::from(&edit.new)),
        };
        text = Cow::Owned(replace(&text, index, &old, &new, edit.all, most)?);
    }
    Ok(text.into_owned())
}

fn replace(
    text: &str,
    index: usize,
    old: &str,
    new: &str,
    all: bool,
    most: u64,
) -> Result<String, EditFault> {
    if old.is_empty() {
        return Err(EditFault::Empty { index });
    }
    let finder = Finder::new(old);
    let bytes = text.as_bytes();
    let first = finder.find(bytes).ok_or(EditFault::Missing { index })?;
    // One that begins inside the first is another place all the same.
    if !all && finder.find(&bytes[first + 1..]).is_some() {
        let count = finder.find_iter(bytes).count().max(2);
        return Err(EditFault::Several { index, count });
    }
    let count = finder.find_iter(bytes).count();
    let size = (text.len() - count * old.len()) as u64 + count as u64 * new.len() as u64;
    if size > most {
        return Err(EditFault::TooLarge { size, limit: most });
    }
    let mut changed = String::with_capacity(usize::try_from(size).unwrap_or(0));
    let mut end = 0;
    for start in finder.find_iter(bytes) {
        // UTF-8 is found in UTF-8 only where a character begins.
        changed.push_str(&text[end..start]);
        changed.push_str(new);
        end = start + old.len();
    }
    changed.push_str(&text[end..]);
    Ok(changed)
}

/// Does every line end in CRLF, and is there one?
fn ends_in_crlf(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut ends = memchr::memchr_iter(b'\n', bytes).peekable();
    ends.peek().is_some() && ends.all(|end| end > 0 && bytes[end - 1] == b'\r')
}

fn to_crlf(text: &str) -> Cow<'_, str> {
    match text.contains('\n') {
        true => text.replace("\r\n", "\n").replace('\n', "\r\n").into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edit(old: &str, new: &str, all: bool) -> Edit {
        Edit {
            old: old.to_owned(),
            new: new.to_owned(),
            all,
        }
    }

    fn one(text: &str, old: &str, new: &str) -> Result<String, EditFault> {
        apply(text, &[edit(old, new, false)], 1000)
    }

    #[test]
    fn one_place_is_meant_unless_all_are() {
        assert_eq!(one("a b c", "b", "x").as_deref(), Ok("a x c"));
        assert_eq!(one("a b c", "d", "x"), Err(EditFault::Missing { index: 0 }));
        let several = |count| Err(EditFault::Several { index: 0, count });
        assert_eq!(one("a b a b a", "a", "x"), several(3));
        assert_eq!(one("aaa", "aa", "x"), several(2));
        assert_eq!(one("abab ab", "ab", "x"), several(3));
        let all = apply("a b a", &[edit("a", "é", true)], 1000);
        assert_eq!(all.as_deref(), Ok("é b é"));
        assert_eq!(one("a", "", "x"), Err(EditFault::Empty { index: 0 }));
    }

    #[test]
    fn edits_go_in_order_and_all_or_none() {
        let edits = [edit("a", "b", false), edit("b", "c", false)];
        assert_eq!(apply("a", &edits, 1000).as_deref(), Ok("c"));
        let edits = [edit("a", "b", false), edit("a", "c", false)];
        assert_eq!(
            apply("a", &edits, 1000),
            Err(EditFault::Missing { index: 1 })
        );
    }

    #[test]
    fn the_new_text_has_a_limit_before_it_is_made() {
        let edits = [edit("a", &"x".repeat(1 << 20), true)];
        let size = 1u64 << 40;
        let fault = apply(&"a".repeat(1 << 20), &edits, 1 << 20);
        assert_eq!(
            fault,
            Err(EditFault::TooLarge {
                size,
                limit: 1 << 20
            })
        );
    }

    #[test]
    fn a_file_of_crlf_lines_keeps_them() {
        let text = "one\r\ntwo\r\nthree\r\n";
        for (old, new) in [("one\ntwo", "1\n2"), ("one\r\ntwo", "1\r\n2")] {
            assert_eq!(one(text, old, new).as_deref(), Ok("1\r\n2\r\nthree\r\n"));
        }
        assert_eq!(
            one(text, "two", "2\n3").as_deref(),
            Ok("one\r\n2\r\n3\r\nthree\r\n")
        );
        // Where both kinds are, a text is taken as it is.
        assert_eq!(one("a\r\nb\n", "b\n", "c\n").as_deref(), Ok("a\r\nc\n"));
        assert_eq!(
            one("a\r\nb\n", "a\nb", "c"),
            Err(EditFault::Missing { index: 0 })
        );
        assert_eq!(one("a\nb", "a", "x\r\n").as_deref(), Ok("x\r\n\nb"));
    }

    proptest! {
        #[test]
        fn it_is_what_the_standard_library_does(
            text in "[ab\u{e9}\n]{0,40}", old in "[ab\u{e9}]{1,3}", new in "[ab\u{e9}\n]{0,3}",
        ) {
            let found = text.matches(&old).count();
            let all = apply(&text, &[edit(&old, &new, true)], 1000);
            prop_assert_eq!(all.ok(), (found > 0).then(|| text.replace(&old, &new)));
            if let Ok(changed) = one(&text, &old, &new) {
                prop_assert_eq!(found, 1);
                prop_assert_eq!(changed, text.replacen(&old, &new, 1));
            }
        }
    }
}
