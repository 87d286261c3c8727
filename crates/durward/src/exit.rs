//! How a command ends.

use std::{io::Write, process::ExitCode};

use crate::config::ConfigError;

/// Exit codes; people script against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Used wrongly.
    Usage,
    /// The configuration is wrong.
    Config,
    /// It serves, and not all is well (`durward health`).
    Degraded,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Config => 3,
            Exit::Degraded => 4,
        })
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// It could not.
    Failed(String),
    /// It was asked wrongly.
    Usage(String),
    /// The file has faults, each with its line.
    Config(ConfigError),
    /// The configuration reads well and can't be used.
    Unusable(String),
    /// Another process of ours failed, and said why.
    Elsewhere {
        /// Its exit code; `None` where a signal ended it.
        code: Option<i32>,
        /// What it said.
        why: String,
    },
    /// The daemon serves, and not all is well.
    Degraded(String),
}

impl Failure {
    /// Says why on stderr.
    pub(crate) fn report(&self, color: bool) -> ExitCode {
        let (exit, text) = match self {
            Self::Elsewhere { code, why } => {
                say(why);
                let code = code.and_then(|code| u8::try_from(code).ok());
                return code.map_or(Exit::Failed.into(), ExitCode::from);
            }
            Self::Degraded(text) => (Exit::Degraded, text.clone()),
            Self::Failed(text) => (Exit::Failed, format!("error: {text}")),
            Self::Usage(text) => (Exit::Usage, format!("error: {text}")),
            Self::Config(error) => (Exit::Config, error.render(color)),
            Self::Unusable(text) => (Exit::Config, format!("error: {text}")),
        };
        say(&text);
        exit.into()
    }
}

/// On stderr; that nobody reads it changes no exit code.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// Anything that the system refused.
pub(crate) fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}
