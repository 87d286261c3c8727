//! How fresh the lists are that a caller sees.

use std::time::Duration;

use durward_core::ServerName;

use crate::{endpoint::Endpoint, standing::Standing};

/// How long a client may keep a list: `listChanged` tells it of a change, so this can be long.
const LONGEST: Duration = Duration::from_secs(60);
/// The same where a server is not as it was last known.
const STALE: Duration = Duration::from_secs(5);

/// What clients are told of it.
pub(crate) struct ListFreshness {
    /// How long they may be kept.
    pub(crate) ttl: Duration,
    /// Servers of which what was last known is shown, or nothing is known.
    pub(crate) stale: Vec<ServerName>,
}

impl ListFreshness {
    pub(crate) fn of(standing: &Standing, endpoint: &Endpoint) -> Self {
        let house = standing.house();
        let mut fresh = Self {
            ttl: LONGEST,
            stale: Vec::new(),
        };
        for (server, shelf) in house.catalogue.shelves() {
            let is_here = endpoint.server().is_none_or(|only| only == server);
            if !is_here || !standing.view().reaches(server) {
                continue;
            }
            let now = shelf.provider.freshness();
            fresh.ttl = fresh.ttl.min(now.ttl.unwrap_or(LONGEST));
            if now.stale || shelf.provider.ready().is_some() {
                fresh.ttl = fresh.ttl.min(STALE);
                fresh.stale.push(server.clone());
            }
        }
        fresh
    }
}
