//! Files by handle: everything below a root is opened from the root's descriptor, and nothing else.
//!
//! Two ways lead to a file. [`beneath`] is one `openat2` that refuses every symbolic link: then the
//! path that was judged is the path that was opened. Where a link lies on the way, or the kernel has
//! no `openat2`, [`stroll`] goes component by component and judges the path that it really went.
//!
//! What is changed is a name in a directory that is held open, a [`Spot`]: it is found and judged as
//! files are, and from then on no path counts.

mod beneath;
mod dangerous;
mod delete;
mod dir;
mod draft;
mod fault;
mod folding;
mod meta;
mod open_file;
mod path;
mod quota;
mod rename;
mod root;
mod spot;
mod stroll;
mod survey;
mod walk;
mod watch;
mod write;

#[cfg(test)]
mod tests;

pub use delete::NodeJudge;
pub use dir::{Entry, OpenDir, Page};
pub use fault::{FileFault, RootFault};
pub use meta::{Kind, Meta, NodeId};
pub use open_file::{FileReader, OpenFile};
pub use path::RelPath;
pub use rename::{Moving, PairJudge};
pub use root::{Judge, Root, RootSettings};
pub use spot::{LastLink, Spot};
pub use survey::Survey;
pub use walk::{Ended, Found, Step, Visitor, WalkLimits};
pub use watch::{WatchFault, Watched, Watcher, Watching};
pub use write::{Unchanged, Writing};
