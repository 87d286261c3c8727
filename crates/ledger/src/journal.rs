//! The journal: one chain of records that this process writes.

use std::sync::{Arc, Mutex, atomic::Ordering};

use durward_core::{Clock, Tier};
use uuid::Uuid;

use crate::{
    Durability, Event, Health, JournalSettings, LedgerError, LedgerFault, OnFailure, Pruned,
    PublicKey, Retention, Seat,
    commit::{Rules, Shared, hold},
    copy::Copy,
    disk::{Disk, Folder},
    folder::{self, Held},
    keeper::Keeper,
    key::Signer,
    open::{boot, new_chain, recover},
    pending::Pending,
    record::{self, Origin},
    writer::Writer,
};

/// A chain that this process writes. Share it in an `Arc`; every call takes a [`Seat`].
pub struct Journal {
    shared: Arc<Shared>,
    keeper: Mutex<Keeper>,
    most_open: usize,
    key: PublicKey,
    chain: Uuid,
}

impl Journal {
    /// Takes the chain, finds its end, cuts what a crash left half written, and signs that it goes on.
    ///
    /// # Errors
    /// [`LedgerError::Held`] where another process writes the chain, [`LedgerError::Damaged`] where the
    /// end of its last segment was changed, [`LedgerError::Io`] where the disk refuses.
    pub fn open(settings: JournalSettings, clock: Arc<dyn Clock>) -> Result<Self, LedgerError> {
        let held = folder::hold(&settings.dir, &settings.chain)?;
        let disk = Arc::new(Folder(held.dir.clone()));
        Self::open_on(disk, held, settings, clock)
    }

    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        held: Held,
        settings: JournalSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LedgerError> {
        let dir = held.dir.clone();
        let signer = Signer::load(&settings.key, &*clock)?;
        let left = recover(&dir, &signer.public)?;
        let key = signer.public;
        let chain = left.chain.unwrap_or_else(|| new_chain(&*clock));
        let origin = Origin {
            chain,
            boot: boot(),
            key,
            place: signer.place,
        };
        let copy = settings.copy.map(Copy::open).transpose()?;
        let copy_error = copy.as_ref().map(Copy::error).unwrap_or_default();
        let new_names = left.chain.is_none() || !held.names_synced;
        let mut writer =
            Writer::new(disk, left.end, new_names, copy).map_err(LedgerError::io("open", &dir))?;
        let mut pending = Pending::new(
            left.end,
            settings.segment_bytes,
            origin,
            signer,
            clock.clone(),
        );
        pending.introduce(if left.chain.is_some() {
            "opened"
        } else {
            "genesis"
        });
        if let Some(bytes) = left.cut {
            pending.append("recovered", |record| record.number("cut_bytes", bytes));
        }
        pending.sign();
        writer.take(&mut pending.batch);
        writer.write().map_err(LedgerError::io("write", &dir))?;
        let rules = Rules {
            clock,
            content: settings.content,
            fsync: settings.fsync,
            on_failure: settings.on_failure,
            copy_error,
        };
        let shared = Arc::new(Shared::new(rules, pending, writer, held));
        shared.sync_soon();
        let keeper = Keeper::start(shared.clone()).map_err(LedgerError::io("keep", &dir))?;
        let keeper = Mutex::new(keeper);
        Ok(Self {
            shared,
            keeper,
            most_open: settings.max_open,
            key,
            chain,
        })
    }

    /// Reserves a call's place. While nothing can be written, the disk is tried again, every 250 ms at most.
    ///
    /// # Errors
    /// [`LedgerFault::Full`] at the limit; [`LedgerFault::Failed`] while no record can be written and the
    /// configuration says `refuse`; [`LedgerFault::Closed`] after [`Journal::close`].
    pub fn enter(&self) -> Result<Seat, LedgerFault> {
        if self.shared.closed.load(Ordering::Acquire) {
            return Err(LedgerFault::Closed);
        }
        if self.shared.is_down() && self.shared.on_failure == OnFailure::Refuse {
            return Err(self.shared.fault());
        }
        if self.shared.open.fetch_add(1, Ordering::AcqRel) >= self.most_open {
            self.shared.open.fetch_sub(1, Ordering::AcqRel);
            return Err(LedgerFault::Full {
                most: self.most_open,
            });
        }
        Ok(Seat::new(self.shared.clone()))
    }

    /// Records an event; it is in the file when this returns.
    ///
    /// # Errors
    /// As [`Seat::close`].
    pub fn event(&self, event: Event) -> Result<(), LedgerFault> {
        let target = self.shared.append(Tier::Read, |pending| {
            pending.append("event", |record| record::event(record, &event));
        });
        self.shared.written_now(target)
    }

    /// How a call of that tier has its intent recorded.
    pub fn durability(&self, tier: Tier) -> Durability {
        self.shared.fsync.durability(tier)
    }

    /// Whether records can be written, and what was lost.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// The key that checkpoints are to be verified with.
    pub fn public_key(&self) -> PublicKey {
        self.key
    }

    /// The chain's id.
    pub fn chain(&self) -> Uuid {
        self.chain
    }

    /// Drops old segments of this chain, and records that it did.
    ///
    /// # Errors
    /// [`LedgerError::Io`] where a segment can't be read or removed.
    pub fn prune(&self, retention: &Retention) -> Result<Pruned, LedgerError> {
        crate::retain::prune(&self.shared, retention)
    }

    /// Signs and syncs all there is and refuses further calls. Calls under way may still be recorded.
    ///
    /// # Errors
    /// [`LedgerFault::Failed`] where not all could be written.
    pub fn close(&self) -> Result<(), LedgerFault> {
        if !self.shared.closed.load(Ordering::Acquire) {
            self.shared.seal();
            hold(&self.keeper).stop();
        }
        if self.shared.health().ok {
            Ok(())
        } else {
            Err(self.shared.fault())
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Whoever wants to know calls `close` first; health and log have said it before.
        let _ = self.close();
    }
}

#[cfg(test)]
mod tests;
