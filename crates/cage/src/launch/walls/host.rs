//! What this machine can hold.

use std::fmt;

use super::Level;

/// What this machine can hold: found out by trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The highest level.
    pub level: Level,
    /// Why not a higher one; and what holds less than it could at this one.
    pub lacks: Vec<Lack>,
}

/// Something that is missing, and how to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The level that is not reached, or is reached without this.
    pub level: Level,
    /// What is missing.
    pub what: String,
    /// What a person can do about it.
    pub remedy: &'static str,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}
