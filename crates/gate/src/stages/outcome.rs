//! Written down before it is answered.

use durward_core::Answer;
use durward_ledger::{Held, Outcome, Status};

use crate::{
    stages::intent::unrecordable,
    walk::{Ended, Progress, Walk},
};

/// Writes how the call ended. An answer whose outcome can't be written does not leave.
pub(crate) async fn write(walk: &mut Walk<'_>) {
    let mut outcome = describe(walk);
    outcome.held = held(walk);
    let Some(seat) = walk.seat.take() else { return };
    if let Err(error) = seat.close(outcome).await {
        tracing::error!(%error, "the outcome of a call could not be written");
        walk.progress = Progress::Out(Ended::Refused(unrecordable()));
    }
}

/// Writes the one record of a call that was refused on its way in.
pub(crate) async fn write_refusal(walk: &mut Walk<'_>) {
    let facts = walk.facts();
    let Some(seat) = walk.seat.take() else { return };
    let Progress::Refused(refusal) = &walk.progress else {
        return;
    };
    let recorded = walk.standing.house().recorded_refusal(refusal);
    if let Err(error) = seat.refuse(facts, &recorded).await {
        tracing::error!(%error, "a refusal could not be written");
        walk.progress = Progress::Refused(unrecordable());
    }
}

/// What the program ran in that worked for the call, if one did.
pub(crate) fn held(walk: &Walk<'_>) -> Option<Held> {
    let level = walk.call.held.level()?;
    let room = walk
        .provider()
        .and_then(|provider| provider.room(&walk.call.target));
    Some(Held { room, level })
}

fn describe(walk: &Walk<'_>) -> Outcome {
    match &walk.progress {
        Progress::Out(Ended::Answered(
            Answer::Result(body) | Answer::Asks(body) | Answer::Task(body),
        )) => Outcome::ok(walk.standing.house().recorded_result(body)),
        Progress::Out(Ended::Answered(Answer::Own(result))) => {
            Outcome::ok(walk.standing.house().recorded_own_result(result))
        }
        Progress::Out(Ended::Answered(Answer::Error(error))) => {
            Outcome::error(Some(error.code), None)
        }
        Progress::Out(Ended::Refused(refusal)) | Progress::Refused(refusal) => {
            let recorded = walk.standing.house().recorded_refusal(refusal);
            let mut outcome = Outcome::refused(&recorded);
            if refusal.detail == Some("panicked") {
                outcome.status = Status::Panicked;
            }
            outcome
        }
        Progress::In => Outcome::of(Status::Error),
    }
}
