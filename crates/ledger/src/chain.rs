//! The hash chain: what binds every record to all before it.

use ring::digest::{Context, SHA256};

const DOMAIN: &[u8] = b"durward journal 1\0";

/// SHA-256 over everything up to some record.
pub(crate) type Hash = [u8; 32];

/// The end of a chain: where the next record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    /// The next record's number.
    pub(crate) seq: u64,
    /// Of all records before it.
    pub(crate) hash: Hash,
}

impl Link {
    /// Before the first record.
    pub(crate) const START: Self = Self {
        seq: 0,
        hash: [0; 32],
    };

    /// Binds one more record.
    pub(crate) fn push(&mut self, record: &[u8]) {
        // One piece costs the digest less than three.
        let mut before = [0; DOMAIN.len() + 32 + 8];
        let (domain, rest) = before.split_at_mut(DOMAIN.len());
        domain.copy_from_slice(DOMAIN);
        rest[..32].copy_from_slice(&self.hash);
        rest[32..].copy_from_slice(&(record.len() as u64).to_le_bytes());
        let mut context = Context::new(&SHA256);
        context.update(&before);
        context.update(record);
        self.hash.copy_from_slice(context.finish().as_ref());
        self.seq += 1;
    }
}
