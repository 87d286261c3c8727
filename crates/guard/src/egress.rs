//! What may leave: targets, hosts, addresses, headers and redirects, judged without a packet.
//!
//! A URL becomes a [`Target`] or nothing; [`EgressPolicy::judge_target`] speaks before a name is looked
//! up and [`EgressPolicy::judge_addresses`] before an address is connected to. A redirect begins anew.

mod address;
mod fault;
mod headers;
mod hosts;
mod method;
mod network;
mod own;
mod policy;
mod redirect;
mod target;

pub use address::{AddressClass, classify};
pub use fault::EgressFault;
pub use headers::{RequestHeaders, is_returned};
pub use hosts::HostName;
pub use method::Method;
pub use network::Network;
pub use own::OwnAddresses;
pub use policy::{EgressPolicy, EgressRules};
pub use redirect::{Hop, follow, is_redirect};
pub use target::{Host, Origin, Scheme, Target};
