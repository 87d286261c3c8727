//! Is the answer within bounds?

use durward_core::{Answer, Refusal, RefusalCode};

use crate::walk::{Ended, Progress, Walk};

/// Refuses an answer above `limits.result`.
pub(crate) fn check(walk: &mut Walk<'_>) {
    let limit = walk.standing.house().settings.limits.result_bytes;
    let Progress::Out(Ended::Answered(answer)) = &walk.progress else {
        return;
    };
    if answer.len() > limit {
        let refusal = too_large(answer, limit);
        walk.progress = Progress::Out(Ended::Refused(refusal));
    }
}

fn too_large(answer: &Answer, limit: usize) -> Refusal {
    Refusal::new(
        RefusalCode::TooLarge,
        format!(
            "The answer has {} bytes, and {limit} are allowed. Ask for less: a range, a page, a lower limit.",
            answer.len()
        ),
    )
}
