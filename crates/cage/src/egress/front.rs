//! The way out for what is contained: a proxy on a UNIX socket, HTTP CONNECT (RFC 9110 section 9.3.6)
//! and SOCKS5 (RFC 1928), each tunnel judged as any other connection.

mod connect;
mod socks;
mod tunnel;

use std::time::Duration;

use durward_core::Cancel;
use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, UnixListener, UnixStream},
    task::JoinSet,
    time::timeout,
};

use super::{Connector, EgressFault};

/// The bounds of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontLimits {
    /// Tunnels at once; one more is closed at once.
    pub connections: usize,
    /// How long a client may take to say where to.
    pub greeting: Duration,
    /// For a connection to be made.
    pub connect: Duration,
    /// How long a tunnel may be silent.
    pub idle: Duration,
}

impl Default for FrontLimits {
    fn default() -> Self {
        Self {
            connections: 64,
            greeting: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(120),
        }
    }
}

/// Serves whoever can reach the socket, until cancelled or dropped; no tunnel outlives it.
pub async fn serve_front(
    listener: &UnixListener,
    connector: &Connector,
    limits: FrontLimits,
    cancel: &Cancel,
) {
    let mut tunnels = JoinSet::new();
    loop {
        let client = tokio::select! {
            () = cancel.cancelled() => return,
            _ = tunnels.join_next(), if !tunnels.is_empty() => continue,
            client = listener.accept() => client,
        };
        match client {
            Ok((client, _)) if tunnels.len() < limits.connections => {
                tunnels.spawn(serve(client, connector.clone(), limits));
            }
            Ok(_) => tracing::warn!("a contained process has too many connections open"),
            // Out of descriptors: some will be free again.
            Err(error) => {
                tracing::warn!(%error, "a contained process could not be let in");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// What a client asked for, and how it wants to be answered.
enum Asked {
    Connect(connect::Place),
    Socks(socks::Place),
}

async fn serve(mut client: UnixStream, connector: Connector, limits: FrontLimits) {
    let Ok(Some(asked)) = timeout(limits.greeting, greet(&mut client)).await else {
        return;
    };
    let target = match &asked {
        Asked::Connect(place) => place.target(),
        Asked::Socks(place) => place.target(),
    };
    let reached = match target {
        Ok(target) => connector.connect(&target, limits.connect).await,
        Err(fault) => Err(fault),
    };
    let answer = answer(&mut client, &asked, &reached);
    if let (Ok(Ok(())), Ok(server)) = (timeout(limits.greeting, answer).await, reached) {
        tunnel::run(client, server, limits.idle).await;
    }
}

/// The first byte tells the two apart: no method begins with 5.
async fn greet(client: &mut UnixStream) -> Option<Asked> {
    match client.read_u8().await.ok()? {
        socks::VERSION => socks::read(client).await.map(Asked::Socks),
        first => connect::read(client, first).await.map(Asked::Connect),
    }
}

async fn answer(
    client: &mut UnixStream,
    asked: &Asked,
    reached: &Result<TcpStream, EgressFault>,
) -> std::io::Result<()> {
    let fault = reached.as_ref().err().copied();
    match asked {
        Asked::Connect(_) => connect::answer(client, fault).await,
        Asked::Socks(_) => socks::answer(client, fault).await,
    }
}
