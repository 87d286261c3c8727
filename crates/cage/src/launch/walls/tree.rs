//! The file system of a box: mounts of its own, in which only what it may reach is there.

use std::{
    ffi::OsStr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{
        CWD, FileType, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, readlinkat, symlinkat,
    },
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
        fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
    },
};

use super::kernel::set_mount;

/// As the kernel (path_resolution(7)).
const MOST_LINKS: usize = 40;

const SAFE: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

/// What may be done with a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Read,
    Write,
}

/// The tree while it is being built. It lies over the machine's own, whose paths are still the ones to see.
pub(super) struct Tree {
    root: OwnedFd,
    /// The whole machine is below, so that its links need not be made again.
    whole: bool,
    /// File systems in memory that are closed at the end.
    open: Vec<OwnedFd>,
    /// What covers what is hidden: a folder `d` and a file `f`, both empty.
    blank: Option<OwnedFd>,
}

impl Tree {
    /// The machine's own tree, to be read.
    pub(super) fn whole() -> Result<Self, Errno> {
        let root = copy(Path::new("/"))?;
        set_mount(root.as_fd(), true, SAFE | libc::MOUNT_ATTR_RDONLY)?;
        attach(root.as_fd(), CWD, "/")?;
        Ok(Self {
            root,
            whole: true,
            open: Vec::new(),
            blank: None,
        })
    }

    /// A tree in which nothing is.
    pub(super) fn bare() -> Result<Self, Errno> {
        let root = memory(&[("mode", "0755"), ("size", "1m")])?;
        attach(root.as_fd(), CWD, "/")?;
        let open = vec![root.try_clone().map_err(|_| Errno::MFILE)?];
        Ok(Self {
            root,
            whole: false,
            open,
            blank: None,
        })
    }

    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The place itself, without links on the way; in a tree that is not whole the links are made.
    pub(super) fn follow(&self, path: &Path) -> Result<PathBuf, Errno> {
        let mut real = PathBuf::from("/");
        let mut rest = reversed(path);
        let mut links = 0;
        while let Some(name) = rest.pop() {
            if name == ".." {
                real.pop();
                continue;
            }
            let next = real.join(&name);
            match readlinkat(CWD, &next, Vec::new()) {
                Ok(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target = PathBuf::from(OsStr::from_bytes(target.to_bytes()));
                    self.link(&target, &next)?;
                    if target.is_absolute() {
                        real = PathBuf::from("/");
                    }
                    rest.append(&mut reversed(&target));
                }
                Err(Errno::INVAL) => real = next,
                Err(errno) => return Err(errno),
            }
        }
        Ok(real)
    }

    /// Puts the machine's own file or folder in its place, with what is mounted below it.
    pub(super) fn bind(&self, path: &Path, right: Right) -> Result<(), Errno> {
        let mount = copy(path)?;
        let attributes = match right {
            Right::Read => SAFE | libc::MOUNT_ATTR_RDONLY,
            Right::Write => SAFE,
        };
        set_mount(mount.as_fd(), true, attributes)?;
        self.cover(path, mount.as_fd())
    }

    /// Puts a file system in memory at a place; it is closed at the end, but where it `stays_open`.
    pub(super) fn put_memory(
        &mut self,
        path: &Path,
        options: &[(&str, &str)],
        stays_open: bool,
    ) -> Result<(), Errno> {
        let mount = memory(options)?;
        let place = self.folder(path)?;
        attach(mount.as_fd(), place.as_fd(), "")?;
        if !stays_open {
            self.open.push(mount);
        }
        Ok(())
    }

    /// Puts a view of this box's own processes at `/proc`, to be read.
    pub(super) fn put_processes(&self) -> Result<(), Errno> {
        let system = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(system.as_fd(), "hidepid", "invisible")?;
        fsconfig_create(system.as_fd())?;
        let safe = MountAttrFlags::MOUNT_ATTR_RDONLY
            | MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let mount = fsmount(system.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, safe)?;
        let place = self.folder(Path::new("/proc"))?;
        attach(mount.as_fd(), place.as_fd(), "")
    }

    /// Puts a device of the machine's in its place.
    pub(super) fn put_device(&self, path: &Path) -> Result<(), Errno> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let mount = open_tree(CWD, path, flags)?;
        self.cover(path, mount.as_fd())
    }

    /// Makes what is there disappear.
    pub(super) fn hide(&mut self, path: &Path) -> Result<(), Errno> {
        let blank = match self.blank.take() {
            Some(blank) => blank,
            None => {
                let blank = memory(&[("mode", "0755"), ("size", "64k")])?;
                mkdirat(&blank, "d", Mode::empty())?;
                file(blank.as_fd(), Path::new("f"))?;
                // Only what is attached can be copied.
                let place = self.folder(Path::new("/dev/.blank"))?;
                attach(blank.as_fd(), place.as_fd(), "")?;
                set_mount(blank.as_fd(), false, SAFE | libc::MOUNT_ATTR_RDONLY)?;
                blank
            }
        };
        let name = if is_folder(path)? { "d" } else { "f" };
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let mount = open_tree(&blank, name, flags)?;
        self.blank = Some(blank);
        self.cover(path, mount.as_fd())
    }

    /// Puts a small file in place of the machine's own.
    pub(super) fn put_text(&self, path: &Path, text: &str) -> Result<(), Errno> {
        let own = memory(&[("mode", "0755"), ("size", "64k")])?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let made = openat(&own, "t", flags, Mode::RUSR)?;
        rustix::io::write(made, text.as_bytes())?;
        // Only what is attached can be copied.
        let place = self.folder(Path::new("/dev/.text"))?;
        attach(own.as_fd(), place.as_fd(), "")?;
        set_mount(own.as_fd(), false, SAFE | libc::MOUNT_ATTR_RDONLY)?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let mount = open_tree(&own, "t", flags)?;
        self.cover(path, mount.as_fd())
    }

    /// Makes a link, where there is none.
    pub(super) fn link(&self, target: &Path, path: &Path) -> Result<(), Errno> {
        if self.whole && !path.starts_with("/dev") {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folders(parent)?;
        }
        match symlinkat(target, &self.root, within(path)) {
            // What is there already leads where the machine's own does.
            Ok(()) | Err(Errno::EXIST | Errno::ROFS) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Makes a small file.
    pub(super) fn write(&self, path: &Path, text: &str) -> Result<(), Errno> {
        if let Some(parent) = path.parent() {
            self.folders(parent)?;
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::RGRP | Mode::ROTH;
        match openat(&self.root, within(path), flags, mode) {
            Ok(made) => rustix::io::write(made, text.as_bytes()).map(drop),
            Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Something in the tree, without links on the way.
    pub(super) fn open(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        openat2(&self.root, within(path), flags, Mode::empty(), resolve)
    }

    /// Closes what was made in memory, and makes this the only tree there is.
    pub(super) fn enter(self) -> Result<(), Errno> {
        for mount in &self.open {
            set_mount(mount.as_fd(), false, SAFE | libc::MOUNT_ATTR_RDONLY)?;
        }
        rustix::process::fchdir(&self.root)?;
        // The old root comes to lie over the new one, from where it is taken away (pivot_root(2)).
        rustix::process::pivot_root(".", ".")?;
        rustix::mount::unmount(".", rustix::mount::UnmountFlags::DETACH)?;
        rustix::process::chdir("/")
    }

    /// Takes it away again, with all that is mounted in it. Where it can't be, it goes with this process.
    pub(super) fn leave(self) {
        let _ = rustix::process::fchdir(&self.root);
        let _ = rustix::mount::unmount(".", rustix::mount::UnmountFlags::DETACH);
    }

    fn cover(&self, path: &Path, mount: BorrowedFd<'_>) -> Result<(), Errno> {
        let place = if is_folder(path)? {
            self.folder(path)?
        } else {
            self.file(path)?
        };
        attach(mount, place.as_fd(), "")
    }

    fn folder(&self, path: &Path) -> Result<OwnedFd, Errno> {
        match self.open(path) {
            Err(Errno::NOENT) => {
                self.folders(path)?;
                self.open(path)
            }
            found => found,
        }
    }

    fn file(&self, path: &Path) -> Result<OwnedFd, Errno> {
        match self.open(path) {
            Err(Errno::NOENT) => {
                if let Some(parent) = path.parent() {
                    self.folders(parent)?;
                }
                file(self.root.as_fd(), within(path))?;
                self.open(path)
            }
            found => found,
        }
    }

    /// Makes the folders on the way, and this one.
    fn folders(&self, path: &Path) -> Result<(), Errno> {
        let mode = Mode::RWXU | Mode::RGRP | Mode::XGRP | Mode::ROTH | Mode::XOTH;
        let mut place = PathBuf::new();
        for name in within(path).components() {
            place.push(name);
            match mkdirat(&self.root, &place, mode) {
                Ok(()) | Err(Errno::EXIST | Errno::ROFS) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

/// A path as it is seen from the root of the tree.
fn within(path: &Path) -> &Path {
    let below = path.strip_prefix("/").unwrap_or(path);
    if below.as_os_str().is_empty() {
        Path::new(".")
    } else {
        below
    }
}

fn reversed(path: &Path) -> Vec<std::ffi::OsString> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    let mut names: Vec<_> = names.collect();
    names.reverse();
    names
}

/// Whether the machine has a folder there.
fn is_folder(path: &Path) -> Result<bool, Errno> {
    let found = rustix::fs::lstat(path)?;
    Ok(FileType::from_raw_mode(found.st_mode).is_dir())
}

fn file(at: BorrowedFd<'_>, path: &Path) -> Result<(), Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    openat(at, path, flags, Mode::empty()).map(drop)
}

/// A copy of a mount, and of those below it, that is nowhere yet.
fn copy(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW
        | OpenTreeFlags::AT_NO_AUTOMOUNT;
    open_tree(CWD, path, flags)
}

fn memory(options: &[(&str, &str)]) -> Result<OwnedFd, Errno> {
    let system = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        fsconfig_set_string(system.as_fd(), *key, *value)?;
    }
    fsconfig_create(system.as_fd())?;
    let safe = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(system.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, safe)
}

/// Attaches a mount that is nowhere yet.
fn attach(mount: BorrowedFd<'_>, at: BorrowedFd<'_>, path: &str) -> Result<(), Errno> {
    let mut flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    if path.is_empty() {
        flags |= MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    }
    move_mount(mount, "", at, path, flags)
}
