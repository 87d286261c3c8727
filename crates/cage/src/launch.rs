//! How every child of durward is started, kept and ended (`docs/decisions/0011`).
//!
//! ```text
//! durward ── one socket ──→ spawner ── fork ──→ keeper ── clone, exec ──→ program → its descendants
//!    └────────────── one socket a child ───────────┘
//! ```
//!
//! The *spawner* is durward's own binary under another name, with one thread and little memory, started
//! at the first use. Each child has a *keeper*, forked from it, that starts the program, is the nearest
//! subreaper of all its descendants (prctl(2), `PR_SET_CHILD_SUBREAPER`), and so has them for children
//! whenever their own parents end, whatever sessions and groups they made. A keeper ends them all when
//! the program ends, when its socket closes (its [`Process`] was dropped, or durward is gone, by
//! SIGKILL too), and when the spawner is gone. If it is killed itself, the spawner inherits and ends them.
//!
//! A program that is held within [`Walls`] has a keeper that stood by (`docs/decisions/0015`): at
//! [`Level::Full`] it is the first process of a PID namespace, and puts up the walls before it begins the program.

mod before_main;
mod begin;
mod child;
mod fault;
mod keeper;
mod launcher;
mod order;
mod pin;
mod plan;
mod post;
mod program;
mod report;
mod signals;
mod spawner;
mod tail;
mod tree;
mod walls;

pub use child::{Child, Exit, Process};
pub use fault::LaunchFault;
pub use launcher::Launcher;
pub use pin::Pin;
pub use plan::Plan;
pub use tail::Tail;
pub(crate) use walls::beneath;
pub use walls::{
    Door, Host, Lack, Level, Limits, Network, Walls, WayOut, executed_later, is_executed_later,
};

/// The name under which our own binary is the spawner.
const NAME: &str = "durward-launcher";

/// Whether this process was started as the spawner.
pub fn is_launcher() -> bool {
    std::env::args_os().next().is_some_and(|name| name == NAME)
}

/// Is the spawner until durward is gone. To be called first in `main`, while there is one thread.
pub fn run_launcher() -> ! {
    spawner::run()
}

#[cfg(test)]
mod tests;
