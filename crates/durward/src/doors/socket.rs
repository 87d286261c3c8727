//! The UNIX socket: the operating system says who is at the other end.

use std::{io, sync::Arc, time::Duration};

use durward_cage::{peer::PeerCredentials, socket::OwnSocket};
use durward_core::{Cancel, Door};
use durward_gate::{Gate, Pipe};
use durward_ledger::{Event, EventName};
use durward_wire::scan::ScanLimits;
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

use super::pipe;

/// How pipes are set up.
#[derive(Debug, Clone, Copy)]
pub struct PipeLimits {
    /// Bytes of one line.
    pub line: usize,
    /// Levels of JSON.
    pub depth: usize,
    /// Connections at once.
    pub connections: usize,
    /// How long calls may go on once told to stop.
    pub drain: Duration,
}

/// The door.
pub struct SocketDoor {
    gate: Arc<Gate>,
    limits: PipeLimits,
    listener: UnixListener,
    /// Removes the file when the door goes.
    _socket: OwnSocket,
}

impl SocketDoor {
    /// A door to this gate at this socket.
    pub fn new(gate: Arc<Gate>, socket: OwnSocket, limits: PipeLimits) -> io::Result<Self> {
        let listener = UnixListener::from_std(socket.listener()?)?;
        Ok(Self {
            gate,
            limits,
            listener,
            _socket: socket,
        })
    }

    /// Serves until told to stop, then lets the connections finish.
    pub async fn run(self, stop: Cancel) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if connections.len() < self.limits.connections => {
                        let (gate, limits, stop) = (Arc::clone(&self.gate), self.limits, stop.clone());
                        connections.spawn(async move { serve(gate, limits, stream, stop).await });
                    }
                    Ok(_) => tracing::warn!("a connection was refused: all places are taken"),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        while connections.join_next().await.is_some() {}
    }
}

async fn serve(gate: Arc<Gate>, limits: PipeLimits, mut stream: UnixStream, stop: Cancel) {
    let Some(standing) = admit(&gate, &stream) else {
        return;
    };
    let (reader, writer) = stream.split();
    let (sender, outbox) = pipe::outbox();
    let scan = ScanLimits {
        depth: limits.depth,
    };
    let pipe = Pipe::new(gate, standing, Door::Socket, scan, sender);
    let served = pipe::serve(
        pipe,
        outbox,
        limits.line,
        reader,
        writer,
        &stop,
        limits.drain,
    )
    .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the socket ended");
    }
}

/// Whom the operating system names at the other end; nobody is anonymous.
fn admit(gate: &Gate, stream: &UnixStream) -> Option<Arc<durward_gate::Standing>> {
    let peer = PeerCredentials::of(stream).ok()?;
    let name = durward_cage::peer::user_name(peer.uid).unwrap_or_else(|| peer.uid.to_string());
    let standing = gate.stand_by_os_user(peer.uid, &name);
    if standing.is_none() {
        let event = Event::new(EventName::AUTH_FAILED)
            .door(Door::Socket)
            .code("unknown_user")
            .why(format!("uid {}", peer.uid));
        if let Err(error) = gate.journal().event(event) {
            tracing::error!(%error, "a failed login could not be recorded");
        }
    }
    standing
}
