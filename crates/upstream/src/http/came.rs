//! What came back for a request.

use bytes::Bytes;
use durward_core::ProtocolError;
use durward_wire::{RequestId, http1::AnswerHead, members};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::stream::Events;
use crate::{
    exchange::Outcome,
    fault::{FaultKind, LinkFault},
    said::{Said, hear, protocol_error},
};

/// The answer to a request, by its kind.
pub(super) enum Came<'a> {
    /// One message, or a batch.
    Message(Bytes),
    /// Events.
    Stream(Box<Events<'a>>),
    /// It was taken, and there is no more to it.
    Nothing,
    /// It was not taken.
    Refused(Refused),
}

/// An answer of another status than 2xx.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    challenge: Option<Box<str>>,
    /// The error in its body, and the request that it names.
    error: Option<(Option<RequestId>, ProtocolError)>,
}

impl Refused {
    pub(super) fn new(head: &AnswerHead, body: Option<Bytes>) -> Self {
        // Several headers are one list (RFC 9110 section 5.3).
        let all = head.headers.all("www-authenticate");
        let all: Vec<_> = all
            .filter_map(|value| std::str::from_utf8(value).ok())
            .collect();
        Self {
            status: head.status,
            challenge: (!all.is_empty()).then(|| all.join(", ").into()),
            error: body.as_ref().and_then(error),
        }
    }

    /// What it wants instead, as it came.
    pub(super) fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }

    /// The error that answers this very request.
    pub(super) fn answers(&self, number: u64) -> Option<&ProtocolError> {
        let (id, error) = self.error.as_ref()?;
        (id.as_ref()?.as_u64() == Some(number)).then_some(error)
    }

    /// The error, if it answers this request or names none.
    pub(super) fn error(&self, number: u64) -> Option<&ProtocolError> {
        match self.error.as_ref()? {
            (None, error) => Some(error),
            (Some(_), _) => self.answers(number),
        }
    }

    /// What the status says.
    pub(super) fn fault(&self) -> LinkFault {
        match self.status {
            401 | 403 => FaultKind::Unauthorized {
                status: self.status,
                challenge: self.challenge.clone(),
            }
            .before(),
            // Of these it is known that nothing ran.
            300..=499 => FaultKind::Status(self.status).before(),
            _ => FaultKind::Status(self.status).after(),
        }
    }

    /// Says nothing of which era the server speaks: it wants credentials, or is not well.
    pub(super) fn is_beside_the_point(&self) -> bool {
        matches!(self.status, 300..=399 | 401 | 403 | 407 | 408 | 429 | 500..)
    }
}

/// The error in a body. Errors that come with a status often have no id that a message must have.
fn error(body: &Bytes) -> Option<(Option<RequestId>, ProtocolError)> {
    let mut found = None;
    hear(body, |said| {
        if let Ok(Said::Answer(id, Outcome::Error(error))) = said {
            found = Some((Some(id), error));
        }
    });
    found.or_else(|| without_id(body))
}

fn without_id(body: &Bytes) -> Option<(Option<RequestId>, ProtocolError)> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        error: &'a RawValue,
        #[serde(default, borrow)]
        id: Option<&'a RawValue>,
    }
    let parsed = serde_json::from_slice::<Body<'_>>(body).ok()?;
    if parsed.id.is_some() {
        return None;
    }
    let error = durward_core::RawJson::from_raw(parsed.error);
    // An object with a key twice is read in one way here, and passed on in none.
    let mut keys: Vec<_> = members(&error).into_iter().map(|(key, _)| key).collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    (keys.len() == all)
        .then(|| protocol_error(&error))
        .flatten()
        .map(|error| (None, error))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use durward_wire::http1::{HeadLimits, take_answer_head};

    use super::*;

    fn refused(status: u16, body: &'static str) -> Refused {
        let head = format!(
            "HTTP/1.1 {status} X\r\nwww-authenticate: Bearer x\r\ncontent-length: 0\r\n\r\n"
        );
        let head = take_answer_head(&mut BytesMut::from(head.as_str()), HeadLimits::default());
        Refused::new(
            &head.unwrap().unwrap(),
            Some(Bytes::from_static(body.as_bytes())),
        )
    }

    #[test]
    fn whose_error_it_is() {
        let own = refused(
            404,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no"}}"#,
        );
        assert_eq!(own.answers(7).unwrap().code, -32601);
        assert!(own.error(8).is_none());
        for body in [
            r#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"}}"#,
        ] {
            let refused = refused(404, body);
            assert!(refused.answers(7).is_none());
            assert_eq!(refused.error(7).unwrap().code, -32001);
        }
        let other = refused(
            400,
            r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"x"}}"#,
        );
        assert!(other.answers(7).is_none());
        for body in [
            "",
            "{}",
            "nonsense",
            r#"{"error":"no"}"#,
            r#"{"error":{"code":1,"code":2}}"#,
        ] {
            assert!(refused(400, body).error(7).is_none(), "{body}");
        }
    }

    #[test]
    fn what_a_status_says() {
        let word = |status| {
            let fault = refused(status, "").fault();
            (fault.kind.word(), fault.ran)
        };
        assert_eq!(word(401), ("unauthorized", false));
        assert_eq!(word(307), ("status", false));
        assert_eq!(word(404), ("status", false));
        assert_eq!(word(500), ("status", true));
    }
}
