//! The bounds of one box's way out.

use std::time::Duration;

/// The bounds of one box's way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WayOutLimits {
    /// Connections at once; one more is closed at once.
    pub connections: usize,
    /// Bytes of a request's or an answer's head.
    pub head: usize,
    /// How long a client may take to say where to.
    pub greeting: Duration,
    /// For a connection to be made, and for an answer of ours to be taken.
    pub connect: Duration,
    /// How long a connection may be silent.
    pub idle: Duration,
}

impl Default for WayOutLimits {
    fn default() -> Self {
        Self {
            connections: 64,
            head: 32 << 10,
            greeting: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(300),
        }
    }
}
