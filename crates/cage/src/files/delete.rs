//! Deleting a name, and where that is asked for all that lies below it.

use std::os::fd::AsFd;

use rustix::{
    fs::{AtFlags, unlinkat},
    io::Errno,
};

use super::{FileFault, Kind, Root, Spot, survey::Survey};

/// Says whether something of a path and kind may be changed.
pub type NodeJudge<'a> = dyn Fn(&str, Kind) -> Result<(), FileFault> + 'a;

impl Root {
    /// Deletes what stands at a spot; gives how many names that were. A link is deleted, never what it
    /// points at. A directory that holds something is deleted only where `recursive`, and only if
    /// the judge agrees to everything in it before the first name goes.
    ///
    /// # Errors
    /// [`FileFault::NotFound`]; [`FileFault::NotEmpty`]; [`FileFault::TooMany`];
    /// [`FileFault::Conflict`] where it was changed meanwhile: then a part may be gone.
    pub fn delete(
        &self,
        spot: &Spot,
        recursive: bool,
        durable: bool,
        judge: &NodeJudge<'_>,
        survey: &Survey<'_>,
    ) -> Result<usize, FileFault> {
        let meta = spot.meta().ok_or(FileFault::NotFound)?;
        self.keep_own_in_place(spot.path())?;
        judge(spot.path(), meta.kind)?;
        let mut deleted = 0;
        if meta.kind == Kind::Directory && recursive {
            self.survey(
                self.open_spot_dir(spot, meta)?,
                survey,
                &mut |path, kind| judge(path, kind),
            )?;
            deleted = self.clear(spot, meta, judge, survey)?;
        }
        if spot.look()?.is_none_or(|now| !now.is(meta)) {
            return Err(FileFault::Conflict);
        }
        let flags = match meta.kind {
            Kind::Directory => AtFlags::REMOVEDIR,
            _ => AtFlags::empty(),
        };
        match unlinkat(&spot.dir, spot.name.as_str(), flags) {
            Err(Errno::NOTEMPTY) if recursive => return Err(FileFault::Conflict),
            Err(Errno::ISDIR | Errno::NOTDIR | Errno::NOENT) => return Err(FileFault::Conflict),
            done => done?,
        }
        if durable {
            spot.sync_dir()?;
        }
        Ok(deleted + 1)
    }

    /// Empties a directory, the deepest first.
    fn clear(
        &self,
        spot: &Spot,
        meta: &super::Meta,
        judge: &NodeJudge<'_>,
        how: &Survey<'_>,
    ) -> Result<usize, FileFault> {
        let mut deleted = 0;
        let most = how.limits.entries;
        let mut levels = vec![self.level(self.open_spot_dir(spot, meta)?, how, most)?];
        // The names of the directories that were entered, each in the one before.
        let mut entered = Vec::new();
        while let Some(level) = levels.last_mut() {
            how.check()?;
            if let Some(entry) = level.entries.next() {
                let path = level.dir.join(&entry.name());
                judge(&path, entry.kind())?;
                if entry.kind() == Kind::Directory {
                    let dir = self.descend(&level.dir, &entry)?;
                    if levels.len() == how.limits.depth {
                        return Err(how.too_many());
                    }
                    levels.push(self.level(dir, how, most)?);
                    entered.push(entry);
                } else {
                    deleted += remove(level.dir.as_fd(), &entry, AtFlags::empty())?;
                }
                continue;
            }
            levels.pop();
            if let (Some(above), Some(entry)) = (levels.last(), entered.pop()) {
                deleted += remove(above.dir.as_fd(), &entry, AtFlags::REMOVEDIR)?;
            }
        }
        Ok(deleted)
    }
}

fn remove(dir: impl AsFd, entry: &super::Entry, flags: AtFlags) -> Result<usize, FileFault> {
    match unlinkat(dir, entry.as_c_str(), flags) {
        Ok(()) => Ok(1),
        // Someone else was faster.
        Err(Errno::NOENT) => Ok(0),
        Err(Errno::NOTEMPTY | Errno::ISDIR | Errno::NOTDIR) => Err(FileFault::Conflict),
        Err(errno) => Err(errno.into()),
    }
}
