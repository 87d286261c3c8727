//! Does a human agree?

use durward_core::{Refusal, RefusalCode};

use crate::walk::{Progress, Walk};

/// Puts the question that a judge left. There is no way to ask anyone yet, so it is refused.
pub(crate) fn put(walk: &mut Walk<'_>) {
    if let Some(rule) = walk.question.take() {
        let refusal = Refusal::new(
            RefusalCode::NeedsApproval,
            "A person must approve this call, and nobody can be asked from here.",
        );
        walk.progress = Progress::Refused(refusal.rule(rule));
    }
}
