//! Component by component: the way that understands symbolic links, and needs no `openat2`.
//!
//! Each name is opened with `O_NOFOLLOW` from the directory before it; a link's text is put in front
//! of what is left. `..` in a link goes back to the root and comes again, so no `..` ever reaches the
//! kernel and a directory that is moved meanwhile leads nowhere.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{Mode, OFlags, fstat, openat, readlinkat},
    io::Errno,
};

use super::{FileFault, Kind, Meta, NodeId, RelPath, beneath::QUIET, folding};

/// As many links as the kernel follows (path_resolution(7)).
const MOST_LINKS: usize = 40;
/// As many steps as a path of the greatest length with all its links can sensibly need.
const MOST_STEPS: usize = 8192;

/// Where a walk starts and what it must not enter.
pub(super) struct Ground<'a> {
    /// The root's descriptor.
    pub(super) root: BorrowedFd<'a>,
    /// The root's own path, for links that are absolute and point back inside.
    pub(super) root_path: Option<&'a str>,
    /// The file system takes one spelling of a name for another, and we don't.
    pub(super) exact: bool,
    /// Directories that nobody may enter.
    pub(super) forbidden: &'a dyn Fn(NodeId) -> bool,
}

/// What the walk found: the thing, opened, and the path that led there without any link.
pub(super) struct Reached {
    pub(super) fd: OwnedFd,
    pub(super) path: String,
}

/// Where a name is or could be: the directory, opened as a place, and what stands there.
pub(super) struct Arrived {
    pub(super) dir: OwnedFd,
    /// The directory's path, over no link.
    pub(super) dir_path: String,
    pub(super) name: String,
    pub(super) meta: Option<Meta>,
}

struct Stroll<'a> {
    ground: &'a Ground<'a>,
    here: Option<OwnedFd>,
    taken: Vec<String>,
    ahead: VecDeque<String>,
    links: usize,
    steps: usize,
}

/// Goes to `path`, following links that stay inside, and opens the file or directory there with
/// `flags`. Nothing else is opened but as a mere place (`O_PATH`).
pub(super) fn stroll(
    ground: &Ground<'_>,
    path: RelPath<'_>,
    flags: OFlags,
) -> Result<Reached, FileFault> {
    let mut stroll = Stroll::begin(ground, path);
    while let Some(name) = stroll.ahead.pop_front() {
        stroll.count_step()?;
        if name == ".." {
            stroll.go_back()?;
        } else if let Some(fd) = stroll.enter(name, flags)? {
            return Ok(Reached {
                fd,
                path: stroll.taken.join("/"),
            });
        }
    }
    let fd = openat(
        stroll.dir(),
        ".",
        flags | QUIET | OFlags::NOFOLLOW,
        Mode::empty(),
    )?;
    Ok(Reached {
        fd,
        path: stroll.taken.join("/"),
    })
}

/// Goes to the directory that holds the last name of `path`, or would. Where that name is a link, it
/// is followed as all others are, if `follow` says so.
///
/// # Errors
/// [`FileFault::RootItself`] where the way ends at the root.
pub(super) fn stroll_to_name(
    ground: &Ground<'_>,
    path: RelPath<'_>,
    follow: bool,
) -> Result<Arrived, FileFault> {
    let mut stroll = Stroll::begin(ground, path);
    while let Some(name) = stroll.ahead.pop_front() {
        stroll.count_step()?;
        if name == ".." {
            stroll.go_back()?;
        } else if !stroll.ahead.is_empty() {
            stroll.enter(name, OFlags::PATH | OFlags::DIRECTORY)?;
        } else if let Some(arrived) = stroll.arrive(name, follow)? {
            return Ok(arrived);
        }
    }
    Err(FileFault::RootItself)
}

impl<'a> Stroll<'a> {
    fn begin(ground: &'a Ground<'a>, path: RelPath<'_>) -> Self {
        let names = path
            .as_str()
            .split('/')
            .filter(|name| !name.is_empty())
            .map(str::to_owned);
        Self {
            ground,
            here: None,
            taken: Vec::new(),
            ahead: names.collect(),
            links: 0,
            steps: 0,
        }
    }

    /// Looks at the last name; gives nothing where it is a link that is followed.
    fn arrive(&mut self, name: String, follow: bool) -> Result<Option<Arrived>, FileFault> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let meta = match openat(self.dir(), name.as_str(), flags, Mode::empty()) {
            Err(Errno::NOENT) => None,
            Ok(_) if self.ground.exact && !folding::holds(self.dir(), &name)? => None,
            Ok(place) => {
                let meta = Meta::from(&fstat(&place)?);
                if follow && meta.kind == Kind::Symlink {
                    self.follow(&place)?;
                    return Ok(None);
                }
                Some(meta)
            }
            Err(errno) => return Err(errno.into()),
        };
        let place = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = match self.here.take() {
            Some(dir) => dir,
            None => openat(self.ground.root, ".", place, Mode::empty())?,
        };
        Ok(Some(Arrived {
            dir,
            dir_path: self.taken.join("/"),
            name,
            meta,
        }))
    }

    fn dir(&self) -> BorrowedFd<'_> {
        self.here.as_ref().map_or(self.ground.root, AsFd::as_fd)
    }

    fn count_step(&mut self) -> Result<(), FileFault> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            Err(FileFault::LinkLoop)
        } else {
            Ok(())
        }
    }

    /// Takes one step; gives the opened file if that was the end of the way.
    fn enter(&mut self, name: String, flags: OFlags) -> Result<Option<OwnedFd>, FileFault> {
        let place = openat(
            self.dir(),
            name.as_str(),
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        if self.ground.exact && !folding::holds(self.dir(), &name)? {
            return Err(FileFault::NotFound);
        }
        let meta = Meta::from(&fstat(&place)?);
        match meta.kind {
            Kind::Symlink => self.follow(&place)?,
            Kind::Directory if (self.ground.forbidden)(meta.node) => {
                return Err(FileFault::Denied {
                    pattern: super::root::OWN.to_owned(),
                });
            }
            Kind::Directory => {
                self.taken.push(name);
                self.here = Some(place);
            }
            _ if !self.ahead.is_empty() => return Err(FileFault::NotADirectory),
            // Opening a device may do something; only naming it, or asking for a directory, does not.
            Kind::Other if !flags.intersects(OFlags::PATH | OFlags::DIRECTORY) => {
                return Err(FileFault::NotARegularFile);
            }
            Kind::File | Kind::Other => return self.open_last(name, flags),
        }
        Ok(None)
    }

    /// Opens a regular file by name. Where a link took its place meanwhile, the step is taken again.
    fn open_last(&mut self, name: String, flags: OFlags) -> Result<Option<OwnedFd>, FileFault> {
        match openat(
            self.dir(),
            name.as_str(),
            flags | QUIET | OFlags::NOFOLLOW,
            Mode::empty(),
        ) {
            Ok(fd) => {
                self.taken.push(name);
                Ok(Some(fd))
            }
            Err(Errno::LOOP) => {
                self.ahead.push_front(name);
                Ok(None)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Puts a link's text in front of what is left of the way.
    fn follow(&mut self, link: &OwnedFd) -> Result<(), FileFault> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(FileFault::LinkLoop);
        }
        let target = readlinkat(link, "", Vec::new())?
            .into_string()
            .map_err(|_| FileFault::Malformed("a link on the way is not UTF-8"))?;
        let mut text = target.as_str();
        if text.starts_with('/') {
            text = self.inside(text)?;
            self.start_again();
        }
        let names = text.split('/').filter(|name| !matches!(*name, "" | "."));
        for name in names.rev() {
            self.ahead.push_front(name.to_owned());
        }
        Ok(())
    }

    /// What an absolute link says below the root.
    fn inside<'t>(&self, target: &'t str) -> Result<&'t str, FileFault> {
        self.ground
            .root_path
            .and_then(|root| target.strip_prefix(root))
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
            .ok_or(FileFault::OutsideRoot)
    }

    fn start_again(&mut self) {
        self.here = None;
        self.taken.clear();
    }

    /// Leaves a directory: from the root, all of the way but its last name.
    fn go_back(&mut self) -> Result<(), FileFault> {
        self.taken.pop().ok_or(FileFault::OutsideRoot)?;
        self.here = None;
        for name in self.taken.drain(..).rev() {
            self.ahead.push_front(name);
        }
        Ok(())
    }
}
