//! File systems that find a file under more than one spelling of its name: another case, a short
//! name, a dot too many. A deny list could be talked round there, so a name is found there only as
//! the directory spells it.

use std::{
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd},
};

use rustix::fs::{Mode, OFlags, RawDir, fstatfs, ioctl_getflags, openat};

use super::{FileFault, beneath::QUIET};

/// FAT, exFAT, NTFS (two drivers), SMB (two versions), HFS and HFS+, and 9p, which WSL has for the
/// drives of Windows (linux/magic.h and the drivers).
const FOLDING: [u32; 9] = [
    0x0000_4d44,
    0x2011_bab0,
    0x5346_544e,
    0x7366_746e,
    0xff53_4d42,
    0xfe53_4d42,
    0x0000_4244,
    0x0000_482b,
    0x0102_1997,
];

/// What ext4 and f2fs set on a directory that folds; those made in it have it too
/// (`FS_CASEFOLD_FL`, linux/fs.h).
const CASEFOLD: u32 = 0x4000_0000;

/// True where the directory's file system takes one spelling of a name for another.
pub(super) fn folds(dir: BorrowedFd<'_>) -> bool {
    // The field's width differs between architectures; the numbers fit 32 bits.
    fstatfs(dir).is_ok_and(|fs| FOLDING.contains(&(fs.f_type as u32)))
        || open(dir)
            .and_then(ioctl_getflags)
            .is_ok_and(|flags| flags.bits() & CASEFOLD != 0)
}

/// Is there an entry of exactly this name?
pub(super) fn holds(dir: BorrowedFd<'_>, name: &str) -> Result<bool, FileFault> {
    let mut buffer = vec![MaybeUninit::uninit(); 32 * 1024];
    let mut names = RawDir::new(open(dir)?, &mut buffer);
    while let Some(found) = names.next() {
        if found?.file_name().to_bytes() == name.as_bytes() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn open(dir: impl AsFd) -> rustix::io::Result<rustix::fd::OwnedFd> {
    openat(
        dir,
        ".",
        OFlags::RDONLY | OFlags::DIRECTORY | QUIET,
        Mode::empty(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_they_are_spelled() {
        let dir = tempfile::TempDir::new().unwrap();
        std::fs::write(dir.path().join("Secret.key"), "").unwrap();
        let fd = rustix::fs::open(dir.path(), OFlags::PATH, Mode::empty()).unwrap();
        assert_eq!(holds(fd.as_fd(), "Secret.key"), Ok(true));
        for other in ["secret.key", "Secret.key.", "SECRET~1.KEY"] {
            assert_eq!(holds(fd.as_fd(), other), Ok(false), "{other}");
        }
        assert!(!folds(fd.as_fd()));
    }
}
