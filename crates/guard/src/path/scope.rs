//! Where reading and writing is allowed at all.

use globset::{GlobMatcher, GlobSet, GlobSetBuilder};

use super::{fault, path_glob, trimmed};
use crate::GuardError;

/// `files.read` and `files.write`: globs over paths relative to a root. `**` is everything;
/// `projects/**` is what lies below `projects`. Case counts.
#[derive(Debug)]
pub struct PathScope {
    read: Globs,
    write: Globs,
}

impl PathScope {
    /// Compiles the globs; an empty list allows nothing.
    pub fn build(read: &[String], write: &[String]) -> Result<Self, GuardError> {
        Ok(Self {
            read: Globs::build(read)?,
            write: Globs::build(write)?,
        })
    }

    /// May this file be read?
    pub fn allows_read(&self, relative: &str) -> bool {
        self.read.everything || self.read.whole.is_match(relative)
    }

    /// May this file be written?
    pub fn allows_write(&self, relative: &str) -> bool {
        self.write.everything || self.write.whole.is_match(relative)
    }

    /// May this directory be listed: is it readable itself, or could something below it be?
    pub fn may_contain_read(&self, directory: &str) -> bool {
        self.read.may_contain(directory)
    }

    /// Could something at or below this directory be written?
    pub fn may_contain_write(&self, directory: &str) -> bool {
        self.write.may_contain(directory)
    }
}

#[derive(Debug)]
struct Globs {
    /// One of them is `**`.
    everything: bool,
    whole: GlobSet,
    steps: Vec<Vec<Step>>,
}

/// One component of a glob.
#[derive(Debug)]
enum Step {
    Name(GlobMatcher),
    /// `**`, or what can't be read component by component: from here on anything may follow.
    Anything,
}

impl Globs {
    fn build(patterns: &[String]) -> Result<Self, GuardError> {
        let mut whole = GlobSetBuilder::new();
        let mut steps = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            let meant = trimmed(pattern)?;
            if meant.starts_with('/') {
                return Err(fault(pattern, "it begins at the root without a first `/`"));
            }
            whole.add(path_glob(meant)?);
            steps.push(meant.split('/').map(Step::of).collect());
        }
        let whole = whole
            .build()
            .map_err(|error| fault("files", &error.to_string()))?;
        Ok(Self {
            everything: patterns.iter().any(|it| it == "**"),
            whole,
            steps,
        })
    }

    fn may_contain(&self, directory: &str) -> bool {
        self.everything
            || self.whole.is_match(directory)
            || self.steps.iter().any(|steps| leads_below(steps, directory))
    }
}

impl Step {
    fn of(component: &str) -> Self {
        match path_glob(component) {
            Ok(glob) if component != "**" => Self::Name(glob.compile_matcher()),
            _ => Self::Anything,
        }
    }
}

/// Do the steps of a glob go through this directory and on?
fn leads_below(steps: &[Step], directory: &str) -> bool {
    let mut steps = steps.iter();
    for component in directory
        .split('/')
        .filter(|component| !component.is_empty())
    {
        match steps.next() {
            Some(Step::Anything) => return true,
            Some(Step::Name(glob)) if glob.is_match(component) => {}
            _ => return false,
        }
    }
    steps.next().is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(patterns: &[&str]) -> PathScope {
        let patterns: Vec<_> = patterns.iter().map(|&it| it.to_owned()).collect();
        PathScope::build(&patterns, &[]).unwrap()
    }

    #[test]
    fn everything_and_nothing() {
        let all = read(&["**"]);
        assert!(all.allows_read("a/b") && all.may_contain_read("") && !all.allows_write("a"));
        let none = read(&[]);
        assert!(
            !none.allows_read("a") && !none.may_contain_read("") && !none.may_contain_write("")
        );
    }

    #[test]
    fn what_lies_below_can_be_read_and_the_way_there_listed() {
        let scope = read(&["projects/**", "docs/*.md", "a/*/c/x"]);
        for path in ["projects/a", "projects/a/b", "docs/x.md", "a/b/c/x"] {
            assert!(scope.allows_read(path), "{path}");
        }
        for path in [
            "projects2/x",
            "project",
            "docs/a/x.md",
            "docs/x.txt",
            "x",
            "a/b/c",
        ] {
            assert!(!scope.allows_read(path), "{path}");
        }
        for directory in ["", "projects", "projects/a/b", "docs", "a", "a/b", "a/b/c"] {
            assert!(scope.may_contain_read(directory), "{directory}");
        }
        for directory in ["projects2", "docs/sub", "a/b/d", "b", "a/b/c/d"] {
            assert!(!scope.may_contain_read(directory), "{directory}");
        }
    }

    #[test]
    fn writing_has_its_own_list() {
        let scope = PathScope::build(&["**".to_owned()], &["out/**".to_owned()]).unwrap();
        assert!(scope.allows_write("out/a") && !scope.allows_write("src/a"));
        assert!(scope.may_contain_write("out") && !scope.may_contain_write("src"));
    }

    #[test]
    fn bad_globs_are_named() {
        for pattern in ["", "a[", "/srv/x", "../a"] {
            assert!(
                PathScope::build(&[pattern.to_owned()], &[]).is_err(),
                "{pattern}"
            );
        }
    }

    proptest! {
        /// Every directory above what can be read can be listed.
        #[test]
        fn the_way_is_open(parts in prop::collection::vec("[ab]", 1..6), glob in "[ab*?]{1,2}(/([ab*?]|\\*\\*)){0,4}") {
            let scope = read(&[&glob]);
            if scope.allows_read(&parts.join("/")) {
                for depth in 0..parts.len() {
                    prop_assert!(scope.may_contain_read(&parts[..depth].join("/")));
                }
            }
        }
    }
}
