//! What `stat` tells.

use durward_core::Wall;
use rustix::fs::{FileType, Stat};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A FIFO, socket or device.
    Other,
}

impl Kind {
    pub(super) fn of(file_type: FileType) -> Self {
        match file_type {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Symlink,
            _ => Self::Other,
        }
    }
}

/// Names a file or directory of the machine, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId {
    /// The device that holds it.
    pub dev: u64,
    /// Its number there.
    pub ino: u64,
}

/// Facts about a file or directory.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub size: u64,
    /// When its content changed last; 1970 for anything earlier.
    pub modified: Wall,
    /// When anything about it changed last, its permissions too; nobody can set it back.
    pub changed: Wall,
    /// The permission bits, `0o7777` at most.
    pub mode: u32,
    /// How many names it has.
    pub links: u64,
    /// Whose it is, by number.
    pub owner: u32,
    /// Whose group it has, by number.
    pub group: u32,
    /// Which it is.
    pub node: NodeId,
}

impl Meta {
    /// Is it the same thing, as far as numbers tell? They are given again once it is gone.
    pub(super) fn is(&self, other: &Self) -> bool {
        (self.node, self.kind) == (other.node, other.kind)
    }
}

#[expect(
    clippy::unnecessary_cast,
    reason = "the fields' widths differ between architectures"
)]
impl From<&Stat> for Meta {
    fn from(stat: &Stat) -> Self {
        let wall = |seconds: i64, nanos: u64| {
            let seconds = u64::try_from(seconds).unwrap_or(0);
            Wall(
                seconds
                    .saturating_mul(1_000_000)
                    .saturating_add(nanos / 1_000),
            )
        };
        Self {
            kind: Kind::of(FileType::from_raw_mode(stat.st_mode)),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: wall(stat.st_mtime as i64, stat.st_mtime_nsec as u64),
            changed: wall(stat.st_ctime as i64, stat.st_ctime_nsec as u64),
            mode: stat.st_mode & 0o7777,
            links: stat.st_nlink as u64,
            owner: stat.st_uid,
            group: stat.st_gid,
            node: NodeId {
                dev: stat.st_dev as u64,
                ino: stat.st_ino as u64,
            },
        }
    }
}
