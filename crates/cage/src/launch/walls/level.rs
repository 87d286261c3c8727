//! How a program is held.

use std::fmt;

/// How a program is held; more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// It is not: it may do what durward may. Limits, and an end of all that it started, it has nevertheless.
    None,
    /// By the kernel's filters alone (landlock(7), seccomp(2)): it sees what it may not touch.
    Light,
    /// In a system of its own (namespaces(7)), with the filters on top: what it may not touch is not there.
    Full,
}

impl Level {
    /// Its name, as in the file, the audit and what people are told.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Light => "light",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
