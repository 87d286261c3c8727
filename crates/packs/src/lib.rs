//! Built-in tools, one folder a pack.

pub mod fs;

mod error;

pub use error::PacksError;
