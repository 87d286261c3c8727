//! Messages on a pipe: one a line (`basic/transports/stdio`).

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A buffer that a line has made larger than this is given back after it.
const KEEP: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a pipe brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A line that is not blank, without its end.
    Line(Bytes),
    /// A line is longer than the limit. It is told once, as soon as it is known; what follows up to
    /// the line's end is skipped.
    TooLong,
}

/// Cuts a stream into lines. It holds at most the limit and what one read adds.
#[derive(Debug)]
pub struct LineFrames {
    buffer: BytesMut,
    limit: usize,
    /// So much of the buffer holds no line end.
    searched: usize,
    skipping: bool,
    first: bool,
}

impl LineFrames {
    /// `limit` is the longest line, in bytes without its end.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
            searched: 0,
            skipping: false,
            first: true,
        }
    }

    /// Where to append what is read. Take all frames out before reading on.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Appends what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    /// The next frame, or `None` until more is read.
    #[expect(
        clippy::should_implement_trait,
        reason = "`None` is not the end: more may be pushed"
    )]
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            let end = self.find_end();
            if self.skipping {
                self.skip(end?);
                continue;
            }
            let Some(end) = end else {
                return self.too_long_already();
            };
            let line = self.take(end);
            if line.len() > self.limit {
                return Some(Frame::TooLong);
            }
            if !line.trim_ascii().is_empty() {
                return Some(Frame::Line(line));
            }
        }
    }

    /// Where the line's end is. While skipping, what has none is dropped at once.
    fn find_end(&mut self) -> Option<usize> {
        let found = memchr::memchr(b'\n', &self.buffer[self.searched..]);
        if found.is_none() && self.skipping {
            self.buffer.clear();
        }
        let end = found.map(|at| self.searched + at);
        self.searched = if end.is_some() { 0 } else { self.buffer.len() };
        end
    }

    fn skip(&mut self, end: usize) {
        self.buffer.advance(end + 1);
        self.skipping = false;
    }

    fn take(&mut self, end: usize) -> Bytes {
        let mut line = self.buffer.split_to(end + 1).freeze();
        if end > KEEP && self.buffer.len() <= KEEP {
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        line.truncate(end);
        if line.last() == Some(&b'\r') {
            line.truncate(end - 1);
        }
        if self.first && line.starts_with(BYTE_ORDER_MARK) {
            line.advance(BYTE_ORDER_MARK.len());
        }
        self.first = false;
        line
    }

    /// Is what has come of an unfinished line too much, whatever follows?
    fn too_long_already(&mut self) -> Option<Frame> {
        let mark = if self.first && self.buffer.starts_with(BYTE_ORDER_MARK) {
            3
        } else {
            0
        };
        let end = usize::from(self.buffer.last() == Some(&b'\r'));
        if self.buffer.len() - mark.min(self.buffer.len()) - end <= self.limit {
            return None;
        }
        self.buffer = BytesMut::new();
        self.searched = 0;
        self.first = false;
        self.skipping = true;
        Some(Frame::TooLong)
    }
}

/// True for a message that can go out as a line just as it is.
pub fn is_one_line(message: &[u8]) -> bool {
    memchr::memchr2(b'\r', b'\n', message).is_none()
}

/// Writes a message as one line: its line ends, which sound JSON has only outside strings, become
/// blanks.
pub fn write_line(out: &mut BytesMut, message: &[u8]) {
    out.reserve(message.len() + 1);
    put_on_one_line(out, message);
    out.put_u8(b'\n');
}

/// Appends sound JSON, with blanks for its line ends.
pub(crate) fn put_on_one_line(out: &mut BytesMut, json: &[u8]) {
    let start = out.len();
    out.put_slice(json);
    let mut at = start;
    while let Some(end) = memchr::memchr2(b'\r', b'\n', &out[at..]) {
        at += end;
        out[at] = b' ';
    }
}

#[cfg(test)]
mod tests;
