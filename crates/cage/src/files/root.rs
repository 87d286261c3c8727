//! A root: the folder that is shared, held by its descriptor.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::{
    fs::{CWD, Mode, OFlags, fstat, openat},
    io::Errno,
};

use super::{
    FileFault, Kind, Meta, NodeId, OpenDir, OpenFile, RelPath, RootFault, beneath, dangerous,
    folding,
    path::is_within,
    quota::Quota,
    stroll::{Ground, stroll},
};

/// Says whether a path, relative to the root, may be reached. It is asked for the path that was
/// requested, and again for the one that links led to.
pub type Judge<'a> = dyn Fn(&str) -> Result<(), FileFault> + 'a;

/// What the deny list is said to hold where durward's own folders are touched.
pub(super) const OWN: &str = "durward's own files";

/// Which folder is shared, and under what name.
#[derive(Debug, Clone, Default)]
pub struct RootSettings {
    /// The name in `name:path`; empty for the one root that needs none.
    pub name: String,
    /// The folder; it may be given as a symbolic link.
    pub path: PathBuf,
    /// Take `/`, `/proc`, `/sys` and `/dev` too.
    pub allow_dangerous: bool,
    /// The most bytes that its files may come to by what durward writes.
    pub quota: Option<u64>,
}

/// A folder that is shared. After it is opened, no path of the host reaches the kernel again.
#[derive(Debug)]
pub struct Root {
    name: String,
    path: PathBuf,
    path_text: Option<String>,
    fd: OwnedFd,
    node: NodeId,
    windows: bool,
    openat2: bool,
    unnamed: bool,
    folds: bool,
    own: Vec<Own>,
    /// Held from the last look at what is replaced until it is, so that of two writers of ours one
    /// sees the other's work.
    putting: Mutex<()>,
    quota: Option<Quota>,
}

/// A folder of durward's own that lies inside the root.
#[derive(Debug)]
struct Own {
    path: String,
    node: Option<NodeId>,
}

impl Root {
    /// Opens the folder and holds it.
    ///
    /// # Errors
    /// It is missing, not a directory, or dangerous without permission.
    pub fn open(settings: &RootSettings) -> Result<Self, RootFault> {
        let given = &settings.path;
        let unreachable = |source| RootFault::Unreachable {
            path: given.clone(),
            source,
        };
        let path = std::fs::canonicalize(given).map_err(unreachable)?;
        if !settings.allow_dangerous && dangerous::is_dangerous(&path) {
            return Err(RootFault::Dangerous(given.clone()));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(CWD, &path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOTDIR => RootFault::NotADirectory(given.clone()),
            other => unreachable(other.into()),
        })?;
        let node = Meta::from(&fstat(&fd).map_err(|errno| unreachable(errno.into()))?).node;
        Ok(Self {
            name: settings.name.clone(),
            path_text: path
                .to_str()
                .map(|text| text.trim_end_matches('/').to_owned()),
            path,
            node,
            windows: settings.allow_dangerous,
            openat2: beneath::is_available(fd.as_fd()),
            unnamed: true,
            folds: folding::folds(fd.as_fd()),
            fd,
            own: Vec::new(),
            putting: Mutex::new(()),
            quota: settings.quota.map(Quota::of),
        })
    }

    /// Refuses what lies in `folder`, one of durward's own, from now on. One outside the root costs
    /// nothing.
    ///
    /// # Errors
    /// The root itself lies in that folder.
    pub fn forbid(&mut self, folder: &Path) -> Result<(), RootFault> {
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        if self.path.starts_with(&folder) {
            return Err(RootFault::Own {
                root: self.path.clone(),
                own: folder,
            });
        }
        if let Some(inside) = folder.strip_prefix(&self.path).ok().and_then(Path::to_str) {
            self.own.push(Own {
                path: inside.to_owned(),
                node: dangerous::node_of(&folder),
            });
        }
        Ok(())
    }

    /// The name in `name:path`; empty for the one root that needs none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The root's own absolute path, without a last `/`, to compare absolute paths with; none where
    /// it is not UTF-8. It is for nobody's eyes but the operator's.
    pub fn host_path(&self) -> Option<&str> {
        self.path_text.as_deref()
    }

    /// What whoever configured it should know: so far, that it is a home folder.
    pub fn warning(&self) -> Option<String> {
        dangerous::is_home(&self.path).then(|| {
            format!(
                "the root `{}` is a home folder: keys, histories and mail lie in it; a folder of \
                 its own is safer",
                self.path.display()
            )
        })
    }

    /// Opens a regular file for reading. A FIFO, socket or device never keeps us waiting.
    pub fn open_file(&self, path: RelPath<'_>, judge: &Judge<'_>) -> Result<OpenFile, FileFault> {
        let (fd, meta, resolved) = self.open_any(path, OFlags::RDONLY, judge)?;
        if meta.kind != Kind::File {
            return Err(FileFault::NotARegularFile);
        }
        Ok(OpenFile::new(fd, meta, resolved))
    }

    /// Opens a directory for listing.
    pub fn open_dir(&self, path: RelPath<'_>, judge: &Judge<'_>) -> Result<OpenDir, FileFault> {
        let (fd, meta, resolved) =
            self.open_any(path, OFlags::RDONLY | OFlags::DIRECTORY, judge)?;
        if meta.kind != Kind::Directory {
            return Err(FileFault::NotADirectory);
        }
        Ok(OpenDir::new(
            fd,
            meta,
            resolved.unwrap_or_else(|| path.as_str().to_owned()),
        ))
    }

    /// Holds a directory in which a program may begin; and where it lies, for programs that see another tree.
    pub fn open_folder(
        &self,
        path: RelPath<'_>,
        judge: &Judge<'_>,
    ) -> Result<(OwnedFd, PathBuf), FileFault> {
        let (fd, meta, resolved) = self.open_any(path, OFlags::PATH, judge)?;
        if meta.kind != Kind::Directory {
            return Err(FileFault::NotADirectory);
        }
        let below = resolved.as_deref().unwrap_or(path.as_str());
        Ok((fd, self.path.join(below)))
    }

    /// Opens a regular file or a directory, whichever is there, as a file.
    pub fn open_node(&self, path: RelPath<'_>, judge: &Judge<'_>) -> Result<OpenFile, FileFault> {
        let (fd, meta, resolved) = self.open_any(path, OFlags::RDONLY, judge)?;
        match meta.kind {
            Kind::File | Kind::Directory => Ok(OpenFile::new(fd, meta, resolved)),
            Kind::Symlink | Kind::Other => Err(FileFault::NotARegularFile),
        }
    }

    /// Facts about what is there, links followed inside the root only. Reads no permission but
    /// that of the folders on the way.
    pub fn stat(&self, path: RelPath<'_>, judge: &Judge<'_>) -> Result<Meta, FileFault> {
        self.open_any(path, OFlags::PATH, judge)
            .map(|(_, meta, _)| meta)
    }

    /// What is there, and the path that links inside the root lead to.
    ///
    /// # Errors
    /// As for [`stat`](Self::stat).
    pub fn locate(
        &self,
        path: RelPath<'_>,
        judge: &Judge<'_>,
    ) -> Result<(Meta, String), FileFault> {
        let (_, meta, resolved) = self.open_any(path, OFlags::PATH, judge)?;
        Ok((meta, resolved.unwrap_or_else(|| path.as_str().to_owned())))
    }

    fn open_any(
        &self,
        path: RelPath<'_>,
        flags: OFlags,
        judge: &Judge<'_>,
    ) -> Result<(OwnedFd, Meta, Option<String>), FileFault> {
        judge(path.as_str())?;
        self.keep_out(path.as_str())?;
        let (fd, resolved) = self.reach(path, flags)?;
        if let Some(resolved) = &resolved {
            judge(resolved)?;
            self.keep_out(resolved)?;
        }
        let meta = Meta::from(&fstat(&fd)?);
        self.check_node(&fd, &meta)?;
        Ok((fd, meta, resolved))
    }

    /// Opens, and says which path it really went if that is another than was asked for.
    pub(super) fn reach(
        &self,
        path: RelPath<'_>,
        flags: OFlags,
    ) -> Result<(OwnedFd, Option<String>), FileFault> {
        if self.may_go_straight() {
            match beneath::open_beneath(self.fd.as_fd(), path, flags) {
                Ok(fd) => return Ok((fd, None)),
                Err(Errno::LOOP) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        let reached = self.on_ground(|ground| stroll(ground, path, flags))?;
        let other = reached.path != path.as_str();
        Ok((reached.fd, other.then_some(reached.path)))
    }

    /// Is one `openat2` enough, where no link lies on the way?
    pub(super) fn may_go_straight(&self) -> bool {
        self.openat2 && !self.folds
    }

    /// Goes step by step, from the root.
    pub(super) fn on_ground<T>(&self, go: impl FnOnce(&Ground<'_>) -> T) -> T {
        go(&Ground {
            root: self.fd.as_fd(),
            root_path: self.host_path(),
            exact: self.folds,
            forbidden: &|node| self.is_own(node),
        })
    }

    /// Waits until no other thread puts anything in its place below this root.
    pub(super) fn alone(&self) -> MutexGuard<'_, ()> {
        // It guards no data that a panic could have left half done.
        self.putting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most that it may hold, if there is such a limit.
    pub(super) fn quota(&self) -> Option<&Quota> {
        self.quota.as_ref()
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// True where the file system takes one spelling of a name for another.
    pub(super) fn folds(&self) -> bool {
        self.folds
    }

    /// May files be made without a name? Whether the file system can is seen when one is made.
    pub(super) fn has_unnamed(&self) -> bool {
        self.unnamed
    }

    pub(super) fn keep_out(&self, path: &str) -> Result<(), FileFault> {
        match self.own.iter().any(|own| is_within(path, &own.path)) {
            true => Err(FileFault::Denied {
                pattern: OWN.to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// Refuses a path that one of durward's own folders lies at or below: it stays where it is.
    pub(super) fn keep_own_in_place(&self, path: &str) -> Result<(), FileFault> {
        match self.own.iter().any(|own| is_within(&own.path, path)) {
            true => Err(FileFault::Denied {
                pattern: OWN.to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// Refuses durward's own folders, under whatever name.
    pub(super) fn check_own(&self, meta: &Meta) -> Result<(), FileFault> {
        match self.is_own(meta.node) {
            true => Err(FileFault::Denied {
                pattern: OWN.to_owned(),
            }),
            false => Ok(()),
        }
    }

    fn is_own(&self, node: NodeId) -> bool {
        self.own.iter().any(|own| own.node == Some(node))
    }

    /// Judges the thing itself: not one of durward's folders under another name, and not a window
    /// into the kernel that is mounted inside the root.
    pub(super) fn check_node(&self, fd: impl AsFd, meta: &Meta) -> Result<(), FileFault> {
        self.check_own(meta)?;
        let elsewhere = meta.node.dev != self.node.dev;
        if elsewhere && !self.windows && dangerous::is_kernel_window(fd) {
            return Err(FileFault::OutsideRoot);
        }
        Ok(())
    }

    /// True where a path lies in one of durward's own folders, and must not be shown.
    pub fn hides(&self, path: &str) -> bool {
        self.keep_out(path).is_err()
    }

    /// True where a directory that a walk opened must not be read.
    pub(super) fn shuns(&self, fd: BorrowedFd<'_>, meta: &Meta) -> bool {
        self.check_node(fd, meta).is_err()
    }

    /// The same root on a kernel without `openat2`.
    #[cfg(test)]
    pub(super) fn without_openat2(mut self) -> Self {
        self.openat2 = false;
        self
    }

    /// The same root on a file system whose files always have a name.
    #[cfg(test)]
    pub(super) fn without_unnamed(mut self) -> Self {
        self.unnamed = false;
        self
    }

    /// The same root on a file system that folds case.
    #[cfg(test)]
    pub(super) fn folding(mut self) -> Self {
        self.folds = true;
        self
    }
}
