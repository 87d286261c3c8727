//! OAuth 2.1 as a client, as far as it can be judged without a packet (MCP 2026-07-28,
//! `basic/authorization`).
//!
//! All that is read here was written by the server or by whoever it names: a document becomes a type of
//! ours or nothing, and a URL in it is one that may be asked or nothing.

mod challenge;
mod fault;
mod ground;
mod pkce;
mod registration;
mod resource;
mod response;
mod scope;
mod server;
mod token;

pub use challenge::Challenge;
pub use fault::{Document, OAuthFault};
pub use ground::{Ground, Issuer};
pub use pkce::Verifier;
pub use registration::{ClientAuth, Registered, is_metadata_url, registered};
pub use resource::{Resource, resource_documents};
pub use response::{Answered, Authorization};
pub use scope::{OFFLINE, Scopes};
pub use server::{AuthorizationServer, server_documents};
pub use token::{Tokens, token_fault, tokens};
