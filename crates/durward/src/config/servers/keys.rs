//! The texts of a server's entry.

use std::{fmt, str::FromStr};

use durward_core::{NameError, ServerName};
use durward_guard::{
    GuardError,
    egress::Target,
    glob::{Glob, Span},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{text::text_type, units::Unfit};

/// A server's name, as a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerKey(ServerName);

impl ServerKey {
    /// The name.
    pub fn name(&self) -> &ServerName {
        &self.0
    }
}

impl FromStr for ServerKey {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        ServerName::new(text).map(Self)
    }
}

impl fmt::Display for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::borrow::Borrow<str> for ServerKey {
    fn borrow(&self) -> &str {
        self.0.as_str()
    }
}

text_type!(
    ServerKey,
    "a server's name, such as `github`",
    "^[a-z][a-z0-9-]{0,30}$"
);

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
#[schemars(with = "Vec<String>", extend("minItems" = 1))]
pub struct Argv(Vec<String>);

impl Argv {
    /// The program.
    pub fn program(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The program and its arguments.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for Argv {
    type Error = &'static str;

    fn try_from(words: Vec<String>) -> Result<Self, &'static str> {
        if words.first().is_none_or(String::is_empty) {
            Err("expected a program and its arguments, such as `[npx, -y, some-server]`")
        } else if words.iter().any(|word| word.contains('\0')) {
            Err("no argument of a program can have a NUL in it")
        } else {
            Ok(Self(words))
        }
    }
}

impl From<Argv> for Vec<String> {
    fn from(argv: Argv) -> Self {
        argv.0
    }
}

impl fmt::Display for Argv {
    /// For people: never for a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// The name of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvKey(String);

impl EnvKey {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvKey {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if text.is_empty() || text.contains(['=', '\0']) {
            Err(Unfit::new(text, "the name of an environment variable"))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for EnvKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(EnvKey, "the name of an environment variable", "^[^=]+$");

/// The name of a header that is added to every request, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeaderKey(String);

impl HeaderKey {
    /// What says how a message is framed, what it holds and which protocol it speaks is not the file's.
    const OURS: &[&str] = &[
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "last-event-id",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];

    /// Does durward say this itself? The name is in lower case.
    pub(crate) fn is_ours(name: &str) -> bool {
        Self::OURS.contains(&name) || name.starts_with("mcp-")
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeaderKey {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        // RFC 9110 section 5.6.2.
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let name = text.to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(token) {
            Err(Unfit::new(text, "the name of a header"))
        } else if Self::is_ours(&name) {
            Err(Unfit::new(
                text,
                "a header that can be set: durward says itself how it speaks",
            ))
        } else {
            Ok(Self(name))
        }
    }
}

impl fmt::Display for HeaderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    HeaderKey,
    "the name of a header",
    "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
);

/// Where a server is: http or https, without a user or a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(Target);

impl ServerUrl {
    /// Where it is.
    pub fn target(&self) -> &Target {
        &self.0
    }
}

impl FromStr for ServerUrl {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        Target::parse(text).map(Self).map_err(|_| {
            Unfit::new(
                text,
                "the address of a server, such as `https://crm.example.com/mcp`, with no user in it",
            )
        })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

text_type!(
    ServerUrl,
    "the address of a server, such as `https://crm.example.com/mcp`",
    "^https?://[^@]+$"
);

/// A pattern over the names that a server gives its tools.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolGlob(String);

impl ToolGlob {
    /// Every tool.
    pub(super) fn any() -> Self {
        Self("*".to_owned())
    }

    /// The text, for the judge's own parser.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ToolGlob {
    type Err = GuardError;

    fn from_str(text: &str) -> Result<Self, GuardError> {
        Glob::new(text, Span::Name).map(|_| Self(text.to_owned()))
    }
}

impl fmt::Display for ToolGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(ToolGlob, "a pattern of tools, such as `get_*`", ".+");

/// The name that a server gives one of its tools.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnToolKey(String);

impl OwnToolKey {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OwnToolKey {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if text.is_empty() {
            Err(Unfit::new(text, "a tool's name"))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for OwnToolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(OwnToolKey, "a tool's name", ".+");

/// A protocol extension: a vendor's prefix, a slash and a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionId(String);

impl ExtensionId {
    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExtensionId {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let fits = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        match text.split_once('/') {
            Some((prefix, name)) if fits(prefix) && fits(name) => Ok(Self(text.to_owned())),
            _ => Err(Unfit::new(
                text,
                "an extension of the protocol, such as `com.example/charts`",
            )),
        }
    }
}

impl fmt::Display for ExtensionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    ExtensionId,
    "an extension of the protocol, such as `com.example/charts`",
    "^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$"
);
