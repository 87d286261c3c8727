//! The stages, one file each.

pub(crate) mod ask;
pub(crate) mod authorize;
pub(crate) mod caller;
pub(crate) mod headers;
pub(crate) mod intent;
pub(crate) mod limits;
pub(crate) mod outcome;
pub(crate) mod provider;
pub(crate) mod roots;
pub(crate) mod schema;
pub(crate) mod size;
