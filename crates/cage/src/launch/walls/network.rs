//! Whom a program may talk to.

use std::{fmt::Debug, net::SocketAddrV4, net::TcpListener, pin::Pin, sync::Arc};

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
    pub const DOOR: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 3128);
}

/// Who answers at the one door of a box.
///
/// The listener was made within the box's own network and belongs to durward: what it accepts comes from
/// the box, and nothing has to be passed on inside. It does not block.
pub trait WayOut: Debug + Send + Sync {
    /// Answers until it is dropped, which happens when the process is.
    fn serve(&self, door: TcpListener) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}
