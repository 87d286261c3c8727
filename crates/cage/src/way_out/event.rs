//! What happens at a box's way out, for whoever counts or records it.

use durward_guard::egress::{EgressFault, Origin};

/// How a client asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// A tunnel by HTTP CONNECT.
    Connect,
    /// A request for an `http://` URL.
    Request,
    /// A tunnel by SOCKS5.
    Socks,
    /// Not at all: it took an address of the box for the name that it stands for.
    Name,
}

impl Way {
    /// Its name, as in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Request => "request",
            Self::Socks => "socks",
            Self::Name => "name",
        }
    }
}

/// What happened. Nothing in it is as the client wrote it: hosts are in the form in which they were judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A connection was made.
    Opened {
        /// How it was asked for.
        way: Way,
        /// Where to.
        to: &'a Origin,
    },
    /// One was refused, or could not be made.
    Refused {
        /// How it was asked for.
        way: Way,
        /// Where to, as far as that is a host and a port.
        to: Option<&'a Origin>,
        /// Why.
        fault: EgressFault,
    },
    /// A connection that was made has ended.
    Closed {
        /// How it was asked for.
        way: Way,
        /// Where to.
        to: &'a Origin,
        /// Bytes that went out.
        sent: u64,
        /// Bytes that came in.
        received: u64,
    },
    /// One connection more than may be at once was closed.
    Crowded,
    /// A client asked for nothing, or not in time.
    Unheard,
}
