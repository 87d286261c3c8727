//! The events of an answer, as they come.

use bytes::BytesMut;
use durward_wire::{
    http1::{AnswerFraming, AnswerHead, ChunkedDecoder, Progress},
    sse::{Event, EventParser},
};

use super::{client::Lease, conn::Broken};

/// An event stream, and the connection that it comes on.
pub(super) struct Events<'a> {
    /// Gone once the stream has ended.
    lease: Option<Lease<'a>>,
    rest: Rest,
    parser: EventParser,
    keep_alive: bool,
}

/// What of the body is still to come.
enum Rest {
    Length(u64),
    Chunks(ChunkedDecoder),
    UntilClose,
}

impl<'a> Events<'a> {
    pub(super) fn new(lease: Lease<'a>, head: &AnswerHead, limit: usize) -> Self {
        Self {
            lease: Some(lease),
            rest: match head.framing {
                AnswerFraming::None => Rest::Length(0),
                AnswerFraming::Length(length) => Rest::Length(length),
                AnswerFraming::Chunked => Rest::Chunks(ChunkedDecoder::new()),
                AnswerFraming::UntilClose => Rest::UntilClose,
            },
            parser: EventParser::new(limit),
            keep_alive: head.keep_alive,
        }
    }

    /// The next event, or `None` at the end of the stream. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, Broken> {
        loop {
            match self.parser.next() {
                Ok(Some(event)) => return Ok(Some(event)),
                Ok(None) => {}
                Err(_) => return Err(Broken::TooLong),
            }
            let Some(lease) = &mut self.lease else {
                return Ok(None);
            };
            let conn = &mut lease.conn;
            let before = self.parser.buffer().len();
            let has_ended = match &mut self.rest {
                Rest::Length(left) => {
                    let came = conn
                        .input()
                        .len()
                        .min(usize::try_from(*left).unwrap_or(usize::MAX));
                    self.parser.buffer().unsplit(conn.input().split_to(came));
                    *left -= came as u64;
                    *left == 0
                }
                Rest::Chunks(decoder) => {
                    // How long an event may be, the parser knows.
                    let progress = conn.decode(decoder, self.parser.buffer(), usize::MAX)?;
                    progress == Progress::Done
                }
                Rest::UntilClose => {
                    self.parser.buffer().unsplit(conn.input().split());
                    false
                }
            };
            if has_ended {
                self.finish();
                continue;
            }
            if self.parser.buffer().len() > before {
                continue;
            }
            match (conn.read(0).await, &self.rest) {
                (Ok(()), _) => {}
                (Err(Broken::CutOff), Rest::UntilClose) => self.lease = None,
                (Err(broken), _) => return Err(broken),
            }
        }
    }

    /// The id behind which the stream can be resumed, and when.
    pub(super) fn position(&self) -> (Option<&str>, Option<std::time::Duration>) {
        (self.parser.last_id(), self.parser.retry())
    }

    /// The answer has come: what follows it is of no interest, but for the end.
    pub(super) fn finish(&mut self) {
        let Some(mut lease) = self.lease.take().filter(|_| self.keep_alive) else {
            return;
        };
        match std::mem::replace(&mut self.rest, Rest::UntilClose) {
            Rest::Length(0) => lease.give_back(),
            Rest::Chunks(mut decoder) => {
                let mut late = BytesMut::new();
                match lease.conn.decode(&mut decoder, &mut late, usize::MAX) {
                    Ok(Progress::Done) => lease.give_back(),
                    Ok(Progress::NeedMore) => {
                        lease.conn.set_ending(decoder);
                        lease.give_back();
                    }
                    Err(_) => {}
                }
            }
            Rest::Length(_) | Rest::UntilClose => {}
        }
    }
}
