//! The one door of a box without a network: made inside, answered from outside.
//!
//! A socket belongs to the network namespace in which it was made, whoever holds it (network_namespaces(7)).
//! So the box makes listeners on its own loopback and hands them to durward, which accepts from where it is:
//! nothing runs in the box for it, and nothing is passed on twice.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::OwnedFd,
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, listen, recv, send,
        socket_with,
    },
};

use crate::{
    launch::{Door, Network},
    netlink::{HEADER, NLMSG_ERROR, message},
};

/// Connections that wait to be accepted.
const WAITING: i32 = 128;

const RTM_NEWLINK: u16 = 16;
const RTM_NEWROUTE: u16 = 24;
const NLM_F_ACK: u16 = 0x0004;
const NLM_F_CREATE: u16 = 0x0400;
const IFF_UP: u32 = 1;
const RT_TABLE_LOCAL: u8 = 255;
const RTPROT_BOOT: u8 = 3;
const RT_SCOPE_HOST: u8 = 254;
const RTN_LOCAL: u8 = 2;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
/// The first interface of a network namespace, and of a new one the only.
const LOOPBACK: u32 = 1;

/// A header with an `ifinfomsg`.
const LINK: usize = HEADER + 16;
/// With an `rtmsg` and two attributes of four bytes.
const ROUTE: usize = HEADER + 12 + 8 + 8;

/// Makes the door in this process's network namespace, in which it may do so: brings up the loopback
/// interface, gives it the addresses that stand for names, and listens. Nothing is allocated: it may be
/// called between clone and exec.
///
/// # Errors
/// What the system said.
pub(crate) fn open() -> Result<[OwnedFd; Door::SOCKETS], Errno> {
    raise_loopback()?;
    ask(&names_are_here())?;
    let [http, https] = Door::WEB.map(|port| SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port));
    let [names, systemd] = Door::NAMES;
    Ok([
        listener(Network::DOOR)?,
        listener(http)?,
        listener(https)?,
        socket(SocketType::DGRAM, names)?,
        socket(SocketType::DGRAM, systemd)?,
    ])
}

/// Brings up the loopback interface of this process's network namespace, as `ip link set lo up`. Nothing is
/// allocated.
///
/// # Errors
/// What the system said.
pub(crate) fn raise_loopback() -> Result<(), Errno> {
    let mut bytes: [u8; LINK] = message(RTM_NEWLINK, NLM_F_ACK);
    bytes[20..24].copy_from_slice(&LOOPBACK.to_ne_bytes());
    bytes[24..28].copy_from_slice(&IFF_UP.to_ne_bytes());
    bytes[28..].copy_from_slice(&IFF_UP.to_ne_bytes());
    ask(&bytes)
}

fn listener(at: SocketAddrV4) -> Result<OwnedFd, Errno> {
    let socket = socket(SocketType::STREAM, at)?;
    listen(&socket, WAITING)?;
    Ok(socket)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a socket of a network that leads nowhere"
)]
fn socket(kind: SocketType, at: SocketAddrV4) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, kind, flags, None)?;
    bind(&socket, &at)?;
    Ok(socket)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a socket to the kernel, which leads nowhere else"
)]
fn ask(question: &[u8]) -> Result<(), Errno> {
    // NETLINK_ROUTE is protocol 0.
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    let kernel = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    send(&kernel, question, SendFlags::empty())?;
    let mut answer = [0; 256];
    let (_, length) = recv(&kernel, &mut answer[..], RecvFlags::empty())?;
    read(&answer[..length.min(answer.len())])
}

/// As `ip route add local 11.0.0.0/16 dev lo`.
fn names_are_here() -> [u8; ROUTE] {
    let mut bytes = message(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE);
    // Family, bits of the destination and the source, type of service; then the four of below.
    bytes[16..20].copy_from_slice(&[libc::AF_INET as u8, Door::NAMED_BITS, 0, 0]);
    bytes[20..24].copy_from_slice(&[RT_TABLE_LOCAL, RTPROT_BOOT, RT_SCOPE_HOST, RTN_LOCAL]);
    bytes[28..36].copy_from_slice(&attribute(RTA_DST, Door::NAMED.octets()));
    bytes[36..].copy_from_slice(&attribute(RTA_OIF, LOOPBACK.to_ne_bytes()));
    bytes
}

fn attribute(kind: u16, value: [u8; 4]) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..2].copy_from_slice(&8_u16.to_ne_bytes());
    bytes[2..4].copy_from_slice(&kind.to_ne_bytes());
    bytes[4..].copy_from_slice(&value);
    bytes
}

/// An error of 0 is the kernel's yes.
fn read(answer: &[u8]) -> Result<(), Errno> {
    let (Some(kind), Some(error)) = (
        answer.get(4..6).and_then(|it| it.first_chunk()),
        answer.get(16..20).and_then(|it| it.first_chunk()),
    ) else {
        return Err(Errno::PROTO);
    };
    match (u16::from_ne_bytes(*kind), i32::from_ne_bytes(*error)) {
        (NLMSG_ERROR, 0) => Ok(()),
        (NLMSG_ERROR, error) => Err(Errno::from_raw_os_error(error.wrapping_neg())),
        _ => Err(Errno::PROTO),
    }
}
