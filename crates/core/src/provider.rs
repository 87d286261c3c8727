//! The one trait behind which everything stands that a call can reach.

use std::{future::Future, pin::Pin};

use crate::{Answer, Call, Offer, PackName, Refusal};

/// A future on the heap: the one that a call may cost.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Offers tools, resources and prompts. Only the gate's pipeline may call [`Provider::call`].
///
/// Dropping the future stops the work; so does the call's [`crate::Cancel`], which work on other
/// threads must watch.
pub trait Provider: Send + Sync {
    /// The name that `server:` selectors and the record use.
    fn name(&self) -> &PackName;

    /// What it offers now.
    fn offer(&self) -> Offer;

    /// Does it.
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>>;
}
