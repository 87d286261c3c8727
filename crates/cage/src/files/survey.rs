//! Looking through a directory before it is moved or deleted: all of it, or it is not touched.

use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags, fstat, openat};

use super::{Entry, FileFault, Kind, Meta, OpenDir, Root, Spot, WalkLimits, beneath::QUIET};

/// How far a survey goes, and when it is to stop.
pub struct Survey<'a> {
    /// More than this is refused.
    pub limits: WalkLimits,
    /// Asked often: is the work to stop?
    pub is_cancelled: &'a dyn Fn() -> bool,
}

/// A directory on the way, and what of it is still ahead.
pub(super) struct Level {
    pub(super) dir: OpenDir,
    pub(super) entries: std::vec::IntoIter<Entry>,
}

impl Survey<'_> {
    pub(super) fn check(&self) -> Result<(), FileFault> {
        match (self.is_cancelled)() {
            true => Err(FileFault::Stopped),
            false => Ok(()),
        }
    }

    pub(super) fn too_many(&self) -> FileFault {
        FileFault::TooMany {
            entries: self.limits.entries,
            depth: self.limits.depth,
        }
    }
}

impl Root {
    /// Shows `see` everything below a directory, over no link; gives the number. Nothing is passed
    /// over: what can't be looked at is an error.
    pub(super) fn survey(
        &self,
        dir: OpenDir,
        how: &Survey<'_>,
        see: &mut dyn FnMut(&str, Kind) -> Result<(), FileFault>,
    ) -> Result<usize, FileFault> {
        let mut seen = 0;
        let mut levels = vec![self.level(dir, how, how.limits.entries)?];
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.entries.next() else {
                levels.pop();
                continue;
            };
            seen += 1;
            if seen > how.limits.entries {
                return Err(how.too_many());
            }
            see(&level.dir.join(&entry.name()), entry.kind())?;
            if entry.kind() == Kind::Directory {
                let dir = self.descend(&level.dir, &entry)?;
                if levels.len() == how.limits.depth {
                    return Err(how.too_many());
                }
                levels.push(self.level(dir, how, how.limits.entries - seen)?);
            }
        }
        Ok(seen)
    }

    /// All entries of a directory, `most` of them.
    pub(super) fn level(
        &self,
        dir: OpenDir,
        how: &Survey<'_>,
        most: usize,
    ) -> Result<Level, FileFault> {
        let page = dir.page(None, most, &mut |_| how.check().map(|()| true))?;
        if page.more {
            return Err(how.too_many());
        }
        Ok(Level {
            entries: page.entries.into_iter(),
            dir,
        })
    }

    /// Opens a directory in a directory: no link, none of durward's own, and nothing mounted.
    pub(super) fn descend(&self, dir: &OpenDir, entry: &Entry) -> Result<OpenDir, FileFault> {
        let inner = dir.open_dir(entry)?;
        self.check_node(inner.as_fd(), inner.meta())?;
        match inner.meta().node.dev == dir.meta().node.dev {
            true => Ok(inner),
            false => Err(FileFault::AcrossFileSystems),
        }
    }

    /// Opens the directory that stands at a spot, if it is still the same.
    pub(super) fn open_spot_dir(&self, spot: &Spot, same: &Meta) -> Result<OpenDir, FileFault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | QUIET;
        let fd = openat(spot.dir.as_fd(), spot.name.as_str(), flags, Mode::empty())?;
        let meta = Meta::from(&fstat(&fd)?);
        if !meta.is(same) {
            return Err(FileFault::Conflict);
        }
        Ok(OpenDir::new(fd, meta, spot.path().to_owned()))
    }
}
