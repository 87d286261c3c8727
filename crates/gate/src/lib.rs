//! The one list of stages that every call walks, and what doors need to reach it.
//!
//! [`Gate::post`] takes what came by HTTP, [`Pipe`] what comes line by line; both end in the walk of
//! `pipeline.rs`. Nothing here opens a socket or a file.

mod announce;
mod batch;
pub mod catalogue;
mod declared;
mod definition;
mod encode;
mod endpoint;
mod exchange;
mod freshness;
mod gate;
mod guide;
pub mod house;
mod listen;
mod methods;
mod newcomers;
mod notifier;
mod offers;
mod opened;
mod pipe;
mod pipeline;
mod post;
mod questions;
mod request;
mod roots;
pub mod session;
mod shelf;
mod stages;
mod standing;
mod stopwatch;
pub mod stream;
mod tasks;
#[cfg(test)]
mod tests;
mod updates;
mod view;
mod walk;
mod witness;

pub use catalogue::{Catalogue, CatalogueError, LeftOut, ToolEntry};
pub use encode::Reply;
pub use endpoint::Endpoint;
pub use gate::{Gate, GateSettings};
pub use house::{ExchangeLimits, HouseSettings, OsUsers};
pub use pipe::{Pipe, Unwelcome};
pub use post::{Messages, Posted, Running};
pub use session::Session;
pub use standing::Standing;
