//! The UNIX socket: the operating system says who is at the other end, unless a key says it better.

pub(crate) mod greeting;

use std::{io, sync::Arc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use durward_cage::{
    peer::{self, PeerCredentials},
    socket::OwnSocket,
};
use durward_core::{Cancel, Door, ProtocolError, RawJson, ServerName};
use durward_gate::{Endpoint, Gate, Pipe, Standing};
use durward_ledger::{Event, EventName};
use durward_wire::{
    code, encode,
    scan::{RequestId, ScanLimits},
};
use serde::Serialize;
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

use super::pipe;
use crate::status::{Health, Status};
use greeting::{Greeting, LONGEST, Wanted};

/// How long someone whom the system does not name may take to show a key.
const PATIENCE: Duration = Duration::from_secs(10);

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
    inside: Inside,
    listener: UnixListener,
    /// Removes the file when the door closes.
    socket: OwnSocket,
}

/// What each connection needs.
#[derive(Clone)]
struct Inside {
    gate: Arc<Gate>,
    status: Option<Arc<Status>>,
    limits: PipeLimits,
}

impl SocketDoor {
    /// A door to this gate at this socket. `status` knows how durward does.
    pub fn new(
        gate: Arc<Gate>,
        socket: OwnSocket,
        limits: PipeLimits,
        status: Option<Arc<Status>>,
    ) -> io::Result<Self> {
        let listener = UnixListener::from_std(socket.listener()?)?;
        Ok(Self {
            inside: Inside {
                gate,
                status,
                limits,
            },
            listener,
            socket,
        })
    }

    /// Serves until told to stop, then closes and lets the connections finish.
    pub async fn run(self, stop: Cancel) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if connections.len() < self.inside.limits.connections => {
                        connections.spawn(serve(self.inside.clone(), stream, stop.clone()));
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
        // Nobody is to wait at a door that does not open again.
        drop((self.listener, self.socket));
        while connections.join_next().await.is_some() {}
    }
}

async fn serve(inside: Inside, mut stream: UnixStream, stop: Cancel) {
    let Ok(peer) = PeerCredentials::of(&stream) else {
        return;
    };
    let by_user = by_user(&inside.gate, peer);
    let (mut reader, mut writer) = stream.split();
    let mut come = BytesMut::new();
    let first = async {
        let first = first_line(&mut reader, &mut come);
        match &by_user {
            Some(_) => Ok(first.await),
            None => tokio::time::timeout(PATIENCE, first).await,
        }
    };
    let first = tokio::select! {
        first = first => first,
        () = stop.cancelled() => return,
    };
    let line = match first {
        Ok(Ok(line)) => line,
        Ok(Err(_)) => return,
        Err(_) => None,
    };
    let heard = line.as_ref().map_or(Ok(Greeting::None), greeting::read);
    if let (Some(line), false) = (&line, matches!(heard, Ok(Greeting::None))) {
        come.advance(line.len() + 1);
    }
    let (admitted, reply) = match heard {
        Ok(Greeting::None) => (inside.known(by_user, peer), None),
        Ok(Greeting::Connect(wanted)) => match inside.admit(&wanted, by_user, peer) {
            Ok(admitted) => (Some(admitted), Some(welcome(&wanted))),
            Err(error) => (None, Some(encode::error(Some(&wanted.id), &error))),
        },
        Ok(Greeting::Health(id)) => (None, inside.health(peer).map(|it| result(&id, &it))),
        Err(reply) => (None, Some(reply)),
    };
    if let Some(reply) = reply
        && writer
            .write_all(&[&reply[..], b"\n"].concat())
            .await
            .is_err()
    {
        return;
    }
    if let Some((standing, endpoint)) = admitted {
        let reader = AsyncReadExt::chain(&come[..], reader);
        inside
            .pipe(standing, endpoint, (reader, writer), &stop)
            .await;
    }
}

/// The first line that came, without its end; `None` for one that is longer than any greeting. What was read
/// stays in `come`.
async fn first_line(
    mut reader: impl AsyncRead + Unpin,
    come: &mut BytesMut,
) -> io::Result<Option<Bytes>> {
    loop {
        if let Some(end) = come.iter().position(|byte| *byte == b'\n') {
            return Ok((end <= LONGEST).then(|| Bytes::copy_from_slice(&come[..end])));
        }
        if come.len() > LONGEST || reader.read_buf(come).await? == 0 {
            return Ok(None);
        }
    }
}

/// Whom the operating system names at the other end, if a role is meant for them. What durward started runs
/// as its user, and is not its user for that.
fn by_user(gate: &Gate, peer: PeerCredentials) -> Option<Arc<Standing>> {
    if peer.pid.is_some_and(peer::is_ours) {
        return None;
    }
    let name = peer::user_name(peer.uid).unwrap_or_else(|| peer.uid.to_string());
    gate.stand_by_os_user(peer.uid, &name)
}

fn welcome(wanted: &Wanted) -> Bytes {
    result(&wanted.id, &json!({"version": env!("CARGO_PKG_VERSION")}))
}

fn result(id: &RequestId, said: &impl Serialize) -> Bytes {
    // Texts and numbers are written without fail.
    let said = RawJson::of(said).unwrap_or_else(|_| RawJson::empty_object());
    encode::result(id, &said, &[])
}

impl Inside {
    /// Whoever shows no key is who the operating system says; nobody is anonymous.
    fn known(
        &self,
        by_user: Option<Arc<Standing>>,
        peer: PeerCredentials,
    ) -> Option<(Arc<Standing>, Endpoint)> {
        if by_user.is_none() {
            self.record("unknown_user", format!("uid {}", peer.uid));
        }
        Some((by_user?, Endpoint::Merged))
    }

    /// Whoever shows a key is its holder, or nobody.
    fn admit(
        &self,
        wanted: &Wanted,
        by_user: Option<Arc<Standing>>,
        peer: PeerCredentials,
    ) -> Result<(Arc<Standing>, Endpoint), ProtocolError> {
        let standing = match &wanted.key {
            Some(key) => {
                let shown = self.gate.stand_by_key(key.expose().as_bytes());
                shown.map_err(|fault| {
                    self.record("invalid_credential", fault.to_string());
                    code::error(401, "the key is not valid here")
                })?
            }
            None => by_user.ok_or_else(|| {
                self.record("unknown_user", format!("uid {}", peer.uid));
                code::error(403, "this user has no role here, and no key was shown")
            })?,
        };
        let endpoint = match &wanted.server {
            None => Endpoint::Merged,
            Some(name) => ServerName::new(name)
                .ok()
                .map(Endpoint::Server)
                .filter(|endpoint| self.gate.serves(endpoint))
                .ok_or_else(|| code::error(404, format!("there is no server `{name}`")))?,
        };
        Ok((standing, endpoint))
    }

    fn health(&self, peer: PeerCredentials) -> Option<Health> {
        let is_owner = [peer::current_uid(), 0].contains(&peer.uid);
        self.status
            .as_ref()
            .filter(|_| is_owner)
            .map(|it| it.health())
    }

    async fn pipe(
        &self,
        standing: Arc<Standing>,
        endpoint: Endpoint,
        (reader, writer): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
        stop: &Cancel,
    ) {
        let (sender, outbox) = pipe::outbox();
        let (gate, limits) = (Arc::clone(&self.gate), self.limits);
        let depth = limits.depth;
        let pipe = Pipe::new(gate, standing, Door::Socket, ScanLimits { depth }, sender);
        let pipe = pipe.at(endpoint);
        let (line, drain) = (limits.line, limits.drain);
        let served = pipe::serve(pipe, outbox, line, reader, writer, stop, drain).await;
        if let Err(error) = served {
            tracing::debug!(%error, "a connection of the socket ended");
        }
    }

    fn record(&self, code: &'static str, why: String) {
        let event = Event::new(EventName::AUTH_FAILED)
            .door(Door::Socket)
            .code(code)
            .why(why);
        if let Err(error) = self.gate.journal().event(event) {
            tracing::error!(%error, "a failed login could not be recorded");
        }
    }
}
