//! The breaker of a tool: what keeps failing is left alone for a while, then tried once.
//!
//! ```text
//!            N faults in a row, within the window
//!   closed ────────────────────────────────────────→ open
//!     ↑                                              │  ↑
//!     │ the probe is answered             cool-down  │  │ the probe fails
//!     │                                     is over  ↓  │
//!     └───────────────────────────────────────── half-open: one probe
//! ```

mod machine;

use std::{
    num::NonZeroU32,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use durward_core::{Answer, Monotonic, Refusal, RefusalCode};
use machine::Machine;
use serde::Serialize;

use crate::limit::Retry;

/// "Internal error" (JSON-RPC 2.0, section 5.1).
const INTERNAL_ERROR: i64 = -32603;

/// `limits.breaker` of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many faults in a row open it; counted up to [`BreakerSettings::MOST`].
    pub faults: NonZeroU32,
    /// Faults count that came within this time.
    pub window: Duration,
    /// How long it stays open, and how long a probe is waited for before another one may go.
    pub cool_down: Duration,
}

impl BreakerSettings {
    /// The most faults that are counted: each is remembered with its time.
    pub const MOST: u32 = 1_000;
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            faults: const { NonZeroU32::new(5).unwrap() },
            window: Duration::from_secs(60),
            cool_down: Duration::from_secs(30),
        }
    }
}

/// A call that was let through. Give it back by [`Breaker::ended`], however the call ends: until then, or
/// until the cool-down is over once more, a probe keeps all others out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// One of many.
    Usual,
    /// The one that is tried while the breaker is open.
    Probe,
}

/// How a call ended, as far as a breaker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The tool answered, be it with an error of its own.
    Answered,
    /// It could not be reached, took too long, died, or broke down inside.
    Fault,
    /// The call says nothing of the tool: it was cancelled, or refused on the way.
    Neither,
}

impl Ended {
    /// How a call ended that reached its provider.
    pub fn of(outcome: &Result<Answer, Refusal>) -> Self {
        match outcome {
            Ok(Answer::Error(error)) if error.code == INTERNAL_ERROR => Self::Fault,
            Ok(Answer::Own(result)) if result.ran_out_of_time() => Self::Fault,
            Ok(_) => Self::Answered,
            // A person can mend it at any moment, and then it works at once; or the caller gave no time.
            Err(refusal)
                if matches!(
                    refusal.detail,
                    Some(Refusal::LOGIN_NEEDED | Refusal::NOT_BEGUN)
                ) =>
            {
                Self::Neither
            }
            Err(refusal) => match refusal.code {
                RefusalCode::Unavailable | RefusalCode::Timeout | RefusalCode::Internal => {
                    Self::Fault
                }
                _ => Self::Neither,
            },
        }
    }
}

/// What a breaker does with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It lets it through.
    Closed,
    /// It refuses it.
    Open,
    /// It tries it, or waits for the one that it tries.
    HalfOpen,
}

/// The breaker of one tool, shared by all of its calls. Whoever asks of a tool that works looks at one
/// flag; the lock is for those who meet a fault or an open breaker.
#[derive(Debug, Default)]
pub struct Breaker {
    /// False: it is closed and remembers no fault.
    troubled: AtomicBool,
    machine: Mutex<Machine>,
}

impl Breaker {
    /// Closed.
    pub fn new() -> Self {
        Self::default()
    }

    /// May a call go through?
    ///
    /// # Errors
    /// Not before so much time.
    pub fn admit(&self, now: Monotonic, settings: &BreakerSettings) -> Result<Pass, Retry> {
        if !self.troubled.load(Ordering::Acquire) {
            return Ok(Pass::Usual);
        }
        self.with(|machine| machine.admit(now, settings))
    }

    /// A call that was let through has ended.
    pub fn ended(&self, pass: Pass, how: Ended, now: Monotonic, settings: &BreakerSettings) {
        let changes_nothing = match (pass, how) {
            (Pass::Usual, Ended::Neither) => true,
            (Pass::Usual, Ended::Answered) => !self.troubled.load(Ordering::Acquire),
            _ => false,
        };
        if !changes_nothing {
            self.with(|machine| machine.ended(pass, how, now, settings));
        }
    }

    /// What it would do now.
    pub fn condition(&self, now: Monotonic) -> Condition {
        match self.troubled.load(Ordering::Acquire) {
            false => Condition::Closed,
            true => self.with(|machine| machine.condition(now)),
        }
    }

    /// How long it refuses all calls from now on.
    pub fn wait(&self, now: Monotonic) -> Duration {
        match self.troubled.load(Ordering::Acquire) {
            false => Duration::ZERO,
            true => self.with(|machine| machine.wait(now)),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let out = act(&mut machine);
        self.troubled.store(!machine.is_clean(), Ordering::Release);
        out
    }
}

#[cfg(test)]
mod tests;
