//! How callers name the HTTP door: its paths, hosts and address.

use std::{fmt, str::FromStr};

use super::{text::text_type, units::Unfit};

/// A path of the HTTP door, such as `/mcp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPath(String);

impl MountPath {
    /// The path, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for MountPath {
    /// Where clients look for MCP.
    fn default() -> Self {
        Self("/mcp".to_owned())
    }
}

impl FromStr for MountPath {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
        let plain = text.starts_with('/') && text.bytes().all(fits) && !text.contains("//");
        if plain
            && (text == "/" || !text.ends_with('/'))
            && !text.split('/').any(|part| part == "." || part == "..")
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(
                text,
                "a path of HTTP: a slash, then letters, digits and `-_.~/`, with no slash at the end",
            ))
        }
    }
}

impl fmt::Display for MountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    MountPath,
    "a path of HTTP, such as `/mcp`",
    "^/[A-Za-z0-9/_.~-]*$"
);

/// A host name or address as the `Host` header has it, with a port or without, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        if !text.is_empty() && text.len() <= 262 && text.bytes().all(fits) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(Unfit::new(
                text,
                "a host name, such as `mcp.example.com` or `mcp.example.com:8443`",
            ))
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    HostName,
    "a host name, such as `mcp.example.com`",
    r"^[A-Za-z0-9._:\[\]-]+$"
);

/// The scheme, host and port of a site, such as `https://mcp.example.com`; the scheme is http or https.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The address, without a slash at its end: also its origin (RFC 6454).
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, with its port if the address has one.
    pub fn host(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, host)| host)
    }
}

impl FromStr for PublicUrl {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let unfit = || {
            Unfit::new(
                text,
                "the address of a site, such as `https://mcp.example.com`, with no path",
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(unfit)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "https" && scheme != "http" {
            return Err(unfit());
        }
        let host: HostName = rest
            .strip_suffix('/')
            .unwrap_or(rest)
            .parse()
            .map_err(|_| unfit())?;
        Ok(Self(format!("{scheme}://{host}")))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    PublicUrl,
    "the address of a site, such as `https://mcp.example.com`",
    "^https?://[^/]+/?$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_paths() {
        let url: PublicUrl = "HTTPS://MCP.Example.com:8443/".parse().unwrap();
        assert_eq!(
            (url.as_str(), url.host()),
            ("https://mcp.example.com:8443", "mcp.example.com:8443")
        );
        for text in [
            "mcp.example.com",
            "ftp://a",
            "https://a/b",
            "https://u@a",
            "https://",
            "https://a?b",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
        for text in ["mcp", "/mcp/", "//", "/a/../b", "/a b", ""] {
            assert!(text.parse::<MountPath>().is_err(), "{text}");
        }
        assert!("/".parse::<MountPath>().is_ok());
    }
}
