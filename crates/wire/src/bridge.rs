//! Between the eras and between the names: what of a message changes on its way through, and nothing else.

pub mod lists;
pub mod questions;
pub mod results;
pub mod tasks;
pub mod uris;
