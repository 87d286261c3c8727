//! What a program prints, told while it runs: progress of the call, for clients that asked for it.

use std::{future::pending, time::Duration};

use durward_core::{Call, Notify};
use tokio::time::{Instant, sleep_until};

/// No more often than this.
const EVERY: Duration = Duration::from_millis(100);

/// Of what is printed in between, the last so many bytes are told.
const MOST: usize = 2 * 1024;

/// Lines on their way to the client.
pub(super) struct Telling<'a> {
    to: Option<&'a dyn Notify>,
    untold: Vec<u8>,
    /// How many bytes were printed: how far the call has come.
    printed: u64,
    not_before: Instant,
}

impl<'a> Telling<'a> {
    /// To the client of this call, if it wants to hear.
    pub(super) fn of(call: &'a Call) -> Self {
        let to = call.notify.as_deref().filter(|_| call.wants_progress);
        Self {
            to,
            untold: Vec::new(),
            printed: 0,
            not_before: Instant::now(),
        }
    }

    /// Takes what was printed.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        if self.to.is_none() {
            return;
        }
        self.printed += bytes.len() as u64;
        let bytes = &bytes[bytes.len().saturating_sub(MOST)..];
        self.untold.extend_from_slice(bytes);
        let surplus = self.untold.len().saturating_sub(MOST);
        self.untold.drain(..surplus);
    }

    /// Ends when there is something to tell and it may be told.
    pub(super) async fn due(&self) {
        match self.end() {
            0 => pending().await,
            _ => sleep_until(self.not_before).await,
        }
    }

    /// Tells it.
    pub(super) fn tell(&mut self) {
        let lines: Vec<u8> = self.untold.drain(..self.end()).collect();
        let text = String::from_utf8_lossy(&lines);
        if let Some(to) = self.to {
            to.progress(self.printed, None, Some(text.trim_end_matches('\n')));
        }
        self.not_before = Instant::now() + EVERY;
    }

    /// Where the last whole line ends; a line that is too long is told in parts.
    fn end(&self) -> usize {
        match memchr::memrchr(b'\n', &self.untold) {
            Some(at) => at + 1,
            None if self.untold.len() >= MOST => MOST,
            None => 0,
        }
    }
}
