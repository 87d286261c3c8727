//! What this machine can hold, and what each program runs in.

use durward_cage::launch::Level;
use serde::{Deserialize, Serialize};

use crate::{
    config::Config,
    plugins,
    sandbox::{Builder, Enclosed, Sandboxes},
    servers,
};

/// The walls of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallsStatus {
    /// The highest level that this machine holds, if anything asked for walls: `full`, `light` or `none`.
    pub level: Option<String>,
    /// Why not a higher one, and what holds less than it could; each with what helps.
    pub lacks: Vec<String>,
    /// What happens where that is not enough: `enforce`, `best_effort` or `off`.
    pub mode: String,
    /// What runs in what: packs and commands, plugins, servers.
    pub items: Vec<ItemStatus>,
}

/// What one item runs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemStatus {
    /// Its key in the file, such as `packs.shell` or `servers.github`.
    pub item: String,
    /// `box`, `home`, `host`, or `off` where walls are off.
    pub sandbox: String,
    /// How that is held: `full`, `light` or `none`.
    pub level: String,
}

impl ItemStatus {
    pub(crate) fn new(item: impl Into<String>, word: &str, level: Level) -> Self {
        Self {
            item: item.into(),
            sandbox: word.to_owned(),
            level: level.name().to_owned(),
        }
    }

    fn of(enclosed: &Enclosed) -> Self {
        Self::new(enclosed.key.as_str(), enclosed.word, enclosed.level)
    }

    pub(crate) fn is_server(&self) -> bool {
        self.item.starts_with("servers.")
    }
}

impl WallsStatus {
    /// Of a configuration whose packs and commands `builder` has enclosed. What stood before says itself what it
    /// runs in.
    pub(crate) fn of(
        config: &Config,
        (sandboxes, builder): (&Sandboxes, &Builder<'_>),
        (servers, plugins): (&servers::Planned, &plugins::Planned),
    ) -> Self {
        let stand_themselves = ["servers.", "plugins."];
        let enclosed = builder.enclosed();
        let others = enclosed.iter().filter(|item| {
            let mut prefixes = stand_themselves.iter();
            !prefixes.any(|prefix| item.key.starts_with(prefix))
        });
        let host = sandboxes.known();
        Self {
            level: host.map(|host| host.level.name().to_owned()),
            lacks: host.map_or_else(Vec::new, |host| {
                host.lacks.iter().map(ToString::to_string).collect()
            }),
            mode: config.sandbox.mode.as_str().to_owned(),
            items: others
                .map(ItemStatus::of)
                .chain(plugins.items())
                .chain(servers.items())
                .collect(),
        }
    }
}
