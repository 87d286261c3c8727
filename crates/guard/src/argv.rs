//! Programs and their arguments: which ones run whatever they are told to.
//!
//! No list of such programs and options is whole, and none is a wall: the box around the child is. These
//! judges tell people and models early, and in words, what is not meant to be done.

mod getopt;
mod git;
mod options;
mod program;
mod sed;

#[cfg(test)]
mod tests;

pub use program::{Kind, is_basename, is_many, kind, names};

/// An argument by which a program would run another one, or do what else it is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hazard {
    /// Which argument, counted from 0.
    pub at: usize,
    /// What it would do.
    pub why: &'static str,
}

/// Looks at the arguments of a program of this name; what it finds first.
pub fn hazard(program: &str, args: &[String]) -> Option<Hazard> {
    names(program).find_map(|name| match name.as_str() {
        "git" => git::hazard(args),
        "sed" | "gsed" => sed::hazard(args),
        name => options::of(name).and_then(|rules| rules.hazard(args)),
    })
}
