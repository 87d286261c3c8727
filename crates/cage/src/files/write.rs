//! Writing a whole file: the old content or the new, never a part, and never through the old file.

use std::os::fd::AsFd;

use rustix::{
    fs::{Access, AtFlags, Mode, accessat},
    io::Errno,
};

use super::{FileFault, Kind, Meta, OpenFile, Root, Spot, draft::Draft};

/// How often what stands in a place is looked at again because it changed meanwhile.
const TRIES: usize = 8;

/// Says whether a file still holds what whoever writes it believes.
pub type Unchanged<'a> = dyn Fn(&OpenFile) -> Result<bool, FileFault> + 'a;

/// How a file is written.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    /// Only where nothing is yet.
    pub create_only: bool,
    /// The mode of a new file, less the process's mask. An old one's stays, but for set-id bits.
    pub mode: u32,
    /// Come back only when the disk has it.
    pub durable: bool,
    /// Asked of the old file right before the new one takes its place.
    pub unchanged: Option<&'a Unchanged<'a>>,
    /// Asked before the file gets its place: is it wanted no more?
    pub is_cancelled: &'a dyn Fn() -> bool,
}

impl Default for Writing<'_> {
    fn default() -> Self {
        Self {
            create_only: false,
            mode: 0o644,
            durable: true,
            unchanged: None,
            is_cancelled: &|| false,
        }
    }
}

impl Root {
    /// Writes a whole file; true where it is a new one. Whatever fails, the old content stays, and
    /// no other file.
    ///
    /// # Errors
    /// [`FileFault::NotARegularFile`] where something else stands, [`FileFault::HardLinked`] where the
    /// file has other names, [`FileFault::Exists`] where one is and none may be,
    /// [`FileFault::Conflict`] where it is not what it should be or was changed meanwhile,
    /// [`FileFault::OverQuota`], [`FileFault::Stopped`].
    pub fn write(&self, spot: &Spot, content: &[u8], how: &Writing<'_>) -> Result<bool, FileFault> {
        let mut there = spot.meta().copied();
        check(spot, there.as_ref(), how)?;
        let old = there.map_or(0, |meta| meta.size);
        let room = self.room(old, content.len() as u64, how.is_cancelled)?;
        let mode = match there {
            Some(_) => Mode::RUSR | Mode::WUSR,
            None => {
                self.check_new_name(&spot.name)?;
                Mode::from_raw_mode(how.mode & 0o777)
            }
        };
        let mut draft = Draft::begin(spot.dir.as_fd(), mode, self.has_unnamed())?;
        draft.fill(content)?;
        for _ in 0..TRIES {
            if let Some(old) = &there {
                draft.take_after(old)?;
            }
            if how.durable {
                draft.sync()?;
            }
            if (how.is_cancelled)() {
                return Err(FileFault::Stopped);
            }
            let put = {
                let _alone = self.alone();
                match &there {
                    Some(old) => self.replace(spot, &mut draft, old, how),
                    None => draft.create(&spot.name).map(|()| true),
                }
            };
            match put {
                // Something took the place, or left it, meanwhile: all is judged again.
                Ok(false) => {}
                Err(FileFault::Exists) if !how.create_only => {}
                Ok(true) => {
                    if how.durable {
                        spot.sync_dir()?;
                    }
                    room.used();
                    return Ok(there.is_none());
                }
                Err(fault) => return Err(fault),
            }
            there = spot.look()?;
            check(spot, there.as_ref(), how)?;
        }
        Err(FileFault::Conflict)
    }

    /// Puts the draft in the place of `old`; false where that is not there any more and nobody cares.
    fn replace(
        &self,
        spot: &Spot,
        draft: &mut Draft<'_>,
        old: &Meta,
        how: &Writing<'_>,
    ) -> Result<bool, FileFault> {
        // Held open until the end, so that no other file gets its number meanwhile.
        let mut held = None;
        if let Some(unchanged) = how.unchanged {
            let file = held.insert(spot.open(old)?);
            if !unchanged(file)? {
                return Err(FileFault::Conflict);
            }
        }
        let is_untouched = |now: &Meta| {
            held.as_ref().is_none_or(|file: &OpenFile| {
                let seen = file.meta();
                (now.size, now.modified) == (seen.size, seen.modified)
            })
        };
        match spot.look()? {
            Some(now) if now.is(old) && now.links == 1 && is_untouched(&now) => {
                draft.replace(&spot.name).map(|()| true)
            }
            _ if how.unchanged.is_some() => Err(FileFault::Conflict),
            _ => Ok(false),
        }
    }
}

/// May this be written over, or anew where there is nothing?
fn check(spot: &Spot, there: Option<&Meta>, how: &Writing<'_>) -> Result<(), FileFault> {
    match there {
        Some(_) if how.create_only => Err(FileFault::Exists),
        Some(meta) => check_replaceable(spot, meta),
        None if how.unchanged.is_some() => Err(FileFault::Conflict),
        None => Ok(()),
    }
}

/// A file can be replaced by whoever may write to its directory; here only by who may write to it.
pub(super) fn check_replaceable(spot: &Spot, meta: &Meta) -> Result<(), FileFault> {
    if meta.kind != Kind::File {
        return Err(FileFault::NotARegularFile);
    }
    if meta.links > 1 {
        return Err(FileFault::HardLinked);
    }
    let name = spot.name.as_str();
    match accessat(&spot.dir, name, Access::WRITE_OK, AtFlags::SYMLINK_NOFOLLOW) {
        // Gone meanwhile: that is seen again.
        Err(Errno::NOENT) => Ok(()),
        // Kernels before 5.8 know no flags here.
        Err(Errno::NOSYS) => Ok(accessat(
            &spot.dir,
            name,
            Access::WRITE_OK,
            AtFlags::empty(),
        )?),
        done => Ok(done?),
    }
}
