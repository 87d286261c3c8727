//! Why a plugin is not offered, for whoever put it there.

use durward_cage::files::FileFault;
use durward_guard::names::Collision;
use thiserror::Error;

/// Why one plugin is not offered. The others are.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PluginFault {
    /// Its folder has a name that no plugin can have.
    #[error(
        "its folder's name is none for a plugin: a letter a-z, then up to 62 of a-z, 0-9, `-` and `_`"
    )]
    Name,
    /// Its folder is a link.
    #[error("its folder is a symbolic link; a plugin lies in the folder of plugins itself")]
    Link,
    /// There is no manifest.
    #[error("it has no `manifest.yaml`")]
    NoManifest,
    /// The manifest says what it can't.
    #[error("its manifest can't be used: {0}")]
    Manifest(String),
    /// The manifest has another name than the folder.
    #[error("its manifest says `name: {0}`, which must be the name of its folder")]
    OtherName(String),
    /// One of its tools can't be offered.
    #[error("its tool `{tool}`: {why}")]
    Tool {
        /// As the manifest names it.
        tool: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two of its own tools can't be told apart.
    #[error("its tools {0}")]
    Twins(Collision),
    /// A file of it can't be used.
    #[error("`{file}`: {why}")]
    File {
        /// As the manifest names it.
        file: String,
        /// What is wrong with it.
        why: FileWrong,
    },
    /// There is no room for it.
    #[error("{0}")]
    Room(String),
    /// Everyone may change what belongs to it.
    #[error("everyone on this machine may change `{0}`; take that away with `chmod o-w`")]
    Writable(String),
}

/// What is wrong with a file of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileWrong {
    /// It is not in the plugin's folder, by its path or by a link.
    #[error("it lies outside the plugin's folder")]
    Outside,
    /// It is not executable.
    #[error("it may not be executed; allow it with `chmod +x`")]
    NotExecutable,
    /// It can't be reached or read.
    #[error("{0}")]
    Unreachable(FileFault),
}

impl From<FileFault> for FileWrong {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::OutsideRoot => Self::Outside,
            other => Self::Unreachable(other),
        }
    }
}

/// Two plugins that can't stand side by side: none of them is chosen over the other.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("plugins: the tools `{}` of `{first}` and `{}` of `{second}` {}; rename one of them", .collision.first, .collision.second, .collision.how)]
pub struct PluginClash {
    /// The one by whose name it comes first.
    pub first: String,
    /// The other.
    pub second: String,
    /// Their tools.
    pub collision: Collision,
}
