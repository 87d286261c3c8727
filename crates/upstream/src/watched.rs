//! What a server tells of by an id of its own, and somebody waits to hear: tasks, URLs that are to be opened.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use durward_core::{OnChange, Watch};
use tokio::sync::Notify;

/// Who wants to hear of what, by the server's own ids.
#[derive(Default)]
pub(crate) struct Watched {
    all: Mutex<Watchers>,
    changed: Notify,
}

#[derive(Default)]
struct Watchers {
    of: HashMap<Box<str>, Vec<(u64, OnChange)>>,
    numbers: u64,
}

struct Watching {
    all: Arc<Watched>,
    own: Box<str>,
    number: u64,
}

impl Watched {
    /// Tells `changed` when the server tells of this, as long as the watch lives.
    pub(crate) fn watch(self: &Arc<Self>, own: &str, changed: OnChange) -> Watch {
        let mut all = self.lock();
        all.numbers += 1;
        let number = all.numbers;
        let is_new = !all.of.contains_key(own);
        all.of
            .entry(own.into())
            .or_default()
            .push((number, changed));
        drop(all);
        if is_new {
            self.changed.notify_one();
        }
        Watch::of(Watching {
            all: Arc::clone(self),
            own: own.into(),
            number,
        })
    }

    /// The server tells of it.
    pub(crate) fn told(&self, own: &str) {
        let told: Vec<_> = {
            let all = self.lock();
            let watchers = all.of.get(own).into_iter().flatten();
            watchers.map(|(_, changed)| Arc::clone(changed)).collect()
        };
        // Without the lock: who is told may end its watch.
        told.iter().for_each(|changed| changed());
    }

    /// All that are watched, for a modern server's `subscriptions/listen`.
    pub(crate) fn ids(&self) -> Vec<Box<str>> {
        let mut ids: Vec<_> = self.lock().of.keys().cloned().collect();
        ids.sort_unstable();
        ids
    }

    /// Ends when others are watched than before.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Watchers> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        let Some(watchers) = all.of.get_mut(&self.own) else {
            return;
        };
        watchers.retain(|(number, _)| *number != self.number);
        if watchers.is_empty() {
            all.of.remove(&self.own);
            drop(all);
            self.all.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn who_watches_is_told_of_that_alone() {
        let all = Arc::new(Watched::default());
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let watch = all.watch(
            "a",
            Arc::new(move || {
                counted.fetch_add(1, Ordering::Relaxed);
            }),
        );
        all.told("a");
        all.told("b");
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert_eq!(all.ids(), ["a".into()]);
        drop(watch);
        all.told("a");
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(all.ids().is_empty());
    }
}
