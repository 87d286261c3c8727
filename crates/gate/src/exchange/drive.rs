//! The work of a parked call, on its own: no request waits for it now.

use std::{sync::Arc, time::Duration};

use durward_core::{Answer, BoxFuture, Refusal, RefusalCode};
use durward_ledger::{Durability, Facts, Outcome};

use super::parked::Parked;
use crate::{gate::Gate, stages::provider::took_too_long};

/// How long a server may take to take in that nobody came back.
const FAREWELL: Duration = Duration::from_millis(100);

/// What a provider is doing for a call.
pub(super) type Work = BoxFuture<'static, Result<Answer, Refusal>>;

/// For how long, and what is recorded if nobody comes back.
pub(super) struct Terms {
    /// Of the call's own time.
    pub(super) timeout: Duration,
    /// How long its client may be away.
    pub(super) ttl: Duration,
    pub(super) facts: Facts,
}

/// Works until it is done, left, out of time or deserted.
pub(super) async fn drive(gate: Arc<Gate>, parked: Arc<Parked>, mut work: Work, terms: Terms) {
    let outcome = tokio::select! {
        biased;
        outcome = &mut work => Some(outcome),
        () = parked.cancel.cancelled() => return,
        () = parked.stopwatch.run_out(terms.timeout) => Some(Err(took_too_long(terms.timeout))),
        () = parked.deserted(terms.ttl) => None,
    };
    if let Some(outcome) = outcome {
        drop(work);
        parked.finish(outcome);
        tokio::select! {
            biased;
            () = parked.ended() => return,
            () = parked.deserted(terms.ttl) => {}
        }
    } else {
        parked.desert();
        // It may say what it likes; there is nobody to hear it.
        let _ = tokio::time::timeout(FAREWELL, &mut work).await;
        drop(work);
    }
    parked.leave();
    record(&gate, terms).await;
}

/// Writes down that nobody came back.
async fn record(gate: &Gate, terms: Terms) {
    let sentence = "Nobody answered the questions of this call in time.";
    let refusal = Refusal::new(RefusalCode::Timeout, sentence).detail("unanswered");
    let written = match gate.journal().enter() {
        Ok(mut seat) => match seat.intent(terms.facts, Durability::WithOutcome).await {
            Ok(()) => seat.close(Outcome::refused(&refusal)).await,
            Err(fault) => Err(fault),
        },
        Err(fault) => Err(fault),
    };
    if let Err(error) = written {
        tracing::error!(%error, "the end of a call could not be recorded");
    }
}
