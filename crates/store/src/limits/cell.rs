//! One budget.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use durward_core::Monotonic;
use durward_guard::limit::{Quota, Retry, decide};

/// What is spent of one budget: the theoretical arrival time of the next call.
#[derive(Debug, Default)]
pub struct Cell {
    tat: AtomicU64,
}

impl Cell {
    /// Takes one call from the budget, or says how long to wait for one.
    pub fn take(&self, now: Monotonic, quota: &Quota) -> Result<(), Duration> {
        let mut tat = self.tat.load(Ordering::Relaxed);
        loop {
            let next = match decide(tat, now.0, quota) {
                Ok(next) => next,
                Err(Retry(wait)) => {
                    self.forgive(tat, now, quota);
                    return Err(wait);
                }
            };
            match self
                .tat
                .compare_exchange_weak(tat, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(changed) => tat = changed,
            }
        }
    }

    /// Where more is spent than this quota could have let through (under another quota, or by a
    /// clock that jumped), counts the budget as spent and no more. One call's worth of slack keeps
    /// threads whose `now` is a little old out of this.
    fn forgive(&self, tat: u64, now: Monotonic, quota: &Quota) {
        let spent = quota.spent_at(now.0);
        if tat > spent.saturating_add(quota.period()) {
            // Whoever was quicker has just done the same.
            let _ = self
                .tat
                .compare_exchange(tat, spent, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Gives back the call that was taken last, for one that another limit refused.
    pub fn refund(&self, quota: &Quota) {
        let less = |tat: u64| Some(tat.saturating_sub(quota.period()));
        // The closure always gives a value, so this can't fail.
        let _ = self
            .tat
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Is nothing spent, so that a fresh cell would be the same?
    pub(super) fn is_whole(&self, now: Monotonic) -> bool {
        self.tat.load(Ordering::Relaxed) <= now.0
    }

    /// How long until nothing is spent.
    pub(super) fn spent(&self, now: Monotonic) -> Duration {
        Duration::from_nanos(self.tat.load(Ordering::Relaxed).saturating_sub(now.0))
    }

    /// Counts so much as spent, if less is.
    pub(super) fn spend(&self, now: Monotonic, spent: Duration) {
        let nanos = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        self.tat
            .fetch_max(now.0.saturating_add(nanos), Ordering::Relaxed);
    }
}
