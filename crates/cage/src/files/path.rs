//! A path in its normal form.

use super::FileFault;

/// The longest path that Linux takes, less its NUL (`PATH_MAX`, limits.h).
const LONGEST: usize = 4095;

/// A path relative to a root: names joined by single slashes, none of them empty, `.` or `..`, and
/// without NUL. The empty path is the root itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelPath<'a>(&'a str);

impl<'a> RelPath<'a> {
    /// The root itself.
    pub const ROOT: RelPath<'static> = RelPath("");

    /// Takes a path that is in normal form; `.` stands for the root.
    pub fn new(path: &'a str) -> Result<Self, FileFault> {
        if path.is_empty() || path == "." {
            return Ok(Self(""));
        }
        if path.len() > LONGEST {
            return Err(FileFault::NameTooLong);
        }
        if path.contains('\0') {
            return Err(FileFault::Malformed("it holds a NUL"));
        }
        if path.starts_with('/') {
            return Err(FileFault::OutsideRoot);
        }
        for name in path.split('/') {
            match name {
                ".." => return Err(FileFault::OutsideRoot),
                "" | "." => return Err(FileFault::Malformed("it holds an empty name or `.`")),
                _ => {}
            }
        }
        Ok(Self(path))
    }

    /// The text, `""` for the root.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The text as a system call wants it.
    pub(super) fn for_kernel(self) -> &'a str {
        if self.0.is_empty() { "." } else { self.0 }
    }
}

/// True where `path` is `ancestor` or lies below it, name by name.
pub(super) fn is_within(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor)
        .is_some_and(|rest| ancestor.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_and_refuses_ways_out() {
        for good in [
            "a", "a/b", "..foo", "foo..", "...", "a b", ".hidden", "a\\b", "%2e%2e",
        ] {
            assert_eq!(RelPath::new(good).map(RelPath::as_str), Ok(good));
        }
        for outside in ["..", "../a", "a/..", "a/../b", "/", "/etc"] {
            assert_eq!(
                RelPath::new(outside),
                Err(FileFault::OutsideRoot),
                "{outside}"
            );
        }
        for malformed in ["a//b", "a/", "./a", "a/.", "a\0b"] {
            assert!(
                matches!(RelPath::new(malformed), Err(FileFault::Malformed(_))),
                "{malformed}"
            );
        }
        assert_eq!(RelPath::new("."), Ok(RelPath::ROOT));
    }

    #[test]
    fn within_goes_by_whole_names() {
        assert!(is_within("base/x", "base"));
        assert!(is_within("base", "base"));
        assert!(is_within("x", ""));
        assert!(!is_within("basement/x", "base"));
    }
}
