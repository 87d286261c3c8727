//! Group commit without a thread of its own: whoever finds the writer idle writes for all who wait.

use std::{
    future::poll_fn,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use durward_core::{Clock, Monotonic, Tier};
use tokio::sync::Notify;

use crate::{
    ContentPolicy, FsyncPolicy, Health, LedgerFault, OnFailure, folder::Held, keeper::Alarm,
    pending::Pending, writer::Writer,
};

/// While the disk takes nothing, it is tried again so often at most.
const RETRY: Duration = Duration::from_millis(250);
/// While the disk takes nothing, no more than this is kept in memory; further records are counted.
const MOST_WAITING: usize = 8 << 20;

/// What the journal, its seats and its keeper share.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) content: ContentPolicy,
    pub(crate) fsync: FsyncPolicy,
    pub(crate) on_failure: OnFailure,
    pub(crate) pending: Mutex<Pending>,
    writer: Mutex<Writer>,
    /// When the keeper is to sync.
    pub(crate) alarm: Alarm,
    /// Calls under way.
    pub(crate) open: AtomicUsize,
    pub(crate) closed: AtomicBool,
    /// Records below this number are in the file.
    written: AtomicU64,
    /// Records below this number are on disk.
    synced: AtomicU64,
    /// Anything above changed, or the journal failed.
    turn: Notify,
    failed: AtomicBool,
    failure: Mutex<Option<Failure>>,
    dropped: AtomicU64,
    copy_error: Arc<Mutex<Option<Arc<str>>>>,
    /// The chain is ours as long as anyone may write to it.
    pub(crate) held: Held,
}

struct Failure {
    why: Arc<str>,
    tried: Monotonic,
}

/// How records are kept.
pub(crate) struct Rules {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) content: ContentPolicy,
    pub(crate) fsync: FsyncPolicy,
    pub(crate) on_failure: OnFailure,
    pub(crate) copy_error: Arc<Mutex<Option<Arc<str>>>>,
}

impl Shared {
    pub(crate) fn new(rules: Rules, pending: Pending, writer: Writer, held: Held) -> Self {
        Self {
            clock: rules.clock,
            content: rules.content,
            fsync: rules.fsync,
            on_failure: rules.on_failure,
            pending: Mutex::new(pending),
            writer: Mutex::new(writer),
            alarm: Alarm::default(),
            open: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            written: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            turn: Notify::new(),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
            dropped: AtomicU64::new(0),
            copy_error: rules.copy_error,
            held,
        }
    }

    /// Adds records under the lock and gives the number after them, or nothing if there is no room.
    pub(crate) fn append(&self, tier: Tier, fill: impl FnOnce(&mut Pending)) -> Option<u64> {
        let mut pending = hold(&self.pending);
        if self.is_failed() && pending.batch.bytes.len() >= MOST_WAITING {
            pending.dropped += 1;
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        if pending.dropped > 0 {
            let dropped = std::mem::take(&mut pending.dropped);
            pending.append("dropped", |record| record.number("records", dropped));
        }
        fill(&mut pending);
        pending.sync_by(self.due(tier));
        Some(pending.end.link.seq)
    }

    /// Waits until all records below `target` are in the file.
    pub(crate) async fn written(&self, target: Option<u64>) -> Result<(), LedgerFault> {
        let Some(target) = target else {
            return self.verdict(Err(self.fault()));
        };
        if self.open.load(Ordering::Relaxed) > 1 {
            // Others of this thread that are ready add theirs, and one write serves all.
            yield_once().await;
        }
        loop {
            let turn = self.turn.notified();
            if self.written.load(Ordering::Acquire) >= target {
                return Ok(());
            }
            let tried = self
                .hand_if_idle()
                .map(|mut hand| self.commit(&mut hand.writer));
            match tried {
                Some(outcome) => return self.verdict(outcome),
                None => turn.await,
            }
        }
    }

    /// The same, from where nothing can be awaited.
    pub(crate) fn written_now(&self, target: Option<u64>) -> Result<(), LedgerFault> {
        let Some(target) = target else {
            return self.verdict(Err(self.fault()));
        };
        if self.written.load(Ordering::Acquire) >= target {
            return Ok(());
        }
        let outcome = self.commit(&mut self.hand().writer);
        self.verdict(outcome)
    }

    /// Waits until all records below `target` are on disk.
    pub(crate) async fn synced(&self, target: Option<u64>) -> Result<(), LedgerFault> {
        self.written(target).await?;
        let Some(target) = target else { return Ok(()) };
        loop {
            let turn = self.turn.notified();
            if self.synced.load(Ordering::Acquire) >= target {
                return Ok(());
            }
            if self.is_failed() {
                return self.verdict(Err(self.fault()));
            }
            if self.closed.load(Ordering::Acquire) {
                return Err(LedgerFault::Closed);
            }
            self.alarm.ring();
            turn.await;
        }
    }

    /// Writes all that waits.
    fn commit(&self, writer: &mut Writer) -> Result<(), LedgerFault> {
        if self.is_failed() && !self.may_retry() {
            return Err(self.fault());
        }
        let (next_seq, due) = {
            let mut pending = hold(&self.pending);
            pending.sign_if_due();
            let next_seq = pending.end.link.seq;
            writer.take(&mut pending.batch);
            (next_seq, pending.due.take())
        };
        match writer.write() {
            Ok(()) => {
                self.written.store(next_seq, Ordering::Release);
                if self.failed.swap(false, Ordering::AcqRel) {
                    *hold(&self.failure) = None;
                }
                if let Some(due) = due {
                    self.alarm.set(due, self.clock.monotonic());
                }
                Ok(())
            }
            Err(error) => {
                // What waits is still to be synced once it is written.
                if let Some(due) = due {
                    hold(&self.pending).sync_by(due);
                }
                Err(self.fail(&error))
            }
        }
    }

    /// Puts all that was written on disk; the keeper's work.
    pub(crate) fn sync(&self) {
        let mut hand = self.hand();
        let Ok(()) = self.commit(&mut hand.writer) else {
            return;
        };
        let (unsynced, seq) = (hand.writer.unsynced(), self.written.load(Ordering::Acquire));
        drop(hand);
        // Nobody waits for the writer while the disk works.
        let outcome = unsynced.sync();
        let mut hand = self.hand();
        match outcome {
            Ok(()) => {
                hand.writer.synced(&unsynced);
                self.synced.fetch_max(seq, Ordering::AcqRel);
            }
            Err(error) => {
                hand.writer.doubt();
                self.fail(&error);
            }
        }
    }

    /// When the keeper has something to do though nobody comes: a checkpoint.
    pub(crate) fn sign_due(&self) -> Option<Monotonic> {
        hold(&self.pending).sign_due()
    }

    /// Has the keeper sync what was written before it started.
    pub(crate) fn sync_soon(&self) {
        self.alarm.set(self.due(Tier::Read), self.clock.monotonic());
    }

    /// Signs all there is, for the last time, and refuses what comes.
    pub(crate) fn seal(&self) {
        hold(&self.pending).sign();
        self.closed.store(true, Ordering::Release);
    }

    /// Records can't be written now, and trying again did not help.
    pub(crate) fn is_down(&self) -> bool {
        if !self.is_failed() {
            return false;
        }
        self.hand_if_idle()
            .is_none_or(|mut hand| self.commit(&mut hand.writer).is_err())
    }

    /// Why nothing can be written.
    pub(crate) fn fault(&self) -> LedgerFault {
        let why = hold(&self.failure)
            .as_ref()
            .map(|failure| failure.why.clone());
        LedgerFault::Failed {
            why: why.unwrap_or_else(|| "no room for another record".into()),
        }
    }

    /// Asks nobody who might be waiting for a disk.
    pub(crate) fn health(&self) -> Health {
        let last_error = hold(&self.failure)
            .as_ref()
            .map(|failure| failure.why.clone());
        let copy_error = hold(&self.copy_error).clone();
        Health {
            ok: !self.is_failed(),
            last_error,
            dropped: self.dropped.load(Ordering::Relaxed),
            copy_error,
            open: self.open.load(Ordering::Relaxed),
        }
    }

    fn hand(&self) -> Hand<'_> {
        Hand {
            writer: hold(&self.writer),
            _turn: Turn(&self.turn),
        }
    }

    fn hand_if_idle(&self) -> Option<Hand<'_>> {
        let writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Hand {
            writer,
            _turn: Turn(&self.turn),
        })
    }

    fn due(&self, tier: Tier) -> Monotonic {
        let within = u64::try_from(self.fsync.within(tier).as_nanos()).unwrap_or(u64::MAX);
        Monotonic(self.clock.monotonic().0.saturating_add(within))
    }

    fn is_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    fn may_retry(&self) -> bool {
        let now = self.clock.monotonic();
        let mut failure = hold(&self.failure);
        match failure.as_mut() {
            Some(failure) if now.since(failure.tried) < RETRY => false,
            Some(failure) => {
                failure.tried = now;
                true
            }
            None => true,
        }
    }

    fn fail(&self, error: &io::Error) -> LedgerFault {
        let why: Arc<str> = error.to_string().into();
        if !self.is_failed() {
            tracing::error!(%error, "the audit journal can't be written");
        }
        *hold(&self.failure) = Some(Failure {
            why: why.clone(),
            tried: self.clock.monotonic(),
        });
        self.failed.store(true, Ordering::Release);
        LedgerFault::Failed { why }
    }

    /// What the configuration makes of a failure: the records wait in memory either way.
    fn verdict(&self, outcome: Result<(), LedgerFault>) -> Result<(), LedgerFault> {
        match self.on_failure {
            OnFailure::Refuse => outcome,
            OnFailure::Degrade => Ok(()),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !hold(&self.writer).has_new_names() {
            self.held.leave();
        }
    }
}

/// The writer, in one hand. Who finds it taken waits for a turn, so letting go must always give one:
/// fields are dropped in this order.
struct Hand<'a> {
    writer: MutexGuard<'a, Writer>,
    _turn: Turn<'a>,
}

struct Turn<'a>(&'a Notify);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

/// Nothing that runs under these locks leaves them half done, so a poisoned one is as good.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests;
