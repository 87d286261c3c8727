//! Sessions that were ended before their time.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use durward_core::{Clock, Wall};
use uuid::Uuid;

use crate::StoreError;

/// The most sessions that are remembered at a time.
const MOST: usize = 65_536;

/// Remembers sessions that may not be used again. A session's id is sealed and says when it ends
/// by itself; nothing needs to be remembered longer than that.
pub trait Revocations: Send + Sync {
    /// Ends a session; `until` is when it would have ended by itself. The error says that it can't
    /// be remembered, so that the session lives on.
    fn revoke(&self, session: Uuid, until: Wall) -> Result<(), StoreError>;

    /// Was it ended?
    fn is_revoked(&self, session: Uuid, now: Wall) -> bool;
}

/// In this process alone.
pub struct MemoryRevocations {
    clock: Arc<dyn Clock>,
    sessions: RwLock<HashMap<Uuid, Wall>>,
    /// False while none was ever ended, which is asked for at every call.
    any: AtomicBool,
}

impl MemoryRevocations {
    /// With none ended.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            sessions: RwLock::default(),
            any: AtomicBool::new(false),
        }
    }
}

impl Revocations for MemoryRevocations {
    fn revoke(&self, session: Uuid, until: Wall) -> Result<(), StoreError> {
        let mut sessions = self
            .sessions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MOST {
            let now = self.clock.wall();
            sessions.retain(|_, until| *until > now);
        }
        if sessions.len() >= MOST && !sessions.contains_key(&session) {
            return Err(StoreError::Full(MOST));
        }
        sessions.insert(session, until);
        self.any.store(true, Ordering::Release);
        Ok(())
    }

    fn is_revoked(&self, session: Uuid, now: Wall) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&session).is_some_and(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use durward_core::ManualClock;

    use super::*;

    #[test]
    fn an_ended_session_stays_ended_until_it_would_have_ended() {
        let ended = MemoryRevocations::new(Arc::new(ManualClock::new()));
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(!ended.is_revoked(one, Wall(0)));
        ended.revoke(one, Wall(10)).unwrap();
        assert!(ended.is_revoked(one, Wall(9)) && !ended.is_revoked(two, Wall(9)));
        assert!(!ended.is_revoked(one, Wall(10)));
    }

    #[test]
    fn it_is_bounded_and_never_forgets_too_early() {
        let clock = Arc::new(ManualClock::new());
        let shared: Arc<dyn Clock> = clock.clone();
        let ended = MemoryRevocations::new(shared);
        let until = clock.wall().after(Duration::from_secs(1));
        for id in 0..MOST as u128 {
            ended.revoke(Uuid::from_u128(id), until).unwrap();
        }
        let more = Uuid::from_u128(u128::MAX);
        assert!(matches!(
            ended.revoke(more, Wall(u64::MAX)),
            Err(StoreError::Full(_))
        ));
        assert!(ended.is_revoked(Uuid::from_u128(0), clock.wall()));
        clock.advance(Duration::from_secs(1));
        ended.revoke(more, Wall(u64::MAX)).unwrap();
        assert!(ended.is_revoked(more, clock.wall()));
        assert_eq!(ended.sessions.read().unwrap().len(), 1);
    }
}
