//! All calls that wait for their clients to come back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use durward_core::{CallerId, Refusal, RefusalCode};
use uuid::Uuid;

use super::parked::Parked;
use crate::house::ExchangeLimits;

/// The table. Those that have ended stay for a while, so that a late retry hears why.
pub(crate) struct Park {
    /// This process: what is parked here is nowhere else.
    pub(super) replica: Uuid,
    all: Mutex<HashMap<Uuid, Arc<Parked>>>,
}

impl Park {
    pub(crate) fn new(replica: Uuid) -> Self {
        Self {
            replica,
            all: Mutex::default(),
        }
    }

    /// Takes a call in, unless too many wait.
    pub(super) fn enter(
        &self,
        parked: &Arc<Parked>,
        limits: &ExchangeLimits,
    ) -> Result<(), Refusal> {
        let mut all = self.lock();
        let of_caller = |it: &&Arc<Parked>| it.caller == parked.caller;
        let live = || all.values().filter(|it| it.is_live());
        if live().count() >= limits.all || live().filter(of_caller).count() >= limits.each_caller {
            let sentence = "Too many calls wait for an answer of yours. Answer one of them first.";
            return Err(
                Refusal::new(RefusalCode::RateLimited, sentence).detail("too_many_exchanges")
            );
        }
        if all.len() >= 2 * limits.all {
            all.retain(|_, it| it.is_live());
        }
        all.retain(|_, it| !it.is_forgotten(limits.ttl));
        all.insert(parked.id, Arc::clone(parked));
        Ok(())
    }

    /// The call of this name.
    pub(super) fn find(&self, id: Uuid) -> Option<Arc<Parked>> {
        self.lock().get(&id).cloned()
    }

    /// Ends all that this caller has here.
    pub(crate) fn end_of(&self, caller: &CallerId) {
        self.end(|parked| parked.caller == *caller);
    }

    /// Ends all.
    pub(crate) fn end_all(&self) {
        self.end(|_| true);
    }

    fn end(&self, which: impl Fn(&Parked) -> bool) {
        let all: Vec<_> = self.lock().values().cloned().collect();
        for parked in all.iter().filter(|parked| which(parked)) {
            parked.leave();
        }
    }

    /// How many wait or are under way.
    #[cfg(test)]
    pub(crate) fn live(&self) -> usize {
        self.lock().values().filter(|it| it.is_live()).count()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Parked>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
