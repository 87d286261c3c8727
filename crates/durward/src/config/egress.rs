//! `egress`: what durward, and what it contains, may reach.

use std::{collections::BTreeMap, fmt, num::NonZeroU16, str::FromStr};

use durward_guard::egress::{EgressPolicy, EgressRules, Scheme, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{secrets::SecretText, text::text_type, units::Unfit};

/// Every connection that durward or what it contains opens: tools, plugins, upstreams. A URL written in
/// this file permits exactly its scheme, host and port; durward's own listeners are never reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Hosts that may be reached, such as `api.github.com`, `*.example.com` (not the apex) or `*` for any
    /// public one; with `:port` if it is neither 443 nor 80.
    pub hosts: Vec<EgressHost>,
    /// Networks that may be reached, such as `192.168.5.0/24` or `10.0.0.7:5432`: private, loopback and
    /// metadata addresses are refused unless named.
    pub networks: Vec<EgressNetwork>,
    /// Ports that are never reached.
    #[schemars(with = "Vec<u16>")]
    pub block_ports: Vec<NonZeroU16>,
    /// Names that may be looked up.
    pub dns: Dns,
    /// An HTTP proxy that all goes through, such as `http://proxy.example.com:3128`; those of the
    /// environment are never asked.
    pub proxy: Option<ProxyUrl>,
    /// Secret headers by host (over https) or by URL of a site, added to what goes there and nowhere else.
    #[schemars(with = "BTreeMap<String, EgressCredential>")]
    pub credentials: BTreeMap<Site, EgressCredential>,
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            networks: Vec::new(),
            block_ports: [22, 25].into_iter().filter_map(NonZeroU16::new).collect(),
            dns: Dns::default(),
            proxy: None,
            credentials: BTreeMap::new(),
        }
    }
}

/// Which names may be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// Whether names may be looked up at all.
    pub enabled: bool,
    /// Which, such as `*.example.com`.
    pub allow: Vec<EgressHost>,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            enabled: true,
            allow: vec![EgressHost("*".to_owned())],
        }
    }
}

/// A secret header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressCredential {
    /// The header's name, such as `authorization`.
    pub header: String,
    /// Its whole value, such as `Bearer ${secret:github}`.
    pub value: SecretText,
}

/// A host that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressHost(String);

impl EgressHost {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EgressHost {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let rules = EgressRules {
            hosts: vec![text.to_owned()],
            ..permissive()
        };
        match EgressPolicy::build(&rules) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(Unfit::new(
                text,
                "a host: `api.example.com`, `*.example.com` or `*`, with `:port` if it is neither 443 nor 80 \
                 (addresses stand in `networks`)",
            )),
        }
    }
}

impl fmt::Display for EgressHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    EgressHost,
    "a host, such as `api.example.com`, `*.example.com` or `*`",
    r"^(\*|(\*\.)?[^*/@ ]+)(:[0-9]+)?$"
);

/// A network that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressNetwork(String);

impl EgressNetwork {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EgressNetwork {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let rules = EgressRules {
            networks: vec![text.to_owned()],
            ..permissive()
        };
        match EgressPolicy::build(&rules) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(Unfit::new(
                text,
                "a network: an address and a prefix that holds all its bits, such as `192.168.5.0/24`, \
                 `10.0.0.7:5432` or `[fd00::/8]:443`",
            )),
        }
    }
}

impl fmt::Display for EgressNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    EgressNetwork,
    "a network, such as `192.168.5.0/24`",
    r"^[0-9a-fA-F.:/\[\]]+$"
);

/// Rules that say nothing against one entry.
fn permissive() -> EgressRules {
    EgressRules {
        block_ports: Vec::new(),
        ..EgressRules::default()
    }
}

/// An HTTP proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyUrl(Target);

impl ProxyUrl {
    /// Where it is.
    pub fn target(&self) -> &Target {
        &self.0
    }
}

impl FromStr for ProxyUrl {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        match Target::parse(text) {
            Ok(target) if is_site(&target) && target.scheme() == Scheme::Http => Ok(Self(target)),
            _ => Err(Unfit::new(
                text,
                "a proxy's address, such as `http://proxy.example.com:3128`, with no user and no path",
            )),
        }
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.origin().fmt(f)
    }
}

text_type!(
    ProxyUrl,
    "a proxy's address, such as `http://proxy.example.com:3128`",
    "^http://[^/@]+/?$"
);

/// A host, which means https, or the URL of a site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site(String);

impl Site {
    /// The site.
    pub fn target(&self) -> Result<Target, Unfit> {
        let url = if self.0.contains("://") {
            self.0.clone()
        } else {
            format!("https://{}/", self.0)
        };
        match Target::parse(&url) {
            Ok(target) if is_site(&target) => Ok(target),
            _ => Err(Unfit::new(
                &self.0,
                "a host or the address of a site, such as `api.example.com` or `http://10.0.0.7:8080`",
            )),
        }
    }
}

impl FromStr for Site {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let site = Self(text.to_owned());
        site.target().map(|_| site)
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    Site,
    "a host or the address of a site, such as `api.example.com`",
    "^(https?://)?[^/@ ]+/?$"
);

fn is_site(target: &Target) -> bool {
    target.path_and_query() == "/"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_reached_is_read_as_it_is_judged() {
        for text in [
            "api.github.com",
            "*.example.com",
            "*",
            "a.example:8443",
            "a.example:22",
        ] {
            assert!(text.parse::<EgressHost>().is_ok(), "{text}");
        }
        for text in [
            "",
            "https://a.example",
            "10.0.0.1",
            "*.",
            "a.example:0",
            "a/b",
        ] {
            assert!(text.parse::<EgressHost>().is_err(), "{text}");
        }
        assert!("192.168.5.0/24".parse::<EgressNetwork>().is_ok());
        assert!("192.168.5.1/24".parse::<EgressNetwork>().is_err());
    }

    #[test]
    fn proxies_and_sites_have_no_path_and_no_user() {
        for text in ["http://proxy.example:3128", "http://10.0.0.1:3128/"] {
            assert!(text.parse::<ProxyUrl>().is_ok(), "{text}");
        }
        for text in [
            "https://proxy.example",
            "http://u:p@proxy.example",
            "http://a/b",
            "proxy:3128",
        ] {
            assert!(text.parse::<ProxyUrl>().is_err(), "{text}");
        }
        let site = |text: &str| {
            text.parse::<Site>()
                .ok()
                .map(|site| site.target().unwrap().origin().to_string())
        };
        assert_eq!(site("api.github.com").unwrap(), "https://api.github.com");
        assert_eq!(site("a.example:8443").unwrap(), "https://a.example:8443");
        assert_eq!(
            site("http://10.0.0.7:8080").unwrap(),
            "http://10.0.0.7:8080"
        );
        for text in ["", "a/b", "u@a.example", "ftp://a.example"] {
            assert_eq!(site(text), None, "{text}");
        }
    }
}
