//! Reading a request: head and body, each byte counted as it comes.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use durward_wire::http1::{
    BodyFraming, ChunkedDecoder, Head, HeadError, HeadLimits, Progress, parse_head,
};
use tokio::{io::AsyncReadExt, net::TcpStream, time::Instant};

use super::HttpLimits;

/// A head's bytes and headers at most.
const HEAD: HeadLimits = HeadLimits {
    bytes: 32 * 1024,
    headers: 100,
};
/// What is read at once.
const READ: usize = 8 * 1024;
/// What a connection keeps between requests, at most.
const KEPT: usize = 4 * READ;
/// The slowest body that is waited for, in bytes a second.
const SLOWEST: u64 = 1024;

/// Why there is no request.
pub(super) enum Unread {
    /// The client left, or was silent for too long between requests.
    Gone,
    /// It sent part of a head and no more.
    TooSlow,
    /// The head can't be read in one way only.
    Bad(HeadError),
}

/// Why there is no body.
pub(super) enum NoBody {
    /// The client left.
    Gone,
    /// It dawdles.
    TooSlow,
    /// It is longer than the limit: 413.
    TooLong,
    /// Its chunks can't be read: 400.
    Bad,
}

/// A client's side of a connection.
pub(super) struct Incoming {
    pub(super) stream: TcpStream,
    buffer: BytesMut,
}

impl Incoming {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// Reads the next head. `wait` is how long its first byte may take.
    pub(super) async fn head(
        &mut self,
        wait: Duration,
        limits: &HttpLimits,
    ) -> Result<Head, Unread> {
        if self.buffer.is_empty() {
            if self.buffer.capacity() > KEPT {
                self.buffer = BytesMut::new();
            }
            match tokio::time::timeout(wait, self.read()).await {
                Ok(Ok(1..)) => {}
                Ok(_) | Err(_) => return Err(Unread::Gone),
            }
        }
        match tokio::time::timeout(limits.header_timeout, self.whole_head()).await {
            Ok(result) => result,
            Err(_) => Err(Unread::TooSlow),
        }
    }

    async fn whole_head(&mut self) -> Result<Head, Unread> {
        loop {
            match parse_head(&self.buffer, HEAD) {
                Ok(Some((head, length))) => {
                    drop(self.buffer.split_to(length));
                    return Ok(head);
                }
                Ok(None) => match self.read().await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return Err(Unread::Gone),
                },
                Err(error) => return Err(Unread::Bad(error)),
            }
        }
    }

    /// Reads the body that the head announces.
    pub(super) async fn body(
        &mut self,
        framing: BodyFraming,
        limits: &HttpLimits,
    ) -> Result<Bytes, NoBody> {
        match framing {
            BodyFraming::None => Ok(Bytes::new()),
            BodyFraming::Length(length) => {
                let length = usize::try_from(length).map_err(|_| NoBody::TooLong)?;
                if length > limits.body {
                    return Err(NoBody::TooLong);
                }
                self.sized(length, limits).await
            }
            BodyFraming::Chunked => self.chunked(limits).await,
        }
    }

    async fn sized(&mut self, length: usize, limits: &HttpLimits) -> Result<Bytes, NoBody> {
        let start = now();
        while self.buffer.len() < length {
            // Room grows with what has come, not with what was announced; what is not written to costs nothing.
            if self.buffer.len() == self.buffer.capacity() {
                let missing = length - self.buffer.len();
                self.buffer.reserve(missing.min(16 * self.buffer.len()));
            }
            self.read_in_time(start, limits).await?;
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn chunked(&mut self, limits: &HttpLimits) -> Result<Bytes, NoBody> {
        let (start, mut decoder, mut body) = (now(), ChunkedDecoder::new(), BytesMut::new());
        loop {
            match decoder.decode(&mut self.buffer, &mut body, limits.body) {
                Ok(Progress::Done) => return Ok(body.freeze()),
                Ok(Progress::NeedMore) => self.read_in_time(start, limits).await?,
                Err(error) if error.status() == 413 => return Err(NoBody::TooLong),
                Err(_) => return Err(NoBody::Bad),
            }
        }
    }

    async fn read_in_time(&mut self, start: Instant, limits: &HttpLimits) -> Result<(), NoBody> {
        let earned = Duration::from_secs(self.buffer.len() as u64 / SLOWEST);
        let deadline = start + limits.header_timeout + earned;
        match tokio::time::timeout_at(deadline, self.read()).await {
            Ok(Ok(1..)) => Ok(()),
            Ok(_) => Err(NoBody::Gone),
            Err(_) => Err(NoBody::TooSlow),
        }
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ);
        self.stream.read_buf(&mut self.buffer).await
    }

    /// Ends when the client has left. What it sends meanwhile waits for its turn.
    pub(super) async fn closed(&mut self) {
        loop {
            if self.buffer.len() >= HEAD.bytes {
                // It sends ahead of its answer; it can be seen leaving only when that is read.
                return std::future::pending().await;
            }
            // Room is made only for what is really there.
            if self.stream.readable().await.is_err() {
                return;
            }
            self.buffer.reserve(READ);
            match self.stream.try_read_buf(&mut self.buffer) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Reads what is still on its way, for a short while: closing with unread bytes resets the
    /// connection, and the client would lose the answer that says why.
    pub(super) async fn linger(&mut self) {
        const LONGEST: Duration = Duration::from_secs(1);
        const MOST: usize = 4 << 20;
        let drain = async {
            let mut drained = 0;
            while drained < MOST {
                self.buffer.clear();
                match self.read().await {
                    Ok(count @ 1..) => drained += count,
                    Ok(0) | Err(_) => return,
                }
            }
        };
        // Time is up: it had its chance to read the answer.
        let _ = tokio::time::timeout(LONGEST, drain).await;
    }
}

fn now() -> Instant {
    Instant::now()
}
