//! A plugin that is started for each call: one object on its stdin, one on its stdout, and exit code 0.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use durward_core::{Call, RawJson, Refusal};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{asked, plugin::Made, refuse, said};
use crate::run::{Ran, Run};

/// So many run at once, unless the manifest says otherwise.
const AT_ONCE: u32 = 16;
/// So many calls wait at most until others have ended.
const WAITING: usize = 256;

/// The way to it.
pub(super) struct PerCall {
    made: Arc<Made>,
    seats: Semaphore,
    waiting: AtomicUsize,
}

impl PerCall {
    pub(super) fn new(made: Arc<Made>, at_once: Option<NonZeroU32>) -> Self {
        let at_once = at_once.map_or(AT_ONCE, NonZeroU32::get);
        Self {
            made,
            seats: Semaphore::new(usize::try_from(at_once).unwrap_or(Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Starts it, and gives what it answered.
    pub(super) async fn ask(
        &self,
        tool: &str,
        call: &Call,
        timeout: Duration,
    ) -> Result<RawJson, Refusal> {
        let _seat = self.seat().await?;
        self.made.unchanged().await?;
        let run = Run {
            plan: self.made.plan.clone(),
            stdin: Some(asked::call(None, tool, call.arguments.raw(), timeout)),
            timeout,
            output: self.made.output,
        };
        // What it prints is its answer, and no progress of the call.
        let call = Call {
            notify: None,
            ..call.clone()
        };
        let ran = run.run(&self.made.launcher, &call).await;
        let ran = ran.inspect_err(|refusal| self.made.record.fault(&refusal.reason))?;
        self.made.record.tail.push(&ran.stderr);
        self.made.record.held(ran.level);
        self.answer(ran, timeout)
    }

    fn answer(&self, ran: Ran, timeout: Duration) -> Result<RawJson, Refusal> {
        let name = self.made.name.as_str();
        let fault = |refusal: Refusal| {
            tracing::warn!(plugin = name, why = %refusal.reason, "a call of a plugin failed");
            self.made.record.fault(&refusal.reason);
            Err(refusal)
        };
        if ran.timed_out {
            return fault(refuse::too_slow(name, timeout));
        }
        if ran.stdout_truncated || ran.stderr_truncated {
            return fault(refuse::too_large(name, self.made.output));
        }
        match (ran.exit_code, ran.signal) {
            (Some(0), _) => {}
            (Some(code), _) => return fault(refuse::failed(name, &format!("exit code {code}"))),
            (None, Some(signal)) => {
                return fault(refuse::failed(name, &format!("signal {signal}")));
            }
            (None, None) => return fault(refuse::failed(name, "it was killed")),
        }
        said::object(&ran.stdout.into()).or_else(|unfit| fault(refuse::unfit(name, &unfit)))
    }

    async fn seat(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        if let Ok(seat) = self.seats.try_acquire() {
            return Ok(seat);
        }
        let _waits = Waits::enter(&self.waiting).ok_or_else(|| refuse::busy(&self.made.name))?;
        let seat = self.seats.acquire().await;
        // Nobody closes it.
        seat.map_err(|_| refuse::busy(&self.made.name))
    }
}

/// One of those who wait.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn enter(waiting: &'a AtomicUsize) -> Option<Self> {
        let one = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < WAITING).then_some(one)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
