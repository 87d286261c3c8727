//! Built-in tools, one folder a pack.

pub mod commands;
pub mod fs;
pub mod http;
pub mod plugins;
pub mod run;
pub mod shell;

mod error;
mod work;

pub use error::PacksError;
