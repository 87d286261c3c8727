//! What may be done with files, by landlock(7): the whole of it at `light`, a second wall at `full`.

use std::{
    ffi::OsStr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Dir, FileType, Mode, OFlags, fstat, open},
    io::Errno,
};

use super::kernel::{Handled, landlock_allow, landlock_ruleset};

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_BLOCK: u64 = 1 << 11;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;

/// Of abstract sockets, and of signals, to who is outside.
const SCOPES: u64 = 1 | 1 << 1;

/// The first version that knows of truncation, without which a file could be emptied that can't be written.
pub(super) const NEEDED: u32 = 3;

/// Since this version a program can't reach abstract sockets and processes outside.
pub(super) const SCOPED: u32 = 6;

/// What a ruleset can decide in this version.
fn known(version: u32) -> u64 {
    let first = REFER - 1;
    [(2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)]
        .into_iter()
        .filter(|(since, _)| version >= *since)
        .fold(first, |known, (_, right)| known | right)
}

/// Rules that are being collected.
pub(super) struct Rules {
    ruleset: OwnedFd,
    known: u64,
}

impl Rules {
    /// Nothing may be done.
    pub(super) fn new(version: u32) -> Result<Self, Errno> {
        let known = known(version);
        let ruleset = landlock_ruleset(&Handled {
            files: known,
            network: 0,
            scoped: if version >= SCOPED { SCOPES } else { 0 },
        })?;
        Ok(Self { ruleset, known })
    }

    /// May be read and executed, all but what is hidden.
    pub(super) fn read(&self, path: &Path, hidden: &[PathBuf]) -> Result<(), Errno> {
        self.allow_but(path, hidden, EXECUTE | READ_FILE | READ_DIR)
    }

    /// May be read, executed and written, all but what is hidden; no device can be made.
    pub(super) fn write(&self, path: &Path, hidden: &[PathBuf]) -> Result<(), Errno> {
        let all = self.known & !(MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV);
        self.allow_but(path, hidden, all)
    }

    /// A device may be read and written.
    pub(super) fn device(&self, path: &Path) -> Result<(), Errno> {
        self.allow(path, READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV)
    }

    /// What is not there needs no rule.
    fn allow(&self, path: &Path, access: u64) -> Result<(), Errno> {
        match open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            Ok(found) => self.allow_at(found.as_fd(), access),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn allow_at(&self, found: BorrowedFd<'_>, access: u64) -> Result<(), Errno> {
        let is_folder = FileType::from_raw_mode(fstat(found)?.st_mode).is_dir();
        let fit = if is_folder {
            access
        } else {
            access & (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV)
        };
        landlock_allow(self.ruleset.as_fd(), found, fit & self.known)
    }

    /// Where something beneath is hidden, each entry beside the way to it on its own, since there are no rules
    /// that take away. Folders on the way can't be listed, and nothing new can be made in them.
    fn allow_but(&self, path: &Path, hidden: &[PathBuf], access: u64) -> Result<(), Errno> {
        if hidden.iter().any(|hidden| path.starts_with(hidden)) {
            return Ok(());
        }
        if !hidden.iter().any(|hidden| hidden.starts_with(path)) {
            return self.allow(path, access);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let Ok(folder) = open(path, flags, Mode::empty()) else {
            return Ok(());
        };
        for entry in Dir::read_from(&folder)?.flatten() {
            let name = entry.file_name().to_bytes();
            // A link is judged where it leads to.
            if name != b"." && name != b".." && entry.file_type() != FileType::Symlink {
                self.allow_but(&path.join(OsStr::from_bytes(name)), hidden, access)?;
            }
        }
        Ok(())
    }

    pub(super) fn into_fd(self) -> OwnedFd {
        self.ruleset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_versions_decide_more() {
        assert_eq!(known(1), (1 << 13) - 1);
        assert_eq!(known(3), (1 << 15) - 1);
        assert_eq!(known(7), (1 << 16) - 1);
    }
}
