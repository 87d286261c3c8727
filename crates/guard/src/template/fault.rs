//! What is wrong with a template, and with a value.

use durward_core::{Refusal, RefusalCode};
use thiserror::Error;

use crate::path::PathFault;

/// What is wrong with a template. The text is for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says it in its sentence")]
pub enum TemplateFault {
    #[error("the template is empty: it begins with a program, such as `du -sh {{dir:path}}`")]
    Empty,
    #[error("the template is longer than {0} bytes")]
    TooLong(usize),
    #[error("the template has more than {0} words")]
    TooManyWords(usize),
    #[error("the template has more than {0} placeholders")]
    TooManySlots(usize),
    #[error("the template has a control character (U+{:04X})", u32::from(*.0))]
    Control(char),
    #[error("a quote ({0}) is opened and not closed")]
    OpenQuote(char),
    #[error("the template ends in a backslash, which takes the next character as it is")]
    LastBackslash,
    #[error("a `{{` is opened and not closed; write `{{{{` for one that means itself")]
    OpenBrace,
    #[error("a `}}` closes nothing; write `}}}}` for one that means itself")]
    LoneBrace,
    #[error(
        "`{{{0}` is no placeholder: a letter a-z, then letters, digits, `_` and `-`, as in `{{name}}` or \
         `{{name:type}}`; write `{{{{` for a brace that means itself"
    )]
    BadName(String),
    #[error("the placeholder `{{{0}}}` stands there twice; give each a name of its own")]
    Twice(String),
    #[error("`{0}` is no type of `{{{1}}}`; the types are {2}")]
    UnknownType(String, String, &'static str),
    #[error("what `{0}` takes in parentheses stands there without an end, in `{{{1}}}`")]
    OpenParenthesis(&'static str, String),
    #[error("`{0}` takes nothing in parentheses, in `{{{1}}}`")]
    NoParentheses(&'static str, String),
    #[error("the program itself can't be a placeholder, nor have one in it")]
    SlotInProgram,
    #[error("`{0}` is not the name of a program, nor its whole path")]
    BadProgram(String),
    #[error(
        "`{{{0}}}` right after a dash would choose an option; list what it may be: \
         `{{{0}:flag(-a|-b)}}`, or say a type such as `int` or `enum`"
    )]
    ChoosesOption(String),
    #[error("a flag is a word of its own: put a space on both sides of `{{{0}}}`")]
    FlagInWord(String),
    #[error("`{0}` in the list of `{{{1}}}` is no flag: it begins with a dash")]
    NotAFlag(String, String),
    #[error(
        "`{0}` in the list of `{{{1}}}` begins with a dash; make it `flag`, which may be an option"
    )]
    OptionInEnum(String, String),
    #[error("`{0}` in the list of `{{{1}}}` can't stand there")]
    BadItem(String, String),
    #[error("`{{{0}}}` lists nothing: say what it may be, as in `{{{0}:{1}(a|b)}}` or `enum`")]
    NothingListed(String, &'static str),
    #[error("there is no placeholder `{{{0}}}` in the template; it has {1}")]
    NoSuchSlot(String, String),
    #[error("`{0}` says nothing about `{{{1}}}`, which is {2}")]
    Unfit(&'static str, String, &'static str),
    #[error("`{0}` of `{{{1}}}` is no bound that it can have")]
    BadBound(&'static str, String),
    #[error("the pattern of `{{{0}}}` can't be used: {1}")]
    BadPattern(String, String),
}

/// A value that can't go where it is meant to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{slot}` {why}")]
pub struct ValueFault {
    /// The placeholder.
    pub slot: Box<str>,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a value. It is said to a model, which can send another one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says it in its sentence")]
pub enum Why {
    #[error("is missing")]
    Missing,
    #[error("must be {0}")]
    WrongType(&'static str),
    #[error("has a NUL in it")]
    Null,
    #[error("has a control character in it (U+{:04X})", u32::from(*.0))]
    Control(char),
    #[error("has a character in it that can't be seen (U+{:04X})", u32::from(*.0))]
    Hidden(char),
    #[error("has more than {0} bytes")]
    TooLong(usize),
    #[error("must have {0} characters")]
    Length(String),
    #[error("must be a number {0}")]
    Bounds(String),
    #[error("has `{0}` in it, which means something to shells; leave it out")]
    Shell(char),
    #[error("begins with a dash, and would be an option")]
    Dash,
    #[error("has a word in it that begins with a dash, as an option does")]
    DashedWord,
    #[error("begins with `{0}`, which means something to many programs")]
    Mark(char),
    #[error("must be one of: {0}")]
    NotListed(String),
    #[error("must match `{0}` as a whole")]
    Pattern(String),
    #[error("is not a regular expression")]
    NotARegex,
    #[error("is empty")]
    Empty,
    #[error("is no path that can be used: two slashes stand side by side")]
    DoubleSlash,
    #[error("{0}")]
    Path(PathFault),
    #[error("is percent-encoded, and what it stands for can't be judged")]
    Encoded,
    #[error("must begin with one of: {0}")]
    Command(String),
    #[error("has a word in it that {0}")]
    Hazard(&'static str),
    #[error("must be plain words with one space between them: letters, digits and `_./:=@%+,-`")]
    NotPlain,
}

impl Why {
    /// The finer word of the refusal.
    fn detail(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::WrongType(_) => "wrong_type",
            Self::Null => "null_byte",
            Self::Control(_) => "control_character",
            Self::Hidden(_) => "hidden_character",
            Self::TooLong(_) | Self::Length(_) => "length",
            Self::Bounds(_) => "bounds",
            Self::Shell(_) => "shell_character",
            Self::Dash | Self::DashedWord => "option",
            Self::Mark(_) => "mark",
            Self::NotListed(_) => "not_listed",
            Self::Pattern(_) => "pattern",
            Self::NotARegex => "not_a_regex",
            Self::Empty => "empty",
            Self::DoubleSlash => "double_slash",
            Self::Path(fault) => fault.detail().unwrap_or("outside"),
            Self::Encoded => "encoded",
            Self::Command(_) => "not_listed",
            Self::Hazard(_) => "argument_not_allowed",
            Self::NotPlain => "not_plain",
        }
    }

    fn code(&self) -> RefusalCode {
        match self {
            Self::Path(PathFault::OutsideRoot) => RefusalCode::PathOutsideRoot,
            Self::Command(_) => RefusalCode::CommandNotAllowed,
            Self::Hazard(_) => RefusalCode::Denied,
            _ => RefusalCode::InvalidArguments,
        }
    }
}

impl ValueFault {
    pub(super) fn new(slot: &str, why: Why) -> Self {
        Self {
            slot: slot.into(),
            why,
        }
    }
}

impl From<ValueFault> for Refusal {
    fn from(fault: ValueFault) -> Self {
        let sentence = match &fault.why {
            Why::Path(fault) => fault.to_string(),
            _ => format!("{fault}."),
        };
        let refusal = Self::new(fault.why.code(), sentence).path(format!("/{}", fault.slot));
        match &fault.why {
            Why::Path(PathFault::OutsideRoot) => refusal,
            why => refusal.detail(why.detail()),
        }
    }
}
