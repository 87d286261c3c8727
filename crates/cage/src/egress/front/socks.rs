//! SOCKS5 without authentication (RFC 1928): the socket's own permissions say who may come.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use durward_guard::egress::{EgressFault, Target};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

pub(super) const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const NONE_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;

/// Where a client wants to go.
pub(super) struct Place {
    command: u8,
    /// None where its bytes are no name.
    host: Option<String>,
    port: u16,
}

impl Place {
    pub(super) fn target(&self) -> Result<Target, EgressFault> {
        if self.command != CONNECT {
            return Err(EgressFault::UnsupportedProtocol);
        }
        let host = self.host.as_deref().ok_or(EgressFault::InvalidUrl)?;
        Target::tunnel(host, self.port)
    }
}

/// Reads greeting and request, whose version was read already.
pub(super) async fn read(client: &mut UnixStream) -> Option<Place> {
    let methods = read_counted(client).await?;
    let is_open = methods.contains(&NO_AUTHENTICATION);
    let method = if is_open {
        NO_AUTHENTICATION
    } else {
        NONE_ACCEPTABLE
    };
    client.write_all(&[VERSION, method]).await.ok()?;
    let mut head = [0; 4];
    client.read_exact(&mut head).await.ok()?;
    let [VERSION, command, 0, kind] = head else {
        return None;
    };
    let host = match kind {
        1 => Some(Ipv4Addr::from(client.read_u32().await.ok()?).to_string()),
        3 => String::from_utf8(read_counted(client).await?).ok(),
        4 => Some(Ipv6Addr::from(client.read_u128().await.ok()?).to_string()),
        _ => return None,
    };
    let port = client.read_u16().await.ok()?;
    Some(Place {
        command,
        host,
        port,
    })
}

async fn read_counted(client: &mut UnixStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::from(client.read_u8().await.ok()?)];
    client.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

/// The reply of RFC 1928 section 6; the address that we are bound to is nobody's business.
pub(super) async fn answer(client: &mut UnixStream, fault: Option<EgressFault>) -> io::Result<()> {
    let code = match fault {
        None => 0,
        Some(EgressFault::UnsupportedProtocol) => 7,
        Some(EgressFault::ConnectFailed) => 5,
        Some(EgressFault::Nxdomain | EgressFault::EmptyAnswer) => 4,
        Some(fault) if fault.is_judgement() => 2,
        Some(_) => 1,
    };
    client
        .write_all(&[VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0])
        .await
}
