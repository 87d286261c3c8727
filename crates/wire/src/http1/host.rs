//! The Host header (RFC 9110, section 7.2).

use std::{net::Ipv6Addr, str::FromStr};

/// Whom a request is for, in one spelling. A trailing dot is kept, so that it matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostHeader {
    /// Name or address in lower case; an IPv6 address in its shortest form and in brackets.
    pub host: String,
    /// The port, if it is named.
    pub port: Option<u16>,
}

/// A text that is not `host` or `host:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a host and port")]
pub struct BadHost;

impl FromStr for HostHeader {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<Self, BadHost> {
        let (host, rest) = match text.strip_prefix('[') {
            Some(inside) => {
                let (address, rest) = inside.split_once(']').ok_or(BadHost)?;
                let address = address.parse::<Ipv6Addr>().map_err(|_| BadHost)?;
                (format!("[{address}]"), rest)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                (name(&text[..end])?, &text[end..])
            }
        };
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(port(digits)?),
            None if rest.is_empty() => None,
            None => return Err(BadHost),
        };
        Ok(Self { host, port })
    }
}

fn name(text: &str) -> Result<String, BadHost> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if text.is_empty() || text.len() > 255 || !text.bytes().all(fits) {
        return Err(BadHost);
    }
    Ok(text.to_ascii_lowercase())
}

fn port(digits: &str) -> Result<u16, BadHost> {
    let sound = (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if sound {
        digits.parse().map_err(|_| BadHost)
    } else {
        Err(BadHost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_one_spelling() {
        let host = |text: &str| text.parse::<HostHeader>();
        let named = |name: &str, port| {
            Ok(HostHeader {
                host: name.to_owned(),
                port,
            })
        };
        assert_eq!(host("LOCALHOST"), named("localhost", None));
        assert_eq!(host("a.b.:80"), named("a.b.", Some(80)));
        assert_eq!(host("[0:0::1]:65535"), named("[::1]", Some(65535)));
        for bad in [
            "",
            ":80",
            "h:",
            "h:65536",
            "h:+1",
            "h:000080",
            "h:1:2",
            "[::1",
            "[::1]x",
            "[::1%25eth0]",
            "::1",
            "u@h",
            "h/",
            "h h",
            "h%41",
            "é",
            "[127.0.0.1]",
        ] {
            assert_eq!(host(bad), Err(BadHost), "{bad}");
        }
    }
}
