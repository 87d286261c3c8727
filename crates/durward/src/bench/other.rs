//! Any gateway by its URL, spoken to as its era asks: what others cost under the same load.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    time::Duration,
};

use bytes::BytesMut;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    Load, LoadError, Measured,
    load::{read_answer, run},
};
use crate::exit::{Failure, failed};

/// The revision that a server of the legacy era is asked for, and that it may answer with another.
const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";

/// Where a gateway is.
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    authority: String,
    path: String,
}

impl Place {
    /// Of a URL without TLS: what is measured is the gateway.
    #[expect(
        clippy::disallowed_methods,
        reason = "a bench aims at what its user named, and is no way out for a call"
    )]
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| Failure::Usage(format!("`{url}` must begin with http://")))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, "mcp"));
        let port = if authority.contains(':') { "" } else { ":80" };
        let address = format!("{authority}{port}")
            .to_socket_addrs()
            .map_err(failed)?
            .next()
            .ok_or_else(|| Failure::Failed(format!("`{authority}` has no address")))?;
        Ok(Self {
            address,
            authority: authority.to_owned(),
            path: path.to_owned(),
        })
    }

    fn post(&self, headers: &str, body: &Value) -> Vec<u8> {
        let (
            Self {
                authority, path, ..
            },
            body,
        ) = (self, body.to_string());
        format!(
            "POST /{path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\naccept: \
             application/json, text/event-stream\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// A call of the modern era, which stands for itself.
    pub(crate) fn modern(
        &self,
        headers: &str,
        id: usize,
        tool: &str,
        arguments: &Value,
    ) -> Vec<u8> {
        let headers = format!(
            "{headers}mcp-protocol-version: {MODERN}\r\nmcp-method: tools/call\r\nmcp-name: {tool}\r\n"
        );
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        self.post(
            &headers,
            &json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}),
        )
    }

    /// So many requests that call `tool` there, with ids of their own, for within a session no two calls at
    /// once may share one: within a session where it has them, else of the modern era.
    pub(crate) async fn meet(
        &self,
        headers: &str,
        tool: &str,
        arguments: &Value,
        count: usize,
    ) -> Result<Vec<Vec<u8>>, LoadError> {
        let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": {"name": "durward-bench", "version": env!("CARGO_PKG_VERSION")},
        }});
        let mut stream = connect(self.address).await?;
        let mut buffer = BytesMut::new();
        stream.write_all(&self.post(headers, &hello)).await?;
        let answer = read_answer(&mut stream, &mut buffer).await?;
        let Some(revision) = text_after(&buffer, "\"protocolVersion\"") else {
            let call = |id| self.modern(headers, id, tool, arguments);
            return Ok((1..=count).map(call).collect());
        };
        let session = answer
            .session
            .map(|session| format!("mcp-session-id: {session}\r\n"))
            .unwrap_or_default();
        let headers = format!("{headers}{session}mcp-protocol-version: {revision}\r\n");
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        stream.write_all(&self.post(&headers, &ready)).await?;
        let told = read_answer(&mut stream, &mut buffer).await?;
        if told.status >= 300 {
            return Err(LoadError::of(told.status, &buffer));
        }
        let params = json!({"name": tool, "arguments": arguments});
        let call = |id| {
            let call =
                json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": &params});
            self.post(&headers, &call)
        };
        Ok((1..=count).map(call).collect())
    }

    /// Loads it with this request, after a warm-up.
    pub(crate) async fn load(
        &self,
        requests: Vec<Vec<u8>>,
        connections: usize,
        time: Duration,
    ) -> Result<Measured, LoadError> {
        let mut load = Load {
            address: self.address,
            requests,
            expect: "\"result\"",
            connections,
            time: time / 5,
        };
        run(&load).await?;
        load.time = time;
        run(&load).await
    }
}

/// `--header 'NAME: VALUE'` as lines of a request.
pub(crate) fn header_lines(headers: &[String]) -> Result<String, Failure> {
    let mut lines = String::new();
    for header in headers {
        if !header.contains(':') || header.contains(['\r', '\n']) {
            return Err(Failure::Usage(format!(
                "`--header {header}` is not of the form `NAME: VALUE`"
            )));
        }
        lines.push_str(header);
        lines.push_str("\r\n");
    }
    Ok(lines)
}

/// The text that follows a member's name, in JSON alone or in an event of a stream.
fn text_after<'a>(answer: &'a [u8], name: &str) -> Option<&'a str> {
    let start = memchr::memmem::find(answer, name.as_bytes())? + name.len();
    let rest = std::str::from_utf8(answer.get(start..)?).ok()?;
    let value = rest.trim_start().strip_prefix(':')?.trim_start();
    Some(value.strip_prefix('"')?.split_once('"')?.0)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a load generator is a client, not a way out"
)]
async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
