//! The one way out of a child that has no network of its own: durward's own proxy, under the egress rules.

use durward_cage::launch::Network;

use super::SandboxError;
use crate::config::{Config, OwnSandbox};

/// The way out of this item.
///
/// # Errors
/// What it may reach can't be judged by.
pub(super) fn of(
    _config: &Config,
    _own: Option<&OwnSandbox>,
    key: &str,
) -> Result<Network, SandboxError> {
    Err(SandboxError::NoWayOut(key.to_owned()))
}

/// How programs are told of it: each runtime reads another one of these.
pub(super) fn variables() -> Vec<(String, String)> {
    let door = Network::DOOR;
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];
    let proxies = names.map(|name| (name.to_owned(), format!("http://{door}")));
    let socks = ["ALL_PROXY", "all_proxy"];
    let all = socks.map(|name| (name.to_owned(), format!("socks5h://{door}")));
    // Node looks at these where it is told to, from version 24 on.
    let node = [("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned())];
    proxies.into_iter().chain(all).chain(node).collect()
}
