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

/// What to send, and how much of it.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Where to.
    pub(crate) address: SocketAddr,
    /// One whole request.
    pub(crate) request: Vec<u8>,
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
    for _ in 0..load.connections {
        let load = load.clone();
        connections.spawn(async move { connection(&load, start + load.time).await });
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
async fn connection(load: &Load, until: Instant) -> Result<Vec<u32>, LoadError> {
    let mut stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut buffer) = (Vec::new(), BytesMut::with_capacity(16 * 1024));
    loop {
        let asked = now();
        if asked >= until {
            return Ok(latencies);
        }
        stream.write_all(&load.request).await?;
        answer(&mut stream, &mut buffer, load.expect).await?;
        latencies.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

/// Reads one whole answer with a `content-length`, which is how answers that need no stream come.
pub(super) async fn answer(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    expect: &str,
) -> Result<(), LoadError> {
    buffer.clear();
    let (status, whole) = loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(buffer).map_err(io::Error::other)?;
        if let httparse::Status::Complete(head) = parsed {
            let length = response
                .headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case("content-length"))
                .and_then(|header| {
                    std::str::from_utf8(header.value)
                        .ok()?
                        .parse::<usize>()
                        .ok()
                });
            break (
                response.code.unwrap_or_default(),
                head + length.unwrap_or_default(),
            );
        }
    };
    while buffer.len() < whole {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    if status == 200 && memchr::memmem::find(buffer, expect.as_bytes()).is_some() {
        return Ok(());
    }
    let body: String = String::from_utf8_lossy(buffer).chars().take(300).collect();
    Err(LoadError::Answer { status, body })
}

fn now() -> Instant {
    Instant::now()
}
