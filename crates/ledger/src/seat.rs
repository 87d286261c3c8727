//! A call's place in the journal, from its entering to its end. However it ends, it is recorded.

use std::sync::{Arc, atomic::Ordering};

use durward_core::{Monotonic, Refusal, Tier, Wall};
use uuid::Uuid;

use crate::{
    Durability, Facts, Held, LedgerFault, Outcome, Status, commit::Shared, pending::Pending, record,
};

/// A reserved place. A seat that is dropped with its call still open records `cancelled`, or `panicked`
/// while the thread unwinds.
pub struct Seat {
    shared: Arc<Shared>,
    entered: Monotonic,
    state: State,
    held: Option<Held>,
}

enum State {
    /// Nothing is known.
    Empty,
    /// The call is known and not yet let through.
    Described(Facts, Wall),
    /// The call runs; its intent is written with its outcome.
    Running(Facts, Wall),
    /// The call runs; its intent is written.
    Intended {
        call: Uuid,
        intent: Option<u64>,
        tier: Tier,
    },
    /// All is recorded.
    Done,
}

impl Seat {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let entered = shared.clock.monotonic();
        Self {
            shared,
            entered,
            state: State::Empty,
            held: None,
        }
    }

    /// Says early what is known of the call, so that even one that vanishes before [`Seat::intent`] is
    /// recorded.
    pub fn describe(&mut self, facts: Facts) {
        if matches!(self.state, State::Empty | State::Described(..)) {
            self.state = State::Described(facts, self.shared.clock.wall());
        }
    }

    /// Says how the program is held that works for the call, for one that vanishes before its end.
    pub fn held(&mut self, held: Held) {
        self.held = Some(held);
    }

    /// Records that the call is about to run. It may run only after this returned `Ok`.
    ///
    /// # Errors
    /// [`LedgerFault::Failed`] where the record can't be written as `durability` says.
    pub async fn intent(
        &mut self,
        facts: Facts,
        durability: Durability,
    ) -> Result<(), LedgerFault> {
        let now = self.shared.clock.wall();
        if durability == Durability::WithOutcome {
            self.state = State::Running(facts, now);
            return Ok(());
        }
        let target = self.write_intent(&facts, now);
        match durability {
            Durability::Synced => self.shared.synced(target).await,
            _ => self.shared.written(target).await,
        }
    }

    /// Records how the call ended. The answer may leave only after this returned `Ok`.
    ///
    /// # Errors
    /// [`LedgerFault::Failed`] where the record can't be written; it is kept in memory and written as soon
    /// as that is possible.
    pub async fn close(mut self, outcome: Outcome) -> Result<(), LedgerFault> {
        let target = self.write_outcome(&outcome);
        self.shared.written(target).await
    }

    /// Records that the call was not let through: one record.
    ///
    /// # Errors
    /// As [`Seat::close`].
    pub async fn refuse(mut self, facts: Facts, refusal: &Refusal) -> Result<(), LedgerFault> {
        let target = self.write_refusal(&facts, refusal);
        self.shared.written(target).await
    }

    fn write_intent(&mut self, facts: &Facts, at: Wall) -> Option<u64> {
        let content = self.shared.content;
        let mut intent = None;
        let target = self.shared.append(facts.tier, |pending| {
            intent = Some(push_intent(pending, facts, at, content));
        });
        self.state = State::Intended {
            call: facts.call.0,
            intent,
            tier: facts.tier,
        };
        target
    }

    fn write_outcome(&mut self, outcome: &Outcome) -> Option<u64> {
        let (took, content) = (self.took(), self.shared.content);
        let close = |pending: &mut Pending, call, intent| {
            pending.append("outcome", |record| {
                record::outcome(record, call, intent, outcome, took, content);
            });
        };
        match std::mem::replace(&mut self.state, State::Done) {
            State::Running(facts, at) => self.shared.append(facts.tier, |pending| {
                let intent = push_intent(pending, &facts, at, content);
                close(pending, facts.call.0, Some(intent));
            }),
            State::Intended { call, intent, tier } => self
                .shared
                .append(tier, |pending| close(pending, call, intent)),
            State::Described(facts, at) => self.shared.append(facts.tier, |pending| {
                pending.append_at(at, "refusal", |record| {
                    record::facts(record, &facts, content);
                    record::vanished(record, outcome.status, took);
                });
            }),
            // Nothing was ever said of a call: there is nothing to record.
            State::Empty | State::Done => Some(0),
        }
    }

    fn write_refusal(&mut self, facts: &Facts, refusal: &Refusal) -> Option<u64> {
        if matches!(self.state, State::Running(..) | State::Intended { .. }) {
            return self.write_outcome(&Outcome::refused(refusal));
        }
        let (took, content) = (self.took(), self.shared.content);
        self.state = State::Done;
        self.shared.append(facts.tier, |pending| {
            pending.append("refusal", |record| {
                record::facts(record, facts, content);
                record::refusal(record, refusal, took);
            });
        })
    }

    fn took(&self) -> std::time::Duration {
        self.shared.clock.monotonic().since(self.entered)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !matches!(self.state, State::Empty | State::Done) {
            let status = if std::thread::panicking() {
                Status::Panicked
            } else {
                Status::Cancelled
            };
            let mut outcome = Outcome::of(status);
            outcome.held = self.held;
            let target = self.write_outcome(&outcome);
            // Nobody is left to be told; a record that could not be written waits in memory.
            let _ = self.shared.written_now(target);
        }
        self.shared.open.fetch_sub(1, Ordering::AcqRel);
    }
}

fn push_intent(
    pending: &mut Pending,
    facts: &Facts,
    at: Wall,
    content: crate::ContentPolicy,
) -> u64 {
    pending.append_at(at, "intent", |record| record::facts(record, facts, content))
}
