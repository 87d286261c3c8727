//! Connections of one session or one caller each, for servers that can't tell them apart.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use durward_core::{BoxFuture, Call, CallerId, Cancel, Clock};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    FaultKind, Link, LinkFault, settings,
    slot::{Attends, Phase, Slot},
};

/// A connection that was not used for so long is let go, with its process.
const IDLE: Duration = Duration::from_secs(300);
/// Most connections of one server.
const MOST: usize = 256;
/// As many as this use one that is let go: nobody can any more.
const OVER: usize = usize::MAX;

/// Whose connection it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Session(Uuid),
    Caller(CallerId),
}

impl Key {
    /// Whose connection this call is to use; `None` is the one that all share. A modern client has no
    /// session: its caller's counts (protocol.md, section 6.1).
    pub(crate) fn of(call: &Call, instances: settings::Instances) -> Option<Self> {
        let caller = || Self::Caller(call.caller.id.clone());
        match instances {
            settings::Instances::Shared => None,
            settings::Instances::PerCaller => Some(caller()),
            settings::Instances::PerSession => {
                Some(call.session.map_or_else(caller, Self::Session))
            }
        }
    }
}

/// One of them.
pub(crate) struct Instance {
    pub(crate) slot: Slot,
    pub(crate) stop: Cancel,
    busy: AtomicUsize,
    used: Mutex<Instant>,
}

/// A call that uses one: it is not let go meanwhile.
pub(crate) struct InUse(pub(crate) Arc<Instance>);

impl InUse {
    /// `None` where it is let go just now.
    fn of(instance: &Arc<Instance>) -> Option<Self> {
        let one_more = |busy: usize| (busy != OVER).then(|| busy + 1);
        let busy = &instance.busy;
        busy.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .ok()?;
        Some(Self(Arc::clone(instance)))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        *lock(&self.0.used) = Instant::now();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Instance {
    /// Lets it go, unless it is in use.
    fn let_go(&self) -> bool {
        let busy = &self.busy;
        let is_idle = busy
            .compare_exchange(0, OVER, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if is_idle {
            self.stop.cancel();
        }
        is_idle
    }
}

impl Attends for Instance {
    /// Looks after nothing but its age.
    fn attend<'a>(&'a self, link: &'a Link) -> BoxFuture<'a, LinkFault> {
        Box::pin(async move {
            loop {
                let end = *lock(&self.used) + IDLE;
                tokio::select! {
                    fault = link.gone() => return fault,
                    () = tokio::time::sleep_until(end.max(Instant::now() + IDLE / 10)) => {}
                }
                let was_used = *lock(&self.used) + IDLE > Instant::now();
                if !was_used && self.let_go() {
                    return LinkFault {
                        kind: FaultKind::Closed,
                        ran: false,
                    };
                }
            }
        })
    }

    fn missed(&self) -> bool {
        false
    }
}

/// All of one server.
#[derive(Default)]
pub(crate) struct Instances(Mutex<HashMap<Key, Arc<Instance>>>);

impl Instances {
    /// The connection of this key, and whether it was made just now: then it is still to be run. `None`
    /// where there are too many.
    pub(crate) fn get(
        &self,
        key: &Key,
        clock: &Arc<dyn Clock>,
        stop: &Cancel,
    ) -> Option<(InUse, bool)> {
        let mut all = lock(&self.0);
        all.retain(|_, instance| !instance.stop.is_cancelled());
        if let Some(held) = all.get(key).and_then(InUse::of) {
            return Some((held, false));
        }
        if all.len() >= MOST {
            // Whoever wants one that is not up loses nothing by another.
            all.retain(|_, it| it.slot.phase() == Phase::Up || !it.let_go());
        }
        if all.len() >= MOST {
            return None;
        }
        let instance = Arc::new(Instance {
            slot: Slot::new(Arc::clone(clock)),
            stop: stop.child(),
            busy: AtomicUsize::new(1),
            used: Mutex::new(Instant::now()),
        });
        all.insert(key.clone(), Arc::clone(&instance));
        Some((InUse(instance), true))
    }

    /// Whose it was is gone: it ends, and with it what still waits for it.
    pub(crate) fn end(&self, key: &Key) {
        if let Some(instance) = lock(&self.0).remove(key) {
            instance.stop.cancel();
        }
    }

    /// What kept some of them from opening has changed.
    pub(crate) fn hurry(&self) {
        for instance in lock(&self.0).values() {
            instance.slot.hurry();
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        lock(&self.0).len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
