//! What may come before MCP on the socket: one line by which a bridge says where it wants to, and with which
//! key, or asks how durward does. A client that sends none is at all servers together, as its user.

use bytes::Bytes;
use durward_core::Secret;
use durward_wire::{
    code, encode,
    scan::{Message, Request, RequestId, ScanLimits, scan},
};

/// Wants in: `{"server": NAME, "key": KEY}`, each as wanted. Answered with `{"version": …}`.
pub(crate) const CONNECT: &str = "dev.durward/connect";
/// Asks how durward does; answered to whoever runs it, and to root.
pub(crate) const HEALTH: &str = "dev.durward/health";
/// No greeting is longer, in bytes.
pub(crate) const LONGEST: usize = 8 * 1024;

/// A first line.
pub(super) enum Greeting {
    /// [`CONNECT`].
    Connect(Wanted),
    /// [`HEALTH`].
    Health(RequestId),
    /// No greeting: the line is the pipe's.
    None,
}

/// What a bridge wants.
pub(super) struct Wanted {
    pub(super) id: RequestId,
    /// One server alone.
    pub(super) server: Option<String>,
    /// Who it is, if not its user.
    pub(super) key: Option<Secret>,
}

/// Reads a first line; `Err` is what to say to a greeting that can't be understood.
pub(super) fn read(line: &Bytes) -> Result<Greeting, Bytes> {
    let Ok(Message::Request(request)) = scan(line, ScanLimits::default()) else {
        return Ok(Greeting::None);
    };
    match request.method.as_str() {
        CONNECT => wanted(&request).map(Greeting::Connect).map_err(|why| {
            let error = code::invalid_params(why);
            encode::error(Some(&request.id), &error)
        }),
        HEALTH => Ok(Greeting::Health(request.id)),
        _ => Ok(Greeting::None),
    }
}

fn wanted(request: &Request) -> Result<Wanted, String> {
    let text = |name| request.params.string(name).map_err(|no| no.to_string());
    Ok(Wanted {
        id: request.id.clone(),
        server: text("server")?,
        key: text("key")?.map(Secret::new),
    })
}
