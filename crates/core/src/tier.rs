//! How much harm a tool can do.

use std::fmt;

use serde::{Deserialize, Serialize};

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
