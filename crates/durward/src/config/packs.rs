//! `packs`: the built-in tools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Built-in tools, each with the tier read, operate or danger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Packs {
    /// Files, as `files` allows.
    pub fs: FsPack,
}

/// The pack `fs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FsPack {
    /// Whether its tools are offered.
    pub enabled: bool,
}

impl Default for FsPack {
    fn default() -> Self {
        Self { enabled: true }
    }
}
