//! The hop to compare with: reads request and answer, looks into both as JSON, judges nothing, and
//! passes the bytes on to an echo over a connection of its own.

use std::{io, net::SocketAddr};

use bytes::BytesMut;
use durward_wire::http1::{BodyFraming, BodyKind, HeadLimits, parse_head, write_response_head};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const HEAD: HeadLimits = HeadLimits {
    bytes: 32 * 1024,
    headers: 100,
};

#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

/// Passes requests on to `upstream`.
pub(super) async fn hop(listener: TcpListener, upstream: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            // The generator closes its end when it is done.
            let _ = pass_on(stream, upstream).await;
        });
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the hop that is measured goes to loopback alone"
)]
async fn pass_on(mut client: TcpStream, upstream: SocketAddr) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let (mut request, mut answer) = (BytesMut::new(), BytesMut::new());
    loop {
        let body = read_request(&mut client, &mut request).await?;
        let peeked: Peek<'_> = serde_json::from_slice(&body).map_err(io::Error::other)?;
        if peeked.id.is_none() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        answer.clear();
        let mut out = BytesMut::new();
        out.extend_from_slice(b"POST /mcp HTTP/1.1\r\nhost: upstream\r\ncontent-length: ");
        out.extend_from_slice(body.len().to_string().as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&body);
        server.write_all(&out).await?;
        super::load::answer(&mut server, &mut answer, "result")
            .await
            .map_err(io::Error::other)?;
        let start = memchr::memmem::find(&answer, b"\r\n\r\n").map_or(0, |at| at + 4);
        let peeked: Peek<'_> =
            serde_json::from_slice(&answer[start..]).map_err(io::Error::other)?;
        if peeked.result.is_none() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        client.write_all(&answer).await?;
    }
}

/// Answers every request with the same result.
pub(super) async fn echo(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let _ = answer_all(stream).await;
        });
    }
}

async fn answer_all(mut stream: TcpStream) -> io::Result<()> {
    const BODY: &[u8] = br#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"the quick brown fox jumps over the lazy dog"}]}}"#;
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::new();
    let mut out = BytesMut::new();
    let json: &[u8] = b"application/json";
    write_response_head(
        &mut out,
        200,
        &[("content-type", json)],
        BodyKind::Length(BODY.len()),
        true,
    );
    out.extend_from_slice(BODY);
    loop {
        read_request(&mut stream, &mut buffer).await?;
        stream.write_all(&out).await?;
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<bytes::Bytes> {
    loop {
        if let Some((head, length)) = parse_head(buffer, HEAD).map_err(io::Error::other)? {
            let BodyFraming::Length(body) = head.framing else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let body = usize::try_from(body).map_err(io::Error::other)?;
            while buffer.len() < length + body {
                more(stream, buffer).await?;
            }
            drop(buffer.split_to(length));
            return Ok(buffer.split_to(body).freeze());
        }
        more(stream, buffer).await?;
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<()> {
    buffer.reserve(8 * 1024);
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
