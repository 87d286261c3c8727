//! `sandbox`: what every child of durward runs in, and what one item may say of its own.

mod item;
mod path;
mod together;

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use item::{ItemEgress, ItemLimits, ItemSandbox, OwnSandbox, Room};
pub use path::SandboxPath;
pub(super) use together::check;

use super::{
    servers::EnvKey,
    units::{Period, Size},
};

/// What every program runs in that durward starts: shell, commands, plugins, servers. An item may say
/// `sandbox:` itself: `box` (this section), `home` (what you may read but secrets; its folder, caches and
/// `/tmp` to write; the network), `host` (no walls), or keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// What happens where the kernel can't hold what an item asks for: `enforce` (it is refused),
    /// `best_effort` (it runs with what there is) or `off` (nothing has walls).
    pub mode: SandboxMode,
    /// What may be read and executed, `*` being any text within a name. What is not there is left out.
    pub read: Vec<SandboxPath>,
    /// What may be written, too.
    pub write: Vec<SandboxPath>,
    /// Whom it may talk to: `none`, `egress` (what `egress` allows, by way of durward) or `host`.
    pub network: NetworkWord,
    /// How much a program may use, with all that it starts.
    pub limits: SandboxLimits,
    /// The variables of durward's own environment that it gets.
    #[schemars(with = "Vec<String>")]
    pub env: Vec<EnvKey>,
}

impl Default for Sandbox {
    fn default() -> Self {
        let paths = ["/usr", "/lib*", "/etc/ssl", "${files.root}"];
        let names = ["PATH", "LANG"];
        Self {
            mode: SandboxMode::Enforce,
            read: paths.iter().filter_map(|path| path.parse().ok()).collect(),
            write: Vec::new(),
            network: NetworkWord::None,
            limits: SandboxLimits::default(),
            env: names.iter().filter_map(|name| name.parse().ok()).collect(),
        }
    }
}

/// What happens where the kernel can't hold what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SandboxMode {
    /// It does not run.
    Enforce,
    /// It runs with what there is.
    BestEffort,
    /// Nothing has walls, whatever the kernel could hold.
    Off,
}

impl SandboxMode {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::BestEffort => "best_effort",
            Self::Off => "off",
        }
    }
}

/// Whom a program may talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkWord {
    /// Nobody.
    None,
    /// Whom `egress` allows, by way of durward.
    Egress,
    /// Whomever the user may.
    Host,
}

/// How much a program may use, with all that it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxLimits {
    /// Memory.
    pub memory: Size,
    /// Time of processors.
    pub cpu: Period,
    /// Processes and threads.
    pub processes: NonZeroU32,
    /// Open files of one process.
    pub files: NonZeroU32,
    /// What is kept of each of its outputs.
    pub output: Size,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            memory: Size::mebibytes(512),
            cpu: Period::seconds(30),
            processes: const { NonZeroU32::new(64).unwrap() },
            files: const { NonZeroU32::new(256).unwrap() },
            output: Size::kibibytes(256),
        }
    }
}
