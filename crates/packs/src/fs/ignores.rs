//! What `.gitignore` files say, read through the root like any other file.

use std::path::Path;

use durward_cage::files::OpenDir;
use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

use super::places::Place;

/// Longer files are not honoured.
const LONGEST: u64 = 256 * 1024;

/// The `.gitignore` files of the directories that a walk is in, outermost first.
#[derive(Debug, Default)]
pub(super) struct Ignores(Vec<Gitignore>);

impl Ignores {
    /// Those of the directories above a place.
    pub(super) fn above(place: &Place) -> Self {
        let mut ignores = Self::default();
        let above = place
            .path()
            .match_indices('/')
            .map(|(end, _)| &place.path()[..end]);
        let root = (!place.path().is_empty()).then_some("");
        for path in root.into_iter().chain(above) {
            let dir = durward_cage::files::RelPath::new(path).and_then(|path| {
                place
                    .area
                    .root
                    .open_dir(path, &|path| place.area.judge_dir(path))
            });
            if let Ok(dir) = dir {
                ignores.enter(&dir);
            }
        }
        ignores
    }

    /// A directory is entered.
    pub(super) fn enter(&mut self, dir: &OpenDir) {
        self.0.push(read(dir).unwrap_or_else(Gitignore::empty));
    }

    /// The directory that was entered last is left.
    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// True for what git would not look at; the innermost file that says something decides.
    pub(super) fn hides(&self, path: &str, is_dir: bool) -> bool {
        if is_dir && (path == ".git" || path.ends_with("/.git")) {
            return true;
        }
        let said = self.0.iter().rev().map(|file| file.matched(path, is_dir));
        said.into_iter()
            .find(|said| !said.is_none())
            .is_some_and(|said| matches!(said, Match::Ignore(_)))
    }
}

fn read(dir: &OpenDir) -> Option<Gitignore> {
    let file = dir.open_named(c".gitignore").ok()?;
    let mut bytes = Vec::new();
    file.read_all(LONGEST, &mut bytes).ok()?;
    let mut builder = GitignoreBuilder::new(Path::new(dir.path()));
    for line in String::from_utf8_lossy(&bytes).lines() {
        // As git does: a line that is no pattern is passed over.
        let _ = builder.add_line(None, line);
    }
    builder.build().ok()
}
