//! The task that owns the process of a plugin: it starts it when it is first asked, and again when it went.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use durward_cage::launch::Child;
use durward_core::{Refusal, RefusalCode};
use durward_guard::backoff::Backoff;
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, sleep},
};

use super::{
    Ask,
    life::{End, Life},
};
use crate::plugins::{plugin::Made, refuse};

/// A call waits for a pause of this length; in a longer one it is told at once what is wrong.
const SHORT_PAUSE: Duration = Duration::from_secs(1);
/// How long a process that is wanted no more has to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Owns the process.
pub(super) struct Owner {
    made: Arc<Made>,
    at_once: usize,
    backoff: Backoff,
    not_before: Option<Instant>,
}

impl Owner {
    pub(super) fn new(made: Arc<Made>, at_once: usize) -> Self {
        Self {
            made,
            at_once,
            backoff: Backoff::default(),
            not_before: None,
        }
    }

    /// Serves calls until nobody can ask any more.
    pub(super) async fn run(mut self, mut asks: Receiver<Ask>, mut given_up: Receiver<u64>) {
        while let Some(first) = self.wanted(&mut asks).await {
            let child = match self.start().await {
                Ok(child) => child,
                Err(refusal) => {
                    self.fault(&refusal.reason);
                    first.answer(Err(refusal));
                    continue;
                }
            };
            // Who gave up before this process was there has nothing in it.
            while given_up.try_recv().is_ok() {}
            let record = &self.made.record;
            record.running.store(true, Ordering::Relaxed);
            let life = Life::new(&self.made, self.at_once);
            let (end, served) = life.run(child, first, &mut asks, &mut given_up).await;
            self.made.record.running.store(false, Ordering::Relaxed);
            if served {
                self.backoff.reset();
            }
            match end {
                End::Retired(child) => {
                    child.stop(GRACE).await;
                    return;
                }
                End::Left => self.not_before = None,
                End::Hung(how) => self.note(&how),
                End::Fault(how) => self.fault(&how),
            }
        }
    }

    /// The next call that somebody waits for, once the process may be started.
    async fn wanted(&self, asks: &mut Receiver<Ask>) -> Option<Ask> {
        loop {
            let ask = asks.recv().await?;
            let now = Instant::now();
            let pause = self
                .not_before
                .map_or(Duration::ZERO, |then| then.saturating_duration_since(now));
            if pause > SHORT_PAUSE {
                ask.answer(Err(refuse::resting(&self.made.name, pause)));
                continue;
            }
            sleep(pause).await;
            if !ask.reply.is_closed() {
                return Some(ask);
            }
        }
    }

    async fn start(&self) -> Result<Child, Refusal> {
        self.made.unchanged().await?;
        let started = self.made.launcher.spawn(&self.made.plan).await;
        let child = started.map_err(|fault| {
            tracing::warn!(plugin = self.made.name, %fault, "a plugin was not started");
            Refusal::new(
                RefusalCode::Unavailable,
                format!(
                    "The plugin `{}` can't be started; durward's log says why.",
                    self.made.name
                ),
            )
            .detail("plugin_failed")
        })?;
        self.made.record.starts.fetch_add(1, Ordering::Relaxed);
        self.made.record.held(child.level());
        Ok(child)
    }

    fn note(&self, how: &str) {
        tracing::warn!(plugin = self.made.name, how, "a plugin failed");
        self.made.record.fault(how);
    }

    fn fault(&mut self, how: &str) {
        self.note(how);
        // One process, for one machine's callers: nobody has to be kept from coming back at the same time.
        self.not_before = Some(Instant::now() + self.backoff.pause(0));
    }
}

impl Ask {
    /// Answers it; where nobody waits any more, nobody hears.
    pub(super) fn answer(self, answer: Result<durward_core::RawJson, Refusal>) {
        let _ = self.reply.send(answer);
    }
}
