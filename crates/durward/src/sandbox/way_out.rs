//! The one way out of a child that has no network of its own: durward's own proxy, under the egress rules.

use std::sync::Arc;

use durward_cage::{
    egress::{Connector, Standpoint},
    launch::Network,
    way_out::{Proxy, VARIABLES},
};

use super::SandboxError;
use crate::{
    config::{Config, OwnSandbox},
    egress,
};

/// The way out of this item: to what it says itself, or else to what `egress` says for all.
///
/// # Errors
/// What it may reach can't be judged by.
pub(super) fn of(
    standpoint: &Standpoint,
    config: &Config,
    own: Option<&OwnSandbox>,
    key: &str,
) -> Result<Network, SandboxError> {
    let mut settings = egress::settings(config);
    // They are for durward's own requests.
    settings.credentials = Vec::new();
    if let Some(own) = own.and_then(|own| own.egress.as_ref()) {
        settings.rules.hosts = own.hosts.iter().map(ToString::to_string).collect();
        settings.rules.networks = own.networks.iter().map(ToString::to_string).collect();
    }
    let connector =
        Connector::at(standpoint.clone(), settings).map_err(|fault| SandboxError::Egress {
            key: key.to_owned(),
            fault,
        })?;
    Ok(Network::Egress(Arc::new(Proxy::new(key, connector))))
}

/// How programs are told of it: each runtime reads another one of these.
pub(super) fn variables() -> Vec<(String, String)> {
    let all = VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned()));
    all.into()
}
