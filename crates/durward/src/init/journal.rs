//! What init did, written down before it is done, so that it can be undone whatever happens.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    disk,
    edit::{self, Format},
};
use crate::config::Digest;

/// All that init did and that is not undone, the latest last.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub(super) runs: Vec<Run>,
}

/// One run of init.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) phase: Phase,
    /// Folders that it made, from the top.
    pub(super) folders: Vec<PathBuf>,
    /// In the order in which they are made; they are undone in the other.
    pub(super) changes: Vec<Change>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// Its files are being written beside those whose place they are to take.
    Staging,
    /// They are being put there; what still waits beside its place was not.
    Doing,
    /// All is written.
    Done,
    /// It is being undone; whoever finds it so goes on.
    Undoing,
}

/// What a file is to durward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A secret.
    Secret,
    /// durward's own file.
    Gate,
    /// A client's file.
    Client,
}

/// One file that is changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    pub(super) kind: Kind,
    /// Where the client looks for it.
    pub(super) path: PathBuf,
    /// Where it is: the end of all links.
    pub(super) target: PathBuf,
    pub(super) format: Option<Written>,
    /// What was there; `None` where nothing was.
    pub(super) before: Option<Before>,
    pub(super) edits: Vec<Patch>,
    /// The SHA-256 of what init put there.
    pub(super) after: String,
    /// The SHA-256 of what undoing is about to put there, where that is not what was there before.
    pub(super) merged: Option<String>,
}

/// [`Format`], written down.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Written {
    Json,
    Toml,
    Yaml,
}

impl From<Format> for Written {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Toml => Self::Toml,
            Format::Yaml => Self::Yaml,
        }
    }
}

impl From<Written> for Format {
    fn from(written: Written) -> Self {
        match written {
            Written::Json => Self::Json,
            Written::Toml => Self::Toml,
            Written::Yaml => Self::Yaml,
        }
    }
}

/// What a file was.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Before {
    /// The name of its copy in the folder of backups.
    pub(super) backup: String,
    pub(super) mode: u32,
    pub(super) sha256: String,
}

/// [`edit::Edit`], written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    start: usize,
    end: usize,
    text: String,
}

impl From<&edit::Edit> for Patch {
    fn from(edit: &edit::Edit) -> Self {
        Self {
            start: edit.span.start,
            end: edit.span.end,
            text: edit.text.clone(),
        }
    }
}

impl From<&Patch> for edit::Edit {
    fn from(patch: &Patch) -> Self {
        Self {
            span: patch.start..patch.end,
            text: patch.text.clone(),
        }
    }
}

/// The digest of a content, as the journal has it.
pub(super) fn digest(content: &[u8]) -> String {
    Digest::of(content).to_string()
}

/// Where a state folder keeps all this.
#[derive(Debug, Clone)]
pub(super) struct Shelf(PathBuf);

impl Shelf {
    pub(super) fn of(state: &Path) -> Self {
        Self(state.join("init"))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    fn file(&self) -> PathBuf {
        self.0.join("journal.json")
    }

    pub(super) fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    pub(super) fn backup(&self, name: &str) -> PathBuf {
        self.backups().join(name)
    }

    /// What is written down.
    ///
    /// # Errors
    /// One sentence.
    pub(super) fn read(&self) -> Result<Journal, String> {
        let file = self.file();
        let content = disk::content(&file)
            .map_err(|error| format!("{} can't be read: {}", file.display(), disk::said(&error)))?;
        let Some((content, _)) = content else {
            return Ok(Journal::default());
        };
        serde_json::from_slice(&content).map_err(|error| {
            format!(
                "{} is not what init wrote: {error}; the originals are in {}",
                file.display(),
                self.backups().display()
            )
        })
    }

    /// Writes it down, to the disk.
    ///
    /// # Errors
    /// One sentence.
    pub(super) fn write(&self, journal: &Journal) -> Result<(), String> {
        let file = self.file();
        let content = serde_json::to_vec_pretty(journal).map_err(|error| error.to_string())?;
        disk::write_own(&file, &content).map_err(|error| {
            format!(
                "{} can't be written: {}",
                file.display(),
                disk::said(&error)
            )
        })
    }

    /// Takes away the copies that no run needs.
    pub(super) fn sweep(&self, journal: &Journal) {
        let runs = journal.runs.iter().flat_map(|run| &run.changes);
        let needed: Vec<_> = runs
            .filter_map(|change| change.before.as_ref())
            .map(|before| self.backup(&before.backup))
            .collect();
        for copy in disk::matching(&self.backups(), "", "") {
            if !needed.contains(&copy) {
                // It is in nobody's way.
                let _ = disk::remove(&copy);
            }
        }
    }
}
