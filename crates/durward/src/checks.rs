//! What reads well and breaks in practice, and the one command that mends it. It is looked for by
//! `durward check` alone: nothing here keeps durward from starting, for another machine, another shell or
//! another minute may have it right.

mod commands;
mod door;
mod programs;
mod servers;

use serde::Serialize;

pub(crate) use commands::commands;
pub(crate) use door::door;
pub(crate) use programs::{engine, own_program, program};
pub(crate) use servers::Connected;

/// One thing that is likely to break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What, in one sentence.
    pub(crate) what: String,
    /// What mends it.
    pub(crate) mend: String,
}

impl Finding {
    pub(crate) fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            mend: mend.into(),
        }
    }
}
