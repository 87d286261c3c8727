//! The names under which other servers' things are offered, and which of them can't stand side by side.
//!
//! A tool or prompt is `<server>__<name>`, made to fit what models accept; a resource or template is
//! `<server>+<uri>`, which leads back. What can't be seen is refused, and so are two names that people or
//! models would mix up.

mod exposed;
mod hidden;
mod register;
mod rules;
mod uri;

use thiserror::Error;

pub(crate) use hidden::is_hidden;

pub use exposed::{LONGEST_EXPOSED, exposed_prompt, exposed_tool};
pub use register::{Collision, Likeness, Register};
pub use rules::{Offered, ServerTools, ServerToolsSettings};
pub use uri::{exposed_uri, own_uri};

/// Why a name of another server is not offered. The sentence does not repeat the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameFault {
    /// It has no characters.
    #[error("it is empty")]
    Empty,
    /// It is longer than any sensible one.
    #[error("it is longer than {most} bytes")]
    TooLong {
        /// The most bytes that it may have.
        most: usize,
    },
    /// A control character, one that has no width, or one that turns the direction of the text.
    #[error("it has a character that can't be seen (U+{:04X})", u32::from(*.character))]
    Hidden {
        /// The first of them.
        character: char,
    },
}

/// A name of another server as people may be shown it: what can't be seen is spelled out.
pub fn shown(name: &str) -> String {
    let spelled = name.chars().take(80).map(|c| match is_hidden(c) {
        true => format!("\\u{{{:x}}}", u32::from(c)),
        false => c.to_string(),
    });
    spelled.collect()
}

fn judge(name: &str, most: usize) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name.len() > most {
        return Err(NameFault::TooLong { most });
    }
    match name.chars().find(|c| is_hidden(*c)) {
        Some(character) => Err(NameFault::Hidden { character }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_seen() {
        assert_eq!(shown("a\u{200b}b\u{202e}\n"), "a\\u{200b}b\\u{202e}\\u{a}");
        assert_eq!(shown("grüße"), "grüße");
        assert_eq!(shown(&"x".repeat(100)).len(), 80);
    }
}
