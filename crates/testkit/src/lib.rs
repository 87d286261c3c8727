//! What the tests of several rooms share; never shipped.
//!
//! A [`House`] is a throw-away place for the built program: folders, environment, configuration.
//! From it come a [`Daemon`] (`durward serve`), a [`Pipe`] (`durward stdio`) and one-off commands.
//! [`Site`] is a web site on loopback, [`Network`] a network with names and addresses of its own. [`Guarded`] is a server that
//! wants a login, with its authorization server. [`Http`] is a connection that sends exactly the bytes that it is told to.

mod call;
mod daemon;
mod house;
mod http;
mod name_server;
mod network;
mod oauth;
mod pipe;
mod rpc;
mod session;
mod site;

pub use call::call;
pub use daemon::Daemon;
pub use house::{House, Ran};
pub use http::{Answer, Event, Http, Post};
pub use network::Network;
pub use oauth::{Guarded, Script, browse};
pub use pipe::Pipe;
pub use rpc::{
    LEGACY, MODERN, initialize, initialize_with, legacy, modern, modern_meta, notification,
    refusal, text,
};
pub use session::Session;
pub use site::{Asked, Site, say};
