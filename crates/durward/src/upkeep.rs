//! What a daemon does now and then: budgets are written down, so that a restart resets none, and old
//! segments of the journal are dropped.

use std::{path::PathBuf, sync::Arc, time::Duration};

use durward_ledger::{Journal, Retention};
use durward_store::{StoreError, limits::MemoryLimits};

use crate::{assembly::Rooms, config::Config};

const SAVE_EVERY: Duration = Duration::from_secs(5);
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// The upkeep of one daemon.
#[derive(Clone)]
pub(crate) struct Upkeep {
    limits: Arc<MemoryLimits>,
    journal: Arc<Journal>,
    file: PathBuf,
    retention: Retention,
}

impl Upkeep {
    /// For these rooms. What was spent before the start counts on.
    ///
    /// # Errors
    /// Where others may have changed what was spent.
    pub(crate) fn begin(rooms: &Rooms, config: &Config) -> Result<Self, StoreError> {
        let upkeep = Self {
            limits: Arc::clone(&rooms.limits),
            journal: Arc::clone(&rooms.journal),
            file: config.state.join("limits.json"),
            retention: Retention {
                days: Some(config.audit.retention.days.get()),
                bytes: Some(config.audit.retention.size.bytes()),
            },
        };
        match upkeep.limits.load(&upkeep.file) {
            Err(error @ (StoreError::Exposed { .. } | StoreError::NotOurs { .. })) => Err(error),
            Err(error) => {
                tracing::warn!(%error, "what was spent before the start is not known");
                Ok(upkeep)
            }
            Ok(()) => Ok(upkeep),
        }
    }

    /// Goes on for as long as it is waited for.
    pub(crate) async fn run(self) {
        let (mut save, mut prune) = (
            tokio::time::interval(SAVE_EVERY),
            tokio::time::interval(PRUNE_EVERY),
        );
        loop {
            let upkeep = self.clone();
            let work: Box<dyn FnOnce() + Send> = tokio::select! {
                _ = save.tick() => Box::new(move || upkeep.save()),
                _ = prune.tick() => Box::new(move || upkeep.prune()),
            };
            // Both wait for the disk. A panic in them is in the log and ends nothing else.
            let _ = tokio::task::spawn_blocking(work).await;
        }
    }

    /// Writes down what is spent.
    pub(crate) fn save(&self) {
        if let Err(error) = self.limits.save(&self.file) {
            tracing::warn!(%error, "what is spent could not be written down");
        }
    }

    fn prune(&self) {
        match self.journal.prune(&self.retention) {
            Ok(pruned) if pruned.segments > 0 => {
                tracing::info!(
                    segments = pruned.segments,
                    "old segments of the journal were dropped"
                );
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "old segments of the journal could not be dropped")
            }
        }
    }
}
