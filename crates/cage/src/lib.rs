//! The operating system's walls: files by handle, the one way out, the launcher, peer credentials.
//!
//! A file is reached from the descriptor of its root, one name at a time where a symbolic link lies
//! on the way, so that what was judged is what is opened. `unsafe` is allowed here, and needed where a
//! process is started: `launch/begin.rs`, `launch/signals.rs`, `launch/walls/kernel.rs`; where memory is given back:
//! `lean.rs`; and where a descriptor is watched: `quiet.rs`.

pub mod background;
pub mod egress;
pub mod files;
pub mod launch;
pub mod lean;
pub mod lock_file;
mod netlink;
pub mod peer;
pub mod quiet;
pub mod seatbelt;
pub mod socket;
pub mod way_out;
