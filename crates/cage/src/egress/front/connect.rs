//! HTTP CONNECT, as a client of a proxy says it.

use std::io;

use durward_guard::egress::{EgressFault, Target};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// The longest head of a request.
const HEAD: usize = 8 << 10;

/// Where a client wants to go, as it wrote it; none where it asked for something else.
pub(super) struct Place(Option<String>);

impl Place {
    pub(super) fn target(&self) -> Result<Target, EgressFault> {
        let place = self.0.as_deref().ok_or(EgressFault::InvalidUrl)?;
        let (host, port) = place.rsplit_once(':').ok_or(EgressFault::InvalidUrl)?;
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits);
        Target::tunnel(host, port.ok_or(EgressFault::InvalidUrl)?)
    }
}

/// Reads a request whose first byte was read already. None: it has no end that we would wait for.
pub(super) async fn read(client: &mut UnixStream, first: u8) -> Option<Place> {
    let mut head = vec![first];
    // Byte by byte: what follows the head belongs to the tunnel.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD {
            return None;
        }
        head.push(client.read_u8().await.ok()?);
    }
    let line = head.split(|b| *b == b'\r').next()?;
    let place = str::from_utf8(line)
        .ok()
        .and_then(|line| line.strip_prefix("CONNECT "))
        .and_then(|rest| {
            rest.strip_suffix(" HTTP/1.1")
                .or(rest.strip_suffix(" HTTP/1.0"))
        });
    Some(Place(place.map(str::to_owned)))
}

pub(super) async fn answer(client: &mut UnixStream, fault: Option<EgressFault>) -> io::Result<()> {
    let answer = match fault {
        None => "HTTP/1.1 200 Connection established\r\n\r\n".to_owned(),
        Some(fault) => {
            let status = match fault {
                EgressFault::InvalidUrl => "400 Bad Request",
                fault if fault.is_judgement() => "403 Forbidden",
                _ => "502 Bad Gateway",
            };
            let text = format!("{}: {fault}\n", fault.word());
            let length = text.len();
            format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{text}"
            )
        }
    };
    client.write_all(answer.as_bytes()).await
}
