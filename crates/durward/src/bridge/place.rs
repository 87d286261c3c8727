//! Where the daemon is, and whether it is the one that is meant.

use std::{ffi::OsString, io, path::PathBuf, time::Duration};

use bytes::Bytes;
use durward_cage::peer::{PeerCredentials, current_uid};
use durward_core::Secret;
use durward_wire::frame::{Frame, LineFrames};
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::{doors::socket::greeting, instance::Running};

/// How long a daemon may take to greet.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at one that is about to end.
const LOOK: Duration = Duration::from_millis(10);
const LOOKS: usize = 50;
/// More than a daemon says at once, in bytes: twice the longest result, with every character escaped.
const LONGEST: usize = 256 << 20;

/// Where to look, what to say there, and what to start where nobody is.
pub(crate) struct Place {
    /// The state folder, where a daemon says who and where it is.
    pub(crate) state: PathBuf,
    /// Where it would listen.
    pub(crate) socket: PathBuf,
    /// Bytes of one line of the client's.
    pub(crate) line: usize,
    /// One server alone.
    pub(crate) server: Option<String>,
    /// Who comes, if not the operating system's user.
    pub(crate) key: Option<Secret>,
    /// The program that is started, by the path it had when this one began: after an upgrade it is another.
    pub(crate) program: PathBuf,
    /// What it is started with.
    pub(crate) arguments: Vec<OsString>,
}

/// Why there is no way to a daemon.
#[derive(Debug, Clone, Error)]
pub(crate) enum PlaceFault {
    /// Another user's process listens where ours should.
    #[error(
        "`{socket}` belongs to another user (uid {uid}), who could read and answer everything; nothing was sent there"
    )]
    Stranger {
        /// Where.
        socket: String,
        /// Whose it is.
        uid: u32,
    },
    /// The daemon does not let us in.
    #[error("durward does not let this bridge in: {0}")]
    Refused(String),
    /// It can't be started.
    #[error("{why}")]
    NotStarted {
        /// What the start said.
        why: String,
        /// Its exit code.
        code: Option<i32>,
    },
    /// It hangs up on whoever comes.
    #[error("the durward on `{0}` takes no more connections (`listen.limits.connections`)")]
    Full(String),
    /// What answers is no durward.
    #[error("what listens on `{0}` does not answer as durward does")]
    Strange(String),
}

/// What was found.
pub(super) enum Found {
    /// A daemon that lets us in.
    Daemon(Link),
    /// Nobody, and nothing is left of anybody.
    Nobody,
    /// What a daemon left that did not end in order.
    Dead,
}

/// A connection to the daemon.
pub(super) struct Link {
    pub(super) stream: UnixStream,
    pub(super) frames: LineFrames,
}

impl Place {
    /// Looks for a daemon, and says who comes.
    pub(super) async fn look(&self) -> Result<Found, PlaceFault> {
        let found = self.look_at(&self.socket).await?;
        if matches!(found, Found::Daemon(_)) {
            return Ok(found);
        }
        // A daemon of another environment, such as that of ssh or cron, may listen elsewhere. What can't be
        // read tells nothing.
        match Running::of(&self.state) {
            Ok(Some(running)) if running.socket != self.socket => {
                self.look_at(&running.socket).await
            }
            _ => Ok(found),
        }
    }

    async fn look_at(&self, socket: &PathBuf) -> Result<Found, PlaceFault> {
        for _ in 0..LOOKS {
            if let Some(found) = self.knock(socket).await? {
                return Ok(found);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Found::Nobody)
    }

    /// `None` where whoever listened is about to be gone, in order or not: soon it can be seen which.
    async fn knock(&self, socket: &PathBuf) -> Result<Option<Found>, PlaceFault> {
        let stream = match UnixStream::connect(socket).await {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return Ok(Some(Found::Dead));
            }
            Err(_) => return Ok(Some(Found::Nobody)),
        };
        let name = || socket.display().to_string();
        let Ok(peer) = PeerCredentials::of(&stream) else {
            return Ok(None);
        };
        if ![current_uid(), 0].contains(&peer.uid) {
            return Err(PlaceFault::Stranger {
                socket: name(),
                uid: peer.uid,
            });
        }
        match tokio::time::timeout(PATIENCE, self.greet(stream)).await {
            Ok(Ok(Some(greeted))) => greeted.map(|link| Some(Found::Daemon(link))),
            Ok(Ok(None) | Err(_)) => Ok(None),
            Err(_) => Err(PlaceFault::Strange(name())),
        }
    }

    /// Says who comes and where to; `None` where the daemon hung up.
    async fn greet(&self, mut stream: UnixStream) -> io::Result<Option<Result<Link, PlaceFault>>> {
        let mut params = json!({});
        if let Some(server) = &self.server {
            params["server"] = json!(server);
        }
        if let Some(key) = &self.key {
            params["key"] = json!(key.expose());
        }
        let hello = json!({"jsonrpc": "2.0", "id": "durward-bridge", "method": greeting::CONNECT,
            "params": params});
        stream.write_all(format!("{hello}\n").as_bytes()).await?;
        let mut frames = LineFrames::new(LONGEST);
        loop {
            match frames.next() {
                Some(Frame::Line(line)) => {
                    return Ok(Some(welcome(&line).map(|()| Link { stream, frames })));
                }
                Some(Frame::TooLong) => return Ok(None),
                None => {}
            }
            if stream.read_buf(frames.buffer()).await? == 0 {
                return Ok(None);
            }
        }
    }
}

fn welcome(line: &Bytes) -> Result<(), PlaceFault> {
    #[derive(Deserialize)]
    struct Answer {
        error: Option<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        message: String,
    }
    match serde_json::from_slice::<Answer>(line) {
        Ok(Answer { error: None }) => Ok(()),
        Ok(Answer { error: Some(error) }) => Err(PlaceFault::Refused(error.message)),
        Err(_) => Err(PlaceFault::Refused("its greeting can't be read".to_owned())),
    }
}
