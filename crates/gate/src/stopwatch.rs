//! How long a server may still take for a call. While a person thinks about a question of it, no time
//! passes; while it tells of progress, there is more (protocol.md, section 5).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use durward_core::{LogLevel, Notify as NotifyClient, RawJson};
use tokio::{sync::Notify, time::Instant};

/// A call that tells of progress may take so many times as long as one that does not.
const WITH_PROGRESS: u32 = 10;

/// Counts one call's own time, and hears what its server tells on the way to the client.
pub(crate) struct Stopwatch {
    state: Mutex<State>,
    changed: Notify,
    client: Option<Arc<dyn NotifyClient>>,
}

struct State {
    /// Who waits for a person.
    waiting: usize,
    /// What had passed before it last began to run.
    before: Duration,
    /// When it last began to run.
    since: Instant,
    /// What had passed when progress was last told.
    told: Duration,
}

impl State {
    fn passed(&self) -> Duration {
        match self.waiting {
            0 => self.before + self.since.elapsed(),
            _ => self.before,
        }
    }
}

/// Holds the time as long as it lives.
pub(crate) struct Held(Arc<Stopwatch>);

impl Stopwatch {
    /// Begins to run. What is told goes on to `client`.
    pub(crate) fn new(client: Option<Arc<dyn NotifyClient>>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                waiting: 0,
                before: Duration::ZERO,
                since: Instant::now(),
                told: Duration::ZERO,
            }),
            changed: Notify::new(),
            client,
        })
    }

    /// Holds the time.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        let mut state = self.lock();
        state.before = state.passed();
        state.waiting += 1;
        drop(state);
        self.changed.notify_waiters();
        Held(Arc::clone(self))
    }

    /// Ends when so much of the call's own time has passed without progress, or ten times as much in all.
    pub(crate) async fn run_out(&self, timeout: Duration) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let left = {
                let state = self.lock();
                let end = (state.told + timeout).min(timeout * WITH_PROGRESS);
                (state.waiting == 0).then(|| end.saturating_sub(state.passed()))
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

    fn progressed(&self) {
        let mut state = self.lock();
        state.told = state.passed();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NotifyClient for Stopwatch {
    fn progress(&self, done: u64, total: Option<u64>, message: Option<&str>) {
        self.progressed();
        if let Some(client) = &self.client {
            client.progress(done, total, message);
        }
    }

    fn log(&self, level: LogLevel, logger: &str, data: RawJson) {
        if let Some(client) = &self.client {
            client.log(level, logger, data);
        }
    }

    fn relay_progress(&self, params: &RawJson) {
        self.progressed();
        if let Some(client) = &self.client {
            client.relay_progress(params);
        }
    }

    fn relay_log(&self, level: LogLevel, params: RawJson) {
        if let Some(client) = &self.client {
            client.relay_log(level, params);
        }
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
        let watch = Stopwatch::new(None);
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

    #[tokio::test(start_paused = true)]
    async fn progress_gives_more_time_but_not_for_ever() {
        let begun = Instant::now();
        let watch = Stopwatch::new(None);
        let tell = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            watch.progress(1, None, None);
            std::future::pending::<()>().await;
        };
        let timeout = Duration::from_secs(30);
        tokio::select! {
            () = watch.run_out(timeout) => {}
            () = tell => {}
        }
        assert_eq!(begun.elapsed(), Duration::from_secs(50));
        let begun = Instant::now();
        let watch = Stopwatch::new(None);
        let tell = async {
            loop {
                tokio::time::sleep(Duration::from_secs(20)).await;
                watch.relay_progress(&RawJson::empty_object());
            }
        };
        tokio::select! {
            () = watch.run_out(timeout) => {}
            () = tell => {}
        }
        assert_eq!(begun.elapsed(), Duration::from_secs(300));
    }
}
