//! `servers.*.auth.oauth`: how durward logs in at a server.

use std::{fmt, str::FromStr};

use durward_guard::oauth::Scopes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{secrets::SecretText, text::text_type, units::Unfit};

/// How durward logs in; with nothing said, a person does by `durward auth login`, and durward registers
/// itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OAuth {
    /// Durward's name at the authorization server, if it was given one; or the https URL of a document that
    /// describes it (Client ID Metadata Document).
    pub client_id: Option<String>,
    /// The password to that name, as `${secret:name}`.
    pub client_secret: Option<SecretText>,
    /// What is asked for, and nothing beyond it; what the server wants, unless said.
    #[schemars(with = "Vec<String>")]
    pub scopes: Vec<ScopeWord>,
    /// Who logs in: `authorization_code` (a person, the default) or `client_credentials` (durward itself, by
    /// `client_id` and `client_secret`).
    pub grant: GrantWord,
}

/// Who logs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantWord {
    /// A person.
    #[default]
    AuthorizationCode,
    /// Durward itself.
    ClientCredentials,
}

/// One scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeWord(String);

impl ScopeWord {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ScopeWord {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if Scopes::of([text]).has(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(
                text,
                "a scope: visible ASCII without blanks, quotes and backslashes",
            ))
        }
    }
}

impl fmt::Display for ScopeWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    ScopeWord,
    "a scope, such as `files:read`",
    r#"^[!#-\[\]-~]{1,256}$"#
);
