//! A name in a directory: where something stands that is to be changed, or could stand.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    fs::{AtFlags, Mode, OFlags, fsync, mkdirat, openat, statat},
    io::Errno,
};

use super::{
    FileFault, Judge, Kind, Meta, OpenFile, RelPath, Root,
    beneath::{self, QUIET},
    stroll::{Arrived, stroll_to_name},
};

/// What a symbolic link at the end of a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastLink {
    /// For what it points at, as where files are read.
    Follow,
    /// For itself, as where names are moved and deleted.
    Keep,
}

/// A name, in a directory that is held open. It was judged, and what is done to it is done through
/// that directory, wherever others move it.
#[derive(Debug)]
pub struct Spot {
    pub(super) dir: OwnedFd,
    pub(super) name: String,
    path: String,
    meta: Option<Meta>,
}

impl Spot {
    /// The path below the root, over no link.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What stood there when it was found.
    pub fn meta(&self) -> Option<&Meta> {
        self.meta.as_ref()
    }

    /// What stands there now; a link is a link.
    pub(super) fn look(&self) -> Result<Option<Meta>, FileFault> {
        match statat(&self.dir, self.name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Meta::from(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Opens the file that stands there, if it is still the same.
    pub(super) fn open(&self, same: &Meta) -> Result<OpenFile, FileFault> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | QUIET;
        let fd = match openat(&self.dir, self.name.as_str(), flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Err(FileFault::Conflict),
            done => done?,
        };
        let meta = Meta::from(&rustix::fs::fstat(&fd)?);
        if !meta.is(same) || meta.kind != Kind::File {
            return Err(FileFault::Conflict);
        }
        Ok(OpenFile::new(fd, meta, None))
    }

    /// Waits until the disk has the directory. One that may not be read can't be waited for.
    pub(super) fn sync_dir(&self) -> Result<(), FileFault> {
        sync_dir(&self.dir)
    }
}

fn sync_dir(dir: impl AsFd) -> Result<(), FileFault> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(dir, ".", flags, Mode::empty()) {
        Err(Errno::ACCESS) => Ok(()),
        done => Ok(fsync(done?)?),
    }
}

impl Root {
    /// Finds the place of a name that is there, or could be.
    ///
    /// # Errors
    /// [`FileFault::NotFound`] where the directory is not there; [`FileFault::RootItself`]; what
    /// the judge says of the path, and of the one that links led to.
    pub fn spot(
        &self,
        path: RelPath<'_>,
        last: LastLink,
        judge: &Judge<'_>,
    ) -> Result<Spot, FileFault> {
        if path == RelPath::ROOT {
            return Err(FileFault::RootItself);
        }
        self.admit(path.as_str(), judge)?;
        let spot = self.find(path, last)?;
        if spot.path != path.as_str() {
            self.admit(&spot.path, judge)?;
        }
        self.check_spot(&spot)?;
        if last == LastLink::Keep && spot.meta.is_some_and(|meta| meta.kind == Kind::Symlink) {
            self.judge_alias(path, judge)?;
        }
        Ok(spot)
    }

    /// As [`Root::spot`], over links; directories that are missing on the way are made, once the
    /// judge has agreed to the whole path.
    ///
    /// # Errors
    /// As there.
    pub fn spot_with_parents(
        &self,
        path: RelPath<'_>,
        durable: bool,
        judge: &Judge<'_>,
    ) -> Result<Spot, FileFault> {
        match self.spot(path, LastLink::Follow, judge) {
            Err(FileFault::NotFound) => {}
            done => return done,
        }
        let names: Vec<&str> = path.as_str().split('/').collect();
        for depth in (0..names.len() - 1).rev() {
            let above = names[..depth].join("/");
            let (place, other) = match self.reach(RelPath::new(&above)?, PLACE) {
                Err(FileFault::NotFound) => continue,
                done => done?,
            };
            let mut whole = other.unwrap_or(above);
            for name in &names[depth..] {
                if !whole.is_empty() {
                    whole.push('/');
                }
                whole.push_str(name);
            }
            self.admit(&whole, judge)?;
            let mut dir = place;
            for name in &names[depth..names.len() - 1] {
                dir = self.make_and_enter(&dir, name, durable)?;
            }
            let mut spot = Spot {
                dir,
                name: names[names.len() - 1].to_owned(),
                path: whole,
                meta: None,
            };
            spot.meta = spot.look()?;
            self.check_spot(&spot)?;
            return Ok(spot);
        }
        Err(FileFault::NotFound)
    }

    /// Opens the file that stands at a spot for reading.
    ///
    /// # Errors
    /// [`FileFault::NotFound`]; [`FileFault::NotARegularFile`]; [`FileFault::Conflict`] where it is
    /// not there any more.
    pub fn open_spot(&self, spot: &Spot) -> Result<OpenFile, FileFault> {
        match spot.meta() {
            None => Err(FileFault::NotFound),
            Some(meta) if meta.kind == Kind::File => spot.open(meta),
            Some(_) => Err(FileFault::NotARegularFile),
        }
    }

    /// Makes a directory; false where there is one already.
    ///
    /// # Errors
    /// [`FileFault::Exists`] where something else is.
    pub fn make_dir(&self, spot: &Spot, durable: bool) -> Result<bool, FileFault> {
        match spot.meta.map(|meta| meta.kind) {
            Some(Kind::Directory) => return Ok(false),
            Some(_) => return Err(FileFault::Exists),
            None => self.check_new_name(&spot.name)?,
        }
        mkdirat(&spot.dir, spot.name.as_str(), NEW_DIR)?;
        if durable {
            spot.sync_dir()?;
        }
        Ok(true)
    }

    /// Is a new name one that the file system keeps as it is spelled? One that folds may drop dots
    /// and spaces at its end, and so make another name of it, after it was judged.
    pub(super) fn check_new_name(&self, name: &str) -> Result<(), FileFault> {
        match self.folds() && name.ends_with(['.', ' ']) {
            true => Err(FileFault::Malformed("this disk takes no such name")),
            false => Ok(()),
        }
    }

    fn admit(&self, path: &str, judge: &Judge<'_>) -> Result<(), FileFault> {
        judge(path)?;
        self.keep_out(path)
    }

    fn find(&self, path: RelPath<'_>, last: LastLink) -> Result<Spot, FileFault> {
        let follow = last == LastLink::Follow;
        if self.may_go_straight() {
            let (above, name) = path
                .as_str()
                .rsplit_once('/')
                .unwrap_or(("", path.as_str()));
            match beneath::open_beneath(self.as_fd(), RelPath::new(above)?, PLACE) {
                Err(Errno::LOOP) => {}
                Err(errno) => return Err(errno.into()),
                Ok(dir) => {
                    let mut spot = Spot {
                        dir,
                        name: name.to_owned(),
                        path: path.as_str().to_owned(),
                        meta: None,
                    };
                    spot.meta = spot.look()?;
                    if !follow || spot.meta.is_none_or(|meta| meta.kind != Kind::Symlink) {
                        return Ok(spot);
                    }
                }
            }
        }
        let Arrived {
            dir,
            dir_path,
            name,
            meta,
        } = self.on_ground(|ground| stroll_to_name(ground, path, follow))?;
        let path = match dir_path.as_str() {
            "" => name.clone(),
            above => format!("{above}/{name}"),
        };
        Ok(Spot {
            dir,
            name,
            path,
            meta,
        })
    }

    fn check_spot(&self, spot: &Spot) -> Result<(), FileFault> {
        let dir = Meta::from(&rustix::fs::fstat(&spot.dir)?);
        self.check_node(&spot.dir, &dir)?;
        match spot.meta {
            Some(meta) => self.check_own(&meta),
            None => Ok(()),
        }
    }

    /// A link that is an alias of something denied is left alone; one that leads nowhere, or out,
    /// is only a name.
    fn judge_alias(&self, path: RelPath<'_>, judge: &Judge<'_>) -> Result<(), FileFault> {
        match self.find(path, LastLink::Follow) {
            Ok(there) => self.admit(&there.path, judge),
            Err(fault @ FileFault::Denied { .. }) => Err(fault),
            Err(_) => Ok(()),
        }
    }

    fn make_and_enter(
        &self,
        dir: &OwnedFd,
        name: &str,
        durable: bool,
    ) -> Result<OwnedFd, FileFault> {
        self.check_new_name(name)?;
        match mkdirat(dir, name, NEW_DIR) {
            Ok(()) if durable => sync_dir(dir)?,
            Ok(()) => {}
            // Someone else made it meanwhile; where names fold, perhaps another.
            Err(Errno::EXIST) if !self.folds() => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(openat(
            dir,
            name,
            PLACE | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?)
    }
}

const PLACE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);

/// Less the process's mask.
const NEW_DIR: Mode = Mode::RWXU
    .union(Mode::RGRP)
    .union(Mode::XGRP)
    .union(Mode::ROTH)
    .union(Mode::XOTH);
