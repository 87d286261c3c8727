//! What a program may reach: the walls around it, and how high they are (`docs/decisions/0015`).

mod filter;
mod flaws;
mod full;
mod groups;
mod host;
mod kernel;
mod landlock;
mod later;
mod level;
mod limits;
mod memory;
mod network;
mod put_on;
mod raise;
mod step;
mod tree;
mod wanted;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

pub use host::{Host, Lack};
pub(crate) use later::beneath;
pub use level::Level;
pub use limits::Limits;
pub use network::{Door, Network, WayOut};
pub(super) use {
    flaws::Flaws,
    full::namespaces,
    groups::{Group, Groups},
    memory::Watched,
    put_on::{filter_calls, give_up_rights, hold_files, limit, limit_all},
    raise::{Prepared, Raised, prepare, raise},
    step::Failed,
    wanted::{Reach, Wanted, words},
};

/// What a program may reach. All that is not said is closed.
///
/// Every path is absolute; one that is not there is left out.
#[derive(Debug, Clone)]
pub struct Walls {
    /// How it is held.
    pub level: Level,
    /// What may be read and executed.
    pub read: Vec<PathBuf>,
    /// What may be read, executed and written.
    pub write: Vec<PathBuf>,
    /// What may not be reached at all, within those.
    pub hide: Vec<PathBuf>,
    /// What may not be written though it lies within `write`, whether it is there or not. What others
    /// execute later (`.git/hooks`, rc files, the settings of editors …) never may, said or not.
    pub deny_write: Vec<PathBuf>,
    /// Whom it may talk to.
    pub network: Network,
    /// How much it may use.
    pub limits: Limits,
}

impl Walls {
    /// A link where something would have to be closed to writing: at `full` nothing is run with it, since whoever
    /// can change a link can change where it leads to.
    pub fn link_in_the_way(&self) -> Option<PathBuf> {
        let home = std::env::home_dir();
        let mut said = self.deny_write.iter();
        later::link_beneath(&self.write, home.as_deref()).or_else(|| {
            let link = said.find(|path| {
                let is_within = self.write.iter().any(|root| path.starts_with(root));
                is_within && path.is_symlink()
            });
            link.cloned()
        })
    }
}

/// Whether others execute what is in a project by this name, or some of it.
pub fn is_executed_later(name: &OsStr) -> bool {
    later::is_in_projects(name)
}

/// What is in this folder that others execute later, links aside: for [`Walls::deny_write`], where it lies further
/// below a folder that may be written.
pub fn executed_later(project: &Path) -> Vec<PathBuf> {
    later::there(project)
}
