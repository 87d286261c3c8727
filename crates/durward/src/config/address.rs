//! Where the HTTP door is.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use super::{text::text_type, units::Unfit};

/// Where HTTP is served, if it is: an address and a port, or `off`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpDoor {
    /// Nowhere.
    Off,
    /// At this address.
    Open(ListenAddress),
}

impl Default for HttpDoor {
    /// Port 8787 of loopback.
    fn default() -> Self {
        Self::Open(ListenAddress {
            host: Host::Ip(Ipv4Addr::LOCALHOST.into()),
            port: 8787,
        })
    }
}

impl FromStr for HttpDoor {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if text == "off" {
            Ok(Self::Off)
        } else {
            text.parse().map(Self::Open)
        }
    }
}

impl fmt::Display for HttpDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Open(address) => address.fmt(f),
        }
    }
}

text_type!(
    HttpDoor,
    "an address with a port, such as `127.0.0.1:8787`, or `off`",
    r"^(off|.+:[0-9]{1,5})$"
);

/// An address to listen on: an IP address or `localhost`, and a port (0: any free one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Localhost,
    Ip(IpAddr),
}

impl ListenAddress {
    /// The addresses to bind: two for `localhost` (IPv4 first; the second may not exist on this
    /// machine), otherwise one.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        match self.host {
            Host::Ip(ip) => vec![SocketAddr::new(ip, self.port)],
            Host::Localhost => {
                let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                both.map(|ip| SocketAddr::new(ip, self.port)).to_vec()
            }
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        match self.host {
            Host::Localhost => true,
            Host::Ip(ip) => ip.to_canonical().is_loopback(),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let unfit = || {
            Unfit::new(
                text,
                "an address to listen on: an IP address or `localhost`, a colon and a port up to 65535",
            )
        };
        if let Some(port) = text.strip_prefix("localhost:") {
            return Ok(Self {
                host: Host::Localhost,
                port: port.parse().map_err(|_| unfit())?,
            });
        }
        let address: SocketAddr = text.parse().map_err(|_| unfit())?;
        Ok(Self {
            host: Host::Ip(address.ip()),
            port: address.port(),
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Host::Localhost => write!(f, "localhost:{}", self.port),
            Host::Ip(ip) => SocketAddr::new(ip, self.port).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn localhost_is_both_loopbacks() {
        let address: ListenAddress = "localhost:3344".parse().unwrap();
        let both = address.addresses();
        assert_eq!(
            both,
            [
                "127.0.0.1:3344".parse().unwrap(),
                "[::1]:3344".parse().unwrap()
            ]
        );
        assert!(address.is_loopback());
    }

    #[test]
    fn loopback_is_known_in_every_spelling() {
        let loopback = |text: &str| text.parse::<ListenAddress>().unwrap().is_loopback();
        assert!(loopback("127.0.0.2:1") && loopback("[::1]:1") && loopback("[::ffff:127.0.0.1]:1"));
        assert!(!loopback("0.0.0.0:1") && !loopback("[::]:1") && !loopback("10.0.0.1:1"));
    }

    #[test]
    fn a_bad_address_is_refused() {
        for text in [
            "",
            "8787",
            ":8787",
            "127.0.0.1",
            "127.0.0.1:70000",
            "example.com:80",
            "off:1",
            "localhost:x",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn addresses_survive_being_written(ip: IpAddr, port: u16) {
            let door: HttpDoor = SocketAddr::new(ip, port).to_string().parse().unwrap();
            prop_assert_eq!(door.to_string().parse(), Ok(door));
        }
    }
}
