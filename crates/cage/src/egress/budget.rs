//! How long an exchange may take, and how much may come back.

use std::time::Duration;

/// The bounds of one exchange, its redirects included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// For a connection, TLS included, of each hop.
    pub connect: Duration,
    /// From the request to the head of the answer, of each hop.
    pub first_byte: Duration,
    /// For all.
    pub total: Duration,
    /// How many bytes of the body are kept, decompressed; what is beyond is cut.
    pub body: usize,
    /// How many bytes of the body are read from the wire, as they come; what is beyond is cut.
    pub wire: u64,
    /// How many redirects are followed, at most 5; with 0 the redirect itself is the answer.
    pub redirects: u8,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(15),
            total: Duration::from_secs(30),
            body: 1 << 20,
            wire: 8 << 20,
            redirects: 0,
        }
    }
}
