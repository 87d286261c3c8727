//! Event streams (WHATWG HTML, section 9.2) as servers of MCP write them, and as we read them.

mod events;

use std::{fmt, fmt::Write as _, num::ParseIntError, str::FromStr, time::Duration};

use bytes::{BufMut, BytesMut};

use crate::frame::put_on_one_line;

pub use events::{Event, EventParser, EventTooLong};

/// Names an event, so that a client can resume behind it: `<stream>.<number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Which stream of the session.
    pub stream: u64,
    /// Which event of the stream.
    pub number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.stream, self.number)
    }
}

/// A text that is no event id of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an event id is `<stream>.<number>`")]
pub struct NotAnEventId;

impl From<ParseIntError> for NotAnEventId {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

impl FromStr for EventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<Self, NotAnEventId> {
        let (stream, number) = text.split_once('.').ok_or(NotAnEventId)?;
        let id = Self {
            stream: stream.parse()?,
            number: number.parse()?,
        };
        // One spelling only: no sign, no leading zero.
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(NotAnEventId)
        }
    }
}

/// Writes an event whose data is one line: line ends, which sound JSON has only outside strings,
/// become blanks.
pub fn write_event(out: &mut BytesMut, id: Option<&str>, retry: Option<Duration>, data: &[u8]) {
    out.reserve(data.len() + 64);
    write_fields(out, id, retry);
    out.put_slice(b"data: ");
    put_on_one_line(out, data);
    out.put_slice(b"\n\n");
}

/// Writes the event that opens a stream for 2025-11-25: an id and empty data, so that the client can
/// resume from the very start.
pub fn write_opening(out: &mut BytesMut, id: &str, retry: Option<Duration>) {
    write_fields(out, Some(id), retry);
    out.put_slice(b"data:\n\n");
}

/// Writes a comment, which keeps a quiet stream open.
pub fn write_comment(out: &mut BytesMut, comment: &str) {
    out.put_slice(b": ");
    put_on_one_line(out, comment.as_bytes());
    out.put_slice(b"\n\n");
}

fn write_fields(out: &mut BytesMut, id: Option<&str>, retry: Option<Duration>) {
    if let Some(id) = id {
        out.put_slice(b"id: ");
        put_on_one_line(out, id.as_bytes());
        out.put_u8(b'\n');
    }
    if let Some(retry) = retry {
        // Writing to a growing buffer does not fail.
        let _ = writeln!(out, "retry: {}", retry.as_millis());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn data_is_one_line() {
        let text = written(|out| write_event(out, None, None, b"{\r\n\"a\":\n\"\\n\"}"));
        assert_eq!(text, "data: {  \"a\": \"\\n\"}\n\n");
    }

    #[test]
    fn id_and_retry_come_first() {
        let retry = Some(Duration::from_millis(1500));
        let text = written(|out| write_event(out, Some("7.3"), retry, b"{}"));
        assert_eq!(text, "id: 7.3\nretry: 1500\ndata: {}\n\n");
    }

    #[test]
    fn the_opening_event_has_no_data() {
        assert_eq!(
            written(|out| write_opening(out, "7.0", None)),
            "id: 7.0\ndata:\n\n"
        );
    }

    #[test]
    fn a_comment_is_no_event() {
        assert_eq!(
            written(|out| write_comment(out, "still\nhere")),
            ": still here\n\n"
        );
    }

    #[test]
    fn event_ids_have_one_spelling() {
        let id = EventId {
            stream: u64::MAX,
            number: 0,
        };
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "", ".", "1", "1.", ".1", "+1.2", "01.2", "1.2.3", "1.-2", " 1.2", "1.2\n",
        ] {
            assert_eq!(text.parse::<EventId>(), Err(NotAnEventId), "{text:?}");
        }
    }
}
