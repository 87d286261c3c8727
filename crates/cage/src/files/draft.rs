//! A file that is being written, and has no name until it is whole.
//!
//! It is made without a name (`O_TMPFILE`), so that a process that is killed leaves nothing. A new file
//! is then linked under its name. Linking never replaces, so to take an old file's place a draft
//! gets a name of its own for the time between two system calls, [`Draft::replace`]; a process that is
//! killed just there leaves a whole file of that name. Where the file system has no files without
//! a name, the draft has its own from the start.

use std::{
    fs::File,
    io::Write,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use rustix::{
    fs::{
        AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, Uid, fchmod, fchown, fstat, fsync, linkat,
        openat, renameat, renameat_with, unlinkat,
    },
    io::Errno,
};

use super::{FileFault, Meta};

/// How often another name is tried where one is taken.
const TRIES: usize = 16;

/// A draft in a directory. Dropped before it has its place, it is gone.
pub(super) struct Draft<'a> {
    file: File,
    dir: BorrowedFd<'a>,
    /// Its own name, while it has one.
    name: Option<String>,
}

impl<'a> Draft<'a> {
    /// Begins one, of this mode less the process's mask.
    pub(super) fn begin(
        dir: BorrowedFd<'a>,
        mode: Mode,
        may_be_unnamed: bool,
    ) -> Result<Self, FileFault> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        if may_be_unnamed {
            match openat(dir, ".", flags | OFlags::TMPFILE, mode) {
                // What a file system, or a kernel, without them says.
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
                done => {
                    return Ok(Self {
                        file: done?.into(),
                        dir,
                        name: None,
                    });
                }
            }
        }
        let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let (name, fd) = with_own_name(|name| openat(dir, name, flags, mode))?;
        Ok(Self {
            file: fd.into(),
            dir,
            name: Some(name),
        })
    }

    pub(super) fn fill(&mut self, content: &[u8]) -> Result<(), FileFault> {
        Ok(self.file.write_all(content)?)
    }

    /// Takes on who owns an old file and who may use it, without set-id bits. Where its group can't be
    /// kept, ours gets nothing.
    pub(super) fn take_after(&self, old: &Meta) -> Result<(), FileFault> {
        let ours = fstat(&self.file)?;
        let mut mode = old.mode & 0o777;
        if (ours.st_uid, ours.st_gid) != (old.owner, old.group) {
            let (owner, group) = (Uid::from_raw(old.owner), Gid::from_raw(old.group));
            let kept = fchown(&self.file, Some(owner), Some(group))
                .or_else(|_| fchown(&self.file, None, Some(group)));
            if kept.is_err() && ours.st_gid != old.group {
                mode &= 0o707;
            }
        }
        Ok(fchmod(&self.file, Mode::from_raw_mode(mode))?)
    }

    /// Waits until the disk has it.
    pub(super) fn sync(&self) -> Result<(), FileFault> {
        Ok(fsync(&self.file)?)
    }

    /// Gives it its place where nothing is.
    ///
    /// # Errors
    /// [`FileFault::Exists`] where something is; the draft is as it was.
    pub(super) fn create(&mut self, name: &str) -> Result<(), FileFault> {
        let Some(own) = self.name.take() else {
            return Ok(self.link(name)?);
        };
        let renamed = renameat_with(self.dir, &own, self.dir, name, RenameFlags::NOREPLACE);
        let done = match renamed {
            // Not every file system knows the flag; then a second name is as good, for a moment.
            Err(Errno::INVAL | Errno::NOSYS) => {
                let linked = linkat(self.dir, &own, self.dir, name, AtFlags::empty());
                if linked.is_ok() {
                    let _ = unlinkat(self.dir, &own, AtFlags::empty());
                }
                linked
            }
            done => done,
        };
        if done.is_err() {
            self.name = Some(own);
        }
        Ok(done?)
    }

    /// Gives it the place of what is there.
    pub(super) fn replace(&mut self, name: &str) -> Result<(), FileFault> {
        let own = match self.name.take() {
            Some(own) => own,
            None => with_own_name(|own| self.link(own))?.0,
        };
        let done = renameat(self.dir, &own, self.dir, name);
        if done.is_err() {
            self.name = Some(own);
        }
        Ok(done?)
    }

    fn link(&self, name: &str) -> Result<(), Errno> {
        let itself = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        match linkat(CWD, itself, self.dir, name, AtFlags::SYMLINK_FOLLOW) {
            // Without /proc; kernels before 6.10 want a capability for it.
            Err(Errno::NOENT) => linkat(self.file.as_fd(), "", self.dir, name, AtFlags::EMPTY_PATH),
            done => done,
        }
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // There is nothing more that could be done.
            let _ = unlinkat(self.dir, name, AtFlags::empty());
        }
    }
}

/// Tries names of drafts until one is free.
fn with_own_name<T>(
    mut take: impl FnMut(&str) -> Result<T, Errno>,
) -> Result<(String, T), FileFault> {
    for _ in 0..TRIES {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| FileFault::Io(Errno::IO))?;
        let name = format!(".durward-{:016x}.tmp", u64::from_ne_bytes(random));
        match take(&name) {
            Err(Errno::EXIST) => {}
            done => return Ok((name, done?)),
        }
    }
    Err(FileFault::Exists)
}
