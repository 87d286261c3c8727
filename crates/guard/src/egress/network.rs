//! Ranges of addresses, as `192.168.5.0/24` or `[fd00::/8]:443`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// All addresses that share so many leading bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// The network that an address lies in. Bits beyond the family's length count as all.
    pub fn of(address: IpAddr, bits: u8) -> Self {
        match address {
            IpAddr::V4(address) => {
                let bits = bits.min(32);
                let first = u32::from(address) & mask4(bits);
                Self {
                    first: Ipv4Addr::from(first).into(),
                    bits,
                }
            }
            IpAddr::V6(address) => {
                let bits = bits.min(128);
                let first = u128::from(address) & mask6(bits);
                Self {
                    first: Ipv6Addr::from(first).into(),
                    bits,
                }
            }
        }
    }

    /// Reads `192.168.5.0/24`, `fd00::/8`, or one address.
    ///
    /// # Errors
    /// What is wrong, for the person who wrote it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WRONG: &str =
            "it is not a network; write it as in `192.168.5.0/24`, with `:port` for one port";
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| WRONG)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => {
                bits.parse().ok().filter(|b| *b <= most).ok_or(WRONG)?
            }
            Some(_) => return Err(WRONG),
        };
        let network = Self::of(address, bits);
        if network.first != address {
            return Err("the address has bits beyond the prefix; the network begins elsewhere");
        }
        Ok(network)
    }

    /// Does the address lie in it? An IPv4 address that is mapped into IPv6 counts as itself.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                u32::from(address) & mask4(self.bits) == u32::from(first)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                u128::from(address) & mask6(self.bits) == u128::from(first)
            }
            _ => false,
        }
    }
}

fn mask4(bits: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)
}

fn mask6(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}

/// An entry of `networks`: a range, and one port or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NetworkRule {
    network: Network,
    port: Option<u16>,
}

impl NetworkRule {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (network, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (network, port) = rest
                    .split_once("]:")
                    .ok_or("write a port of an IPv6 network as in `[fd00::/8]:443`")?;
                (network, Some(port))
            }
            None if text.matches(':').count() == 1 => {
                let (network, port) = text.split_once(':').unwrap_or((text, ""));
                (network, Some(port))
            }
            None => (text, None),
        };
        Ok(Self {
            network: Network::parse(network)?,
            port: port.map(parse_port).transpose()?,
        })
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    pub(super) fn permits(&self, address: IpAddr, port: u16) -> bool {
        self.port.is_none_or(|own| own == port) && self.network.contains(address)
    }
}

/// A port of a configuration: 1 to 65535, in plain digits.
pub(super) fn parse_port(text: &str) -> Result<u16, &'static str> {
    text.parse()
        .ok()
        .filter(|port| *port != 0 && text.bytes().all(|b| b.is_ascii_digit()))
        .ok_or("the port is none; it is a number from 1 to 65535")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let rule = NetworkRule::parse("192.168.5.0/24").unwrap();
        for (address, is_in) in [
            ("192.168.5.0", true),
            ("192.168.5.255", true),
            ("::ffff:192.168.5.7", true),
            ("192.168.4.255", false),
            ("192.168.6.0", false),
            ("fd00::1", false),
        ] {
            assert_eq!(
                rule.permits(address.parse().unwrap(), 8080),
                is_in,
                "{address}"
            );
        }
        let rule = NetworkRule::parse("[fd00::/8]:443").unwrap();
        assert!(rule.permits("fd12::1".parse().unwrap(), 443));
        assert!(!rule.permits("fd12::1".parse().unwrap(), 80));
        let rule = NetworkRule::parse("10.0.0.1:5432").unwrap();
        assert!(rule.permits("10.0.0.1".parse().unwrap(), 5432));
        assert!(!rule.permits("10.0.0.2".parse().unwrap(), 5432));
        assert!(
            Network::parse("0.0.0.0/0")
                .unwrap()
                .contains("8.8.8.8".parse().unwrap())
        );
        assert!(
            Network::parse("::/0")
                .unwrap()
                .contains("2a00::1".parse().unwrap())
        );
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.1/24",
            "fd00::/129",
            "10.0.0.0/8:0",
            "10.0.0.0/8:99999",
            "10.0.0.0/8:",
            "[fd00::/8]",
            "[fd00::/8:443",
            "example.com",
            "010.0.0.0/8",
        ] {
            assert!(NetworkRule::parse(text).is_err(), "{text}");
        }
    }
}
