//! A part of a file, read without holding the rest.

use std::io::{BufRead, BufReader};

use durward_cage::files::{FileFault, FileReader, OpenFile};
use durward_core::{Cancel, Refusal};
use serde::Serialize;

use super::{places::Place, refuse};

const CHUNK: usize = 64 * 1024;
/// The most bytes that one character has in UTF-8, less one.
const CHAR_REST: usize = 3;

/// Which part is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    Whole,
    /// So many lines from the `first` on, which counts from 1; all of them if none is said.
    Lines {
        first: u64,
        count: Option<u64>,
    },
    Bytes {
        offset: u64,
        count: Option<u64>,
    },
    /// The last lines.
    Tail(u64),
}

/// The arguments that go on where a part ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Next {
    Offset(u64),
    ByteOffset(u64),
}

/// A part of a file.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) bytes: Vec<u8>,
    /// It is all of the file.
    pub(super) whole: bool,
    /// The file goes on, or the limit cut what was wanted.
    pub(super) truncated: bool,
    pub(super) next: Option<Next>,
}

/// A file to read from, and what bounds the reading.
pub(super) struct Source<'a> {
    pub(super) place: &'a Place,
    pub(super) file: &'a OpenFile,
    /// The most bytes that a part has.
    pub(super) most: u64,
    /// Parts must not end within a character.
    pub(super) as_text: bool,
    pub(super) stop: &'a Cancel,
}

impl Source<'_> {
    pub(super) fn read(&self, range: Range) -> Result<Part, Refusal> {
        match range {
            Range::Whole => self.whole(),
            Range::Lines { first, count } => self.lines(first, count),
            Range::Bytes { offset, count } => self.bytes(offset, count),
            Range::Tail(count) => self.tail(count),
        }
    }

    fn whole(&self) -> Result<Part, Refusal> {
        let mut bytes = Vec::new();
        self.file
            .read_all(self.most, &mut bytes)
            .map_err(|fault| self.refuse(&fault))?;
        Ok(Part {
            bytes,
            whole: true,
            ..Part::default()
        })
    }

    fn lines(&self, first: u64, count: Option<u64>) -> Result<Part, Refusal> {
        let mut lines = Lines {
            reader: BufReader::with_capacity(CHUNK, self.file.reader()),
            at: 0,
            line: 1,
            source: self,
        };
        lines.skip_to(first)?;
        let start = lines.at;
        let mut part = lines.take(count)?;
        part.whole = start == 0 && !part.truncated;
        Ok(part)
    }

    fn bytes(&self, offset: u64, count: Option<u64>) -> Result<Part, Refusal> {
        let wanted = count.unwrap_or(self.most).min(self.most);
        let left = self.file.meta().size.saturating_sub(offset);
        // A little more than is wanted shows whether there is more, and completes a character.
        let room = index(wanted.min(left)) + CHAR_REST + 1;
        let mut bytes = vec![0; room];
        let read = self.read_range(offset, &mut bytes)?;
        bytes.truncate(read);
        let end = index(wanted).min(read);
        let (start, end) = match self.as_text {
            true => (
                whole_chars_from(&bytes, offset),
                whole_chars_to(&bytes, end),
            ),
            false => (0, end),
        };
        let truncated = end < read;
        bytes.truncate(end);
        bytes.drain(..start.min(end));
        let next = offset.saturating_add(end as u64);
        Ok(Part {
            bytes,
            whole: offset == 0 && !truncated,
            truncated,
            next: truncated.then_some(Next::ByteOffset(next)),
        })
    }

    fn tail(&self, count: u64) -> Result<Part, Refusal> {
        let size = self.file.meta().size;
        let floor = size.saturating_sub(self.most);
        let (start, cut) = match self.start_of_last(count, size, floor)? {
            Some(start) => (start, false),
            None => (floor, floor > 0),
        };
        let mut bytes = vec![0; index(size - start)];
        let read = self.read_range(start, &mut bytes)?;
        bytes.truncate(read);
        if cut {
            let whole_line = memchr::memchr(b'\n', &bytes).map_or(0, |end| end + 1);
            let from = if whole_line > 0 {
                whole_line
            } else {
                whole_chars_from(&bytes, start)
            };
            bytes.drain(..from);
        }
        Ok(Part {
            bytes,
            whole: start == 0,
            truncated: cut,
            next: None,
        })
    }

    /// Where the last `count` lines begin, looking back from `size` and not beyond `floor`.
    fn start_of_last(&self, count: u64, size: u64, floor: u64) -> Result<Option<u64>, Refusal> {
        let mut chunk = vec![0; CHUNK];
        let mut end = size;
        let mut left = count;
        while end > floor {
            self.check()?;
            let start = end.saturating_sub(CHUNK as u64).max(floor);
            let read = self.read_range(start, &mut chunk[..index(end - start)])?;
            for newline in memchr::memrchr_iter(b'\n', &chunk[..read]) {
                let after = start + newline as u64 + 1;
                if after == size {
                    continue;
                }
                left -= 1;
                if left == 0 {
                    return Ok(Some(after));
                }
            }
            end = start;
        }
        Ok((floor == 0).then_some(0))
    }

    fn read_range(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Refusal> {
        self.file
            .read_range(offset, buffer)
            .map_err(|fault| self.refuse(&fault))
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.stop.is_cancelled() {
            Err(refuse::cancelled())
        } else {
            Ok(())
        }
    }

    fn refuse(&self, fault: &FileFault) -> Refusal {
        self.place.refuse(fault)
    }
}

/// A file read line by line, from its beginning.
struct Lines<'a> {
    reader: BufReader<FileReader<'a>>,
    /// Bytes behind us.
    at: u64,
    /// The line that we are in.
    line: u64,
    source: &'a Source<'a>,
}

impl Lines<'_> {
    fn skip_to(&mut self, first: u64) -> Result<(), Refusal> {
        while self.line < first {
            let piece = self.peek()?;
            if piece.is_empty() {
                break;
            }
            let (used, ended) = one_line(piece);
            self.advance(used, ended);
        }
        Ok(())
    }

    fn take(&mut self, count: Option<u64>) -> Result<Part, Refusal> {
        let most = index(self.source.most);
        let first = self.line;
        let start = self.at;
        let mut part = Part::default();
        let mut line_start = 0;
        loop {
            let is_done = count.is_some_and(|count| self.line - first >= count);
            let line = self.line;
            let piece = self.peek()?;
            if piece.is_empty() {
                return Ok(part);
            }
            if is_done {
                part.truncated = true;
                part.next = Some(Next::Offset(line));
                return Ok(part);
            }
            let (used, ended) = one_line(piece);
            let room = most - part.bytes.len();
            part.bytes.extend_from_slice(&piece[..used.min(room)]);
            if used > room {
                part.truncated = true;
                part.next = Some(cut(&mut part.bytes, line_start, line, start));
                return Ok(part);
            }
            self.advance(used, ended);
            if ended {
                line_start = part.bytes.len();
            }
        }
    }

    fn peek(&mut self) -> Result<&[u8], Refusal> {
        self.source.check()?;
        let source = self.source;
        self.reader
            .fill_buf()
            .map_err(|error| source.refuse(&FileFault::from(error)))
    }

    fn advance(&mut self, used: usize, ended: bool) {
        self.reader.consume(used);
        self.at += used as u64;
        self.line += u64::from(ended);
    }
}

/// Ends a part that reached the limit: after its last whole line, or where it has none, after its
/// last whole character.
fn cut(bytes: &mut Vec<u8>, line_start: usize, line: u64, start: u64) -> Next {
    if line_start > 0 {
        bytes.truncate(line_start);
        return Next::Offset(line);
    }
    bytes.truncate(last_whole_char(bytes));
    Next::ByteOffset(start + bytes.len() as u64)
}

/// The bytes up to the end of a line, and whether it ends there.
fn one_line(piece: &[u8]) -> (usize, bool) {
    memchr::memchr(b'\n', piece).map_or((piece.len(), false), |end| (end + 1, true))
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// The end of the last character that is complete, if the last bytes begin another.
fn last_whole_char(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

/// Where the first whole character begins, in bytes that begin at `offset` of a file.
fn whole_chars_from(bytes: &[u8], offset: u64) -> usize {
    let rest = bytes
        .iter()
        .take(CHAR_REST)
        .take_while(|byte| is_continuation(**byte))
        .count();
    if offset == 0 || rest == bytes.len() {
        0
    } else {
        rest
    }
}

/// The last end of a character at or before `end`; the first after it, where nothing would be left.
fn whole_chars_to(bytes: &[u8], end: usize) -> usize {
    let is_end = |at: usize| bytes.get(at).is_none_or(|byte| !is_continuation(*byte));
    let nearest = end.saturating_sub(CHAR_REST);
    let before = (nearest..=end)
        .rev()
        .find(|at| is_end(*at))
        .filter(|at| *at > 0);
    let after = (end..=end + CHAR_REST).find(|at| is_end(*at));
    before.or(after).unwrap_or(end).min(bytes.len())
}

fn index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_never_split_a_character() {
        let bytes = "aé€x".as_bytes();
        assert_eq!(whole_chars_to(bytes, 1), 1);
        assert_eq!(whole_chars_to(bytes, 2), 1);
        assert_eq!(whole_chars_to(bytes, 4), 3);
        assert_eq!(whole_chars_to(bytes, 6), 6);
        assert_eq!(whole_chars_to("€".as_bytes(), 1), 3);
        assert_eq!(whole_chars_from(&bytes[2..], 2), 1);
        assert_eq!(last_whole_char(&bytes[..5]), 3);
        // Not UTF-8 at all: nothing to keep whole.
        assert_eq!(last_whole_char(b"ab\xff"), 3);
    }
}
