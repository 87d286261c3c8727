//! Do its headers say what it says? What stands between a client and us may have gone by them.

use durward_core::{Refusal, RefusalCode};

use crate::walk::{Verdict, Walk};

/// What a refusal for it is called.
pub(crate) const HEADER_MISMATCH: &str = "header_mismatch";

/// Holds `Mcp-Param-*` against the arguments that the tool wants repeated there, as they came (MCP
/// 2026-07-28, basic/transports/streamable-http).
pub(crate) fn judge(walk: &mut Walk<'_>) -> Verdict {
    let (Some(sent), Some(entry)) = (walk.sent_params, walk.tool()) else {
        return Verdict::Pass;
    };
    match entry.header_params().check(walk.call.arguments.raw(), sent) {
        Ok(()) => Verdict::Pass,
        Err(error) => Verdict::Refuse(
            Refusal::new(RefusalCode::InvalidArguments, error.message).detail(HEADER_MISMATCH),
        ),
    }
}
