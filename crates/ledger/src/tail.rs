//! The trail as it grows.

use std::path::{Path, PathBuf};

use crate::{Entry, Index, LedgerError};

/// Follows a journal. An entry appears once, when its call has ended.
pub struct Tail {
    index: Index,
    journal: PathBuf,
    ended: i64,
}

impl Tail {
    /// Begins before the last `n` entries: the first [`Tail::poll`] gives them.
    ///
    /// # Errors
    /// As [`Index::refresh`].
    pub fn new(mut index: Index, journal: &Path, n: u32) -> Result<Self, LedgerError> {
        index.refresh(journal)?;
        let ended = if n == 0 {
            index.ended_after(0)?.last().map_or(0, |(ended, _)| *ended)
        } else {
            index.ended_before_last(n)?
        };
        Ok(Self {
            index,
            journal: journal.to_owned(),
            ended,
        })
    }

    /// What has ended since the last time.
    ///
    /// # Errors
    /// As [`Index::refresh`].
    pub fn poll(&mut self) -> Result<Vec<Entry>, LedgerError> {
        self.index.refresh(&self.journal)?;
        let new = self.index.ended_after(self.ended)?;
        if let Some((ended, _)) = new.last() {
            self.ended = *ended;
        }
        Ok(new.into_iter().map(|(_, entry)| entry).collect())
    }
}
