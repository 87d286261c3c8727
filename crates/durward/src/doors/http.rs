//! Streamable HTTP: our own accept loop and framed reader, so that every limit is enforced in bytes
//! while they come.

mod access;
mod answer;
mod connection;
mod mcp;
mod request;
mod routes;
mod stream;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use durward_core::Cancel;
use durward_gate::Gate;
use tokio::{net::TcpListener, task::JoinSet};

pub use access::Access;

/// How this door is set up. A reload replaces it whole; connections see it with their next request.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The paths of the MCP endpoint.
    pub paths: Vec<String>,
    /// Which Host and Origin may come in.
    pub access: Access,
    /// What a client may use up.
    pub limits: HttpLimits,
}

/// What a client may use up.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Bytes of one body.
    pub body: usize,
    /// Levels of JSON.
    pub depth: usize,
    /// Connections at once.
    pub connections: usize,
    /// Time from a request's first byte to the end of its head, and between signs of life in a body.
    pub header_timeout: Duration,
    /// Time that a connection may wait between requests.
    pub idle_timeout: Duration,
}

/// The door. All runtimes share it.
pub struct HttpDoor {
    gate: Arc<Gate>,
    settings: ArcSwap<HttpSettings>,
    open: AtomicUsize,
    stop: Cancel,
    cut: Cancel,
    failures: access::Failures,
}

impl HttpDoor {
    /// A door to this gate. `stop` closes it: no new connections, idle ones
    /// end; `cut` ends those that are still busy.
    pub fn new(gate: Arc<Gate>, settings: HttpSettings, stop: Cancel, cut: Cancel) -> Self {
        let settings = ArcSwap::from_pointee(settings);
        let failures = access::Failures::default();
        Self {
            gate,
            settings,
            open: AtomicUsize::new(0),
            stop,
            cut,
            failures,
        }
    }

    /// Puts other settings in force.
    pub fn reload(&self, settings: HttpSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Accepts until told to stop, then lets the connections of this runtime finish.
    pub async fn run(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, remote)) => self.admit(&mut connections, stream, remote),
                    Err(error) => pause(&error).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        let finish = async { while connections.join_next().await.is_some() {} };
        tokio::select! {
            () = finish => {}
            () = self.cut.cancelled() => {}
        }
    }

    fn admit(
        self: &Arc<Self>,
        connections: &mut JoinSet<()>,
        stream: tokio::net::TcpStream,
        remote: SocketAddr,
    ) {
        let seat = Seat::take(self);
        let full = self.connections() > self.settings.load().limits.connections;
        // One write an event: waiting for more to send only adds to the latency.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        if full {
            // Best effort: whoever can't take these few bytes at once gets a closed connection.
            let _ = stream.try_write(answer::BUSY);
            return;
        }
        connections.spawn(connection::Connection::new(stream, remote, seat).run());
    }
}

/// A place among the connections; dropping it gives it back.
pub(super) struct Seat(Arc<HttpDoor>);

impl Seat {
    fn take(door: &Arc<HttpDoor>) -> Self {
        door.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(door))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Out of descriptors, say: accepting again at once would only spin.
async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}
