//! One HTTP/1.1 connection and what is read from it. Nothing runs beside it: it moves when its request does.

use std::{
    iter::once,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use durward_cage::egress::Stream;
use durward_core::Gather;
use durward_wire::http1::{
    AnswerFraming, AnswerHead, ChunkError, ChunkedDecoder, HeadError, HeadLimits, Headers,
    Progress, take_answer_head,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadBuf},
    time::Instant,
};

/// Room for one read.
const READ: usize = 8 * 1024;
/// A buffer that a body has made larger than this is given back after it.
const KEEP: usize = 64 * 1024;
/// Interim (1xx) answers to one request.
const INTERIM: u8 = 8;
/// How long a connection waits for its next request, if the server says nothing: shorter than the five
/// seconds after which common servers hang up.
const IDLE: Duration = Duration::from_secs(4);
const LONGEST_IDLE: Duration = Duration::from_secs(60);

/// Why an answer can't be read.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection ended or was reset before a byte of the answer came.
    Silent,
    /// It ended or was reset within the answer.
    CutOff,
    /// What came is not HTTP.
    Head(HeadError),
    /// The body is not as long as it says, or not chunks.
    Body,
    /// The body is longer than the limit.
    TooLong,
}

/// The connection.
pub(super) struct Conn {
    stream: Box<dyn Stream>,
    input: BytesMut,
    output: BytesMut,
    /// Of which thread's runtime it is.
    pub(super) thread: usize,
    /// Which settings of the connector it was opened under.
    pub(super) settings: u64,
    /// How long it may wait for its next request, and until when.
    idle: Duration,
    good_until: Instant,
    /// What is left of the last answer's chunks, whose end had not come when the answer was done with.
    ending: Option<ChunkedDecoder>,
}

impl Conn {
    pub(super) fn new(stream: Box<dyn Stream>, thread: usize, settings: u64) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            output: BytesMut::new(),
            thread,
            settings,
            idle: IDLE,
            good_until: Instant::now(),
            ending: None,
        }
    }

    /// Where to write a request's head to. It is empty.
    pub(super) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Sends what was written, and then these parts: in one write, where the system takes so much.
    ///
    /// # Errors
    /// The server can't have the whole request.
    pub(super) async fn send(&mut self, parts: &[Bytes]) -> Result<(), Broken> {
        let whole = once(&self.output[..]).chain(parts.iter().map(|part| &part[..]));
        let mut whole: Gather<'_> = whole.collect();
        let sent = self.stream.write_all_buf(&mut whole).await;
        self.output.clear();
        sent.map_err(|_| Broken::Silent)?;
        // Over TLS, what was written may wait for it.
        self.stream.flush().await.map_err(|_| Broken::Silent)
    }

    /// The head of the answer.
    pub(super) async fn head(&mut self) -> Result<AnswerHead, Broken> {
        let mut interim = 0;
        let mut any = false;
        loop {
            let head = take_answer_head(&mut self.input, HeadLimits::default());
            match head.map_err(Broken::Head)? {
                Some(head) if head.status < 200 => {
                    interim += 1;
                    if interim > INTERIM || head.status == 101 {
                        return Err(Broken::Head(HeadError::StatusLine));
                    }
                    continue;
                }
                Some(head) => {
                    self.idle = idle(&head.headers);
                    return Ok(head);
                }
                None => {}
            }
            match self.read(READ).await {
                Ok(()) => any = true,
                Err(_) if !any && self.input.is_empty() => return Err(Broken::Silent),
                Err(broken) => return Err(broken),
            }
        }
    }

    /// The whole body, of at most `limit` bytes.
    pub(super) async fn whole(
        &mut self,
        framing: AnswerFraming,
        limit: usize,
    ) -> Result<Bytes, Broken> {
        match framing {
            AnswerFraming::None => Ok(Bytes::new()),
            AnswerFraming::Length(length) => {
                let length = usize::try_from(length)
                    .ok()
                    .filter(|length| *length <= limit);
                let length = length.ok_or(Broken::TooLong)?;
                while self.input.len() < length {
                    self.read(length - self.input.len()).await?;
                }
                let body = self.input.split_to(length).freeze();
                if length > KEEP {
                    self.input = BytesMut::from(&self.input[..]);
                }
                Ok(body)
            }
            AnswerFraming::Chunked => {
                let mut decoder = ChunkedDecoder::new();
                let mut body = BytesMut::new();
                while self.decode(&mut decoder, &mut body, limit)? == Progress::NeedMore {
                    self.read(KEEP).await?;
                }
                Ok(body.freeze())
            }
            AnswerFraming::UntilClose => {
                while self.input.len() <= limit {
                    match self.read(KEEP).await {
                        Ok(()) => {}
                        Err(_) => return Ok(self.input.split().freeze()),
                    }
                }
                Err(Broken::TooLong)
            }
        }
    }

    /// Takes the chunks apart that have come.
    pub(super) fn decode(
        &mut self,
        decoder: &mut ChunkedDecoder,
        body: &mut BytesMut,
        limit: usize,
    ) -> Result<Progress, Broken> {
        decoder
            .decode(&mut self.input, body, limit)
            .map_err(|error| match error {
                ChunkError::Malformed => Broken::Body,
                ChunkError::TooLarge => Broken::TooLong,
            })
    }

    /// What has come and was not taken.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Reads more, `room` bytes at most or a little more.
    pub(super) async fn read(&mut self, room: usize) -> Result<(), Broken> {
        self.input.reserve(room.max(READ));
        match self.stream.read_buf(&mut self.input).await {
            Ok(0) | Err(_) => Err(Broken::CutOff),
            Ok(_) => Ok(()),
        }
    }

    /// The answer has been taken; the end of its chunks is still to come.
    pub(super) fn set_ending(&mut self, decoder: ChunkedDecoder) {
        self.ending = Some(decoder);
    }

    /// From now on it waits for its next request.
    pub(super) fn begin_to_wait(&mut self) {
        self.good_until = Instant::now() + self.idle;
    }

    /// What may be done with a connection that waits.
    pub(super) fn judge(&mut self, settings: u64, now: Instant) -> Judged {
        if self.settings != settings || now >= self.good_until {
            return Judged::Bad;
        }
        loop {
            if let Some(mut decoder) = self.ending.take() {
                let mut rest = BytesMut::new();
                match self.decode(&mut decoder, &mut rest, READ) {
                    Ok(Progress::Done) => {}
                    // Events after the answer are nobody's.
                    Ok(Progress::NeedMore) if rest.is_empty() => self.ending = Some(decoder),
                    _ => return Judged::Bad,
                }
            }
            if self.ending.is_none() && !self.input.is_empty() {
                return Judged::Bad;
            }
            match self.peek() {
                Poll::Pending if self.ending.is_some() => return Judged::Ending,
                Poll::Pending => return Judged::Good,
                Poll::Ready(true) if self.ending.is_some() => {}
                Poll::Ready(_) => return Judged::Bad,
            }
        }
    }

    /// Reads what is there, without waiting. `false` is the end.
    fn peek(&mut self) -> Poll<bool> {
        let mut bytes = [0; 256];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(&mut *self.stream).poll_read(&mut context, &mut buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(_)) => Poll::Ready(false),
            Poll::Ready(Ok(())) => {
                self.input.extend_from_slice(buffer.filled());
                Poll::Ready(!buffer.filled().is_empty())
            }
        }
    }
}

/// A connection that waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// It can be used.
    Good,
    /// The end of the last answer is still on its way.
    Ending,
    /// It is to be closed.
    Bad,
}

/// How long the server keeps the connection: `Keep-Alive: timeout=…`, less a second for the way.
fn idle(headers: &Headers) -> Duration {
    let Some(value) = headers.get("keep-alive") else {
        return IDLE;
    };
    let value = String::from_utf8_lossy(value);
    let timeout = value.split(',').find_map(|part| {
        let (name, seconds) = part.split_once('=')?;
        (name.trim() == "timeout").then(|| seconds.trim().parse().ok())?
    });
    match timeout {
        Some(seconds) => Duration::from_secs(seconds)
            .saturating_sub(Duration::from_secs(1))
            .min(LONGEST_IDLE),
        None => IDLE,
    }
}

#[cfg(test)]
mod tests;
