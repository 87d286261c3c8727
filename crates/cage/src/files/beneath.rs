//! One system call: open beneath a directory, over no symbolic link.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::{
    fs::{Mode, OFlags, ResolveFlags, openat2},
    io::Errno,
};

use super::RelPath;

/// How often a look-up that a rename disturbed is tried again.
const TRIES: usize = 16;

/// What every open here has: nothing leaks to a child, nothing waits for a FIFO's writer, and no
/// terminal becomes ours.
pub(super) const QUIET: OFlags = OFlags::CLOEXEC
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Opens `path` for reading. `ELOOP` where a symbolic link lies on the way, `EXDEV` where the path
/// would leave `dir` (openat2(2)).
pub(super) fn open_beneath(
    dir: BorrowedFd<'_>,
    path: RelPath<'_>,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    // `openat2` refuses flags that mean nothing together, as these do where only a place is wanted.
    let quiet = if flags.contains(OFlags::PATH) {
        OFlags::CLOEXEC
    } else {
        QUIET
    };
    let mut last = Errno::AGAIN;
    for _ in 0..TRIES {
        match openat2(
            dir,
            path.for_kernel(),
            flags | quiet,
            Mode::empty(),
            resolve,
        ) {
            Err(errno @ (Errno::AGAIN | Errno::INTR)) => last = errno,
            done => return done,
        }
    }
    Err(last)
}

/// Does this kernel, and what confines us, let us call `openat2`?
pub(super) fn is_available(dir: BorrowedFd<'_>) -> bool {
    open_beneath(dir, RelPath::ROOT, OFlags::PATH).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_the_kernel_has_is_used() {
        let dir = tempfile::TempDir::new().unwrap();
        let fd = rustix::fs::open(dir.path(), OFlags::PATH, Mode::empty()).unwrap();
        let plain = openat2(
            &fd,
            ".",
            OFlags::RDONLY,
            Mode::empty(),
            ResolveFlags::empty(),
        );
        assert_eq!(is_available(fd.as_fd()), plain.is_ok());
        if plain.is_ok() {
            for flags in [
                OFlags::RDONLY,
                OFlags::RDONLY | OFlags::DIRECTORY,
                OFlags::PATH,
            ] {
                open_beneath(fd.as_fd(), RelPath::ROOT, flags).unwrap();
            }
        }
    }
}
