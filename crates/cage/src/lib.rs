//! The operating system's walls: files by handle, the one way out, peer credentials.
//!
//! A file is reached from the descriptor of its root, one name at a time where a symbolic link lies
//! on the way, so that what was judged is what is opened. `unsafe` is allowed here and not needed.

pub mod egress;
pub mod files;
pub mod peer;
pub mod socket;
