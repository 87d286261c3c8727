//! `durward bench`: what the walk costs on this machine, beside a hop that judges nothing.
//!
//! Each process under test is a thread with a runtime of its own, so that its CPU time can be told
//! from the load generator's.

mod hop;
mod load;
mod other;
mod own;

pub(crate) use load::{Load, LoadError, Measured, run};
pub(crate) use other::{Place, header_lines};
pub(crate) use own::{Compared, Side, compare};
