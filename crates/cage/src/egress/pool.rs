//! Connections that wait for another request, and how many there may be.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread::{self, ThreadId},
    time::Duration,
};

use durward_guard::egress::Origin;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout},
};

use super::{EgressFault, link::Link};

/// Exchanges at once, in all and with one origin.
const AT_ONCE: usize = 64;
const AT_ONCE_EACH: usize = 8;
/// How long an exchange waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may wait, and how old it may get: names move.
const IDLE: Duration = Duration::from_secs(30);
const OLDEST: Duration = Duration::from_secs(300);

/// What a connection is good for: the origin, and the settings under which it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) origin: Origin,
    pub(super) standing: u64,
}

/// The pool.
pub(super) struct Pool {
    turns: Arc<Semaphore>,
    lanes: Mutex<Lanes>,
}

#[derive(Default)]
struct Lanes {
    of: HashMap<Key, Lane>,
    /// Is somebody there to close what has waited too long?
    is_swept: bool,
}

/// All about one origin.
struct Lane {
    turns: Arc<Semaphore>,
    idle: Vec<Idle>,
}

struct Idle {
    link: Link,
    since: Instant,
    /// A connection lives in the runtime of the thread that opened it, and stays there.
    thread: ThreadId,
}

/// The right to have one connection.
pub(super) struct Turn {
    _all: OwnedSemaphorePermit,
    _lane: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            lanes: Mutex::default(),
        }
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self, key: &Key) -> Result<Turn, EgressFault> {
        let lane = {
            let mut lanes = self.lock();
            lanes.tidy();
            let lane = lanes.of.entry(key.clone()).or_insert_with(Lane::new);
            Arc::clone(&lane.turns)
        };
        // The origin's first: who waits for a slow one takes no place from the others.
        let turns = async {
            let lane = lane.acquire_owned().await.ok()?;
            let all = Arc::clone(&self.turns).acquire_owned().await.ok()?;
            Some(Turn {
                _all: all,
                _lane: lane,
            })
        };
        let turn = timeout(PATIENCE, turns).await.ok().flatten();
        turn.ok_or(EgressFault::TooBusy)
    }

    /// A connection that waits, of this thread. Where there is none, room is made for a new one: with
    /// those in use, there are never more than an origin may have.
    pub(super) fn take(&self, key: &Key) -> Option<Link> {
        let mut lanes = self.lock();
        let lane = lanes.of.get_mut(key)?;
        lane.idle.retain(Idle::is_good);
        let here = thread::current().id();
        if let Some(at) = lane.idle.iter().rposition(|idle| idle.thread == here) {
            return Some(lane.idle.swap_remove(at).link);
        }
        let in_use = AT_ONCE_EACH - lane.turns.available_permits();
        lane.idle.truncate(AT_ONCE_EACH.saturating_sub(in_use));
        None
    }

    /// Lets a connection wait.
    pub(super) fn put(self: &Arc<Self>, key: Key, link: Link) {
        let mut lanes = self.lock();
        let waiting: usize = lanes.of.values().map(|lane| lane.idle.len()).sum();
        if waiting >= AT_ONCE {
            return;
        }
        let idle = Idle {
            link,
            since: Instant::now(),
            thread: thread::current().id(),
        };
        let lane = lanes.of.entry(key).or_insert_with(Lane::new);
        lane.idle.push(idle);
        if !std::mem::replace(&mut lanes.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Forgets all that wait.
    pub(super) fn clear(&self) {
        for lane in self.lock().of.values_mut() {
            lane.idle.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what waits for too long, until nothing waits.
async fn sweep(pool: Weak<Pool>) {
    loop {
        sleep(IDLE).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        let mut lanes = pool.lock();
        lanes.tidy();
        if lanes.of.values().all(|lane| lane.idle.is_empty()) {
            lanes.is_swept = false;
            return;
        }
    }
}

impl Lanes {
    fn tidy(&mut self) {
        self.of.retain(|_, lane| lane.is_used());
    }
}

impl Lane {
    fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE_EACH)),
            idle: Vec::new(),
        }
    }

    fn is_used(&mut self) -> bool {
        self.idle.retain(Idle::is_good);
        !self.idle.is_empty() || Arc::strong_count(&self.turns) > 1
    }
}

impl Idle {
    fn is_good(&self) -> bool {
        self.since.elapsed() < IDLE && self.link.age() < OLDEST && self.link.is_open()
    }
}
