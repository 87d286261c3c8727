//! Why a command can't be offered. For whoever wrote the configuration.

use durward_core::ToolName;
use durward_guard::argv::Kind;
use thiserror::Error;

/// Why a command can't be offered.
#[derive(Debug, Error)]
#[error("commands.{name}: {why}")]
pub struct CommandFault {
    /// The command.
    pub name: ToolName,
    /// Why.
    pub why: CommandWhy,
}

/// Why.
#[derive(Debug, Error)]
pub enum CommandWhy {
    /// Its program can't be found.
    #[error("{0}; with `missing: warn` durward starts without it")]
    Missing(String),
    /// Its program is one that runs others, or destroys.
    #[error(
        "`{program}` is {kind}; where that is meant, say `dangerous: true`: what a caller gives it then is \
         held by the sandbox alone"
    )]
    Dangerous {
        /// As it was found.
        program: String,
        /// What it is.
        kind: Kind,
    },
    /// Its folder can't be entered.
    #[error("`cwd: {folder}` can't be used: {reason}")]
    Folder {
        /// The folder, as it was written.
        folder: String,
        /// Why.
        reason: String,
    },
}
