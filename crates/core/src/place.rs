//! Places that have URIs and no line in a list: what a template covers.

use std::{any::Any, fmt, sync::Arc};

/// One place that a provider's template covers, by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The name that is listed, judged and recorded.
    pub uri: Arc<str>,
    /// Other true names of it, which rules may use and nobody is shown.
    pub also: Vec<String>,
}

/// The folders that a client says it shares, as `file` URIs. They narrow what a call may touch and
/// never widen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRoots(pub Vec<String>);

/// Called when a resource has changed: seldom, however often it changes, and never twice at once.
/// It may not wait.
pub type OnChange = Arc<dyn Fn() + Send + Sync>;

/// A resource that is watched; dropping it ends that.
pub struct Watch {
    _held: Box<dyn Any + Send + Sync>,
}

impl Watch {
    /// A watch that ends when `held` is dropped.
    pub fn of(held: impl Any + Send + Sync) -> Self {
        Self {
            _held: Box::new(held),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
