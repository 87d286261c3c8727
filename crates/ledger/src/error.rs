//! What can go wrong when a journal is opened, read or searched.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why the ledger can't be opened, read or searched.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// Nothing has been recorded there yet.
    #[error("there is no audit journal at {}: nothing has been recorded yet", dir.display())]
    NoJournal {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// Another process writes this chain.
    #[error("the journal {} is being written by another durward{}", dir.display(), by.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Held {
        /// The chain's folder.
        dir: PathBuf,
        /// That process, if it could be read.
        by: Option<u32>,
    },
    /// The journal was changed or lost bytes where no crash can explain it.
    #[error("{} is damaged at byte {offset}: {what}; run `durward audit verify`, then move the folder away to begin a new chain", file.display())]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A file can't be made, read or written.
    #[error("can't {what} {}: {source}", path.display())]
    Io {
        /// `open`, `write`, …
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The signing key is none.
    #[error("the audit's signing key{} can't be used: {why}", path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default())]
    Key {
        /// Its file, if it has one.
        path: Option<PathBuf>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A chain can't have that name.
    #[error("`{name}` can't name a chain: 1 to 31 of a-z, 0-9 and `-` are allowed")]
    ChainName {
        /// The name.
        name: String,
    },
    /// Every chain for `stdio` processes is taken.
    #[error("{most} stdio processes already write journals below {}", dir.display())]
    TooManyChains {
        /// The journal's folder.
        dir: PathBuf,
        /// How many there may be.
        most: u32,
    },
    /// The index was made by a later durward.
    #[error("{} was made by a newer durward (schema {found}, this one knows {known}); upgrade, or remove the file: it is rebuilt from the journal", path.display())]
    NewerIndex {
        /// The index.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The index can't be used.
    #[error("the index {} can't be used: {source}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// SQLite's word.
        source: rusqlite::Error,
    },
}

impl LedgerError {
    /// For `map_err`: what was tried with which path.
    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
