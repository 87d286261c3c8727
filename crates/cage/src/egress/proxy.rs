//! The operator's proxy: a tunnel for every connection (RFC 9110 section 9.3.6).

use durward_guard::egress::Target;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::EgressFault;

/// The longest head of a proxy's answer.
const HEAD: usize = 8 << 10;

/// Asks for a tunnel to the target.
pub(super) async fn tunnel(mut stream: TcpStream, to: &Target) -> Result<TcpStream, EgressFault> {
    let place = format!("{}:{}", to.host(), to.port());
    let request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(|_| EgressFault::ProxyFailed)?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head belongs to the tunnel.
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream
            .read_u8()
            .await
            .map_err(|_| EgressFault::ProxyFailed)?;
        head.push(byte);
        if head.len() == HEAD {
            return Err(EgressFault::ProxyFailed);
        }
    }
    if is_success(&head) {
        Ok(stream)
    } else {
        Err(EgressFault::ProxyFailed)
    }
}

fn is_success(head: &[u8]) -> bool {
    let status = head
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| head.strip_prefix(b"HTTP/1.0 "));
    matches!(
        status,
        Some([b'2', b'0'..=b'9', b'0'..=b'9', b' ' | b'\r', ..])
    )
}
