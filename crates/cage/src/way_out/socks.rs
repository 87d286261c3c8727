//! SOCKS5 without authentication (RFC 1928): whoever reaches the door is the box's own.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use durward_guard::egress::{EgressFault, Target};

use super::client::{Client, Pipe};

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

/// Reads greeting and request.
pub(super) async fn read(client: &mut Client<impl Pipe>) -> io::Result<Place> {
    client.take::<1>().await?;
    let methods = counted(client).await?;
    if !methods.contains(&NO_AUTHENTICATION) {
        client.say(&[VERSION, NONE_ACCEPTABLE]).await?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    client.say(&[VERSION, NO_AUTHENTICATION]).await?;
    let [VERSION, command, 0, kind] = client.take().await? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let host = match kind {
        1 => Some(Ipv4Addr::from(client.take::<4>().await?).to_string()),
        3 => String::from_utf8(counted(client).await?).ok(),
        4 => Some(Ipv6Addr::from(client.take::<16>().await?).to_string()),
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    let port = u16::from_be_bytes(client.take().await?);
    Ok(Place {
        command,
        host,
        port,
    })
}

/// A byte that counts, and so many.
async fn counted(client: &mut Client<impl Pipe>) -> io::Result<Vec<u8>> {
    let [length] = client.take().await?;
    let mut bytes = vec![0; usize::from(length)];
    client.take_into(&mut bytes).await?;
    Ok(bytes)
}

/// The reply (RFC 1928, section 6); the address that we are bound to is nobody's business.
pub(super) fn reply(fault: Option<EgressFault>) -> [u8; 10] {
    let code = match fault {
        None => 0,
        Some(EgressFault::UnsupportedProtocol) => 7,
        Some(EgressFault::ConnectFailed) => 5,
        Some(EgressFault::Nxdomain | EgressFault::EmptyAnswer) => 4,
        Some(fault) if fault.is_judgement() => 2,
        Some(_) => 1,
    };
    [VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0]
}
