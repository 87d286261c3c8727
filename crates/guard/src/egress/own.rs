//! The machine's own addresses, as the judge is told of them.

use std::net::{IpAddr, SocketAddr};

use super::Network;

/// Where this machine is, and where durward listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnAddresses {
    /// The addresses of its interfaces.
    pub addresses: Vec<IpAddr>,
    /// What is reached without a router.
    pub on_link: Vec<Network>,
    /// durward's own listeners: never reached, whatever is allowed.
    pub listeners: Vec<SocketAddr>,
}

impl OwnAddresses {
    /// Is it this machine, or its neighbour?
    pub fn is_near(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.addresses.contains(&address)
            || self.on_link.iter().any(|network| network.contains(address))
    }

    /// Does durward itself listen there?
    pub fn is_listener(&self, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        self.listeners.iter().any(|listener| {
            let ip = listener.ip().to_canonical();
            listener.port() == port
                && (ip == address || ip.is_unspecified() && self.is_here(address))
        })
    }

    fn is_here(&self, address: IpAddr) -> bool {
        address.is_loopback() || address.is_unspecified() || self.addresses.contains(&address)
    }
}
