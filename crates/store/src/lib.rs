//! State that may be shared: keys, limits, revocations, what is known of other servers, logins at them.
//!
//! What lies on disk is private to its user (files 0600 in folders 0700) and is only ever replaced
//! whole. What lies in memory is bounded.

mod error;
mod file;
pub mod folder;
pub mod keys;
pub mod limits;
pub mod log_file;
pub mod revocation;
pub mod seal;
pub mod sealing;
pub mod servers;
pub mod tokens;

pub use error::StoreError;
