//! Why a pack can't be opened. For whoever wrote the configuration.

use thiserror::Error;

/// Why a pack can't be opened.
#[derive(Debug, Error)]
pub enum PacksError {
    /// A root can't be used.
    #[error(transparent)]
    Root(#[from] durward_cage::files::RootFault),
    /// A pattern of `files.read`, `files.write` or `files.deny` is none.
    #[error("files: {0}")]
    Pattern(#[from] durward_guard::GuardError),
    /// There is no root, or roots that can't be told apart.
    #[error("files: {0}")]
    Roots(&'static str),
    /// Commands that can't be offered.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Commands(Vec<crate::commands::CommandFault>),
    /// Two plugins can't stand side by side.
    #[error(transparent)]
    Plugins(#[from] crate::plugins::PluginClash),
    /// A name of ours is not one.
    #[error(transparent)]
    Name(#[from] durward_core::NameError),
}
