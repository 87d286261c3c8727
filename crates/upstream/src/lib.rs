//! Other MCP servers: links to them, whatever their transport and era.
//!
//! A [`Link`] is one live connection to one server. It finds out which era and transport the server
//! speaks, gives each call an id of its own, brings what the server says out of turn to the call that it
//! belongs to, and says in a [`LinkFault`] what went wrong and whether the request may have run.
#![forbid(unsafe_code)]

mod auth;
mod calls;
mod client_exchange;
mod consent;
mod counts;
mod envelope;
mod exchange;
mod fault;
mod given;
mod health;
mod hello;
mod http;
mod instances;
mod known;
mod link;
mod lists;
mod mailbox;
mod offered;
mod questions;
mod rounds;
mod said;
mod server;
mod settings;
mod slot;
mod standing;
mod start;
mod stdio;
mod subscriptions;
mod switchboard;
mod talk;
mod target;
mod tasks;
mod tending;
#[cfg(test)]
mod tests;
mod watched;

pub use auth::{Attempt, AuthFault, Found, Grant, LoggedOut, LoginStatus, OAuth, OAuthSettings};
pub use counts::Counts;
pub use exchange::{Exchange, Hears, Outcome, Own};
pub use fault::{FaultKind, LinkFault};
pub use health::{Health, State};
pub use hello::{EraFound, Hello};
pub use link::Link;
pub use server::Server;
pub use settings::{Instances, May, Sampling, ServerSettings};
pub use start::Command;
pub use target::{EraPin, Headers, LinkLimits, Pinned, Reach, Target, Transport, Url};
