//! Which URIs a server gave to whom: a caller may ask for one as it stands there (protocol.md, section 8).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use durward_core::CallerId;

/// So many of the last are remembered of each caller, of so many callers.
const MOST_EACH: usize = 256;
const MOST_CALLERS: usize = 1024;
/// A longer one is not remembered.
const LONGEST: usize = 2048;

/// What one server gave.
#[derive(Default)]
pub(crate) struct Given(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    to: HashMap<CallerId, VecDeque<Box<str>>>,
    /// Who was given something first comes first.
    callers: VecDeque<CallerId>,
}

impl Given {
    /// It stood in an answer to this caller.
    pub(crate) fn note(&self, caller: &CallerId, uri: &str) {
        if uri.len() > LONGEST {
            return;
        }
        let mut inner = self.lock();
        if !inner.to.contains_key(caller) {
            if inner.callers.len() >= MOST_CALLERS
                && let Some(oldest) = inner.callers.pop_front()
            {
                inner.to.remove(&oldest);
            }
            inner.callers.push_back(caller.clone());
        }
        let uris = inner.to.entry(caller.clone()).or_default();
        if uris.iter().any(|known| **known == *uri) {
            return;
        }
        if uris.len() >= MOST_EACH {
            uris.pop_front();
        }
        uris.push_back(uri.into());
    }

    /// Did it?
    pub(crate) fn has(&self, caller: &CallerId, uri: &str) -> bool {
        let inner = self.lock();
        let uris = inner.to.get(caller);
        uris.is_some_and(|uris| uris.iter().any(|known| **known == *uri))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_its_own_and_the_oldest_are_forgotten() {
        let given = Given::default();
        let [one, other] = [1, 2].map(CallerId::of_os_user);
        given.note(&one, "a:first");
        assert!(given.has(&one, "a:first") && !given.has(&other, "a:first"));
        for number in 0..MOST_EACH {
            given.note(&one, &format!("a:{number}"));
            given.note(&one, "a:0");
        }
        assert!(!given.has(&one, "a:first") && given.has(&one, "a:0"));
        for number in 0..u32::try_from(MOST_CALLERS).unwrap() {
            given.note(&CallerId::of_os_user(10 + number), "a:b");
        }
        assert!(!given.has(&one, "a:0"));
        given.note(&other, &"x".repeat(LONGEST + 1));
        assert!(!given.has(&other, &"x".repeat(LONGEST + 1)));
    }
}
