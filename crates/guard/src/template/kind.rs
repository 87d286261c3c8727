//! What a place takes.

use super::TemplateFault;

/// What a place in a template takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Nothing was said: words, addresses and URLs; nothing that a shell or a program would obey.
    Strict,
    /// A path inside of what is shared.
    Path,
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// One of these.
    Enum(Vec<String>),
    /// A text that matches the place's pattern; a regular expression where there is none.
    Regex,
    /// Any text without control characters.
    Text,
    /// One of these options.
    Flag(Vec<String>),
    /// A line of plain words whose first is one of these, as one argument.
    Command(Vec<String>),
}

/// What a flag may be where nothing is listed: what no program takes for more than a question.
const USUAL_FLAGS: [&str; 3] = ["-h", "--help", "--version"];

/// The types, for a sentence.
const TYPES: &str =
    "path, int, number, bool, enum, regex, text, flag and command; without one it is strict";

impl Kind {
    /// The kind of this word, and what stands in parentheses behind it: items with `|` between them, or a
    /// regular expression.
    pub(super) fn of(
        word: &str,
        slot: &str,
        given: Option<&str>,
    ) -> Result<(Self, Option<String>), TemplateFault> {
        let items = || -> Vec<String> {
            let given = given.filter(|given| !given.is_empty());
            let items = given.into_iter().flat_map(|given| given.split('|'));
            items.map(|item| item.trim().to_owned()).collect()
        };
        let kind = match word {
            "path" => Self::Path,
            "int" => Self::Int,
            "number" => Self::Number,
            "bool" => Self::Bool,
            "text" => Self::Text,
            "enum" => Self::Enum(items()),
            "flag" => Self::Flag(items()),
            "command" => Self::Command(items()),
            "regex" => return Ok((Self::Regex, given.map(str::to_owned))),
            _ => {
                return Err(TemplateFault::UnknownType(
                    word.chars().take(40).collect(),
                    slot.to_owned(),
                    TYPES,
                ));
            }
        };
        match given {
            Some(_) if !kind.lists() => {
                Err(TemplateFault::NoParentheses(kind.word(), slot.to_owned()))
            }
            _ => Ok((kind, None)),
        }
    }

    /// Its word in a template; `strict` where nothing is said.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Path => "path",
            Self::Int => "int",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Enum(_) => "enum",
            Self::Regex => "regex",
            Self::Text => "text",
            Self::Flag(_) => "flag",
            Self::Command(_) => "command",
        }
    }

    /// Is it one of a list?
    pub(super) fn lists(&self) -> bool {
        matches!(self, Self::Enum(_) | Self::Flag(_) | Self::Command(_))
    }

    /// Is it a text of which a length and a pattern can be asked?
    pub(super) fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Strict | Self::Path | Self::Regex | Self::Text | Self::Command(_)
        )
    }

    /// Puts this list in the place of the one that it has. A strict text or a plain one becomes one of it.
    pub(super) fn listing(self, items: Vec<String>, slot: &str) -> Result<Self, TemplateFault> {
        match self {
            Self::Strict | Self::Text | Self::Enum(_) => Ok(Self::Enum(items)),
            Self::Flag(_) => Ok(Self::Flag(items)),
            Self::Command(_) => Ok(Self::Command(items)),
            other => Err(TemplateFault::Unfit("enum", slot.to_owned(), other.word())),
        }
    }

    /// Judges the list, once it is whole.
    pub(super) fn settled(self, slot: &str) -> Result<Self, TemplateFault> {
        let (items, word) = match &self {
            Self::Flag(items) if items.is_empty() => {
                return Ok(Self::Flag(USUAL_FLAGS.map(str::to_owned).to_vec()));
            }
            Self::Enum(items) | Self::Flag(items) | Self::Command(items) => (items, self.word()),
            _ => return Ok(self),
        };
        if items.is_empty() {
            return Err(TemplateFault::NothingListed(slot.to_owned(), word));
        }
        for item in items {
            let named = || (item.chars().take(40).collect(), slot.to_owned());
            let dashed = item.starts_with('-');
            if item.is_empty() || item.chars().any(crate::names::is_hidden) {
                let (item, slot) = named();
                return Err(TemplateFault::BadItem(item, slot));
            }
            match &self {
                Self::Flag(_) if !dashed || item == "-" || item == "--" => {
                    let (item, slot) = named();
                    return Err(TemplateFault::NotAFlag(item, slot));
                }
                Self::Enum(_) if dashed => {
                    let (item, slot) = named();
                    return Err(TemplateFault::OptionInEnum(item, slot));
                }
                Self::Command(_) if dashed || !super::command::is_plain(item) => {
                    let (item, slot) = named();
                    return Err(TemplateFault::BadItem(item, slot));
                }
                _ => {}
            }
        }
        Ok(self)
    }
}
