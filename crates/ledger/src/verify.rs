//! Proves that a journal is as it was written, or says where it is not.

mod ahead;
mod signed;
mod walk;

use std::path::{Path, PathBuf};

use durward_core::Wall;
use serde::Serialize;

use crate::{KeyPlace, LedgerError, PublicKey, folder};

/// What was found in all chains.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// One after the other, by name.
    pub chains: Vec<ChainReport>,
}

impl Report {
    /// True where nothing was changed, cut or reordered as far as anyone can tell.
    pub fn is_intact(&self) -> bool {
        self.chains.iter().all(|chain| chain.faults.is_empty())
    }
}

/// What was found in one chain.
#[derive(Debug, Clone, Serialize)]
pub struct ChainReport {
    /// Its folder's name.
    pub name: String,
    /// Records.
    pub records: u64,
    /// Segments.
    pub segments: u32,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// The first record's time.
    pub first: Option<Wall>,
    /// The last record's time.
    pub last: Option<Wall>,
    /// The keys that it says it was signed with, in order.
    pub keys: Vec<PublicKey>,
    /// Where the last of them is kept. Whoever can read a key on the same machine can write the journal anew.
    pub key_place: Option<KeyPlace>,
    /// Segments that retention dropped from the front.
    pub pruned: u32,
    /// Records after the last checkpoint: if someone cut more of them off, nobody can tell.
    pub unsigned_tail: u64,
    /// What a crash left half written, if it did.
    pub torn: Option<TornTail>,
    /// What is wrong, in order, the first hundred.
    pub faults: Vec<Fault>,
    /// How many more there are.
    pub more_faults: u64,
}

/// A record at the very end that a crash cut; the next start removes it and says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TornTail {
    /// The segment.
    pub file: PathBuf,
    /// Where it begins.
    pub offset: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// A place where the journal is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The segment.
    pub file: PathBuf,
    /// Where in it: the first place that can be wrong.
    pub offset: u64,
    /// Of the first record that can be wrong, if that is known.
    pub seq: Option<u64>,
    /// In words.
    pub what: String,
}

/// Reads all chains below `journal` once and checks them; with `key`, that key must have signed them.
///
/// What it can't see: records after the last checkpoint that were cut off cleanly
/// ([`ChainReport::unsigned_tail`] says how many could be), a chain whose folder is gone, and a journal that
/// someone with the signing key has written anew.
///
/// # Errors
/// [`LedgerError::NoJournal`] where there is none, [`LedgerError::Io`] where one can't be read.
pub fn verify(journal: &Path, key: Option<PublicKey>) -> Result<Report, LedgerError> {
    let chains = folder::chains(journal)?;
    let chains = chains
        .into_iter()
        .map(|(name, dir)| walk::chain(name, &dir, key));
    Ok(Report {
        chains: chains.collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests;
