//! Where a request goes: a URL that was parsed once, and by one parser.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use url::Url;

use super::{EgressFault, HostName};

/// The longest URL that is read, in bytes.
const LONGEST: usize = 8 * 1024;

/// http or https.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where none is said.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A name or a literal address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, in the form in which it is looked up.
    Name(HostName),
    /// An address that the URL itself says.
    Address(IpAddr),
}

impl Host {
    /// Is it this machine, as far as its spelling says?
    pub fn is_this_machine(&self) -> bool {
        match self {
            Self::Name(name) => name.is_localhost(),
            Self::Address(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Scheme, host and port (RFC 6454): what headers and credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The scheme.
    pub scheme: Scheme,
    /// The host.
    pub host: Host,
    /// The port, said or not.
    pub port: u16,
}

impl fmt::Display for Origin {
    /// As in a URL: `https://example.com`, `http://10.0.0.1:8080`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

/// A URL that a request can be sent to: http or https, no user, no fragment, a strict host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    origin: Origin,
}

impl Target {
    /// Parses a URL (WHATWG).
    ///
    /// # Errors
    /// `crlf_in_url`, `invalid_url`, `unsupported_protocol` or `userinfo_in_url`.
    pub fn parse(text: &str) -> Result<Self, EgressFault> {
        check_text(text)?;
        Self::of(Url::parse(text).map_err(|_| unparsed(text))?)
    }

    /// A target for a tunnel: a host as CONNECT or SOCKS says it (a name, an IPv4 address, or an IPv6
    /// address with or without brackets) and a port.
    ///
    /// # Errors
    /// `invalid_url` where the host is none.
    pub fn tunnel(host: &str, port: u16) -> Result<Self, EgressFault> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = match bare.unwrap_or(host).parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => host.to_owned(),
        };
        if host.contains(['/', '?', '#', '@', '\\', '%'])
            || host.bytes().any(|b| b <= b' ' || b >= 0x7f)
        {
            return Err(EgressFault::InvalidUrl);
        }
        // https, so that 443 is the port that is not said: a tunnel is opaque, and only host and port count.
        Self::parse(&format!("https://{host}:{port}/"))
    }

    /// Where a `Location` leads from here (RFC 9110 section 10.2.2).
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn join(&self, location: &str) -> Result<Self, EgressFault> {
        check_text(location)?;
        Self::of(self.url.join(location).map_err(|_| unparsed(location))?)
    }

    fn of(mut url: Url) -> Result<Self, EgressFault> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(EgressFault::UnsupportedProtocol),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressFault::UserinfoInUrl);
        }
        let host = match url.host().ok_or(EgressFault::InvalidUrl)? {
            url::Host::Domain(name) => Host::Name(HostName::parse(name)?),
            url::Host::Ipv4(address) => Host::Address(IpAddr::V4(address)),
            url::Host::Ipv6(address) => Host::Address(IpAddr::V6(address)),
        };
        let port = url.port().unwrap_or(scheme.default_port());
        if port == 0 || url.as_str().len() > LONGEST {
            return Err(EgressFault::InvalidUrl);
        }
        url.set_fragment(None);
        Ok(Self {
            url,
            origin: Origin { scheme, host, port },
        })
    }

    /// The URL, canonical and without a fragment.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.origin.scheme
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.origin.host
    }

    /// The port, said or not.
    pub fn port(&self) -> u16 {
        self.origin.port
    }

    /// Path and query, as the request line says them (RFC 9112 section 3.2.1).
    pub fn path_and_query(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// The value of `Host` (RFC 9110 section 7.2).
    pub fn authority(&self) -> &str {
        &self.url[url::Position::BeforeHost..url::Position::AfterPort]
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// WHATWG strips tabs and line breaks silently; here they are refused, before the parser.
fn check_text(text: &str) -> Result<(), EgressFault> {
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Err(EgressFault::CrlfInUrl);
    }
    if text.is_empty() || text.len() > LONGEST {
        return Err(EgressFault::InvalidUrl);
    }
    Ok(())
}

/// Another scheme is another scheme, even where the rest can't be parsed (`gopher://[host]:[port]/`).
fn unparsed(text: &str) -> EgressFault {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if is_scheme && !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        EgressFault::UnsupportedProtocol
    } else {
        EgressFault::InvalidUrl
    }
}

#[cfg(test)]
mod tests {
    use EgressFault::{CrlfInUrl, InvalidUrl, UnsupportedProtocol, UserinfoInUrl};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_is_parsed_once_and_taken_apart() {
        let target = Target::parse("HTTPS://API.Example.COM.:8443/a/../b?q=1#part").unwrap();
        assert_eq!(target.origin().to_string(), "https://api.example.com:8443");
        assert_eq!(target.path_and_query(), "/b?q=1");
        assert!(!target.as_str().contains('#'));
        let target = Target::parse("http://example.com").unwrap();
        assert_eq!((target.authority(), target.port()), ("example.com", 80));
        assert_eq!(target.path_and_query(), "/");
        assert_eq!(
            Target::parse("https://x.com:443/").unwrap().authority(),
            "x.com"
        );
    }

    #[test]
    fn every_spelling_of_an_address_is_an_address() {
        for (text, address) in [
            ("http://127.1/", "127.0.0.1"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://0x7f.1/", "127.0.0.1"),
            ("http://0177.0.0.1/", "127.0.0.1"),
            ("http://0/", "0.0.0.0"),
            ("http://0xA9FEA9FE", "169.254.169.254"),
            ("http://127。0。0。1/", "127.0.0.1"),
            ("http://[::ffff:7f00:1]/", "::ffff:127.0.0.1"),
            (r"http://127.0.0.1\@api.x/", "127.0.0.1"),
            ("http:127.0.0.1/", "127.0.0.1"),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!(
                target.host(),
                &Host::Address(address.parse().unwrap()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_url_to_fetch_is_told_apart() {
        for (text, fault) in [
            ("", InvalidUrl),
            ("example.com", InvalidUrl),
            ("http://", InvalidUrl),
            ("http://x.com:99999/", InvalidUrl),
            ("http://x.com:abc/", InvalidUrl),
            ("http://x.com:0/", InvalidUrl),
            ("http://a_b.com/", InvalidUrl),
            ("http://-a.com/", InvalidUrl),
            ("http://a..com/", InvalidUrl),
            ("http://a.com../", InvalidUrl),
            ("http://1.2.3.4.5/", InvalidUrl),
            ("http://${A}/", InvalidUrl),
            ("http://[fe80::1%25eth0]/", InvalidUrl),
            ("http://a.com/\r\nHost: b", CrlfInUrl),
            ("http://a\n.com/", CrlfInUrl),
            ("http://a.com/\0", CrlfInUrl),
            ("\thttp://a.com/", CrlfInUrl),
            ("ftp://a.com/", UnsupportedProtocol),
            ("ftp://a.com:80/", UnsupportedProtocol),
            ("file:///etc/passwd", UnsupportedProtocol),
            ("gopher://[host]:[port]/", UnsupportedProtocol),
            ("data:text/plain,a", UnsupportedProtocol),
            ("localhost:80", UnsupportedProtocol),
            ("http://api.x@127.0.0.1/", UserinfoInUrl),
            ("http://u:p@a.com/", UserinfoInUrl),
            ("http://:p@a.com/", UserinfoInUrl),
        ] {
            assert_eq!(Target::parse(text), Err(fault), "{text:?}");
        }
        let long = format!("http://a.com/{}", "a".repeat(9000));
        assert_eq!(Target::parse(&long), Err(InvalidUrl));
        let long = format!("http://{}com/", "a.".repeat(130));
        assert_eq!(Target::parse(&long), Err(InvalidUrl));
    }

    #[test]
    fn a_tunnel_has_a_host_and_a_port_and_nothing_else() {
        for (host, port, origin) in [
            ("api.x.com", 443, "https://api.x.com"),
            ("1.2.3.4", 80, "https://1.2.3.4:80"),
            ("::1", 443, "https://[::1]"),
            ("[::1]", 443, "https://[::1]"),
        ] {
            let target = Target::tunnel(host, port).unwrap();
            assert_eq!(target.origin().to_string(), origin);
        }
        for host in [
            "",
            "a/b",
            "a.com:80",
            "u@a.com",
            "a\0.com",
            "a.com\r\n",
            "a b",
            "a%2ecom",
            "ä.com",
            "[::1",
            "a#b",
            "a?b",
            r"a\b",
        ] {
            assert!(Target::tunnel(host, 443).is_err(), "{host:?}");
        }
        assert!(Target::tunnel("a.com", 0).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "\\PC{0,60}") {
            let _ = Target::parse(&text);
            let _ = Target::tunnel(&text, 443);
            let base = Target::parse("https://a.example/b/c").unwrap();
            let _ = base.join(&text);
        }

        /// What was parsed parses again to the same: no second parser can read it otherwise.
        #[test]
        fn a_target_is_a_fixed_point(host in "[a-z0-9.\\[\\]:@%-]{1,20}", rest in "[/?#\\\\@.a-z]{0,10}") {
            if let Ok(target) = Target::parse(&format!("http://{host}/{rest}")) {
                prop_assert_eq!(Target::parse(target.as_str()), Ok(target));
            }
        }
    }
}
