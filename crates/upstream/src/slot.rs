//! One connection to a server, from its first use to its end: started when wanted, started again when it
//! died, never two at once.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use durward_core::{Cancel, Clock};
use durward_guard::backoff::Backoff;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{EraFound, FaultKind, Hears, Link, LinkFault, Target};

/// A call waits for a pause of this length; in a longer one it is told at once what is wrong.
const SHORT_PAUSE: Duration = Duration::from_secs(1);
/// A connection that lasted so long was a good one.
const GOOD: Duration = Duration::from_secs(10);

/// How a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody wants it.
    Idle,
    /// It is being opened.
    Starting,
    /// It can be used.
    Up,
    /// It failed, and is not tried again before then.
    Down(Instant),
}

/// One connection.
pub(crate) struct Slot {
    link: ArcSwapOption<Link>,
    phase: watch::Sender<Phase>,
    wanted: Notify,
    /// What kept it from opening has changed.
    hurry: Notify,
    /// The last thing that went wrong.
    fault: Mutex<Option<LinkFault>>,
    /// What the last program wrote to its standard error.
    last_words: Mutex<String>,
    opened: AtomicU64,
    /// Has the connection at hand answered a call?
    served: AtomicBool,
    clock: Arc<dyn Clock>,
}

/// What is done with a connection while it is up. It ends when the connection does.
pub(crate) trait Attends: Send + Sync {
    /// Looks after it.
    fn attend<'a>(&'a self, link: &'a Link) -> durward_core::BoxFuture<'a, LinkFault>;
    /// It could not be opened. True where that is to be tried again, though nobody wants it.
    fn missed(&self) -> bool;
}

impl Slot {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            link: ArcSwapOption::empty(),
            phase: watch::Sender::new(Phase::Idle),
            wanted: Notify::new(),
            hurry: Notify::new(),
            fault: Mutex::default(),
            last_words: Mutex::default(),
            opened: AtomicU64::new(0),
            served: AtomicBool::new(false),
            clock,
        }
    }

    /// The connection; opened first where there is none.
    pub(crate) async fn link(&self) -> Result<Arc<Link>, LinkFault> {
        if let Some(link) = self.live() {
            return Ok(link);
        }
        let mut phases = self.phase.subscribe();
        let mut tried = false;
        loop {
            let phase = *phases.borrow_and_update();
            match phase {
                Phase::Up => {
                    if let Some(link) = self.live() {
                        return Ok(link);
                    }
                }
                Phase::Down(_) if tried => return Err(self.last_fault()),
                Phase::Down(until) if until > Instant::now() + SHORT_PAUSE => {
                    return Err(self.last_fault());
                }
                Phase::Down(_) | Phase::Idle => self.wanted.notify_one(),
                Phase::Starting => tried = true,
            }
            if phases.changed().await.is_err() {
                return Err(closed());
            }
        }
    }

    /// The connection, if it is up. One that has just died may still be held.
    pub(crate) fn live(&self) -> Option<Arc<Link>> {
        let link = self.link.load_full();
        link.filter(|link| link.is_gone().is_none())
    }

    /// It is to be opened, though no call waits for it.
    pub(crate) fn want(&self) {
        self.wanted.notify_one();
    }

    /// What kept it from opening has changed: it is tried again at once.
    pub(crate) fn hurry(&self) {
        if matches!(self.phase(), Phase::Down(_)) {
            self.hurry.notify_one();
            self.wanted.notify_one();
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// How often it was opened again.
    pub(crate) fn restarts(&self) -> u64 {
        self.opened.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// The last thing that went wrong, if anything did.
    pub(crate) fn fault(&self) -> Option<LinkFault> {
        self.fault_slot().clone()
    }

    /// A call was answered: a connection that serves is a good one.
    pub(crate) fn served(&self) {
        self.served.store(true, Ordering::Relaxed);
    }

    /// A call failed, though the connection may stand: whoever looks is to see why.
    pub(crate) fn failed(&self, fault: &LinkFault) {
        *self.fault_slot() = Some(fault.clone());
    }

    /// A program ended before it could be spoken with, with these words.
    pub(crate) fn complained(&self, last_words: String) {
        *lock(&self.last_words) = last_words;
    }

    /// What the last program wrote to its standard error before it ended.
    pub(crate) fn last_words(&self) -> String {
        lock(&self.last_words).clone()
    }

    /// Opens it whenever it is wanted, until `stop`.
    pub(crate) async fn run(
        &self,
        target: &Target,
        hears: &Arc<dyn Hears>,
        remembered: Option<EraFound>,
        attends: &dyn Attends,
        stop: &Cancel,
    ) {
        let mut backoff = Backoff::default();
        let mut remembered = remembered;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.wanted.notified() => {}
            }
            if let Phase::Down(until) = self.phase() {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep_until(until) => {}
                    () = self.hurry.notified() => backoff.reset(),
                }
            }
            self.phase.send_replace(Phase::Starting);
            let opening = Link::open(target, Arc::clone(hears), remembered);
            let opened = tokio::select! {
                () = stop.cancelled() => break,
                opened = opening => opened,
            };
            let fault = match opened {
                Ok(link) => {
                    self.opened.fetch_add(1, Ordering::Relaxed);
                    remembered = Some(link.hello().found());
                    let link = Arc::new(link);
                    self.link.store(Some(Arc::clone(&link)));
                    self.phase.send_replace(Phase::Up);
                    let since = Instant::now();
                    let fault = tokio::select! {
                        () = stop.cancelled() => break,
                        fault = attends.attend(&link) => fault,
                    };
                    *lock(&self.last_words) = link.stderr_tail();
                    self.link.store(None);
                    // One that did good work is back soon, however short its life was.
                    let served = self.served.swap(false, Ordering::Relaxed);
                    if served || since.elapsed() >= GOOD {
                        backoff.reset();
                    }
                    // Who used it will want it again.
                    self.wanted.notify_one();
                    fault
                }
                Err(fault) => {
                    if attends.missed() {
                        self.wanted.notify_one();
                    }
                    fault
                }
            };
            *self.fault_slot() = Some(fault);
            let pause = backoff.pause(self.chance());
            self.phase.send_replace(Phase::Down(Instant::now() + pause));
        }
        self.link.store(None);
        *self.fault_slot() = Some(closed());
        // Whoever waits is told; nobody opens it any more.
        self.phase
            .send_replace(Phase::Down(Instant::now() + Duration::from_secs(3600)));
    }

    /// What keeps it closed. Whoever is told so has not been sent on, whatever became of others.
    fn last_fault(&self) -> LinkFault {
        self.fault()
            .map_or_else(closed, |fault| fault.kind.before())
    }

    fn fault_slot(&self) -> MutexGuard<'_, Option<LinkFault>> {
        lock(&self.fault)
    }

    fn chance(&self) -> u8 {
        let mut byte = [0];
        self.clock.random(&mut byte);
        byte[0]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> LinkFault {
    LinkFault {
        kind: FaultKind::Closed,
        ran: false,
    }
}
