//! How much each has spent: rates and calls at once, counted without a lock.

mod breakers;
mod cell;
mod gauge;
mod saved;
mod shelf;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, PoisonError, RwLock},
};

use durward_core::{CallerId, Clock, Monotonic, ServerName, ToolName};
use durward_guard::breaker::Breaker;
use uuid::Uuid;

pub use breakers::Breakers;
pub use cell::Cell;
pub use gauge::{Gauge, Permit};
use shelf::Shelf;

/// What is counted by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// All callers together.
    Total,
    /// One caller.
    Caller(CallerId),
    /// One legacy session.
    Session(Uuid),
    /// One tool for one caller.
    Tool(CallerId, ToolName),
    /// One server for one caller.
    Server(CallerId, ServerName),
    /// What servers ask of the model of one caller.
    Sampling(CallerId),
}

/// Parts of the map that are locked apart.
const SHARDS: usize = 16;
/// The most cells, and the most gauges, that are kept.
const MOST: usize = 65_536;

/// Cells and gauges by key, made when first asked for. Whoever holds one counts without coming
/// back here. No more than 65,536 of each are kept: where a part is full, what carries no state is
/// dropped, and where nothing can be, those that don't fit share one.
pub struct MemoryLimits {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    shards: [Shard; SHARDS],
    breakers: Breakers,
}

#[derive(Default)]
struct Shard {
    cells: RwLock<Shelf<Cell>>,
    gauges: RwLock<Shelf<Gauge>>,
    /// Shared by those that don't fit.
    spare: Arc<Cell>,
}

impl MemoryLimits {
    /// With nothing spent.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let shards = std::array::from_fn(|_| Shard::default());
        Self {
            clock,
            hasher: RandomState::new(),
            shards,
            breakers: Breakers::default(),
        }
    }

    /// The breaker of this tool, for all callers.
    pub fn breaker(&self, tool: &ToolName) -> Arc<Breaker> {
        self.breakers.of(tool, self.clock.monotonic())
    }

    /// The tools whose breakers are not closed.
    pub fn troubled(&self, now: Monotonic) -> Vec<(ToolName, Arc<Breaker>)> {
        self.breakers.troubled(now)
    }

    /// What is spent under this key; fresh where nothing was.
    pub fn cell(&self, key: &LimitKey) -> Arc<Cell> {
        let shard = self.shard(key);
        if let Some(cell) = read(&shard.cells).get(key) {
            return Arc::clone(cell);
        }
        let now = self.clock.monotonic();
        write(&shard.cells)
            .get_or_make(
                key,
                MOST / SHARDS,
                now,
                |cell| cell.is_whole(now),
                Cell::default,
            )
            .unwrap_or_else(|| Arc::clone(&shard.spare))
    }

    /// The calls that run under this key, at most `cap` at once. A new cap holds for calls to come.
    pub fn gauge(&self, key: &LimitKey, cap: u32) -> Arc<Gauge> {
        let now = self.clock.monotonic();
        let mut gauges = write(&self.shard(key).gauges);
        match gauges.get_or_make(key, MOST / SHARDS, now, |_| true, || Gauge::new(cap)) {
            Some(gauge) => {
                gauge.set_cap(cap);
                gauge
            }
            // So many are held by others: one more may do nothing at all.
            None => Arc::new(Gauge::new(0)),
        }
    }

    fn shard(&self, key: &LimitKey) -> &Shard {
        // The remainder is below the number of shards.
        &self.shards[(self.hasher.hash_one(key) % SHARDS as u64) as usize]
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
