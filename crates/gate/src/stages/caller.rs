//! Who are you? Still the one that the door let in.

use durward_core::{Refusal, RefusalCode};

use crate::walk::{Verdict, Walk};

/// Refuses a caller whose proof has ended since, and one in another's session.
pub(crate) fn judge(walk: &mut Walk<'_>) -> Verdict {
    let caller = &walk.call.caller;
    if caller
        .expires
        .is_some_and(|end| end <= walk.gate.clock().wall())
    {
        return refuse("Your key has expired.", "expired");
    }
    if !walk.gate.still_knows(walk.standing) {
        return refuse("Your key is no longer accepted.", "revoked");
    }
    if walk
        .session
        .is_some_and(|session| session.caller() != &caller.id)
    {
        return refuse("This session belongs to another caller.", "foreign_session");
    }
    Verdict::Pass
}

fn refuse(sentence: &'static str, detail: &'static str) -> Verdict {
    Verdict::Refuse(Refusal::new(RefusalCode::Denied, sentence).detail(detail))
}
