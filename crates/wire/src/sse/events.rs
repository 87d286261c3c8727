//! Taking an event stream apart, as it comes (WHATWG HTML, section 9.2.6).

use std::{ops::Range, time::Duration};

use bytes::{Buf, Bytes, BytesMut};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// Bytes of an event's id or name that are kept at most; a longer one is none.
const SHORT: usize = 1024;
/// A server may ask for a pause of a day at most.
const LONGEST_PAUSE: u64 = 86_400_000;

/// What a stream brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The event's name; empty means `message`.
    pub name: Box<str>,
    /// Its data, several lines joined by a line feed. Never empty: such events are not told.
    pub data: Bytes,
}

/// An event, or one line of it, is longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than the limit")]
pub struct EventTooLong;

/// Cuts a stream into events. It holds at most one unfinished event and what one read adds; the data of an
/// event that has one line is a slice of what was read.
#[derive(Debug)]
pub struct EventParser {
    buffer: BytesMut,
    limit: usize,
    /// Up to here lines of the event at hand are read; a line begins here.
    line: usize,
    /// Up to here there is no line end.
    searched: usize,
    /// Where the lines of data of the event at hand are.
    data: Vec<Range<usize>>,
    name: Box<str>,
    /// The id that the event at hand has set.
    id: Option<Box<str>>,
    last_id: Option<Box<str>>,
    retry: Option<Duration>,
    first: bool,
    /// The last line ended with a CR that ended what was read: an LF after it ends no other.
    after_cr: bool,
}

impl EventParser {
    /// `limit` is the longest event, in bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
            line: 0,
            searched: 0,
            data: Vec::new(),
            name: Box::default(),
            id: None,
            last_id: None,
            retry: None,
            first: true,
            after_cr: false,
        }
    }

    /// Where to append what is read. Take all events out before reading on.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The id of the last event that had one, finished as far as the stream has come; to resume behind.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long the server wants us to wait before we come back.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The next event that has data, or `None` until more is read.
    ///
    /// # Errors
    /// [`EventTooLong`]; what follows is of no use.
    #[expect(
        clippy::should_implement_trait,
        reason = "`None` is not the end: more may be read"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, EventTooLong> {
        if !self.strip_lead() {
            return Ok(None);
        }
        while let Some((end, next)) = self.find_end() {
            if end > self.limit {
                return Err(EventTooLong);
            }
            let line = self.line..end;
            (self.line, self.searched) = (next, next);
            if line.is_empty() {
                if let Some(event) = self.finish() {
                    return Ok(Some(event));
                }
                continue;
            }
            self.field(line);
            if self.data.is_empty() {
                self.forget();
            }
        }
        if self.buffer.len() > self.limit {
            return Err(EventTooLong);
        }
        Ok(None)
    }

    /// Drops a mark before the stream, and the rest of a line end that was cut in two. False until it is
    /// known what to drop.
    fn strip_lead(&mut self) -> bool {
        if self.first {
            if self.buffer.len() < 3 && BYTE_ORDER_MARK.starts_with(&self.buffer) {
                return false;
            }
            if self.buffer.starts_with(BYTE_ORDER_MARK) {
                self.buffer.advance(3);
            }
            self.first = false;
        }
        true
    }

    /// Where the line at hand ends, and where the next begins.
    fn find_end(&mut self) -> Option<(usize, usize)> {
        if self.after_cr {
            let next = *self.buffer.get(self.line)?;
            self.after_cr = false;
            if next == b'\n' {
                self.skip_line_feed();
            }
        }
        let found = memchr::memchr2(b'\r', b'\n', &self.buffer[self.searched..]);
        let Some(end) = found.map(|at| self.searched + at) else {
            self.searched = self.buffer.len();
            return None;
        };
        let mut next = end + 1;
        if self.buffer[end] == b'\r' {
            match self.buffer.get(next) {
                Some(b'\n') => next += 1,
                Some(_) => {}
                None => self.after_cr = true,
            }
        }
        Some((end, next))
    }

    fn skip_line_feed(&mut self) {
        if self.line == 0 {
            self.buffer.advance(1);
        } else {
            self.line += 1;
            self.searched = self.searched.max(self.line);
        }
    }

    fn field(&mut self, line: Range<usize>) {
        let text = &self.buffer[line.clone()];
        let colon = memchr::memchr(b':', text).unwrap_or(text.len());
        let (field, rest) = text.split_at(colon);
        let blank = usize::from(rest.starts_with(b": "));
        let value = (line.start + (colon + 1 + blank).min(text.len()))..line.end;
        match field {
            b"data" => self.data.push(value),
            b"event" => self.name = self.short(value).unwrap_or_default(),
            b"id" => {
                // A NUL makes an id none.
                let sound = memchr::memchr(0, &self.buffer[value.clone()]).is_none();
                self.id = self.short(value).filter(|_| sound).or(self.id.take());
            }
            b"retry" => {
                let digits = self.short(value).unwrap_or_default();
                if digits.bytes().all(|byte| byte.is_ascii_digit())
                    && let Ok(millis) = digits.parse::<u64>()
                {
                    self.retry = Some(Duration::from_millis(millis.min(LONGEST_PAUSE)));
                }
            }
            _ => {}
        }
    }

    fn short(&self, value: Range<usize>) -> Option<Box<str>> {
        let text = std::str::from_utf8(&self.buffer[value]).ok()?;
        (text.len() <= SHORT).then(|| text.into())
    }

    /// Drops what has been read of an event that has no data yet, so that endless comments take no room.
    fn forget(&mut self) {
        self.buffer.advance(self.line);
        self.searched -= self.line;
        self.line = 0;
    }

    /// The event that an empty line ends, if it has data.
    fn finish(&mut self) -> Option<Event> {
        if let Some(id) = self.id.take() {
            self.last_id = Some(id).filter(|id| !id.is_empty());
        }
        let name = std::mem::take(&mut self.name);
        let whole = self.buffer.split_to(self.line);
        self.searched -= self.line;
        self.line = 0;
        let data = match self.data.as_slice() {
            [] => return None,
            [one] => whole.freeze().slice(one.clone()),
            several => {
                let lines: Vec<_> = several.iter().map(|line| &whole[line.clone()]).collect();
                Bytes::from(lines.join(&b'\n'))
            }
        };
        self.data.clear();
        (!data.is_empty()).then_some(Event { name, data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Told = (Vec<(String, String)>, Option<String>, Option<Duration>);

    /// What a stream says that comes in these pieces.
    fn told<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Told {
        let mut parser = EventParser::new(1000);
        let mut events = Vec::new();
        for piece in pieces {
            parser.buffer().extend_from_slice(piece);
            while let Some(event) = parser.next().unwrap() {
                let data = String::from_utf8(event.data.to_vec()).unwrap();
                events.push((event.name.to_string(), data));
            }
        }
        let id = parser.last_id().map(str::to_owned);
        (events, id, parser.retry())
    }

    const STREAM: &str = "\u{feff}: hello\r\n\r\nid: 1\r\ndata:\r\n\r\nevent: endpoint\ndata: /m?x\n\n\
        id:2\rretry: 1500\rdata: {\"a\":\rdata:1}\r\r: ping\n\nevent: lost\n\ndata\ndata\n\n\
        data:  two blanks\r\n\r\nid: 3\nretry: soon\ndata: unfinished";

    #[test]
    fn events_as_the_standard_has_them() {
        let pair = |name: &str, data: &str| (name.to_owned(), data.to_owned());
        let (events, id, retry) = told([STREAM.as_bytes()]);
        assert_eq!(
            events,
            [
                pair("endpoint", "/m?x"),
                pair("", "{\"a\":\n1}"),
                pair("", "\n"),
                pair("", " two blanks"),
            ]
        );
        assert_eq!(id.as_deref(), Some("2"));
        assert_eq!(retry, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn an_id_with_a_nul_or_too_long_is_none() {
        let (_, id, _) = told([&b"id: a\n\nid: b\0\n\n"[..]]);
        assert_eq!(id.as_deref(), Some("a"));
        let long = format!("id: a\n\nid: {}\n\n", "b".repeat(2000));
        let mut parser = EventParser::new(10_000);
        parser.buffer().extend_from_slice(long.as_bytes());
        assert_eq!(parser.next(), Ok(None));
        assert_eq!(parser.last_id(), Some("a"));
        let (_, id, _) = told([&b"id: a\n\nid\n\n"[..]]);
        assert_eq!(id, None);
    }

    #[test]
    fn one_line_of_data_is_not_copied() {
        let mut parser = EventParser::new(1000);
        parser.buffer().extend_from_slice(b"data: abc\n\n");
        let before = parser.buffer()[6..].as_ptr();
        let event = parser.next().unwrap().unwrap();
        assert_eq!(event.data.as_ptr(), before);
    }

    #[test]
    fn the_limit_holds_for_events_and_not_for_streams() {
        let mut parser = EventParser::new(20);
        for _ in 0..100 {
            parser
                .buffer()
                .extend_from_slice(b": a comment\nid: 7\ndata: 0123456789\n\n");
            assert!(parser.next().unwrap().is_some());
            assert_eq!(parser.next(), Ok(None));
        }
        for _ in 0..100 {
            parser.buffer().extend_from_slice(b": more\n");
            assert_eq!(parser.next(), Ok(None));
            assert!(parser.buffer().is_empty());
        }
        parser
            .buffer()
            .extend_from_slice(b"data: 01234567890123456789");
        assert_eq!(parser.next(), Err(EventTooLong));
        let mut parser = EventParser::new(20);
        parser
            .buffer()
            .extend_from_slice(b"data: 0123\ndata: 0123\ndata: 0123\n\n");
        assert_eq!(parser.next(), Err(EventTooLong));
    }

    /// Names and data, and whether the stream is too long in the end.
    fn limited<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<(Box<str>, Bytes)>, bool) {
        let mut parser = EventParser::new(24);
        let mut events = Vec::new();
        for piece in pieces {
            parser.buffer().extend_from_slice(piece);
            loop {
                match parser.next() {
                    Ok(Some(event)) => events.push((event.name, event.data)),
                    Ok(None) => break,
                    Err(EventTooLong) => return (events, true),
                }
            }
        }
        (events, false)
    }

    proptest! {
        #[test]
        fn the_limit_does_not_depend_on_the_pieces(
            pieces in proptest::collection::vec("(data: ?|id:|:|x|\r|\n|\r\n|\n\n){0,8}", 0..12),
        ) {
            let whole = pieces.concat();
            let pieces = pieces.iter().map(|piece| piece.as_bytes());
            prop_assert_eq!(limited(pieces), limited([whole.as_bytes()]));
        }

        #[test]
        fn every_split_tells_the_same(cuts in proptest::collection::vec(0..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let bytes = STREAM.as_bytes();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            pieces.push(&bytes[from..]);
            prop_assert_eq!(told(pieces), told([bytes]));
        }

        #[test]
        fn any_bytes_in_any_pieces_tell_the_same(
            pieces in proptest::collection::vec("[\r\n: abdeiatn\u{feff}{}0-9]{0,12}", 0..12),
        ) {
            let whole = pieces.concat();
            prop_assert_eq!(told(pieces.iter().map(|piece| piece.as_bytes())), told([whole.as_bytes()]));
        }
    }
}
