//! The program durward as a library, so that its doors can be tested and fuzzed.
//!
//! `cli` reads the command line, `config` the file, `assembly` builds the rooms from it, `doors` let
//! callers in, `daemon` is the life of `durward serve`.

mod announcement;
pub mod assembly;
mod bench;
mod bridge;
mod checks;
pub mod cli;
mod client;
pub mod config;
pub mod daemon;
pub mod doors;
mod dry_run;
pub mod egress;
pub mod exit;
mod first_key;
mod init;
mod instance;
mod logins;
mod migrate;
pub mod plugins;
pub mod reload;
pub mod sandbox;
mod servers;
mod service;
mod signals;
mod snippets;
pub mod status;
mod telemetry;
mod upkeep;
