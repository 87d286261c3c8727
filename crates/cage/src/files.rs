//! Files by handle: everything below a root is opened from the root's descriptor, and nothing else.
//!
//! Two ways lead to a file. [`beneath`] is one `openat2` that refuses every symbolic link: then the
//! path that was judged is the path that was opened. Where a link lies on the way, or the kernel has
//! no `openat2`, [`stroll`] goes component by component and judges the path that it really went.

mod beneath;
mod dangerous;
mod dir;
mod fault;
mod folding;
mod meta;
mod open_file;
mod path;
mod root;
mod stroll;
mod walk;
mod watch;

#[cfg(test)]
mod tests;

pub use dir::{Entry, OpenDir, Page};
pub use fault::{FileFault, RootFault};
pub use meta::{Kind, Meta, NodeId};
pub use open_file::{FileReader, OpenFile};
pub use path::RelPath;
pub use root::{Judge, Root, RootSettings};
pub use walk::{Ended, Found, Step, Visitor, WalkLimits};
pub use watch::{WatchFault, Watched, Watcher, Watching};
