//! What a server did that it should not have, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often a server said what had no place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes that were no message.
    pub garbage: u64,
    /// Answers to what was not asked, or not any more; second answers.
    pub strays: u64,
    /// Questions, logs and progress of which it was not known whose they are.
    pub unattributed: u64,
    /// What a slow call, or a slow server, did not take.
    pub dropped: u64,
}

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    garbage: AtomicU64,
    strays: AtomicU64,
    unattributed: AtomicU64,
    dropped: AtomicU64,
}

impl Tally {
    pub(crate) fn garbage(&self, bytes: usize) {
        self.garbage.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn stray(&self) {
        self.strays.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unattributed(&self) {
        self.unattributed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            garbage: read(&self.garbage),
            strays: read(&self.strays),
            unattributed: read(&self.unattributed),
            dropped: read(&self.dropped),
        }
    }
}
