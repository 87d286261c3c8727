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
