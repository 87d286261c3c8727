//! The head of an answer that we are given (RFC 9112, sections 4 and 6.3).

use std::mem::MaybeUninit;

use bytes::BytesMut;

use super::{
    BodyFraming, HEADERS_MAX, HeadLimits, Headers,
    error::HeadError,
    head::{head_length, keeps_alive, refusal},
};

/// How the end of an answer's body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerFraming {
    /// There is no body.
    None,
    /// It has so many bytes.
    Length(u64),
    /// It comes in chunks.
    Chunked,
    /// It ends with the connection.
    UntilClose,
}

/// A sound head of an answer.
#[derive(Debug, Clone)]
pub struct AnswerHead {
    /// The status, 100 to 599.
    pub status: u16,
    /// All headers.
    pub headers: Headers,
    /// How the body ends.
    pub framing: AnswerFraming,
    /// May the connection be used again after the body?
    pub keep_alive: bool,
}

/// Takes the head of an answer off the start of `buf`, or nothing until more is read. The headers are
/// slices of what was read.
///
/// # Errors
/// [`HeadError`], as soon as it is known; then the connection is of no more use.
pub fn take_answer_head(
    buf: &mut BytesMut,
    limits: HeadLimits,
) -> Result<Option<AnswerHead>, HeadError> {
    let Some(length) = head_length(buf, limits)? else {
        return Ok(None);
    };
    let head = buf.split_to(length);
    let mut slots = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let slots = &mut slots[..limits.headers.min(HEADERS_MAX)];
    let mut answer = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut answer,
        &head,
        slots,
    );
    match parsed {
        Ok(httparse::Status::Complete(read)) if read == head.len() => {}
        Ok(_) => return Err(HeadError::StatusLine),
        Err(httparse::Error::Token | httparse::Error::Status) => {
            return Err(HeadError::StatusLine);
        }
        Err(error) => return Err(refusal(error)),
    }
    let (Some(status @ 100..=599), Some(version)) = (answer.code, answer.version) else {
        return Err(HeadError::StatusLine);
    };
    let lines = Headers::lines_of(&head, answer.headers);
    let headers = Headers::of_own_head(head, lines);
    let framing = match (BodyFraming::of(&headers, version)?, status) {
        (_, 100..=199 | 204 | 304) => AnswerFraming::None,
        (BodyFraming::None, _) => AnswerFraming::UntilClose,
        (BodyFraming::Length(0), _) => AnswerFraming::None,
        (BodyFraming::Length(length), _) => AnswerFraming::Length(length),
        (BodyFraming::Chunked, _) => AnswerFraming::Chunked,
    };
    let keep_alive = framing != AnswerFraming::UntilClose && keeps_alive(&headers, version);
    Ok(Some(AnswerHead {
        status,
        headers,
        framing,
        keep_alive,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(text: &str) -> Result<Option<AnswerHead>, HeadError> {
        take_answer_head(&mut BytesMut::from(text), HeadLimits::default())
    }

    #[test]
    fn a_sound_answer() {
        let text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id:\t s1 \r\n\
                    CONTENT-LENGTH: 2\r\n\r\n{}rest";
        let mut buf = BytesMut::from(text);
        let head = take_answer_head(&mut buf, HeadLimits::default());
        let head = head.unwrap().unwrap();
        assert_eq!(&buf[..], b"{}rest");
        assert_eq!(head.status, 200);
        assert_eq!(head.framing, AnswerFraming::Length(2));
        assert!(head.keep_alive);
        assert_eq!(head.headers.get("mcp-session-id"), Some(&b"s1"[..]));
        assert_eq!(
            head.headers.get("content-type"),
            Some(&b"application/json"[..])
        );
    }

    #[test]
    fn how_bodies_end() {
        for (lines, framing, keep_alive) in [
            ("200 OK\r\n", AnswerFraming::UntilClose, false),
            ("200\r\n", AnswerFraming::UntilClose, false),
            ("204 No Content\r\n", AnswerFraming::None, true),
            (
                "202 Accepted\r\ncontent-length: 0\r\n",
                AnswerFraming::None,
                true,
            ),
            (
                "200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n",
                AnswerFraming::Chunked,
                false,
            ),
        ] {
            let head = take(&format!("HTTP/1.1 {lines}\r\n")).unwrap().unwrap();
            assert_eq!(
                (head.framing, head.keep_alive),
                (framing, keep_alive),
                "{lines}"
            );
        }
    }

    #[test]
    fn what_two_parsers_might_read_differently_is_refused() {
        for (text, error) in [
            ("HTTP/1.1 200 OK\nx: y\r\n\r\n", HeadError::LineEnd),
            ("HTTP/2 200 OK\r\n\r\n", HeadError::Version),
            ("HTTP/1.1 99 OK\r\n\r\n", HeadError::StatusLine),
            ("HTTP/1.1 600 OK\r\n\r\n", HeadError::StatusLine),
            ("nonsense\r\n\r\n", HeadError::Version),
            ("HTTP/1.1 200 OK\r\nx : y\r\n\r\n", HeadError::HeaderName),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
                HeadError::TwoFramings,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
                HeadError::ContentLength,
            ),
        ] {
            assert_eq!(take(text).unwrap_err(), error, "{text:?}");
        }
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(40_000));
        assert_eq!(take(&long).unwrap_err(), HeadError::TooLarge);
    }

    proptest! {
        #[test]
        fn every_split_gives_the_same_head(cut in 0_usize..80) {
            let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Y: z\r\n\r\nhello";
            let cut = cut.min(text.len());
            let mut buf = BytesMut::from(&text[..cut]);
            let early = take_answer_head(&mut buf, HeadLimits::default()).unwrap();
            buf.extend_from_slice(&text[cut..]);
            let head = match early {
                Some(head) => head,
                None => take_answer_head(&mut buf, HeadLimits::default()).unwrap().unwrap(),
            };
            prop_assert_eq!(&buf[..], b"hello");
            prop_assert_eq!(head.framing, AnswerFraming::Length(5));
        }

        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = take_answer_head(&mut BytesMut::from(&bytes[..]), HeadLimits::default());
        }
    }
}
