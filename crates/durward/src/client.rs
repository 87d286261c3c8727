//! One question to the running daemon, as any client on its socket asks it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use thiserror::Error;

use crate::{doors::socket::greeting, status::Health};

/// How long a daemon may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than a daemon says to one question.
const LONGEST: u64 = 64 << 20;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum ClientFault {
    /// Nobody listens.
    #[error("no durward answers on `{socket}`; start one with `durward serve`")]
    NotThere {
        /// The socket.
        socket: String,
    },
    /// It hung up, for it knows no such user.
    #[error("the durward on `{socket}` hung up: this user may have no role there")]
    HungUp {
        /// The socket.
        socket: String,
    },
    /// What came was no answer.
    #[error("the durward on `{socket}` can't be understood: {why}")]
    Garbled {
        /// The socket.
        socket: String,
        /// Why.
        why: String,
    },
    /// It refused.
    #[error("{0}")]
    Refused(String),
}

/// Asks the daemon on this socket one self-contained question (MCP 2026-07-28), and waits for the result.
///
/// # Errors
/// [`ClientFault`].
pub(crate) fn ask(socket: &Path, method: &str, params: Value) -> Result<Value, ClientFault> {
    tell(socket, &request(method, params))
}

/// Asks whoever listens there how it does; this is no call, and is not recorded.
///
/// # Errors
/// [`ClientFault`].
pub(crate) fn health(socket: &Path) -> Result<Health, ClientFault> {
    let asked = json!({"jsonrpc": "2.0", "id": 1, "method": greeting::HEALTH});
    let told = tell(socket, &asked)?;
    serde_json::from_value(told).map_err(|error| ClientFault::Garbled {
        socket: socket.display().to_string(),
        why: error.to_string(),
    })
}

fn tell(socket: &Path, request: &Value) -> Result<Value, ClientFault> {
    let name = socket.display().to_string();
    let stream = UnixStream::connect(socket);
    let stream = stream.map_err(|_| ClientFault::NotThere {
        socket: name.clone(),
    })?;
    let answered = exchange(stream, request);
    let answer = answered.map_err(|error| ClientFault::Garbled {
        socket: name.clone(),
        why: error.to_string(),
    })?;
    let mut answer = answer.ok_or(ClientFault::HungUp { socket: name })?;
    match answer.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => {
            let message = answer["error"]["message"].as_str().unwrap_or("no result");
            Err(ClientFault::Refused(message.to_owned()))
        }
    }
}

/// A self-contained request.
pub(crate) fn request(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo":
            {"name": "durward", "version": env!("CARGO_PKG_VERSION")},
    });
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

/// The answer; `None` where the other end hung up first. What else it says is not for us.
fn exchange(mut stream: UnixStream, request: &Value) -> std::io::Result<Option<Value>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // Who is not let in is hung up on, maybe before it has spoken.
    if let Err(error) = stream.write_all(format!("{request}\n").as_bytes()) {
        return match error.kind() {
            std::io::ErrorKind::BrokenPipe => Ok(None),
            _ => Err(error),
        };
    }
    for line in BufReader::new(stream.take(LONGEST)).split(b'\n') {
        let line = match line {
            Ok(line) => line,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error),
        };
        let message: Value = serde_json::from_slice(&line)?;
        if message["id"] == 1 {
            return Ok(Some(message));
        }
    }
    Ok(None)
}
