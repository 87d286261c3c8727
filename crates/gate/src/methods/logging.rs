//! `logging/setLevel`.

use durward_core::{LogLevel, ProtocolError, RawJson};
use durward_wire::scan::Params;

use crate::{methods::invalid, request::Origin};

/// Sets the session's level.
pub(crate) fn set_level(origin: &Origin, params: &Params) -> Result<RawJson, ProtocolError> {
    let level: LogLevel = params
        .get("level")
        .ok_or_else(|| invalid("`level` is missing"))?
        .parse()
        .map_err(|_| {
            invalid(
                "`level` must be one of debug, info, notice, warning, error, critical, alert, emergency",
            )
        })?;
    if let Some(session) = origin.session() {
        session.set_level(level);
    }
    Ok(RawJson::empty_object())
}
