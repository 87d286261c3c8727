//! Moving: one name becomes another, and nothing in between is ever seen.

use rustix::{
    fs::{AtFlags, RenameFlags, linkat, renameat, renameat_with, unlinkat},
    io::Errno,
};

use super::{
    FileFault, Kind, Root, Spot, path::is_within, survey::Survey, write::check_replaceable,
};

/// Says whether what stands at the first path may stand at the second.
pub type PairJudge<'a> = dyn Fn(&str, &str, Kind) -> Result<(), FileFault> + 'a;

/// How something is moved.
#[derive(Debug, Clone, Copy)]
pub struct Moving {
    /// A file may take the place of a file.
    pub overwrite: bool,
    /// Come back only when the disk has it.
    pub durable: bool,
}

impl Root {
    /// Moves a file, a link or a directory with all that is in it. The judge is asked for each of
    /// them, so that nothing gets away from a rule by moving what holds it.
    ///
    /// # Errors
    /// [`FileFault::NotFound`]; [`FileFault::Exists`] where something stands at `to`;
    /// [`FileFault::NotARegularFile`], [`FileFault::HardLinked`] where what is overwritten, or what
    /// overwrites, is not a file of one name; [`FileFault::AcrossFileSystems`];
    /// [`FileFault::Conflict`] where it was changed meanwhile.
    pub fn rename(
        &self,
        from: &Spot,
        to: &Spot,
        how: Moving,
        judge: &PairJudge<'_>,
        survey: &Survey<'_>,
    ) -> Result<(), FileFault> {
        let moved = from.meta().ok_or(FileFault::NotFound)?;
        self.keep_own_in_place(from.path())?;
        if moved.kind == Kind::Directory && is_within(to.path(), from.path()) {
            return Err(FileFault::Malformed("a folder can't be moved into itself"));
        }
        judge(from.path(), to.path(), moved.kind)?;
        match to.meta() {
            None => self.check_new_name(&to.name)?,
            Some(_) if !how.overwrite => return Err(FileFault::Exists),
            Some(_) if moved.kind == Kind::Directory => return Err(FileFault::NotARegularFile),
            Some(old) => check_replaceable(to, old)?,
        }
        if moved.kind == Kind::Directory {
            let dir = self.open_spot_dir(from, moved)?;
            let skip = from.path().len();
            let beside = |path: &str| format!("{}{}", to.path(), &path[skip..]);
            self.survey(dir, survey, &mut |path, kind| {
                judge(path, &beside(path), kind)
            })?;
        }
        {
            let _alone = self.alone();
            if from.look()?.is_none_or(|now| !now.is(moved)) {
                return Err(FileFault::Conflict);
            }
            put(from, to, moved.kind)?;
        }
        if how.durable {
            to.sync_dir()?;
            from.sync_dir()?;
        }
        Ok(())
    }
}

fn put(from: &Spot, to: &Spot, kind: Kind) -> Result<(), FileFault> {
    let (old, new) = (from.name.as_str(), to.name.as_str());
    let plain = || renameat(&from.dir, old, &to.dir, new);
    let done = match to.meta() {
        Some(meta) => match to.look()? {
            Some(now) if now.is(meta) && now.links == 1 => plain(),
            _ => return Err(FileFault::Conflict),
        },
        None => match renameat_with(&from.dir, old, &to.dir, new, RenameFlags::NOREPLACE) {
            // Not every file system knows the flag. A directory replaces none but an empty one.
            Err(Errno::INVAL | Errno::NOSYS) if kind == Kind::Directory => plain(),
            Err(Errno::INVAL | Errno::NOSYS) => {
                linkat(&from.dir, old, &to.dir, new, AtFlags::empty())
                    .and_then(|()| unlinkat(&from.dir, old, AtFlags::empty()))
            }
            done => done,
        },
    };
    match done {
        Err(Errno::XDEV) => Err(FileFault::AcrossFileSystems),
        Err(Errno::NOENT) => Err(FileFault::Conflict),
        done => Ok(done?),
    }
}
