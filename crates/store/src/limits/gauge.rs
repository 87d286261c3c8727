//! How many at once.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// How many calls run at once, up to a cap.
#[derive(Debug)]
pub struct Gauge {
    running: AtomicU32,
    cap: AtomicU32,
}

impl Gauge {
    pub(super) fn new(cap: u32) -> Self {
        Self {
            running: AtomicU32::new(0),
            cap: AtomicU32::new(cap),
        }
    }

    pub(super) fn set_cap(&self, cap: u32) {
        self.cap.store(cap, Ordering::Relaxed);
    }

    /// Takes a place, if one is free; it is given back when the permit is dropped.
    pub fn enter(self: &Arc<Self>) -> Option<Permit> {
        let cap = self.cap.load(Ordering::Relaxed);
        let one_more = |running: u32| (running < cap).then(|| running + 1);
        self.running
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, one_more)
            .ok()
            .map(|_| Permit(Arc::clone(self)))
    }

    /// How many run now.
    pub fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }
}

/// A place among the calls that run.
#[derive(Debug)]
#[must_use = "dropping it gives the place back"]
pub struct Permit(Arc<Gauge>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Release);
    }
}
