//! The SQLite index: one row a call or event, filled from the journal by those who ask, never by serving.
//! It holds nothing that the journal does not; whatever is wrong with it, it is made anew.

mod fill;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use crate::{Entry, Filter, LedgerError, query};

/// The version of the tables below.
const SCHEMA: i64 = 2;

const TABLES: &str = "
CREATE TABLE chain (
    chain TEXT PRIMARY KEY, id TEXT NOT NULL,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    chain TEXT NOT NULL, seq INTEGER NOT NULL, segment INTEGER NOT NULL, ended INTEGER,
    kind TEXT NOT NULL, t INTEGER NOT NULL, call TEXT, caller TEXT, name TEXT, roles TEXT, tenant TEXT,
    key TEXT, uid INTEGER, door TEXT, session TEXT, revision TEXT, client TEXT, remote TEXT, method TEXT,
    target_kind TEXT, target TEXT, provider TEXT, tier TEXT, args TEXT,
    rule TEXT, decision TEXT, status TEXT, code TEXT, detail TEXT, reason TEXT, us INTEGER, bytes INTEGER,
    sha256 TEXT, event TEXT, room TEXT, level TEXT,
    UNIQUE (chain, seq)
) STRICT;
CREATE INDEX entry_by_time ON entry (t);
CREATE INDEX entry_by_call ON entry (call);
CREATE INDEX entry_by_end ON entry (ended);
";

/// The index of a journal.
pub struct Index {
    path: PathBuf,
    connection: Connection,
}

impl Index {
    /// Opens the index, and makes it where there is none or it can't be read.
    ///
    /// # Errors
    /// [`LedgerError::NewerIndex`] where a later durward made it, [`LedgerError::Index`] where SQLite refuses.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        match Self::try_open(path) {
            Err(LedgerError::Index { .. }) => {
                remove(path)?;
                Self::try_open(path)
            }
            other => other,
        }
    }

    /// Takes in what the journal has got since the last time.
    ///
    /// # Errors
    /// [`LedgerError::NoJournal`] where there is none, [`LedgerError::Io`] and [`LedgerError::Index`].
    pub fn refresh(&mut self, journal: &Path) -> Result<(), LedgerError> {
        if fill::refresh(&mut self.connection, &self.path, journal)? == fill::Filled::Anew {
            self.rebuild(journal)?;
        }
        Ok(())
    }

    /// Forgets all and reads the whole journal.
    ///
    /// # Errors
    /// As [`Index::refresh`].
    pub fn rebuild(&mut self, journal: &Path) -> Result<(), LedgerError> {
        self.connection
            .execute_batch("DELETE FROM entry; DELETE FROM chain;")
            .map_err(|source| self.wrong(source))?;
        fill::refresh(&mut self.connection, &self.path, journal).map(drop)
    }

    /// What fits the filter.
    ///
    /// # Errors
    /// [`LedgerError::Index`].
    pub fn query(&self, filter: &Filter) -> Result<Vec<Entry>, LedgerError> {
        query::select(&self.connection, filter).map_err(|source| self.wrong(source))
    }

    /// What ended after `ended`, in the order of its ending; see [`crate::Tail`].
    pub(crate) fn ended_after(&self, ended: i64) -> Result<Vec<(i64, Entry)>, LedgerError> {
        query::ended_after(&self.connection, ended).map_err(|source| self.wrong(source))
    }

    /// The place of the entry that `n` others have ended after.
    pub(crate) fn ended_before_last(&self, n: u32) -> Result<i64, LedgerError> {
        query::ended_before_last(&self.connection, n).map_err(|source| self.wrong(source))
    }

    fn try_open(path: &Path) -> Result<Self, LedgerError> {
        if let Some(parent) = path.parent() {
            crate::folder::make(parent)?;
        }
        private(path).map_err(LedgerError::io("open", path))?;
        let wrong = |source| LedgerError::Index {
            path: path.to_owned(),
            source,
        };
        let connection = Connection::open(path).map_err(wrong)?;
        let found = prepare(&connection).map_err(wrong)?;
        match found {
            0 => connection
                .execute_batch(&format!(
                    "BEGIN; {TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;"
                ))
                .map_err(wrong)?,
            SCHEMA => {}
            // All of it is in the journal.
            1..SCHEMA => connection
                .execute_batch(&format!(
                    "BEGIN; DROP TABLE entry; DROP TABLE chain; {TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;"
                ))
                .map_err(wrong)?,
            found => {
                let path = path.to_owned();
                return Err(LedgerError::NewerIndex {
                    path,
                    found,
                    known: SCHEMA,
                });
            }
        }
        Ok(Self {
            path: path.to_owned(),
            connection,
        })
    }

    fn wrong(&self, source: rusqlite::Error) -> LedgerError {
        LedgerError::Index {
            path: self.path.clone(),
            source,
        }
    }
}

/// Sets the connection up and gives the schema's version, 0 for an empty file.
fn prepare(connection: &Connection) -> rusqlite::Result<i64> {
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    // It can be made anew, so a power cut may cost it; a reader beside a writer must not wait.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// SQLite makes files as the umask says; this one is for its owner only.
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
}

fn remove(path: &Path) -> Result<(), LedgerError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LedgerError::io("remove", name)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
