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
    slot::{Attends, Slot},
};

/// A connection that was not used for so long is let go, with its process.
const IDLE: Duration = Duration::from_secs(300);
/// Most connections of one server.
const MOST: usize = 256;

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
    fn of(instance: &Arc<Instance>) -> Self {
        instance.busy.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(instance))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        *lock(&self.0.used) = Instant::now();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
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
                let is_idle = self.busy.load(Ordering::Acquire) == 0;
                if is_idle && *lock(&self.used) + IDLE <= Instant::now() {
                    self.stop.cancel();
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
        if let Some(instance) = all.get(key) {
            return Some((InUse::of(instance), false));
        }
        if all.len() >= MOST {
            return None;
        }
        let instance = Arc::new(Instance {
            slot: Slot::new(Arc::clone(clock)),
            stop: stop.child(),
            busy: AtomicUsize::new(0),
            used: Mutex::new(Instant::now()),
        });
        all.insert(key.clone(), Arc::clone(&instance));
        Some((InUse::of(&instance), true))
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
