//! The doors: how bytes come in and answers go out. What they mean is the gate's business.

pub mod http;
pub mod pipe;
pub mod socket;
pub mod stdio;
