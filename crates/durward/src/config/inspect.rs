//! `inspect`: what is looked at on its way through.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::Rate;

/// What is looked at on its way through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Inspect {
    /// What servers may ask of clients' models.
    pub sampling: Sampling,
}

/// What servers may ask of clients' models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// May servers ask at all? Only those whose `capabilities` have `sampling` do.
    pub allow: bool,
    /// The most tokens of one answer: `maxTokens` is lowered to it.
    pub max_tokens: NonZeroU32,
    /// How often the model of one caller may be asked, by all servers together.
    pub calls: Rate,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            allow: false,
            max_tokens: const { NonZeroU32::new(1024).unwrap() },
            calls: Rate::of_sampling(),
        }
    }
}
