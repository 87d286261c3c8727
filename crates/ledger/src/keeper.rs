//! The thread that syncs: an fsync blocks, and a runtime's thread may not.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use durward_core::Monotonic;

use crate::commit::{Shared, hold};

const STACK: usize = 128 << 10;
/// While the disk takes nothing, the keeper tries it so often.
const RETRY_NANOS: u64 = 1_000_000_000;
const NEVER: u64 = u64::MAX;

/// The thread, until it is told to end.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let own = shared.clone();
        let thread = Builder::new()
            .name("durward-journal".to_owned())
            .stack_size(STACK)
            .spawn(move || run(&own))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Ends it after a last sync.
    pub(crate) fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.shared.alarm.stop();
            // It can't have panicked; if it had, there would be nothing left to wait for.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared) {
    loop {
        let go_on = shared.alarm.sleep();
        shared.sync();
        if !go_on {
            return;
        }
        let now = shared.clock.monotonic();
        let again = if shared.health().ok {
            shared.sign_due()
        } else {
            Some(Monotonic(now.0.saturating_add(RETRY_NANOS)))
        };
        if let Some(at) = again {
            shared.alarm.set(at, now);
        }
    }
}

/// When the keeper is to wake.
pub(crate) struct Alarm {
    /// The earliest time that is set, so that setting a later one costs one load.
    earliest: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// How long from the last change on.
    wait: Option<Duration>,
    stop: bool,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            earliest: AtomicU64::new(NEVER),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }
}

impl Alarm {
    /// Wakes the keeper at that time, if nothing does earlier.
    pub(crate) fn set(&self, at: Monotonic, now: Monotonic) {
        if at.0 >= self.earliest.load(Ordering::Acquire) {
            return;
        }
        let mut state = hold(&self.state);
        if at.0 < self.earliest.load(Ordering::Acquire) {
            self.earliest.store(at.0, Ordering::Release);
            state.wait = Some(at.since(now));
            self.changed.notify_one();
        }
    }

    /// Wakes it now.
    pub(crate) fn ring(&self) {
        self.set(Monotonic(0), Monotonic(0));
    }

    /// Ends it, after one more sync.
    fn stop(&self) {
        hold(&self.state).stop = true;
        self.changed.notify_one();
    }

    /// Sleeps until it is time; false means that it is time to end.
    fn sleep(&self) -> bool {
        let mut state = hold(&self.state);
        while !state.stop {
            match state.wait {
                Some(Duration::ZERO) => break,
                Some(wait) => {
                    // A wake before its time means that another time was set.
                    let (woken, timeout) = self
                        .changed
                        .wait_timeout(state, wait)
                        .unwrap_or_else(PoisonError::into_inner);
                    state = woken;
                    if timeout.timed_out() {
                        break;
                    }
                }
                None => {
                    state = self
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        state.wait = None;
        self.earliest.store(NEVER, Ordering::Release);
        !state.stop
    }
}
