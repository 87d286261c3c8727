//! The load generator: each connection asks, waits for the whole answer, and asks again.

use std::{io, net::SocketAddr, time::Duration};

use bytes::BytesMut;
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

/// Why there is nothing to report.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    /// The server can't be reached or spoken to.
    #[error("the server can't be spoken to: {0}")]
    Io(#[from] io::Error),
    /// It answers with something else than what was asked for.
    #[error("the server answered {status}: {body}")]
    Answer {
        /// The status of HTTP.
        status: u16,
        /// How the body begins.
        body: String,
    },
}

impl LoadError {
    /// An answer that is none to what was asked for.
    pub(super) fn of(status: u16, answer: &[u8]) -> Self {
        let body = String::from_utf8_lossy(answer).chars().take(300).collect();
        Self::Answer { status, body }
    }
}

/// What to send, and how much of it.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Where to.
    pub(crate) address: SocketAddr,
    /// One whole request for each connection; where there are fewer, they are shared.
    pub(crate) requests: Vec<Vec<u8>>,
    /// What a right answer contains.
    pub(crate) expect: &'static str,
    /// Connections at once.
    pub(crate) connections: usize,
    /// For how long.
    pub(crate) time: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    /// Calls that were answered rightly.
    pub(crate) calls: u64,
    /// How long they were sent.
    pub(crate) time: Duration,
    /// How long each took, sorted.
    latencies: Vec<u32>,
}

impl Measured {
    /// Calls a second.
    pub(crate) fn rate(&self) -> f64 {
        self.calls as f64 / self.time.as_secs_f64().max(f64::EPSILON)
    }

    /// The latency, in microseconds, that this share of the calls stayed below.
    pub(crate) fn percentile(&self, share: f64) -> u32 {
        let last = self.latencies.len().saturating_sub(1);
        let place = (last as f64 * share).round() as usize;
        self.latencies.get(place).copied().unwrap_or_default()
    }
}

/// Sends the load. Any wrong answer ends it: a gate must not look fast by refusing.
pub(crate) async fn run(load: &Load) -> Result<Measured, LoadError> {
    let start = now();
    let mut connections = JoinSet::new();
    for request in load.requests.iter().cycle().take(load.connections) {
        let (address, expect, until) = (load.address, load.expect, start + load.time);
        let request = request.clone();
        connections.spawn(async move { connection(address, &request, expect, until).await });
    }
    let mut all = Measured::default();
    while let Some(done) = connections.join_next().await {
        let latencies = done.map_err(io::Error::other)??;
        all.calls += latencies.len() as u64;
        all.latencies.extend(latencies);
    }
    all.time = start.elapsed();
    all.latencies.sort_unstable();
    Ok(all)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a load generator is a client, not a way out"
)]
async fn connection(
    address: SocketAddr,
    request: &[u8],
    expect: &str,
    until: Instant,
) -> Result<Vec<u32>, LoadError> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut buffer) = (Vec::new(), BytesMut::with_capacity(16 * 1024));
    loop {
        let asked = now();
        if asked >= until {
            return Ok(latencies);
        }
        stream.write_all(request).await?;
        answer(&mut stream, &mut buffer, expect).await?;
        latencies.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

/// What the head of an answer says.
pub(super) struct Head {
    /// The status of HTTP.
    pub(super) status: u16,
    /// The session that it opened.
    pub(super) session: Option<String>,
}

/// Reads one answer, which must be a right one.
pub(super) async fn answer(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    expect: &str,
) -> Result<(), LoadError> {
    let head = read_answer(stream, buffer).await?;
    let right = memchr::memmem::find(buffer, expect.as_bytes()).is_some();
    if head.status == 200 && right && !is_error(buffer) {
        return Ok(());
    }
    Err(LoadError::of(head.status, buffer))
}

/// Reads one whole answer: with a `content-length`, or in chunks as streams of events come.
pub(super) async fn read_answer(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
) -> Result<Head, LoadError> {
    buffer.clear();
    let (head, start, length) = loop {
        more(stream, buffer).await?;
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(buffer).map_err(io::Error::other)?;
        if let httparse::Status::Complete(start) = parsed {
            let value = |name: &str| {
                let mut headers = response.headers.iter();
                let header = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
                std::str::from_utf8(header.value).ok()
            };
            let chunked = value("transfer-encoding").is_some();
            let length = value("content-length").and_then(|length| length.parse::<usize>().ok());
            let head = Head {
                status: response.code.unwrap_or_default(),
                session: value("mcp-session-id").map(str::to_owned),
            };
            break (
                head,
                start,
                (!chunked).then_some(length.unwrap_or_default()),
            );
        }
    };
    // One request at a time: what ends the buffer ends the answer.
    while match length {
        Some(length) => buffer.len() < start + length,
        None => !ends_chunks(&buffer[start..]),
    } {
        more(stream, buffer).await?;
    }
    Ok(head)
}

fn ends_chunks(body: &[u8]) -> bool {
    body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n")
}

/// Whether this is a tool's result that says that it failed.
fn is_error(answer: &[u8]) -> bool {
    const NAME: &[u8] = b"\"isError\"";
    let Some(at) = memchr::memmem::find(answer, NAME) else {
        return false;
    };
    let rest = answer[at + NAME.len()..].trim_ascii_start();
    rest.strip_prefix(b":")
        .is_some_and(|value| value.trim_ascii_start().starts_with(b"true"))
}

async fn more(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the test's own server")]
    /// What is read of a server that sends these parts, one after the other.
    async fn answered(parts: &'static [&'static str]) -> Result<(), LoadError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut client = TcpStream::connect(listener.local_addr()?).await?;
        let (mut server, _) = listener.accept().await?;
        let sent = tokio::spawn(async move {
            for part in parts {
                server.write_all(part.as_bytes()).await?;
                tokio::task::yield_now().await;
            }
            io::Result::Ok(server)
        });
        let read = answer(&mut client, &mut BytesMut::new(), "\"result\"").await;
        sent.await.map_err(io::Error::other)??;
        read
    }

    #[tokio::test]
    async fn answers_with_a_length_and_in_chunks_are_read_to_their_end() -> Result<(), LoadError> {
        answered(&[
            "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n",
            "{\"result\"",
            ":42}",
        ])
        .await?;
        answered(&[
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "9\r\ndata: {\"r\r\n",
            "12\r\n{\"result\":{}}\r\n\r\n\r\n0\r\n",
            "\r\n",
        ])
        .await
    }

    #[tokio::test]
    async fn a_refusal_counts_as_none_whatever_its_status() {
        for parts in [
            &["HTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n{\"result\":{\"isError\": true}}"],
            &["HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"error\":{}}"],
            &["HTTP/1.1 429 Wait\r\ncontent-length: 12\r\n\r\n{\"result\":1}"],
        ] {
            let read = answered(parts).await;
            assert!(matches!(read, Err(LoadError::Answer { .. })), "{read:?}");
        }
    }
}
