//! What is known of a plugin's life, for `durward status`.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use durward_cage::launch::{Level, Tail};
use tokio::{io::AsyncReadExt, net::unix::pipe::Receiver};

/// What happened to it since it was loaded.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) tail: Tail,
    /// Does its process run? Of those that stay alone.
    pub(super) running: AtomicBool,
    /// Starts of the process, of those that stay.
    pub(super) starts: AtomicU64,
    /// Lines on its stdout that were no answers.
    pub(super) junk: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    fault: Option<String>,
    level: Option<Level>,
}

impl Record {
    /// Keeps the end of what it complains of. It never ends.
    pub(super) async fn drain(&self, stderr: &mut Receiver) {
        let mut buffer = vec![0; 4 * 1024];
        while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
            self.tail.push(&buffer[..read]);
        }
        std::future::pending().await
    }

    /// It went wrong, and how.
    pub(super) fn fault(&self, how: &str) {
        self.last().fault = Some(how.to_owned());
    }

    /// It was started, and is held so.
    pub(super) fn held(&self, level: Level) {
        self.last().level = Some(level);
    }

    /// How it went wrong last.
    pub(super) fn last_fault(&self) -> Option<String> {
        self.last().fault.clone()
    }

    /// How it was held last.
    pub(super) fn level(&self) -> Option<Level> {
        self.last().level
    }

    /// How often its process was started again.
    pub(super) fn restarts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed).saturating_sub(1)
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
