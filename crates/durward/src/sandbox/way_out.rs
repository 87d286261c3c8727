//! The one way out of a child that has no network of its own: durward's own proxy, under the egress rules.

use std::sync::Arc;

use durward_cage::{
    egress::Connector,
    launch::Network,
    way_out::{Proxy, VARIABLES},
};

use super::SandboxError;
use crate::{
    config::{Config, OwnSandbox},
    egress,
};

/// The way out of an item, and what judges there.
///
/// # Errors
/// What it may reach can't be judged by.
pub(super) fn of(
    config: &Config,
    own: Option<&OwnSandbox>,
    key: &str,
) -> Result<(Network, Connector), SandboxError> {
    let mut settings = egress::settings(config);
    if let Some(own) = own.and_then(|own| own.egress.as_ref()) {
        settings.rules.hosts = own.hosts.iter().map(ToString::to_string).collect();
        settings.rules.networks = own.networks.iter().map(ToString::to_string).collect();
    }
    // What is for durward's own requests goes with none of a program's.
    settings.credentials = Vec::new();
    let connector = Connector::new(settings).map_err(|fault| SandboxError::Egress {
        key: key.to_owned(),
        fault,
    })?;
    let network = Network::Egress(Arc::new(Proxy::new(connector.clone())));
    Ok((network, connector))
}

/// How programs are told of it.
pub(super) fn variables() -> Vec<(String, String)> {
    let all = VARIABLES.iter();
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
