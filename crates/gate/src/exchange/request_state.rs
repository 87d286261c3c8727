//! `requestState`: what a modern client brings back, sealed and bound to its caller and call.

use durward_core::{CallerId, RawJson, Refusal, RefusalCode, Wall};
use durward_store::seal::Sealer;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::digest;
use crate::{endpoint::Endpoint, walk::Walk};

const PURPOSE: &str = "request state";
/// The spelling of what is sealed.
const FORM: &str = "dw1.";
/// The longest that is given or taken.
const LONGEST: usize = 64 * 1024;

/// Which call a state belongs to.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bound {
    caller: CallerId,
    endpoint: Endpoint,
    method: String,
    name: String,
    params: [u8; 32],
}

impl Bound {
    pub(super) fn to(walk: &Walk<'_>) -> Self {
        Self {
            caller: walk.call.caller.id.clone(),
            endpoint: walk.endpoint.clone(),
            method: walk.call.operation.method().to_owned(),
            name: walk.call.target.name().to_owned(),
            params: digest::of(&walk.call.params),
        }
    }
}

/// What a state leads back to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    /// How often the client has been told what is wanted.
    pub(super) round: u32,
    /// A call that is parked, and in which process.
    pub(super) parked: Option<(Uuid, Uuid)>,
    /// The state of the server itself, which asked in the modern way.
    pub(super) of_server: Option<Box<RawValue>>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    bound: Bound,
    expires: Wall,
    place: Place,
}

/// Seals a place; `None` where it would be too long.
pub(super) fn seal(sealer: &Sealer, bound: Bound, place: Place, expires: Wall) -> Option<RawJson> {
    let sealed = Sealed {
        bound,
        expires,
        place,
    };
    let text = serde_json::to_vec(&sealed).ok()?;
    let token = format!("{FORM}{}", sealer.seal(PURPOSE, &text)?);
    (token.len() <= LONGEST).then(|| RawJson::of(&token).ok())?
}

/// Opens a state of this call's. Forged, expired, another caller's or another call's: all alike.
pub(super) fn open(
    sealer: &Sealer,
    token: &str,
    bound: &Bound,
    now: Wall,
) -> Result<Place, Refusal> {
    let read = || -> Option<Sealed> {
        let sealed = token
            .strip_prefix(FORM)
            .filter(|_| token.len() <= LONGEST)?;
        serde_json::from_slice(&sealer.open(PURPOSE, sealed)?).ok()
    };
    read()
        .filter(|sealed| sealed.bound == *bound && sealed.expires > now)
        .map(|sealed| sealed.place)
        .ok_or_else(|| {
            invalid(
                "request_state",
                "This `requestState` was not given for this call, or has expired. Call again without it.",
            )
        })
}

/// A retry that can't be taken.
pub(super) fn invalid(detail: &'static str, sentence: &'static str) -> Refusal {
    Refusal::new(RefusalCode::InvalidArguments, sentence).detail(detail)
}
