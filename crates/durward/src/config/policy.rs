//! `policy` and `roles`: what a role may do.

use std::{collections::BTreeMap, fmt, num::NonZeroU32, str::FromStr};

use durward_core::RoleName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{limits::Rate, text::text_type};

/// How a caller's roles work together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// A caller of several roles: `union` (allows unite, denies unite, the strictest limit) or
    /// `intersect`.
    pub combine: Combine,
}

/// How the roles of one caller combine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// What any role allows; what any role denies is denied.
    #[default]
    Union,
    /// What every role allows.
    Intersect,
}

/// The roles, by name.
pub type Roles = BTreeMap<RoleName, Role>;

/// What callers of a role may do. No matching allow means no; a deny always wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Role {
    /// Roles whose rules hold here as well.
    #[schemars(with = "Vec<String>")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inherit: Vec<RoleName>,
    /// What may be called: `tier:read`, `tool:fs_*`, `server:github`, `resource:…`, `prompt:…` or `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Selector>,
    /// What may not be, whatever allows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Selector>,
    /// What must be confirmed by an argument.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confirm: Vec<Selector>,
    /// Limits for each caller of this role.
    #[serde(skip_serializing_if = "RoleLimits::are_none")]
    pub limits: RoleLimits,
}

/// Limits of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoleLimits {
    /// Calls of each caller, such as `120/min`.
    pub calls: Option<Rate>,
    /// Calls that may come at once; the rate's own count, unless said.
    pub burst: Option<NonZeroU32>,
    /// Calls of each caller that may run at once.
    pub concurrency: Option<NonZeroU32>,
}

impl RoleLimits {
    fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// The roles that there are where the file does not say otherwise.
pub(super) fn built_in() -> Roles {
    let selectors = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| Selector((*text).to_owned()))
            .collect()
    };
    let reader = Role {
        allow: selectors(&["tier:read"]),
        ..Role::default()
    };
    let developer = Role {
        allow: selectors(&["tier:read", "tier:operate"]),
        ..Role::default()
    };
    let admin = Role {
        allow: selectors(&["*"]),
        confirm: selectors(&["tier:danger"]),
        ..Role::default()
    };
    [
        ("reader", reader),
        ("developer", developer),
        ("admin", admin),
    ]
    .map(|(name, role)| (RoleName::new(name), role))
    .into()
}

/// What a rule is about: `*`, or a kind and a pattern, such as `tool:fs_*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(String);

impl Selector {
    /// The text, for the policy's own parser.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Selector {
    type Err = durward_guard::GuardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        durward_guard::selector::Selector::parse(text).map(|_| Self(text.to_owned()))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    Selector,
    "a rule's subject, such as `tool:fs_*`",
    r"^(\*|(tier|tool|server|resource|prompt):.+)$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors() {
        for text in [
            "*",
            "tier:read",
            "tool:fs_*",
            "server:github",
            "resource:file:///srv/**",
            "prompt:x",
        ] {
            assert!(text.parse::<Selector>().is_ok(), "{text}");
        }
        for text in ["", "fs_*", "tier:write", "tool:", "tools:x", "**"] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }
}
