//! Resources of a server that somebody watches.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use durward_core::{OnChange, Watch};
use tokio::sync::Notify;

/// Who watches what, by the server's own URIs.
#[derive(Default)]
pub(crate) struct Subscriptions {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    watched: HashMap<Box<str>, Vec<(u64, OnChange)>>,
    /// What the connection has subscribed to.
    held: HashSet<Box<str>>,
    /// What nobody watches any more.
    dropped: Vec<Box<str>>,
    numbers: u64,
}

/// What a legacy server is to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) subscribe: Vec<Box<str>>,
    pub(crate) unsubscribe: Vec<Box<str>>,
}

struct Watching {
    all: Arc<Subscriptions>,
    uri: Box<str>,
    number: u64,
}

impl Subscriptions {
    /// Watches until the watch is dropped.
    pub(crate) fn watch(self: &Arc<Self>, uri: &str, told: OnChange) -> Watch {
        let mut inner = self.lock();
        inner.numbers += 1;
        let number = inner.numbers;
        let watched = inner.watched.entry(uri.into()).or_default();
        watched.push((number, told));
        drop(inner);
        self.changed.notify_one();
        Watch::of(Watching {
            all: Arc::clone(self),
            uri: uri.into(),
            number,
        })
    }

    /// Tells whoever watches it.
    pub(crate) fn updated(&self, uri: &str) {
        let told: Vec<_> = {
            let inner = self.lock();
            let watched = inner.watched.get(uri).into_iter().flatten();
            watched.map(|(_, told)| Arc::clone(told)).collect()
        };
        // Without the lock: who is told may ask for a watch.
        told.iter().for_each(|told| told());
    }

    /// A client's own request has subscribed to it.
    pub(crate) fn hold(&self, uri: &str) {
        self.lock().held.insert(uri.into());
    }

    /// Is the connection subscribed to it?
    pub(crate) fn holds(&self, uri: &str) -> bool {
        self.lock().held.contains(uri)
    }

    /// A new connection has subscribed to nothing.
    pub(crate) fn begin(&self) {
        let mut inner = self.lock();
        inner.held.clear();
        inner.dropped.clear();
    }

    /// What the connection is to be told, and counts as told from here on.
    pub(crate) fn due(&self) -> Due {
        let mut inner = self.lock();
        let subscribe: Vec<_> = {
            let missing = inner
                .watched
                .keys()
                .filter(|uri| !inner.held.contains(*uri));
            missing.cloned().collect()
        };
        inner.held.extend(subscribe.iter().cloned());
        let dropped = std::mem::take(&mut inner.dropped);
        let mut unsubscribe: Vec<_> = {
            let dropped = dropped.into_iter();
            dropped
                .filter(|uri| !inner.watched.contains_key(uri))
                .collect()
        };
        unsubscribe.retain(|uri| inner.held.remove(uri));
        Due {
            subscribe,
            unsubscribe,
        }
    }

    /// All that is watched.
    pub(crate) fn uris(&self) -> Vec<Box<str>> {
        let mut uris: Vec<_> = self.lock().watched.keys().cloned().collect();
        uris.sort_unstable();
        uris
    }

    /// Ends when something else is watched than before.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut inner = self.all.lock();
        let Some(watched) = inner.watched.get_mut(&self.uri) else {
            return;
        };
        watched.retain(|(number, _)| *number != self.number);
        if watched.is_empty() {
            inner.watched.remove(&self.uri);
            inner.dropped.push(self.uri.clone());
            drop(inner);
            self.all.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn counting() -> (Arc<AtomicU32>, OnChange) {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let told = move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        (count, Arc::new(told))
    }

    fn boxed(uris: &[&str]) -> Vec<Box<str>> {
        uris.iter().map(|uri| (*uri).into()).collect()
    }

    #[test]
    fn the_first_watch_subscribes_and_the_last_to_go_unsubscribes() {
        let all = Arc::new(Subscriptions::default());
        let (count, told) = counting();
        let first = all.watch("a:1", Arc::clone(&told));
        let second = all.watch("a:1", told);
        assert_eq!(all.due().subscribe, boxed(&["a:1"]));
        assert_eq!(all.due(), Due::default());
        all.updated("a:1");
        all.updated("a:2");
        assert_eq!(count.load(Ordering::Relaxed), 2);
        drop(first);
        assert_eq!(all.due(), Due::default());
        drop(second);
        assert_eq!(all.due().unsubscribe, boxed(&["a:1"]));
        assert!(all.uris().is_empty());
    }

    #[test]
    fn what_a_client_subscribed_to_itself_is_not_asked_for_again() {
        let all = Arc::new(Subscriptions::default());
        all.hold("a:1");
        let watch = all.watch("a:1", counting().1);
        assert_eq!(all.due(), Due::default());
        all.begin();
        assert_eq!(all.due().subscribe, boxed(&["a:1"]));
        drop(watch);
        let again = all.watch("a:1", counting().1);
        assert_eq!(all.due(), Due::default());
        drop(again);
    }
}
