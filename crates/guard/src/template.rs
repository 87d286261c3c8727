//! Command templates: a program, its arguments, and places in them that a caller fills.
//!
//! A template is cut into words once, when it is read; a caller's value fills a place in one word and
//! never makes another. No shell reads it, then or later. What a value may be is said by its place's
//! [`Kind`]: `du -sh {dir:path}`. A place that says nothing is [`Kind::Strict`].

mod argv;
mod command;
mod decoded;
mod fault;
mod kind;
mod notation;
mod parse;
mod placeholder;
mod program;
mod refine;
mod schema;
mod slot;
mod strict;
#[cfg(test)]
mod tests;
mod text;
mod word;

pub use decoded::forms as path_forms;
pub use fault::{TemplateFault, ValueFault, Why};
pub use kind::Kind;
pub use notation::{NotationFault, definitions, with_types_of_names};
pub use refine::Refinement;
pub use slot::Slot;

use std::fmt;

use word::Word;

/// The most bytes that a value may have, whatever its place.
pub const LONGEST_VALUE: usize = 64 * 1024;

/// A program with its arguments, and the places that a caller fills.
#[derive(Debug, Clone)]
pub struct Template {
    program: String,
    arguments: Vec<Word>,
    slots: Vec<Slot>,
    doubts: Vec<String>,
}

impl Template {
    /// The program: a name to be looked up, or an absolute path.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// What a caller fills, in the order in which it stands there.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Does the template itself say all of the argument of this number, counted from 0?
    pub fn is_literal(&self, argument: usize) -> bool {
        self.arguments
            .get(argument)
            .is_none_or(|word| word.literal().is_some())
    }

    /// What whoever wrote it may have meant otherwise, such as a `|` that no shell will read.
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }
}

impl fmt::Display for Template {
    /// For people: never for a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        for word in &self.arguments {
            let text = word.shown(&self.slots);
            match text.is_empty() || text.contains(char::is_whitespace) {
                true => write!(f, " \"{text}\"")?,
                false => write!(f, " {text}")?,
            }
        }
        Ok(())
    }
}
