//! Names that cross boundaries.

use std::{fmt, sync::Arc};

use serde::Serialize;
use thiserror::Error;

/// A name that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{name}` can't be a name here: {why}")]
pub struct NameError {
    name: String,
    why: &'static str,
}

/// A tool's name: 1 to 128 of `A-Z a-z 0-9 _ . -` (MCP 2026-07-28, server/tools, "Tool names").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ToolName(Arc<str>);

impl ToolName {
    /// Parses a name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        let why = if name.is_empty() || name.len() > 128 {
            "it must have 1 to 128 characters"
        } else if !name.bytes().all(fits) {
            "only letters, digits, `_`, `.` and `-` are allowed"
        } else {
            return Ok(Self(name.into()));
        };
        Err(NameError {
            name: name.chars().take(140).collect(),
            why,
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::borrow::Borrow<str> for ToolName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A provider's name: a pack's, or a server's of the configuration, `[a-z][a-z0-9-]{0,30}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PackName(Arc<str>);

impl PackName {
    /// Parses a name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let why = if name.len() > 31 || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            "it must have 1 to 31 characters and begin with a letter a-z"
        } else if !name.bytes().all(fits) {
            "only a-z, 0-9 and `-` are allowed"
        } else {
            return Ok(Self(name.into()));
        };
        Err(NameError {
            name: name.chars().take(40).collect(),
            why,
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name that the configuration gives another MCP server, `[a-z][a-z0-9-]{0,30}`. It has no `_`, so
/// that it ends at the first `__` of an exposed name, and fits into a URI's scheme (RFC 3986, section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ServerName(PackName);

impl ServerName {
    /// Parses a name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        PackName::new(name).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same, as a provider's name.
    pub fn as_provider(&self) -> &PackName {
        &self.0
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::borrow::Borrow<str> for ServerName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_s_name_has_no_underscore_and_fits_a_scheme() {
        for name in ["a", "crm", "my-crm-2", &"a".repeat(31)] {
            assert_eq!(ServerName::new(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            "A",
            "2a",
            "-a",
            "a_b",
            "a__b",
            "a.b",
            "a+b",
            "ä",
            "a b",
            &"a".repeat(32),
        ] {
            assert!(ServerName::new(name).is_err(), "{name}");
        }
    }
}
