//! `identity`: who is calling.

use std::{collections::BTreeMap, convert::Infallible, fmt, path::PathBuf, str::FromStr};

use durward_core::RoleName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{secrets::SecretText, text::text_type};

/// How callers prove who they are. A caller that fits none is refused; nothing is anonymous.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// Callers on the socket and stdio, by their operating system user.
    pub os_user: OsUsers,
    /// API keys, as `durward keys new` makes them; only SHA-256 digests are stored.
    pub keys: Keys,
    /// Whether one proof is enough or every configured one is needed. HTTP only: on the socket, stdio
    /// and over SSH the operating system's user is the proof.
    pub require: Require,
}

/// The roles of operating system users.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OsUsers {
    /// Roles by user: a name, a number, `self` (whoever runs durward) or `*` (everyone else). What
    /// durward itself started is never a caller by its user.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub roles: BTreeMap<OsUser, Vec<RoleName>>,
}

impl Default for OsUsers {
    fn default() -> Self {
        let roles = [
            (OsUser::Oneself, vec![RoleName::new("developer")]),
            (OsUser::Everyone, Vec::new()),
        ];
        Self {
            roles: roles.into(),
        }
    }
}

/// An operating system user of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OsUser {
    /// `self`: whoever runs durward.
    Oneself,
    /// A name or a number.
    Named(String),
    /// `*`: everyone else.
    Everyone,
}

impl FromStr for OsUser {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "self" => Self::Oneself,
            "*" => Self::Everyone,
            name => Self::Named(name.to_owned()),
        })
    }
}

impl fmt::Display for OsUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oneself => "self",
            Self::Named(name) => name,
            Self::Everyone => "*",
        })
    }
}

text_type!(OsUser, "a user: a name, a number, `self` or `*`", ".+");

/// API keys.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Where the keys' digests are kept.
    pub file: PathBuf,
    /// Keys that exist already, such as `{ key: "${secret:old}", role: developer }`; hashed when read.
    pub accept: Vec<AcceptedKey>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            file: "${state}/keys.json".into(),
            accept: Vec::new(),
        }
    }
}

/// A key that exists already.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptedKey {
    /// The key, as `${secret:name}`.
    pub key: SecretText,
    /// The role of whoever has it.
    #[schemars(with = "String")]
    pub role: RoleName,
}

/// How many of the configured proofs are needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Require {
    /// One is enough.
    #[default]
    Any,
    /// Every one.
    All,
}
