//! Why an item can't run in what the file asks for.

use std::fmt::Display;

use durward_cage::launch::{Host, Level};
use durward_guard::GuardError;
use thiserror::Error;

use super::merged::Merged;
use crate::config::{NetworkWord, Room};

/// Why an item can't run in what the file asks for.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// This machine holds less.
    #[error(
        "`{key}` asks for {what}, which needs walls of the level {needed}, and this machine holds the level \
         {held}: {why}. {also}"
    )]
    Below {
        /// The item.
        key: String,
        /// What it asks for.
        what: &'static str,
        /// The level that this needs.
        needed: Level,
        /// The level that there is.
        held: Level,
        /// What is missing, and how to get it.
        why: String,
        /// What else helps.
        also: &'static str,
    },
    /// What this machine can hold is not known.
    #[error("it can't be found out which walls this machine can hold: {0}")]
    Unknown(String),
    /// What it may reach can't be judged by.
    #[error("`{key}.sandbox.egress`: {fault}")]
    Egress {
        /// The item.
        key: String,
        /// What is wrong.
        fault: GuardError,
    },
}

impl SandboxError {
    pub(super) fn unknown(why: impl Display) -> Self {
        Self::Unknown(why.to_string())
    }

    pub(super) fn below(key: &str, merged: &Merged<'_>, needed: Level, host: &Host) -> Self {
        let lacks = host.lacks.iter();
        let why: Vec<_> = lacks
            .filter(|lack| lack.level <= needed && lack.level > host.level)
            .map(ToString::to_string)
            .collect();
        let (what, also) = match (merged.room, merged.network) {
            (_, NetworkWord::Egress) => (
                "`network: egress`",
                "Or say `network: none` or `network: host` there.",
            ),
            (Room::Box, _) => (
                "a `box`",
                "Or say `sandbox: { mode: best_effort }`: then it runs with what there is.",
            ),
            _ => (
                "a `home`",
                "Or say `sandbox: host` there: then it may do what you may.",
            ),
        };
        Self::Below {
            key: key.to_owned(),
            what,
            needed,
            held: host.level,
            why: why.join("; "),
            also,
        }
    }
}
