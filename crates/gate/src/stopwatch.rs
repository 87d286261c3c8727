//! How long a call may still take. While a person thinks about a question of it, no time passes.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// Counts one call's own time.
pub(crate) struct Stopwatch {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    /// Who waits for a person.
    waiting: usize,
    /// What had passed before it last began to run.
    passed: Duration,
    /// When it last began to run.
    since: Instant,
}

/// Holds the time as long as it lives.
pub(crate) struct Held(Arc<Stopwatch>);

impl Stopwatch {
    /// Begins to run.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                waiting: 0,
                passed: Duration::ZERO,
                since: Instant::now(),
            }),
            changed: Notify::new(),
        })
    }

    /// Holds the time.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        let mut state = self.lock();
        if state.waiting == 0 {
            let running = state.since.elapsed();
            state.passed += running;
        }
        state.waiting += 1;
        drop(state);
        self.changed.notify_waiters();
        Held(Arc::clone(self))
    }

    /// Ends when so much of the call's own time has passed.
    pub(crate) async fn run_out(&self, timeout: Duration) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let left = {
                let state = self.lock();
                let passed = match state.waiting {
                    0 => state.passed + state.since.elapsed(),
                    _ => state.passed,
                };
                (state.waiting == 0).then(|| timeout.saturating_sub(passed))
            };
            match left {
                Some(left) if left.is_zero() => return,
                Some(left) => tokio::select! {
                    () = tokio::time::sleep(left) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.waiting -= 1;
        if state.waiting == 0 {
            state.since = Instant::now();
        }
        drop(state);
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_that_is_held_does_not_count() {
        let begun = Instant::now();
        let watch = Stopwatch::new();
        let runs = tokio::spawn({
            let watch = Arc::clone(&watch);
            async move { watch.run_out(Duration::from_secs(30)).await }
        });
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (first, second) = (watch.hold(), watch.hold());
        tokio::time::sleep(Duration::from_secs(300)).await;
        drop(first);
        tokio::time::sleep(Duration::from_secs(300)).await;
        drop(second);
        runs.await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_secs(630));
    }
}
