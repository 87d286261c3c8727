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

use std::path::PathBuf;

pub use host::{Host, Lack};
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
