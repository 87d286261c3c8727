//! How much a root may hold: what durward writes never brings it above that.
//!
//! The tree is counted when the first write needs it. After that what durward itself adds is added; all
//! else (what is deleted, what others do) is seen when it is counted again: before anything is refused, and
//! once in so many writes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    Entry, FileFault, Kind, OpenDir, RelPath, Root,
    walk::{Ended, Found, Step, Visitor, WalkLimits},
};

/// So many writes may lie between two counts.
const WRITES: usize = 1000;
/// A tree that has more can't be counted, and holds as much as it may.
const COUNTED: WalkLimits = WalkLimits {
    depth: 128,
    entries: 1_000_000,
};

/// The most that a root may hold, and what it holds as far as is known.
#[derive(Debug)]
pub(super) struct Quota {
    most: u64,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// With what is promised to writes under way.
    bytes: u64,
    promised: u64,
    /// How many writes until all is counted again.
    left: usize,
}

impl Quota {
    pub(super) fn of(most: u64) -> Self {
        Self {
            most,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change of it is whole: a panic leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that is promised to a write while it is under way.
#[derive(Debug)]
#[must_use]
pub(super) struct Room<'a> {
    quota: Option<&'a Quota>,
    growth: u64,
    is_used: bool,
}

impl Room<'_> {
    /// The write is done.
    pub(super) fn used(mut self) {
        self.is_used = true;
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let Some(quota) = self.quota else { return };
        let mut known = quota.known();
        known.promised -= self.growth;
        if !self.is_used {
            known.bytes = known.bytes.saturating_sub(self.growth);
        }
    }
}

impl Root {
    /// Room for a file of `new` bytes in the place of one of `old`.
    ///
    /// # Errors
    /// [`FileFault::OverQuota`]; [`FileFault::Stopped`].
    pub(super) fn room(
        &self,
        old: u64,
        new: u64,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Room<'_>, FileFault> {
        let growth = new.saturating_sub(old);
        let room = |quota| Room {
            quota,
            growth,
            is_used: false,
        };
        let Some(quota) = self.quota().filter(|_| growth > 0) else {
            return Ok(room(None));
        };
        let mut known = quota.known();
        let fits = |known: &Known| known.bytes.saturating_add(growth) <= quota.most;
        if known.left == 0 || !fits(&known) {
            known.bytes = self.bytes(is_cancelled)?.saturating_add(known.promised);
            known.left = WRITES;
        }
        if !fits(&known) {
            return Err(FileFault::OverQuota { limit: quota.most });
        }
        known.bytes += growth;
        known.promised += growth;
        known.left -= 1;
        Ok(room(Some(quota)))
    }

    /// What the files below the root have, each by its length.
    fn bytes(&self, is_cancelled: &dyn Fn() -> bool) -> Result<u64, FileFault> {
        let mut sum = Sum {
            bytes: 0,
            is_cancelled,
        };
        let all = RelPath::new("")?;
        match self.walk(all, &|_| Ok(()), COUNTED, &mut sum)? {
            Ended::Complete => Ok(sum.bytes),
            Ended::AtLimit | Ended::Enough => Ok(u64::MAX),
        }
    }
}

struct Sum<'a> {
    bytes: u64,
    is_cancelled: &'a dyn Fn() -> bool,
}

impl Visitor for Sum<'_> {
    fn enter(&mut self, _: &OpenDir) -> Result<(), FileFault> {
        Ok(())
    }

    fn keeps(&mut self, _: &OpenDir, _: &str, _: &Entry) -> bool {
        true
    }

    fn visit(&mut self, found: &Found<'_>) -> Step {
        if found.entry.kind() == Kind::File {
            // One that is gone meanwhile has none.
            let size = found.dir.stat(found.entry).map_or(0, |meta| meta.size);
            self.bytes = self.bytes.saturating_add(size);
        }
        Step::On
    }

    fn leave(&mut self) {}

    fn is_cancelled(&self) -> bool {
        (self.is_cancelled)()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;
    use crate::files::{LastLink, RootSettings, Writing};

    const MOST: u64 = 1000;

    fn root(dir: &tempfile::TempDir) -> Root {
        Root::open(&RootSettings {
            path: dir.path().to_owned(),
            quota: Some(MOST),
            ..RootSettings::default()
        })
        .unwrap()
    }

    fn write(root: &Root, name: &str, bytes: usize) -> Result<bool, FileFault> {
        let path = RelPath::new(name).unwrap();
        let spot = root.spot(path, LastLink::Follow, &|_| Ok(())).unwrap();
        root.write(&spot, &vec![b'x'; bytes], &Writing::default())
    }

    #[test]
    fn a_write_that_comes_to_nothing_gives_its_room_back() {
        let dir = tempfile::tempdir().unwrap();
        let root = root(&dir);
        let room = root.room(0, MOST, &|| false).unwrap();
        // Room that is promised is taken, however often the tree is counted meanwhile.
        assert_eq!(
            write(&root, "a", 1),
            Err(FileFault::OverQuota { limit: MOST })
        );
        drop(room);
        assert_eq!(write(&root, "a", 1000), Ok(true));
        assert!(write(&root, "b", 1).is_err() && !dir.path().join("b").exists());
        assert_eq!(write(&root, "a", 999), Ok(false));
        assert_eq!(write(&root, "b", 1), Ok(true));
        assert_eq!(write(&root, "c", 0), Ok(true));
    }

    #[test]
    fn writers_at_once_stay_below_it_together() {
        let dir = tempfile::tempdir().unwrap();
        let root = root(&dir);
        thread::scope(|scope| {
            for writer in 0..4 {
                let root = &root;
                scope.spawn(move || {
                    for file in 0..10 {
                        let _ = write(root, &format!("{writer}-{file}"), 90);
                    }
                });
            }
        });
        // Who was refused by chance is not now.
        for file in 0..40 {
            let _ = write(&root, &format!("last-{file}"), 90);
        }
        let sizes = fs::read_dir(&dir).unwrap();
        let sum: u64 = sizes.map(|it| it.unwrap().metadata().unwrap().len()).sum();
        assert_eq!(sum, 990);
    }
}
