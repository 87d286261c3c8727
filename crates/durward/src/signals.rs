//! Signals: the first one drains, the second one ends, SIGHUP reloads.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, caught from the moment that this is made.
pub(crate) struct StopSignals {
    term: Signal,
    int: Signal,
}

impl StopSignals {
    /// Begins to catch them; within a runtime.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    /// Calls `first` at the first of them; ends at the second.
    pub(crate) async fn twice(mut self, first: impl FnOnce()) {
        self.next().await;
        first();
        self.next().await;
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// SIGHUP, again and again, caught from the moment that this is made.
pub(crate) struct HangUps(Signal);

impl HangUps {
    /// Begins to catch it; within a runtime.
    pub(crate) fn catch() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    pub(crate) async fn next(&mut self) {
        self.0.recv().await;
    }
}
