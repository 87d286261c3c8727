//! The machine's own addresses and what is on its links, asked of the kernel (rtnetlink(7)).

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use durward_guard::egress::{Network, OwnAddresses};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with, sockopt,
};
use tokio::time::Instant;

use super::EgressFault;
use crate::netlink::{HEADER, NLMSG_ERROR, message};

/// How long an answer holds.
const FRESH: Duration = Duration::from_secs(30);

const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const NLMSG_DONE: u16 = 3;
const NLM_F_DUMP: u16 = 0x0300;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

const ADDRESS_HEADER: usize = 8;
const ATTRIBUTE_HEADER: usize = 4;

/// What is near, asked for when it is needed and not fresh.
pub(super) struct Near {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    own: Arc<OwnAddresses>,
    at: Option<Instant>,
}

impl Near {
    pub(super) fn new() -> Self {
        Self {
            known: Mutex::default(),
        }
    }

    /// durward's own listeners.
    pub(super) fn set_listeners(&self, listeners: Vec<SocketAddr>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut known.own).listeners = listeners;
    }

    /// What is near now. Where the kernel never said, nothing can be judged and nothing is reached.
    pub(super) fn own(&self) -> Result<Arc<OwnAddresses>, EgressFault> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.at.is_none_or(|at| at.elapsed() > FRESH) {
            match ask() {
                Ok((addresses, on_link)) => {
                    let own = Arc::make_mut(&mut known.own);
                    (own.addresses, own.on_link) = (addresses, on_link);
                    known.at = Some(Instant::now());
                }
                Err(error) => {
                    tracing::error!(%error, "the machine's own addresses can't be asked for");
                    known.at.ok_or(EgressFault::ConnectFailed)?;
                }
            }
        }
        Ok(Arc::clone(&known.own))
    }
}

type Found = (Vec<IpAddr>, Vec<Network>);

#[expect(
    clippy::disallowed_methods,
    reason = "a socket to the kernel, which leads nowhere else"
)]
fn ask() -> io::Result<Found> {
    // NETLINK_ROUTE is protocol 0.
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // The kernel answers at once; a sandbox that swallows the question is not waited for.
    sockopt::set_socket_timeout(
        &socket,
        sockopt::Timeout::Recv,
        Some(Duration::from_secs(1)),
    )?;
    send(&socket, &question(), SendFlags::empty())?;
    let mut found = Found::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let (length, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        if read(&buffer[..length.min(buffer.len())], &mut found)? {
            return Ok(found);
        }
    }
}

/// A dump of all addresses of all families.
fn question() -> [u8; HEADER + ADDRESS_HEADER] {
    message(RTM_GETADDR, NLM_F_DUMP)
}

/// Reads the messages of one packet. `true`: that was all.
fn read(mut bytes: &[u8], found: &mut Found) -> io::Result<bool> {
    while let Some((message, kind, rest)) = part(bytes, HEADER, |head| {
        let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]);
        (length as usize, u16::from_ne_bytes([head[4], head[5]]))
    }) {
        match kind {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => return Err(io::ErrorKind::PermissionDenied.into()),
            RTM_NEWADDR => read_address(message, found),
            _ => {}
        }
        bytes = rest;
    }
    Ok(false)
}

/// One address of one interface, and the network that it is on.
fn read_address(message: &[u8], found: &mut Found) {
    let Some((head, mut attributes)) = message.split_at_checked(ADDRESS_HEADER) else {
        return;
    };
    let bits = head[1];
    while let Some((value, kind, rest)) = part(attributes, ATTRIBUTE_HEADER, |head| {
        let length = u16::from_ne_bytes([head[0], head[1]]);
        (usize::from(length), u16::from_ne_bytes([head[2], head[3]]))
    }) {
        if let (IFA_ADDRESS | IFA_LOCAL, Some(address)) = (kind, address(value)) {
            if !found.0.contains(&address) {
                found.0.push(address);
            }
            // A prefix of none is no link: it would be everywhere.
            if bits > 0 {
                found.1.push(Network::of(address, bits));
            }
        }
        attributes = rest;
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => None,
    }
}

/// Content, kind and what follows of something that begins with a header that has its length.
fn part(
    bytes: &[u8],
    header: usize,
    read: impl Fn(&[u8]) -> (usize, u16),
) -> Option<(&[u8], u16, &[u8])> {
    let (length, kind) = read(bytes.get(..header)?);
    let content = bytes.get(header..length)?;
    let next = length.next_multiple_of(4).min(bytes.len());
    Some((content, kind, &bytes[next..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_that_loopback_is_ours() {
        let near = Near::new();
        let own = near.own().unwrap();
        assert!(own.is_near("127.0.0.1".parse().unwrap()), "{own:?}");
        assert!(!own.is_near("1.1.1.1".parse().unwrap()), "{own:?}");
    }

    #[test]
    fn listeners_stay_when_addresses_are_asked_again() {
        let near = Near::new();
        near.set_listeners(vec!["127.0.0.1:8787".parse().unwrap()]);
        let own = near.own().unwrap();
        assert!(own.is_listener("127.0.0.1".parse().unwrap(), 8787));
    }

    #[test]
    fn a_broken_answer_is_no_panic() {
        let mut found = Found::default();
        for length in 0..40_u8 {
            let mut bytes = vec![length; usize::from(length)];
            let _ = read(&bytes, &mut found);
            bytes.resize(64, 0);
            bytes[..4].copy_from_slice(&u32::from(length).to_ne_bytes());
            bytes
                .get_mut(4..6)
                .unwrap()
                .copy_from_slice(&RTM_NEWADDR.to_ne_bytes());
            let _ = read(&bytes, &mut found);
        }
    }
}
