//! The envelope of a request to a server of either era.

use durward_core::{RawJson, Revision};
use durward_wire::{RequestId, encode, meta};

use crate::{exchange::Exchange, hello::client_info};

/// The request, with `_meta` as the server's era and the call's surroundings have it.
pub(crate) fn request(
    id: &RequestId,
    method: &str,
    params: &RawJson,
    exchange: &dyn Exchange,
    modern: bool,
) -> encode::Pieces {
    let progress = (meta::PROGRESS_TOKEN, id.raw());
    if !modern {
        let ours: &[_] = if exchange.wants_progress() {
            &[progress]
        } else {
            &[]
        };
        return encode::relayed_request(id, method, params, exchange.changes(), ours);
    }
    let revision = RawJson::from_static(r#""2026-07-28""#);
    debug_assert_eq!(
        revision.as_str().trim_matches('"'),
        Revision::V2026_07_28.as_str()
    );
    let client = client_info();
    let level = exchange
        .log_level()
        .and_then(|level| RawJson::of(&level).ok());
    let mut ours = Vec::with_capacity(5);
    ours.push((meta::PROTOCOL_VERSION, &revision));
    ours.push((meta::CLIENT_INFO, &client));
    ours.push((meta::CLIENT_CAPABILITIES, exchange.client_capabilities()));
    if let Some(level) = &level {
        ours.push((meta::LOG_LEVEL, level));
    }
    if exchange.wants_progress() {
        ours.push(progress);
    }
    encode::relayed_request(id, method, params, exchange.changes(), &ours)
}
