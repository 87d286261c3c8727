//! Writing an answer.

use std::{borrow::Cow, io, iter::once, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use durward_core::{Body, Gather};
use durward_wire::http1::{BodyKind, write_response_head};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// What a client hears when all places are taken.
pub(super) const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A client that takes less than [`PACE`] in so long is cut.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const PACE: usize = 1 << 20;
/// Up to here head and pieces of the body are copied together, so that one write sends them.
const TOGETHER: usize = 64 * 1024;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, Cow<'static, [u8]>)>,
    pub(super) body: Body,
    /// What was sent can't be told apart from what follows: close.
    pub(super) close: bool,
}

impl Answer {
    pub(super) fn json(status: u16, body: Body) -> Self {
        let headers = vec![(
            "content-type",
            Cow::Borrowed(b"application/json".as_slice()),
        )];
        Self {
            status,
            headers,
            body,
            close: false,
        }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new().into(),
            close: false,
        }
    }

    /// A JSON-RPC error for what has no id yet; the number is the status (protocol.md, section 2.7).
    pub(super) fn refusal(status: u16, message: &str) -> Self {
        let error = durward_core::ProtocolError {
            code: i64::from(status),
            message: message.to_owned(),
            data: None,
        };
        Self::json(status, durward_wire::encode::error(None, &error).into())
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, Cow::Owned(value.into())));
        self
    }

    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

/// Writes a whole answer: in one write, where it is not large.
pub(super) async fn send(
    stream: &mut TcpStream,
    answer: &Answer,
    keep_alive: bool,
) -> io::Result<()> {
    let mut out = BytesMut::with_capacity(256 + answer.body.len().min(TOGETHER));
    let headers: Vec<(&str, &[u8])> = answer
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_ref()))
        .collect();
    let kind = match answer.status {
        204 => BodyKind::None,
        _ => BodyKind::Length(answer.body.len()),
    };
    write_response_head(&mut out, answer.status, &headers, kind, keep_alive);
    if answer.body.len() <= TOGETHER {
        answer
            .body
            .parts()
            .for_each(|part| out.extend_from_slice(part));
        return write(stream, &out).await;
    }
    gathered(stream, once(&out[..]).chain(answer.body.parts()).collect()).await
}

/// Writes all of it, or gives the client up.
pub(super) async fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    gathered(stream, once(bytes).collect()).await
}

async fn gathered(stream: &mut TcpStream, mut parts: Gather<'_>) -> io::Result<()> {
    let mut left = parts.remaining();
    while left > 0 {
        // A pace, not a total: a large answer to a slow but living client is let through.
        let due = left.saturating_sub(PACE);
        let some = async {
            while left > due {
                match stream.write_buf(&mut parts).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    written => left -= written,
                }
            }
            Ok::<_, io::Error>(())
        };
        tokio::time::timeout(WRITE_TIMEOUT, some)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    }
    Ok(())
}
