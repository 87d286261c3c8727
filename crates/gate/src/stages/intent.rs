//! Written down before it is done.

use durward_core::{Refusal, RefusalCode, Shown};

use crate::walk::{Progress, Walk};

/// Writes the intent: for a read together with the outcome, for anything else now, and to disk
/// first where the tier is `danger`. What can't be written is not done.
pub(crate) async fn write(walk: &mut Walk<'_>) {
    let durability = walk.gate.journal().durability(walk.tier());
    let facts = walk.facts();
    if walk
        .tool()
        .is_some_and(|entry| matches!(entry.tool.shown, Shown::Given(_)))
    {
        // A server gets the text: nobody needs the parse, which may be long, any more.
        walk.call.arguments = walk.call.arguments.clone();
    }
    let Some(seat) = walk.seat.as_mut() else {
        return;
    };
    if let Err(error) = seat.intent(facts, durability).await {
        tracing::error!(%error, "the intent of a call could not be written");
        walk.seat = None;
        walk.progress = Progress::Refused(unrecordable());
    }
}

/// What a caller hears when the ledger can't write.
pub(crate) fn unrecordable() -> Refusal {
    Refusal::new(
        RefusalCode::Unavailable,
        "The record of this call can't be written, so it is not done. Try again later.",
    )
    .detail("ledger")
}
