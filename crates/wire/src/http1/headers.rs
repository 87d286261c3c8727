//! Headers: one buffer, and where in it each name and value is.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Headers in order, names in lower case, values without outer blanks. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    text: Bytes,
    lines: Vec<Line>,
}

/// Where one header is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    name: (u32, u32),
    value: (u32, u32),
}

/// A header that may be there once is there more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the header is there more than once")]
pub struct Doubled;

impl Headers {
    /// Headers from elsewhere than a head, such as an upstream's answer.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut text = Vec::new();
        let mut lines = Vec::new();
        for (name, value) in pairs {
            let start = text.len();
            text.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
            let middle = text.len();
            text.extend_from_slice(value.trim_ascii());
            lines.push(Line {
                name: narrow(start..middle),
                value: narrow(middle..text.len()),
            });
        }
        Self {
            text: text.into(),
            lines,
        }
    }

    /// The parsed headers of `head`, whose slices they are.
    pub(super) fn of_head(head: &[u8], parsed: &[httparse::Header<'_>]) -> Self {
        Self::of_own_head(BytesMut::from(head), Self::lines_of(head, parsed))
    }

    /// The headers of a head that nobody else needs.
    pub(super) fn of_own_head(mut text: BytesMut, lines: Vec<Line>) -> Self {
        for line in &lines {
            text[line.name.0 as usize..line.name.1 as usize].make_ascii_lowercase();
        }
        Self {
            text: text.freeze(),
            lines,
        }
    }

    /// Where in `head` its parsed headers are.
    pub(super) fn lines_of(head: &[u8], parsed: &[httparse::Header<'_>]) -> Vec<Line> {
        let line = |header: &httparse::Header<'_>| Line {
            name: narrow(place(head, header.name.as_bytes())),
            value: narrow(place(head, header.value.trim_ascii())),
        };
        parsed.iter().map(line).collect()
    }

    /// The first value of a header; `name` in lower case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// All values of a header, in order; `name` in lower case.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.lines.iter();
        lines
            .filter(move |line| self.at(line.name) == name.as_bytes())
            .map(|line| self.at(line.value))
    }

    /// The value of a header that may be there once; `name` in lower case.
    ///
    /// # Errors
    /// [`Doubled`], even if all say the same.
    pub fn only(&self, name: &str) -> Result<Option<&[u8]>, Doubled> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            Err(Doubled)
        } else {
            Ok(first)
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.iter().map(|line| {
            // A name is ASCII, or it would not have been parsed.
            (
                std::str::from_utf8(self.at(line.name)).unwrap_or_default(),
                self.at(line.value),
            )
        })
    }

    /// True if any value of a list header has this member, whatever its case; `name` in lower case.
    pub(super) fn lists(&self, name: &str, member: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|listed| listed.trim_ascii().eq_ignore_ascii_case(member.as_bytes()))
    }

    fn at(&self, (start, end): (u32, u32)) -> &[u8] {
        &self.text[start as usize..end as usize]
    }
}

/// Where `part`, a slice of `whole`, begins and ends in it. An empty part need not be such a slice.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    if part.is_empty() {
        return 0..0;
    }
    let start = (part.as_ptr().addr()).saturating_sub(whole.as_ptr().addr());
    start..start + part.len()
}

fn narrow(range: Range<usize>) -> (u32, u32) {
    let narrow = |at| u32::try_from(at).unwrap_or(u32::MAX);
    (narrow(range.start), narrow(range.end))
}
