//! A part of a long text, in characters.

use serde::{Deserialize, Serialize};

/// Which part: the argument `range`, and `next`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    #[serde(default)]
    pub(super) offset: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<usize>,
}

/// A part, and the one after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Its first byte.
    pub(super) start: usize,
    /// The byte after its last.
    pub(super) end: usize,
    pub(super) next: Option<Range>,
}

impl Range {
    /// That part of the text; `None` where the text ends before it.
    pub(super) fn of(self, text: &str) -> Option<Page> {
        let start = byte_of(text, self.offset)?;
        let rest = &text[start..];
        let end = self.limit.and_then(|limit| byte_of(rest, limit));
        let end = end.unwrap_or(rest.len());
        let next = (end < rest.len()).then(|| Self {
            // A limit that did not reach the end is a count of characters that are there.
            offset: self.offset + self.limit.unwrap_or_default(),
            limit: self.limit,
        });
        Some(Page {
            start,
            end: start + end,
            next,
        })
    }
}

/// Where the character of this number begins, or the text ends.
fn byte_of(text: &str, number: usize) -> Option<usize> {
    let starts = text.char_indices().map(|(at, _)| at);
    starts.chain(std::iter::once(text.len())).nth(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(offset: usize, limit: Option<usize>) -> Range {
        Range { offset, limit }
    }

    #[test]
    fn parts_follow_each_other_and_make_the_whole() {
        let text = "aé漢🦀b";
        for limit in 1..7 {
            let (mut whole, mut next) = (String::new(), Some(range(0, Some(limit))));
            while let Some(range) = next {
                let page = range.of(text).unwrap();
                whole.push_str(&text[page.start..page.end]);
                next = page.next;
            }
            assert_eq!(whole, text, "by {limit}");
        }
    }

    #[test]
    fn a_part_may_be_empty_and_none_begins_after_the_end() {
        for (text, asked, found) in [
            ("", range(0, None), Some("")),
            ("ab", range(0, None), Some("ab")),
            ("ab", range(1, None), Some("b")),
            ("ab", range(2, Some(1)), Some("")),
            ("ab", range(3, None), None),
            ("ab", range(usize::MAX, Some(usize::MAX)), None),
            ("ab", range(0, Some(usize::MAX)), Some("ab")),
        ] {
            let page = asked.of(text);
            let part = page.map(|page| &text[page.start..page.end]);
            assert_eq!(part, found, "{asked:?}");
        }
    }
}
