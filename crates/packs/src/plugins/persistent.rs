//! A plugin that stays: one process, an object a line each way, with ids. One task owns the process; calls of
//! any thread reach it by a bounded queue.

mod life;
mod owner;

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use durward_core::{Call, RawJson, Refusal};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{asked, plugin::Made, refuse};

/// So many calls wait at most until there is a place for them in the plugin; and as many are in it at most.
const WAITING: usize = 256;

/// The way to it.
pub(super) struct Persistent {
    made: Arc<Made>,
    at_once: usize,
    next: AtomicU64,
    line: Mutex<Option<Line>>,
}

/// The way to the task that owns the process.
#[derive(Clone)]
struct Line {
    asks: mpsc::Sender<Ask>,
    given_up: mpsc::Sender<u64>,
}

/// A call on its way.
struct Ask {
    id: u64,
    line: Bytes,
    reply: oneshot::Sender<Result<RawJson, Refusal>>,
}

impl Persistent {
    /// One call at a time, unless the manifest says otherwise.
    pub(super) fn new(made: Arc<Made>, at_once: Option<NonZeroU32>) -> Self {
        let at_once = at_once.map_or(1, NonZeroU32::get);
        Self {
            made,
            at_once: usize::try_from(at_once).map_or(WAITING, |it| it.min(WAITING)),
            next: AtomicU64::new(1),
            line: Mutex::default(),
        }
    }

    /// Starts it where it does not run, and gives what it answered.
    pub(super) async fn ask(
        &self,
        tool: &str,
        call: &Call,
        time: Duration,
    ) -> Result<RawJson, Refusal> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let line = asked::call(Some(id), tool, call.arguments.raw(), time);
        let given_up = self.put(Ask { id, line, reply })?;
        let mut waiting = Waiting {
            id,
            answer,
            given_up,
        };
        // The gate has a clock of its own for the call.
        let answer = match time < call.timeout {
            true => timeout(time, &mut waiting.answer).await,
            false => Ok((&mut waiting.answer).await),
        };
        match answer {
            Ok(Ok(answer)) => answer,
            // The runtime on which the process was owned ends.
            Ok(Err(_)) => Err(refuse::died(&self.made.name, "it was ended")),
            Err(_) => Err(refuse::too_slow(&self.made.name, time)),
        }
    }

    /// Puts a call into the queue. Where nobody owns the process yet, or no more, this runtime does from now on.
    fn put(&self, ask: Ask) -> Result<mpsc::Sender<u64>, Refusal> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let there = line.take().filter(|line| !line.asks.is_closed());
        let now = line.insert(there.unwrap_or_else(|| self.open()));
        match now.asks.try_send(ask) {
            Ok(()) => Ok(now.given_up.clone()),
            Err(_) => Err(refuse::busy(&self.made.name)),
        }
    }

    fn open(&self) -> Line {
        let (asks, queue) = mpsc::channel(WAITING);
        let (given_up, gone) = mpsc::channel(2 * WAITING);
        let owner = owner::Owner::new(Arc::clone(&self.made), self.at_once);
        // It ends by itself when nobody can ask any more: the queue's other end is ours.
        tokio::spawn(owner.run(queue, gone));
        Line { asks, given_up }
    }
}

/// A call that waits. Dropped before it is answered, the plugin is told.
struct Waiting {
    id: u64,
    answer: oneshot::Receiver<Result<RawJson, Refusal>>,
    given_up: mpsc::Sender<u64>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.answer.is_terminated() {
            return;
        }
        // First: where it is still in the queue, this alone tells.
        self.answer.close();
        // Where there is no room, nothing of it is with the plugin yet.
        let _ = self.given_up.try_send(self.id);
    }
}
