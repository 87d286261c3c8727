//! Names of hosts, and the patterns that allow them.

use std::fmt;

use super::EgressFault;

/// A host's name as it is looked up: lower-case LDH labels (RFC 1123, RFC 5890 A-labels), no dot at
/// the end, at most 253 bytes, and never what could be read as an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(Box<str>);

/// What only means something inside a network.
const INNER: &[&str] = &["localhost", "internal", "local"];

impl HostName {
    /// Checks a name that a URL parser (or SOCKS client) gave.
    ///
    /// # Errors
    /// `invalid_url`.
    pub fn parse(text: &str) -> Result<Self, EgressFault> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let name = text.to_ascii_lowercase();
        // A last label that begins with a digit is how addresses look: no resolver is to see one.
        let last = name.rsplit('.').next().unwrap_or_default();
        if name.len() > 253
            || !name.split('.').all(is_label)
            || last.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err(EgressFault::InvalidUrl);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One label, `localhost`, or a name of a zone that no public server answers for.
    pub(super) fn is_inner(&self) -> bool {
        match self.0.rsplit_once('.') {
            None => true,
            Some((_, last)) => INNER.contains(&last),
        }
    }

    /// Is it the machine itself (RFC 6761 section 6.3)?
    pub(super) fn is_localhost(&self) -> bool {
        self.0.rsplit('.').next() == Some("localhost")
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// An entry of `hosts`: which names, and which ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPattern {
    names: Names,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Names {
    Any,
    /// Exactly this one.
    One(HostName),
    /// Those below this one: the text begins with the dot.
    Below(Box<str>),
}

impl HostPattern {
    /// Reads `api.github.com`, `*.example.com`, `*`, each perhaps with a port.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (host, port) = match text.rsplit_once(':') {
            None => (text, None),
            Some((host, port)) => (host, Some(super::network::parse_port(port)?)),
        };
        let names = match host.strip_prefix("*.") {
            _ if host == "*" => Names::Any,
            Some(zone) => {
                let zone = name(zone)?;
                Names::Below(format!(".{zone}").into())
            }
            None => Names::One(name(host)?),
        };
        Ok(Self { names, port })
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    pub(super) fn has_name(&self, name: &HostName) -> bool {
        match &self.names {
            Names::Any => true,
            Names::One(one) => one == name,
            Names::Below(zone) => name.as_str().ends_with(&**zone),
        }
    }

    pub(super) fn has_port(&self, port: u16) -> bool {
        self.port
            .map_or(port == 443 || port == 80, |own| own == port)
    }

    /// `*` is for every public host, by address as well.
    pub(super) fn is_any(&self) -> bool {
        self.names == Names::Any
    }
}

/// A name as a person writes it, in its A-label form.
fn name(text: &str) -> Result<HostName, &'static str> {
    const WRONG: &str = "it is not a host's name; write `api.example.com`, `*.example.com` or `*`, with `:port` if it \
         is neither 443 nor 80";
    let host = url::Host::parse(text).map_err(|_| WRONG)?;
    match host {
        url::Host::Domain(domain) => HostName::parse(&domain).map_err(|_| WRONG),
        _ => Err("it is an address; addresses stand in `networks`"),
    }
}
