//! API keys: who holds one is the caller that it names.
//!
//! A key is shown once and stored as its SHA-256. It has 256 random bits, so that nothing slower
//! is needed.

mod file;
mod record;
mod ring;

pub use file::KeyFile;
pub use record::{Digest, KeyRecord, KeyRequest, new_key};
pub use ring::{Accepted, KeyFault, KeyRing};
