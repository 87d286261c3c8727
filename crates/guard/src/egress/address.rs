//! What kind of address it is: the table of what is not public, as ranges of integers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// The public internet.
    Global,
    /// The machine itself: 127/8, `::1`.
    Loopback,
    /// A private or local network: RFC 1918, RFC 6598, RFC 4193, RFC 3927, fe80::/10, fec0::/10.
    Local,
    /// Reserved, for documentation, multicast, a translation of another address, or a cloud's metadata.
    Special,
}

use AddressClass::{Global, Local, Loopback, Special};

/// Clouds put secrets at these, inside ranges that are local otherwise.
const METADATA_V4: [u32; 4] = [
    word([169, 254, 169, 254]),
    word([169, 254, 170, 2]),
    word([169, 254, 170, 23]),
    word([100, 100, 100, 200]),
];
const METADATA_V6: [u128; 3] = [
    0xfd00_0ec2 << 96 | 0x254,
    0xfd00_0ec2 << 96 | 0x23,
    0xfd20_00ce << 96 | 0x254,
];

const fn word(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes)
}

type Range4 = (u32, u32, AddressClass);

const fn v4(bytes: [u8; 4], bits: u32, class: AddressClass) -> Range4 {
    let first = word(bytes);
    (first, first | (u32::MAX >> (bits - 1) >> 1), class)
}

/// In rising order; what none holds is global. IANA's registry (RFC 6890), and Azure's 168.63.129.16.
const V4: [Range4; 16] = [
    v4([0, 0, 0, 0], 8, Special),
    v4([10, 0, 0, 0], 8, Local),
    v4([100, 64, 0, 0], 10, Local),
    v4([127, 0, 0, 0], 8, Loopback),
    v4([168, 63, 129, 16], 32, Special),
    v4([169, 254, 0, 0], 16, Local),
    v4([172, 16, 0, 0], 12, Local),
    v4([192, 0, 0, 0], 24, Special),
    v4([192, 0, 2, 0], 24, Special),
    v4([192, 88, 99, 0], 24, Special),
    v4([192, 168, 0, 0], 16, Local),
    v4([198, 18, 0, 0], 15, Special),
    v4([198, 51, 100, 0], 24, Special),
    v4([203, 0, 113, 0], 24, Special),
    v4([224, 0, 0, 0], 4, Special),
    v4([240, 0, 0, 0], 4, Special),
];

type Range6 = (u128, u128, AddressClass);

const fn v6(head: u64, bits: u32, class: AddressClass) -> Range6 {
    let first = (head as u128) << 64;
    (first, first | (u128::MAX >> (bits - 1) >> 1), class)
}

/// Within 2000::/3, of which alone addresses are given out; what is outside is not global at all.
const V6: [Range6; 5] = [
    // Teredo, ORCHID, benchmarking, AMT and the rest of the IETF's.
    v6(0x2001_0000_0000_0000, 23, Special),
    v6(0x2001_0db8_0000_0000, 32, Special),
    // 6to4, whose relays lead to the IPv4 address inside.
    v6(0x2002_0000_0000_0000, 16, Special),
    // The old 6bone.
    v6(0x3ffe_0000_0000_0000, 16, Special),
    v6(0x3fff_0000_0000_0000, 20, Special),
];

const LOCAL_V6: [Range6; 3] = [
    v6(0xfc00_0000_0000_0000, 7, Local),
    v6(0xfe80_0000_0000_0000, 10, Local),
    v6(0xfec0_0000_0000_0000, 10, Local),
];

/// The kind of an address. Mapped IPv4 is judged as the IPv4 address that it is; what carries an
/// IPv4 address otherwise (NAT64, 6to4, Teredo, ISATAP, `::/96`) is special whatever it carries.
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => classify_v4(address),
            None => classify_v6(address),
        },
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    let number = u32::from(address);
    if METADATA_V4.contains(&number) {
        return Special;
    }
    for (first, last, class) in V4 {
        if number <= last {
            return if first <= number { class } else { Global };
        }
    }
    Global
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    let number = u128::from(address);
    if number == 1 {
        return Loopback;
    }
    if METADATA_V6.contains(&number) {
        return Special;
    }
    let class_in = |ranges: &[Range6]| {
        ranges
            .iter()
            .find(|(first, last, _)| (*first..=*last).contains(&number))
            .map(|(.., class)| *class)
    };
    if number >> 125 != 0b001 {
        return class_in(&LOCAL_V6).unwrap_or(Special);
    }
    // ISATAP (RFC 5214): the interface is 0:5efe or 200:5efe and an IPv4 address.
    if matches!((number >> 32) as u32, 0x0000_5efe | 0x0200_5efe) {
        return Special;
    }
    class_in(&V6).unwrap_or(Global)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class(text: &str) -> AddressClass {
        classify(text.parse().unwrap())
    }

    /// First and last of a range that is not global; its neighbours on both sides are.
    const EDGES: &[(&str, &str)] = &[
        ("0.0.0.0", "0.255.255.255"),
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("168.63.129.16", "168.63.129.16"),
        ("169.254.0.0", "169.254.255.255"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.0.2.0", "192.0.2.255"),
        ("192.88.99.0", "192.88.99.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.0", "203.0.113.255"),
        ("224.0.0.0", "255.255.255.255"),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("3ffe::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ];

    fn beside(address: IpAddr, up: bool) -> Option<IpAddr> {
        match address {
            IpAddr::V4(a) => {
                let a = u32::from(a);
                let a = if up {
                    a.checked_add(1)
                } else {
                    a.checked_sub(1)
                };
                a.map(|a| Ipv4Addr::from(a).into())
            }
            IpAddr::V6(a) => {
                let a = u128::from(a);
                let a = if up {
                    a.checked_add(1)
                } else {
                    a.checked_sub(1)
                };
                a.map(|a| Ipv6Addr::from(a).into())
            }
        }
    }

    #[test]
    fn every_range_ends_where_it_ends() {
        for (first, last) in EDGES {
            let (first, last): (IpAddr, IpAddr) = (first.parse().unwrap(), last.parse().unwrap());
            assert_ne!(classify(first), Global, "{first}");
            assert_ne!(classify(last), Global, "{last}");
            for beside in [beside(first, false), beside(last, true)]
                .into_iter()
                .flatten()
            {
                assert_eq!(classify(beside), Global, "{beside}");
            }
        }
    }

    #[test]
    fn what_is_local_is_told_from_what_is_special() {
        for text in [
            "10.1.2.3",
            "100.64.0.1",
            "192.168.1.1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
        ] {
            assert_eq!(class(text), Local, "{text}");
        }
        for text in ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(class(text), Loopback, "{text}");
        }
        for text in [
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "::",
            "::7f00:1",
            "::ffff:a9fe:a9fe",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "64:ff9b::8.8.8.8",
            "100::1",
            "100:0:0:1::1",
            "2001:0:1::1",
            "2001:20::1",
            "2002:a9fe:a9fe::",
            "3fff::1",
            "5f00::1",
            "ff02::1",
            "2606:4700::5efe:7f00:1",
            "2606:4700::200:5efe:808:808",
        ] {
            assert_eq!(class(text), Special, "{text}");
        }
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "2606:4700:4700::1111",
            "2a00::1",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(class(text), Global, "{text}");
        }
    }

    #[test]
    fn the_ranges_rise() {
        assert!(V4.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }

    proptest! {
        /// The standard library's own judgements, as far as they are stable, are never more lenient.
        #[test]
        fn nothing_that_std_knows_as_private_is_global(number: u32) {
            let address = Ipv4Addr::from(number);
            let known = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_documentation()
                || address.is_unspecified();
            prop_assert!(!known || classify(address.into()) != Global);
            let mapped = classify(address.to_ipv6_mapped().into());
            prop_assert_eq!(mapped, classify(address.into()));
        }

        #[test]
        fn v6_outside_of_what_is_given_out_is_never_global(number: u128) {
            let address = Ipv6Addr::from(number);
            let is_unicast = number >> 125 == 1 || address.to_ipv4_mapped().is_some();
            prop_assert!(is_unicast || classify(address.into()) != Global);
        }
    }
}
