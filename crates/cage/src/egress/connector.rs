//! The connector itself.

use std::net::SocketAddr;

use durward_core::Cancel;
use durward_guard::{GuardError, egress::EgressFault};

use super::{Budget, EgressSettings, Request, Response};

/// The one way out. Clones share everything: the rules, the pool, the resolver.
#[derive(Clone)]
pub struct Connector {}

impl Connector {
    /// A connector with these rules. It needs no runtime yet.
    ///
    /// # Errors
    /// [`GuardError::Egress`], naming the entry that can't be used.
    pub fn new(_settings: EgressSettings) -> Result<Self, GuardError> {
        Ok(Self {})
    }

    /// Puts other settings in force for all clones, from the next request on; what is pooled under the
    /// old ones is not used again.
    ///
    /// # Errors
    /// As [`Self::new`]; then the old ones stay.
    pub fn reload(&self, _settings: EgressSettings) -> Result<(), GuardError> {
        Ok(())
    }

    /// durward's own listeners, which are never reached, whatever the rules say.
    pub fn set_listeners(&self, _listeners: Vec<SocketAddr>) {}

    /// Sends a request and reads the whole answer, within the budget. Each redirect is judged from the
    /// start. Dropping the future ends the exchange.
    ///
    /// # Errors
    /// Any [`EgressFault`].
    pub async fn fetch(
        &self,
        _request: Request,
        _budget: &Budget,
        _cancel: &Cancel,
    ) -> Result<Response, EgressFault> {
        Err(EgressFault::HostNotAllowed)
    }
}
