//! Other MCP servers: links to them, whatever their transport and era.
//!
//! A [`Link`] is one live connection to one server. It finds out which era and transport the server
//! speaks, gives each call an id of its own, brings what the server says out of turn to the call that it
//! belongs to, and says in a [`LinkFault`] what went wrong and whether the request may have run.
#![forbid(unsafe_code)]

mod counts;
mod envelope;
mod exchange;
mod fault;
mod hello;
mod http;
mod link;
mod mailbox;
mod said;
mod standing;
mod start;
mod stdio;
mod switchboard;
mod talk;
mod target;
#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use exchange::{Exchange, Hears, Outcome, Own};
pub use fault::{FaultKind, LinkFault};
pub use hello::{EraFound, Hello};
pub use link::Link;
pub use start::Command;
pub use target::{EraPin, LinkLimits, Pinned, Reach, Target, Transport, Url};
