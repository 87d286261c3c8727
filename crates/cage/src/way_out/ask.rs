//! What a client asks for.

use std::io;

use durward_guard::egress::{EgressFault, Scheme, Target};
use durward_wire::http1::{BodyFraming, HeadError, HeadLimits, ProxyHead, take_proxy_head};

use super::{
    Way,
    client::{Client, Pipe, more},
    socks,
};

/// Header lines of a request at most.
const HEADERS: usize = 100;

/// What a client asks for, read and not judged.
pub(super) enum Asked {
    /// A tunnel, by HTTP.
    Connect(ProxyHead),
    /// A request to be passed on.
    Request(ProxyHead),
    /// A tunnel, by SOCKS.
    Socks(socks::Place),
    /// HTTP that is none.
    Malformed(HeadError),
}

impl Asked {
    pub(super) fn way(&self) -> Way {
        match self {
            Self::Connect(_) => Way::Connect,
            Self::Request(_) | Self::Malformed(_) => Way::Request,
            Self::Socks(_) => Way::Socks,
        }
    }

    /// Where to, by the one parser that all targets go through.
    pub(super) fn target(&self) -> Result<Target, EgressFault> {
        match self {
            Self::Connect(head) => authority(head),
            Self::Request(head) => absolute(head),
            Self::Socks(place) => place.target(),
            Self::Malformed(_) => Err(EgressFault::InvalidUrl),
        }
    }
}

/// Reads the question. The first byte tells the protocols apart: no method begins with 5.
///
/// # Errors
/// Where there is nobody who could be answered.
pub(super) async fn read(client: &mut Client<impl Pipe>, head: usize) -> io::Result<Asked> {
    more(&mut client.stream, &mut client.ahead).await?;
    if client.ahead[0] == socks::VERSION {
        return socks::read(client).await.map(Asked::Socks);
    }
    let limits = HeadLimits {
        bytes: head,
        headers: HEADERS,
    };
    loop {
        match take_proxy_head(&mut client.ahead, limits) {
            Ok(Some(head)) if head.method == "CONNECT" => return Ok(Asked::Connect(head)),
            Ok(Some(head)) => return Ok(Asked::Request(head)),
            Ok(None) => more(&mut client.stream, &mut client.ahead).await?,
            Err(error) => return Ok(Asked::Malformed(error)),
        }
    }
}

/// `host:port` (RFC 9110, section 9.3.6).
fn authority(head: &ProxyHead) -> Result<Target, EgressFault> {
    if !matches!(head.framing, BodyFraming::None | BodyFraming::Length(0)) {
        return Err(EgressFault::InvalidUrl);
    }
    let (host, port) = head
        .target
        .rsplit_once(':')
        .ok_or(EgressFault::InvalidUrl)?;
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|_| digits);
    Target::tunnel(host, port.ok_or(EgressFault::InvalidUrl)?)
}

/// `http://host/path`. What is https goes through a tunnel, or it would be in the clear here.
fn absolute(head: &ProxyHead) -> Result<Target, EgressFault> {
    let target = Target::parse(&head.target)?;
    if target.scheme() == Scheme::Http && head.method != "TRACE" {
        Ok(target)
    } else {
        Err(EgressFault::UnsupportedProtocol)
    }
}
