//! A bounded place for what is counted by key.

use std::{collections::HashMap, sync::Arc, time::Duration};

use durward_core::Monotonic;

use super::LimitKey;

/// A full shelf is swept no more often than this: a sweep looks at everything.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);

/// Things by key, up to a number of them.
pub(super) struct Shelf<V> {
    items: HashMap<LimitKey, Arc<V>>,
    swept: Option<Monotonic>,
}

impl<V> Default for Shelf<V> {
    fn default() -> Self {
        Self {
            items: HashMap::new(),
            swept: None,
        }
    }
}

impl<V> Shelf<V> {
    pub(super) fn get(&self, key: &LimitKey) -> Option<&Arc<V>> {
        self.items.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&LimitKey, &Arc<V>)> {
        self.items.iter()
    }

    /// What stands under the key, made now where nothing does. `None` where the shelf is full of
    /// things that are held by somebody or not idle.
    pub(super) fn get_or_make(
        &mut self,
        key: &LimitKey,
        most: usize,
        now: Monotonic,
        is_idle: impl Fn(&V) -> bool,
        make: impl FnOnce() -> V,
    ) -> Option<Arc<V>> {
        if let Some(item) = self.items.get(key) {
            return Some(Arc::clone(item));
        }
        if self.items.len() >= most && self.is_sweep_due(now) {
            self.items
                .retain(|_, item| Arc::strong_count(item) > 1 || !is_idle(item));
            self.swept = Some(now);
        }
        if self.items.len() >= most {
            return None;
        }
        let item = Arc::new(make());
        self.items.insert(key.clone(), Arc::clone(&item));
        Some(item)
    }

    fn is_sweep_due(&self, now: Monotonic) -> bool {
        self.swept
            .is_none_or(|swept| now.since(swept) >= BETWEEN_SWEEPS)
    }
}
