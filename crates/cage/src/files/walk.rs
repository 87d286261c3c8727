//! Everything below a directory, by descriptor, and never over a link.

use super::{Entry, FileFault, Judge, Kind, OpenDir, RelPath, Root};

/// How far a walk goes.
#[derive(Debug, Clone, Copy)]
pub struct WalkLimits {
    /// How many directories deep; 1 is the directory's own entries. Each level holds a descriptor.
    pub depth: usize,
    /// How many entries are visited at most.
    pub entries: usize,
}

/// Why a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything was visited, to the depth that was asked for.
    Complete,
    /// There were more entries than the limit.
    AtLimit,
    /// The visitor had enough.
    Enough,
}

/// What a visitor wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Go on; into the directory, if it is one.
    On,
    /// Go on, not into the directory.
    Over,
    /// No more.
    Stop,
}

/// An entry that a walk met.
#[derive(Debug)]
pub struct Found<'a> {
    /// The directory that holds it.
    pub dir: &'a OpenDir,
    /// Its name and what it is.
    pub entry: &'a Entry,
    /// Its path below the root.
    pub path: &'a str,
    /// How many directories below the start, from 1.
    pub depth: usize,
}

/// Sees a walk: entries in the order of their names, a directory before what it holds.
pub trait Visitor {
    /// A directory was opened and its entries come next.
    fn enter(&mut self, dir: &OpenDir) -> Result<(), FileFault>;

    /// Is the entry of any concern? Asked while a directory is read, before anything of it is
    /// visited; what is not kept does not count.
    fn keeps(&mut self, dir: &OpenDir, path: &str, entry: &Entry) -> bool;

    /// An entry.
    fn visit(&mut self, found: &Found<'_>) -> Step;

    /// The directory that was entered last is done.
    fn leave(&mut self);

    /// Asked often, while directories are read: is the work to stop?
    fn is_cancelled(&self) -> bool;
}

struct Level {
    dir: OpenDir,
    entries: std::vec::IntoIter<Entry>,
}

impl Root {
    /// Walks what lies below `start`. Directories that can't be read are passed over; those of
    /// durward's own, and windows into the kernel, are not there.
    ///
    /// # Errors
    /// [`FileFault::Stopped`] where the visitor is cancelled; what stands in the way of `start`.
    pub fn walk(
        &self,
        start: RelPath<'_>,
        judge: &Judge<'_>,
        limits: WalkLimits,
        visitor: &mut dyn Visitor,
    ) -> Result<Ended, FileFault> {
        let mut left = limits.entries;
        let mut cut = false;
        let first = self.open_dir(start, judge)?;
        let mut levels = vec![self.read_level(first, left, visitor, &mut cut)?];
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.entries.next() else {
                visitor.leave();
                levels.pop();
                continue;
            };
            if visitor.is_cancelled() {
                return Err(FileFault::Stopped);
            }
            if left == 0 {
                return Ok(Ended::AtLimit);
            }
            left -= 1;
            let path = level.dir.join(&entry.name());
            let depth = levels.len();
            // Always there: `level` was the last of them a moment ago.
            let Some(level) = levels.last() else { break };
            let found = Found {
                dir: &level.dir,
                entry: &entry,
                path: &path,
                depth,
            };
            match visitor.visit(&found) {
                Step::Stop => return Ok(Ended::Enough),
                Step::On if entry.kind() == Kind::Directory && depth < limits.depth => {
                    let Ok(dir) = level.dir.open_dir(&entry) else {
                        continue;
                    };
                    if !self.shuns(dir.as_fd(), dir.meta()) {
                        levels.push(self.read_level(dir, left, visitor, &mut cut)?);
                    }
                }
                Step::On | Step::Over => {}
            }
        }
        Ok(if cut { Ended::AtLimit } else { Ended::Complete })
    }

    fn read_level(
        &self,
        dir: OpenDir,
        most: usize,
        visitor: &mut dyn Visitor,
        cut: &mut bool,
    ) -> Result<Level, FileFault> {
        visitor.enter(&dir)?;
        let page = dir.page(None, most, &mut |entry| {
            if visitor.is_cancelled() {
                return Err(FileFault::Stopped);
            }
            let path = dir.join(&entry.name());
            Ok(!self.hides(&path) && visitor.keeps(&dir, &path, entry))
        })?;
        *cut |= page.more;
        Ok(Level {
            entries: page.entries.into_iter(),
            dir,
        })
    }
}
