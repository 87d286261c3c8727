//! Whom a program may talk to.

use std::{
    fmt::Debug,
    net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket},
    os::fd::OwnedFd,
    pin::Pin,
    sync::Arc,
};

/// Whom a program may talk to.
#[derive(Debug, Clone)]
pub enum Network {
    /// Nobody.
    None,
    /// This one, at [`Network::DOOR`] of a network in which nobody else is. Needs [`Level::Full`](super::Level::Full).
    Egress(Arc<dyn WayOut>),
    /// Whomever durward may.
    Host,
}

impl Network {
    /// Where the way out answers: `HTTP_PROXY=http://127.0.0.1:3128`.
    pub const DOOR: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 3128);
}

/// The door of a box: sockets that were made within its own network and belong to durward. What comes in by
/// them comes from the box, and nothing has to be passed on inside. None of them blocks.
#[derive(Debug)]
pub struct Door {
    /// For programs that know of proxies: at [`Network::DOOR`].
    pub proxy: TcpListener,
    /// For programs that don't: at the ports of [`Door::WEB`], at whatever address they took a name for.
    pub web: [TcpListener; 2],
    /// For their questions what a name's address is: at [`Door::NAMES`].
    pub names: [UdpSocket; 2],
}

impl Door {
    /// How many sockets that are.
    pub const SOCKETS: usize = 5;
    /// The ports at which names answer to programs that know of no proxy.
    pub const WEB: [u16; 2] = [80, 443];
    /// Where names are asked for: where a system without `/etc/resolv.conf` asks, and where systemd's asks.
    pub const NAMES: [SocketAddrV4; 2] = [
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, 53),
        SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 53), 53),
    ];
    /// The first of the addresses that stand for names in a box. No list has them as private, for there are
    /// programs that talk to no private one; in a box they are nobody else's, and none of them is dialled outside.
    pub const NAMED: Ipv4Addr = Ipv4Addr::new(11, 0, 0, 0);
    /// How many bits they share.
    pub const NAMED_BITS: u8 = 16;
}

/// The order in which they are handed out.
impl From<[OwnedFd; Door::SOCKETS]> for Door {
    fn from([proxy, http, https, names, systemd]: [OwnedFd; Self::SOCKETS]) -> Self {
        Self {
            proxy: proxy.into(),
            web: [http.into(), https.into()],
            names: [names.into(), systemd.into()],
        }
    }
}

/// Who answers at the one door of a box.
pub trait WayOut: Debug + Send + Sync {
    /// Answers until it is dropped, which happens when the process is.
    fn serve(&self, door: Door) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}
