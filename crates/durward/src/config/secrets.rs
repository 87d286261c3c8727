//! `secrets`: where secrets come from, and the text that holds one.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

use durward_core::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

use super::{
    servers::Argv,
    text::{is_name, text_type},
    units::Unfit,
};

/// Secrets by name, for `${secret:name}`; never in an error, a log or the audit.
pub type Secrets = BTreeMap<SecretName, SecretSource>;

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file that the world can't read; a line break at its end is not part of the secret.
    File(PathBuf),
    /// A program and its arguments, as a list, that prints it; a line break at its end is not part of the
    /// secret. It runs without a shell at the start, at each reload, and when a server refuses what it is shown,
    /// for at most ten seconds, and has nothing of durward's environment that could hold a secret.
    Command(Argv),
    /// The name of an item in the desktop's keyring, of the service `durward`: `secret-tool` reads it there, or
    /// `security` on macOS, when a command would run.
    Keyring(KeyringItem),
}

/// The name of an item in the keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringItem(String);

impl KeyringItem {
    /// What prints it.
    pub(super) fn command(&self) -> Vec<String> {
        let name = self.0.as_str();
        let words: &[&str] = if cfg!(target_os = "macos") {
            &[
                "security",
                "find-generic-password",
                "-s",
                "durward",
                "-a",
                name,
                "-w",
            ]
        } else {
            &[
                "secret-tool",
                "lookup",
                "service",
                "durward",
                "account",
                name,
            ]
        };
        words.iter().map(ToString::to_string).collect()
    }
}

impl FromStr for KeyringItem {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let fits = |c: char| c.is_alphanumeric() || "._@/ -".contains(c);
        // What begins with a dash would be an option of the program that reads it.
        if (1..=128).contains(&text.len()) && text.chars().all(fits) && !text.starts_with('-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(
                text,
                "the name of an item of the keyring: letters, digits, `.`, `_`, `@`, `/`, `-` and blanks",
            ))
        }
    }
}

impl fmt::Display for KeyringItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    KeyringItem,
    "the name of an item of the keyring, such as `crm`",
    "^[^-].{0,127}$"
);

/// A secret's name: `[a-z][a-z0-9_-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName(String);

impl SecretName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if is_name(text, 63) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(
                text,
                "a secret's name: a letter a-z, then up to 62 of a-z, 0-9, `-` and `_`",
            ))
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for SecretName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

text_type!(
    SecretName,
    "a secret's name, such as `github`",
    "^[a-z][a-z0-9_-]{0,62}$"
);

/// A value that must never be shown: `${secret:name}` in the file, its secret when read.
#[derive(Debug, Clone)]
pub struct SecretText(Secret);

impl SecretText {
    /// The name by which a deserializer knows that `${secret:…}` may stand here.
    pub(super) const MARK: &str = "durward::SecretText";

    /// What stands in its place wherever people look.
    pub(super) const SHOWN: &str = "(secret)";

    /// The secret.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.0.is(other.0.expose().as_bytes())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = SecretText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret, as `${secret:name}`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretText, E> {
                self.visit_string(text.to_owned())
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<SecretText, E> {
                Ok(SecretText(Secret::new(text)))
            }
        }

        deserializer.deserialize_newtype_struct(Self::MARK, Text)
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Self::SHOWN)
    }
}

impl JsonSchema for SecretText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretText".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A secret, as `${secret:name}`.",
            "pattern": r"\$\{.+\}",
        })
    }
}

/// A value that may have a secret in it, such as a variable's: one that has, or that came from outside
/// the file, is never shown.
#[derive(Clone)]
pub struct PerhapsSecret {
    text: Secret,
    shown: bool,
}

impl PerhapsSecret {
    /// The name by which a deserializer knows that `${secret:…}` may stand here, and any other text.
    pub(super) const MARK: &str = "durward::PerhapsSecret";

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The text, kept as a secret whatever it is.
    pub fn secret(&self) -> &Secret {
        &self.text
    }

    fn seen(&self) -> &str {
        if self.shown {
            self.text.expose()
        } else {
            SecretText::SHOWN
        }
    }
}

impl fmt::Debug for PerhapsSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.seen())
    }
}

impl PartialEq for PerhapsSecret {
    fn eq(&self, other: &Self) -> bool {
        self.text.is(other.text.expose().as_bytes())
    }
}

impl<'de> Deserialize<'de> for PerhapsSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = PerhapsSecret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a secret as `${secret:name}`")
            }

            /// What anyone may see who sees the file.
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PerhapsSecret, E> {
                Ok(PerhapsSecret {
                    text: Secret::new(text.to_owned()),
                    shown: true,
                })
            }

            /// What was put together for this place alone.
            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<PerhapsSecret, E> {
                Ok(PerhapsSecret {
                    text: Secret::new(text),
                    shown: false,
                })
            }
        }

        deserializer.deserialize_newtype_struct(Self::MARK, Text)
    }
}

impl Serialize for PerhapsSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.seen())
    }
}

impl JsonSchema for PerhapsSecret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PerhapsSecret".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "number", "boolean"],
            "description": "A text, or a secret as `${secret:name}`.",
        })
    }
}
