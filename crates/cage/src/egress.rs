//! The one way out: every connection that durward, or what it contains, opens to elsewhere.
//!
//! A [`Connector`] judges the target, looks its name up, judges every address, and connects to one of
//! those and to nothing else. What it can't do is refused with an [`EgressFault`]. The proxies that an
//! environment names are never asked.

mod budget;
mod connector;
mod decode;
mod dial;
mod exchange;
mod link;
mod near;
mod pool;
mod proxy;
mod resolve;
mod settings;
mod standing;
#[cfg(test)]
pub(crate) mod tests;
mod tls;

pub use budget::Budget;
pub use connector::{Connector, Standpoint};
pub use durward_guard::egress::EgressFault;
pub use exchange::{Request, Response};
pub use link::Stream;
pub use settings::{Credential, EgressSettings};
