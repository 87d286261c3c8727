//! Bytes both ways, until both sides are done.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, split},
    time::{Instant, sleep},
};

use super::client::{Client, Pipe, more};

/// What has moved in one direction, and that something has.
#[derive(Debug, Default)]
pub(super) struct Moved {
    bytes: AtomicU64,
    steps: AtomicU64,
}

impl Moved {
    pub(super) fn by(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// What has moved in both.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) sent: Moved,
    pub(super) received: Moved,
}

impl Traffic {
    fn steps(&self) -> u64 {
        let steps = |moved: &Moved| moved.steps.load(Ordering::Relaxed);
        steps(&self.sent) + steps(&self.received)
    }

    /// Ends when nothing moved for so long, or when it may go on no longer.
    pub(super) async fn ended(&self, idle: Duration, may_go_on: impl Fn() -> bool) {
        let tick = idle.min(LOOK);
        let (mut steps, mut since) = (self.steps(), Instant::now());
        loop {
            sleep(tick).await;
            let now = self.steps();
            if now != steps {
                (steps, since) = (now, Instant::now());
            }
            if since.elapsed() >= idle || !may_go_on() {
                return;
            }
        }
    }
}

/// Between two looks at whether a connection is silent, or may not be any longer.
const LOOK: Duration = Duration::from_secs(2);

/// Bytes both ways. The end of one direction is passed on, and the other goes on.
pub(super) async fn run(client: Client<impl Pipe>, mut server: impl Pipe, traffic: &Traffic) {
    let Client { stream, ahead } = client;
    let (mut from_client, mut to_client) = split(stream);
    let (mut from_server, mut to_server) = split(&mut server);
    let up = pump(&mut from_client, ahead, &mut to_server, &traffic.sent);
    let down = pump(
        &mut from_server,
        BytesMut::new(),
        &mut to_client,
        &traffic.received,
    );
    // An error of either ends both.
    let _ = tokio::try_join!(up, down);
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    mut bytes: BytesMut,
    to: &mut (impl AsyncWrite + Unpin),
    moved: &Moved,
) -> io::Result<()> {
    loop {
        let length = bytes.len();
        to.write_all_buf(&mut bytes).await?;
        moved.by(length);
        match more(from, &mut bytes).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return to.shutdown().await;
            }
            read => read?,
        }
    }
}
