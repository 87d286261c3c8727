//! How much harm a tool can do.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A tool's tier. Resources, prompts and completions are `read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Changes nothing.
    Read,
    /// Changes something that can be changed back.
    Operate,
    /// Can destroy.
    Danger,
}

impl Tier {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Danger => "danger",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A tool does more harm unless this argument is one of these words, or is not given at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raise {
    /// The argument.
    pub argument: &'static str,
    /// The words that raise nothing.
    pub unless: &'static [&'static str],
    /// What the tool is with any other value, whether or not its schema allows it.
    pub to: Tier,
}

impl Raise {
    /// Does this value of the argument raise the tool?
    pub fn is_due(&self, value: &Value) -> bool {
        !value
            .as_str()
            .is_some_and(|word| self.unless.contains(&word))
    }
}

impl fmt::Display for Raise {
    /// As in `method other than GET or HEAD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} other than {}",
            self.argument,
            self.unless.join(" or ")
        )
    }
}
