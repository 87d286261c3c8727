//! The way out for what is contained: a proxy that speaks HTTP (CONNECT, and requests for `http://` URLs;
//! RFC 9110, RFC 9112) and SOCKS5 (RFC 1928) at one address, and judges each connection as any of durward's own.
//!
//! ```text
//! program ──┬─ 127.0.0.1:3128 ───────────────────────────────┬─→ Proxy ── Connector ──→ what may be reached
//!           └─ 11.0.0.7:443, which stands for a name here ───┘
//! ```
//!
//! For programs that know of no proxy, names have addresses in the box that lead here too (`names.rs`). All
//! sockets are made within the box's network namespace and handed to durward (`door.rs`); there is no other
//! way out of that network. What `egress.credentials` says is for durward's own requests: it is not added here.

mod ask;
mod body;
mod client;
mod door;
mod event;
mod forward;
mod limits;
mod names;
mod proxy;
mod question;
mod refuse;
mod serve;
mod socks;
#[cfg(test)]
mod tests;
mod tunnel;
mod variables;

pub(crate) use door::{open as open_door, raise_loopback};
pub use event::{Event, Way};
pub use limits::WayOutLimits;
pub use proxy::Proxy;
pub use variables::VARIABLES;
