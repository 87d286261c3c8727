//! `durward init`: the servers of the clients on this machine go behind durward, and come back.
//!
//! `client` says what there is to know of a client and `clients` says it of each; `edit` changes files in
//! place; `server` and `reference` read what an entry means; `gate` is durward's own file; `plan` puts it
//! together; `apply` does it and `undo` takes it back, both by the `journal`.

mod apply;
mod client;
mod clients;
mod disk;
mod edit;
mod find;
mod gate;
mod gate_text;
mod journal;
mod mask;
mod merge;
mod naming;
mod plan;
mod reference;
mod rewire;
mod secret;
mod server;
mod settled;
mod show;
mod undo;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use journal::{Journal, Phase, Shelf};
pub(crate) use plan::{Answers, Input, Plan, Planner, Wish};
pub(crate) use undo::Fate;

/// The clients that `--client` may name.
pub(crate) fn clients() -> impl Iterator<Item = &'static str> {
    clients::CLIENTS.iter().map(|client| client.name)
}

/// The state folder's part that is init's. While it is held, no other init runs on it.
pub(crate) struct Workshop {
    shelf: Shelf,
    journal: Journal,
    _lock: File,
}

impl Workshop {
    /// Opens it, and makes it where it is not there yet.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn open(state: &Path) -> Result<Self, String> {
        let shelf = Shelf::of(state);
        let fault = |error: std::io::Error| {
            let why = disk::said(&error);
            format!(
                "nothing was changed: {} can't be used: {why}",
                shelf.folder().display()
            )
        };
        disk::make_folders(shelf.folder()).map_err(fault)?;
        let lock = disk::lock(&shelf.lock()).map_err(fault)?;
        let lock = lock.ok_or("another `durward init` is at work")?;
        Ok(Self {
            journal: shelf.read()?,
            shelf,
            _lock: lock,
        })
    }

    /// Whether an interrupted run waits to be undone.
    pub(crate) fn is_interrupted(state: &Path) -> bool {
        let journal = Shelf::of(state).read();
        journal.is_ok_and(|it| it.runs.iter().any(|run| run.phase != Phase::Done))
    }

    /// Undoes what an interrupted run left, and says which files that were.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn recover(&mut self) -> Result<Vec<(PathBuf, Fate)>, String> {
        undo::unwind(&self.shelf, &mut self.journal)
    }

    /// Does what was planned, whole or not at all.
    ///
    /// # Errors
    /// One sentence; then nothing was changed.
    pub(crate) fn carry_out(&mut self, plan: &Plan) -> Result<(), String> {
        apply::carry_out(&self.shelf, &mut self.journal, plan)
    }

    /// Puts everything back, and says what became of each file.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn undo(&mut self) -> Result<Vec<(PathBuf, Fate)>, String> {
        undo::all(&self.shelf, &mut self.journal)
    }
}

impl Plan {
    /// What would be done, and what would change line by line; for people.
    pub(crate) fn text(&self, home: &Path) -> String {
        let (plan, diff) = (show::plan(self, home), show::diff(self, home));
        match diff.is_empty() {
            true => plan,
            false => format!("{plan}\n{diff}"),
        }
    }

    /// What would be done, as one object.
    pub(crate) fn object(&self) -> serde_json::Value {
        show::object(self)
    }
}

/// A line that can't steer the terminal.
pub(crate) fn harmless(line: &str) -> String {
    show::harmless(line)
}

/// A path as people write it.
pub(crate) fn short(path: &Path, home: &Path) -> String {
    show::short(path, home)
}
