//! A place that a caller fills.

use std::borrow::Cow;

use regex::Regex;
use serde_json::Value;

use super::{Kind, LONGEST_VALUE, ValueFault, Why, command, decoded, strict, text};

/// A place in a template, and what may stand there.
#[derive(Debug, Clone)]
pub struct Slot {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) pattern: Option<Pattern>,
    pub(super) description: Option<String>,
}

/// What a value must match as a whole.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) whole: Regex,
}

/// As much as a compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, String> {
        // What closes the group before its end would match another text than it says.
        Self::compile(text)?;
        Ok(Self {
            whole: Self::compile(&format!(r"\A(?:{text})\z"))?,
            text: text.to_owned(),
        })
    }

    fn compile(text: &str) -> Result<Regex, String> {
        let built = regex::RegexBuilder::new(text)
            .size_limit(PATTERN_SIZE)
            .build();
        built.map_err(|error| {
            let why = error.to_string();
            let last = why.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        })
    }
}

impl Slot {
    pub(super) fn new(name: String, kind: Kind) -> Self {
        Self {
            name,
            kind,
            min: None,
            max: None,
            pattern: None,
            description: None,
        }
    }

    /// The name of the argument that fills it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it takes.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What it takes, for people.
    pub fn takes(&self) -> String {
        let list = match &self.kind {
            Kind::Enum(items) | Kind::Flag(items) | Kind::Command(items) => {
                format!(": {}", items.join(", "))
            }
            _ => String::new(),
        };
        let pattern = self.pattern.as_ref();
        let pattern = pattern.map(|it| format!(" matching {}", it.text));
        let bounds = match (self.min, self.max) {
            (None, None) => String::new(),
            (min, max) => format!(", {}", bounds(min, max)),
        };
        let word = self.kind.word();
        format!("{word}{list}{}{bounds}", pattern.unwrap_or_default())
    }

    /// The text that this value stands for, if it may stand here. A path has yet to be found below what is
    /// shared.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn judge<'v>(&self, value: &'v Value) -> Result<Cow<'v, str>, ValueFault> {
        self.judged(value)
            .map_err(|why| ValueFault::new(&self.name, why))
    }

    fn judged<'v>(&self, value: &'v Value) -> Result<Cow<'v, str>, Why> {
        match &self.kind {
            Kind::Int => self.int(value).map(Cow::Owned),
            Kind::Number => self.number(value).map(Cow::Owned),
            Kind::Bool => match value {
                Value::Bool(true) => Ok(Cow::Borrowed("true")),
                Value::Bool(false) => Ok(Cow::Borrowed("false")),
                _ => Err(Why::WrongType("true or false")),
            },
            kind => {
                let text = value.as_str().ok_or(Why::WrongType("a text"))?;
                self.text(kind, text)?;
                Ok(Cow::Borrowed(text))
            }
        }
    }

    fn text(&self, kind: &Kind, text: &str) -> Result<(), Why> {
        if text.len() > LONGEST_VALUE {
            return Err(Why::TooLong(LONGEST_VALUE));
        }
        text::without_control(text)?;
        match kind {
            Kind::Strict => strict::judge(text)?,
            Kind::Path => decoded::judge(text)?,
            Kind::Enum(items) | Kind::Flag(items) if !items.iter().any(|item| item == text) => {
                return Err(Why::NotListed(items.join(", ")));
            }
            Kind::Command(items) => command::judge(text, items)?,
            Kind::Regex if self.pattern.is_none() => {
                Pattern::compile(text).map_err(|_| Why::NotARegex)?;
            }
            _ => {}
        }
        if self.min.is_some() || self.max.is_some() {
            let length = text.chars().count() as f64;
            if !self.holds(length) {
                return Err(Why::Length(bounds(self.min, self.max)));
            }
        }
        match &self.pattern {
            Some(pattern) if !pattern.whole.is_match(text) => {
                Err(Why::Pattern(pattern.text.clone()))
            }
            _ => Ok(()),
        }
    }

    fn int(&self, value: &Value) -> Result<String, Why> {
        let number = value.as_i64().ok_or(Why::WrongType("a whole number"))?;
        match self.holds(number as f64) {
            true => Ok(number.to_string()),
            false => Err(Why::Bounds(bounds(self.min, self.max))),
        }
    }

    fn number(&self, value: &Value) -> Result<String, Why> {
        const LONGEST: usize = 64;
        let Value::Number(number) = value else {
            return Err(Why::WrongType("a number"));
        };
        let finite = number.as_f64().filter(|it| it.is_finite());
        let float = finite.ok_or(Why::WrongType("a number that can be counted with"))?;
        let spelled = number.to_string();
        if spelled.len() > LONGEST {
            return Err(Why::TooLong(LONGEST));
        }
        match self.holds(float) {
            true => Ok(spelled),
            false => Err(Why::Bounds(bounds(self.min, self.max))),
        }
    }

    fn holds(&self, number: f64) -> bool {
        self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max)
    }

    /// May a word that begins with this value begin with a dash?
    pub(super) fn may_dash(&self) -> bool {
        match self.kind {
            Kind::Flag(_) => true,
            Kind::Int | Kind::Number => self.min.is_some_and(|min| min < 0.0),
            _ => false,
        }
    }
}

/// As in `from 1 to 9`.
fn bounds(min: Option<f64>, max: Option<f64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("of at least {min}"),
        (None, Some(max)) => format!("of at most {max}"),
        (None, None) => String::new(),
    }
}
