//! Which Host and Origin may come in: what stands between a web page and a server on loopback.

use std::sync::Mutex;

use durward_wire::http1::HostHeader;

/// Hosts and origins that are let in. Everything else is a 403, whatever it asks for.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The port that is listened on: loopback's names are let in with it.
    port: u16,
    hosts: Vec<AllowedHost>,
    origins: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowedHost {
    host: String,
    port: Option<u16>,
}

impl Access {
    /// For a server on `port`, with the hosts and origins of the configuration. `public_url` adds its
    /// own host and origin. A host without a port is let in with any.
    pub fn new(port: u16, public_url: Option<&str>, hosts: &[String], origins: &[String]) -> Self {
        let mut access = Self {
            port,
            hosts: hosts.iter().map(|text| AllowedHost::parse(text)).collect(),
            origins: origins.iter().map(|origin| normalized(origin)).collect(),
        };
        if let Some((scheme, rest)) = public_url.and_then(|url| url.split_once("://")) {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let mut host = AllowedHost::parse(authority);
            host.port = host.port.or(default_port(scheme));
            access.hosts.push(host);
            access
                .origins
                .push(normalized(&format!("{scheme}://{authority}")));
        }
        access
    }

    /// May a request for this host come in?
    pub fn allows_host(&self, host: &HostHeader) -> bool {
        let own = is_loopback_name(&host.host) && host.port.unwrap_or(80) == self.port;
        own || self.hosts.iter().any(|allowed| allowed.matches(host))
    }

    /// May a page of this origin come in? `null` never.
    pub fn allows_origin(&self, origin: &[u8]) -> bool {
        let Ok(origin) = std::str::from_utf8(origin) else {
            return false;
        };
        let origin = normalized(origin);
        self.origins.contains(&origin) || self.is_own_origin(&origin)
    }

    fn is_own_origin(&self, origin: &str) -> bool {
        let Some(authority) = origin.strip_prefix("http://") else {
            return false;
        };
        let allowed = AllowedHost::parse(authority);
        is_loopback_name(&allowed.host) && allowed.port.unwrap_or(80) == self.port
    }
}

impl AllowedHost {
    fn parse(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let is_port = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.rsplit_once(':') {
            Some((host, port)) if is_port(port) && (!host.contains(':') || host.ends_with(']')) => {
                Self {
                    host: bare(host),
                    port: port.parse().ok(),
                }
            }
            _ => Self {
                host: bare(&text),
                port: None,
            },
        }
    }

    fn matches(&self, host: &HostHeader) -> bool {
        self.host == bare(&host.host)
            && (self.port.is_none()
                || self.port == host.port.or(Some(443))
                || self.port == host.port.or(Some(80)))
    }
}

/// `[::1]` and `::1` are one host.
fn bare(host: &str) -> String {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned()
}

fn is_loopback_name(host: &str) -> bool {
    matches!(bare(host).as_str(), "localhost" | "127.0.0.1" | "::1")
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// RFC 6454, section 6.2: scheme and host in lower case, the default port left out.
fn normalized(origin: &str) -> String {
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    for (scheme, port) in [("http://", ":80"), ("https://", ":443")] {
        if origin.starts_with(scheme)
            && let Some(without) = origin.strip_suffix(port)
        {
            return without.to_owned();
        }
    }
    origin
}

/// Failed logins on their way to the ledger. Whoever floods the door must not fill the disk: past a
/// few a second they are counted and told with the next.
#[derive(Default)]
pub(super) struct Failures(Mutex<Window>);

#[derive(Default)]
struct Window {
    second: u64,
    told: u32,
    untold: u64,
}

impl Failures {
    const EACH_SECOND: u32 = 20;

    /// How many went untold before this one; `None` where this one is to go untold too.
    pub(super) fn tell(&self, now: durward_core::Monotonic) -> Option<u64> {
        let mut window = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let second = now.0 / 1_000_000_000;
        if window.second != second {
            (window.second, window.told) = (second, 0);
        }
        if window.told >= Self::EACH_SECOND {
            window.untold += 1;
            return None;
        }
        window.told += 1;
        Some(std::mem::take(&mut window.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str, port: Option<u16>) -> HostHeader {
        HostHeader {
            host: host.to_owned(),
            port,
        }
    }

    fn access() -> Access {
        let hosts = ["gate.lan".to_owned(), "[fd00::1]:8787".to_owned()];
        let origins = ["https://App.example.com:443/".to_owned()];
        Access::new(8787, Some("https://mcp.example.com/x"), &hosts, &origins)
    }

    #[test]
    fn loopback_s_names_come_in_with_the_right_port_alone() {
        for name in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(access().allows_host(&host(name, Some(8787))), "{name}");
            assert!(!access().allows_host(&host(name, Some(8788))), "{name}");
            assert!(!access().allows_host(&host(name, None)), "{name}");
        }
        for name in [
            "localhost.",
            "localhost.evil",
            "0.0.0.0",
            "127.0.0.1.evil",
            "evil.com",
            "",
        ] {
            assert!(!access().allows_host(&host(name, Some(8787))), "{name}");
        }
    }

    #[test]
    fn the_configured_hosts_come_in() {
        assert!(access().allows_host(&host("mcp.example.com", None)));
        assert!(access().allows_host(&host("mcp.example.com", Some(443))));
        assert!(!access().allows_host(&host("mcp.example.com", Some(444))));
        assert!(access().allows_host(&host("gate.lan", Some(9))));
        assert!(access().allows_host(&host("[fd00::1]", Some(8787))));
    }

    #[test]
    fn origins_are_compared_whole() {
        for origin in [
            "https://app.example.com",
            "https://mcp.example.com",
            "http://LOCALHOST:8787",
        ] {
            assert!(access().allows_origin(origin.as_bytes()), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://app.example.com",
            "https://app.example.com.evil",
            "http://localhost:3000",
            "http://localhost",
            "https://localhost:8787",
            "http://localhost:8787.evil",
            "file://",
        ] {
            assert!(!access().allows_origin(origin.as_bytes()), "{origin}");
        }
        assert!(!access().allows_origin(b"http://localhost:8787\xff"));
    }
}
