//! How plugins stand, for `durward status` and `durward check`.

use std::sync::atomic::Ordering;

use super::{Plugins, plugin::Plugin};

/// How one plugin stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginStanding {
    /// Its name.
    pub name: String,
    /// How it does.
    pub state: PluginState,
    /// Its version, if it is offered.
    pub version: Option<String>,
    /// How it is spoken to, as a word of the manifest.
    pub mode: Option<&'static str>,
    /// Its tools.
    pub tools: Vec<String>,
    /// The SHA-256 of what runs, in hexadecimal digits.
    pub sha256: Option<String>,
    /// How it was held when it was started last.
    pub level: Option<&'static str>,
    /// How often the process of one that stays was started again.
    pub restarts: u64,
    /// How many lines it printed that were no answers.
    pub junk: u64,
    /// Why it is refused, or what went wrong last.
    pub error: Option<String>,
    /// The end of what it wrote on its standard error.
    pub stderr: String,
}

/// How a plugin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginState {
    /// It is offered; nothing of it runs, or it is started for each call.
    Ready,
    /// It is offered, and its process runs.
    Running,
    /// It is not offered.
    Refused,
}

impl Plugins {
    /// All that were found, by name.
    pub fn standing(&self) -> Vec<PluginStanding> {
        let offered = self.plugins.iter().map(|plugin| plugin.standing());
        let refused = self.refused.iter().map(|(name, fault)| PluginStanding {
            name: durward_guard::names::shown(name),
            state: PluginState::Refused,
            version: None,
            mode: None,
            tools: Vec::new(),
            sha256: None,
            level: None,
            restarts: 0,
            junk: 0,
            error: Some(fault.to_string()),
            stderr: String::new(),
        });
        let mut all: Vec<_> = offered.chain(refused).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

impl Plugin {
    fn standing(&self) -> PluginStanding {
        let record = &self.made.record;
        let tools = self.tools.iter();
        PluginStanding {
            name: self.made.name.clone(),
            state: match record.running.load(Ordering::Relaxed) {
                true => PluginState::Running,
                false => PluginState::Ready,
            },
            version: Some(self.version.clone()),
            mode: Some(self.mode.as_str()),
            tools: tools.map(|tool| tool.tool.name.to_string()).collect(),
            sha256: Some(self.made.digest()),
            level: record.level().map(|level| level.name()),
            restarts: record.restarts(),
            junk: record.junk.load(Ordering::Relaxed),
            error: record.last_fault(),
            stderr: record.tail.text(),
        }
    }
}
