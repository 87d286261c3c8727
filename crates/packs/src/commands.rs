//! The pack `commands`: one tool for each command of the configuration. No shell ever runs.

mod base;
mod fault;
mod offer;
mod start;
#[cfg(test)]
mod tests;
mod tool;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use durward_cage::launch::{Launcher, Pin, Plan, Walls};
use durward_core::{
    Answer, BoxFuture, Call, Offer, PackName, Provider, Refusal, RefusalCode, Target, Tier,
    ToolName,
};
use durward_guard::{argv, template::Template};

use crate::{PacksError, fs::FsSettings};
use base::Base;
pub use fault::CommandFault;
use tool::CommandTool;

/// The commands, and what is common to them.
#[derive(Debug, Clone)]
pub struct CommandsSettings {
    /// One tool each.
    pub commands: Vec<CommandSettings>,
    /// Where paths and working folders lie: the section `files`. Where nothing is shared, only whole paths
    /// are taken, of what a command's walls let it reach.
    pub files: Option<FsSettings>,
    /// What durward keeps to itself, where nothing is shared.
    pub forbidden: Vec<PathBuf>,
    /// What starts them.
    pub launcher: Launcher,
}

/// One command.
#[derive(Debug, Clone)]
pub struct CommandSettings {
    /// The tool's name.
    pub name: ToolName,
    /// What runs, with the places that a caller fills.
    pub template: Template,
    /// The program, as [`find`] found it; or why there is none.
    pub program: Result<Pin, String>,
    /// What a model is told; without it, what runs.
    pub description: Option<String>,
    /// How much harm it can do.
    pub tier: Tier,
    /// How long it may run.
    pub timeout: Duration,
    /// The folder that it runs in, below what is shared; the root where none is said.
    pub cwd: Option<String>,
    /// May the program be a shell, `rm` and the like?
    pub dangerous: bool,
    /// May it be missing at the start?
    pub missing: Missing,
    /// What it may reach; without it, whatever durward may.
    pub walls: Option<Arc<Walls>>,
    /// The word for that.
    pub room: &'static str,
    /// The variables of durward's own environment that it gets.
    pub inherit: Vec<String>,
    /// Variables that it is given.
    pub env: Vec<(String, String)>,
    /// So many bytes of each of its outputs are kept.
    pub output: usize,
}

/// What happens where a command's program is not there at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// durward does not start.
    Refuse,
    /// It does, says so, and each call is refused until the configuration is read again.
    Warn,
}

/// The pack: a tool for each command.
pub struct CommandsPack {
    name: PackName,
    offer: Offer,
    tools: BTreeMap<ToolName, CommandTool>,
    base: Base,
    launcher: Launcher,
}

/// The program of a template: its file, behind all links, and its content. Nothing else will ever run.
///
/// # Errors
/// There is none, and why.
pub fn find(template: &Template) -> Result<Pin, String> {
    Pin::of(&Plan::new([template.program()])).map_err(|fault| fault.to_string())
}

/// All that is wrong with any of the commands; nothing is kept.
pub fn faults(settings: &CommandsSettings) -> Vec<CommandFault> {
    match CommandsPack::open(settings) {
        Err(PacksError::Commands(faults)) => faults,
        _ => Vec::new(),
    }
}

impl CommandsPack {
    /// Finds and pins the programs.
    ///
    /// # Errors
    /// All that is wrong with any of the commands.
    pub fn open(settings: &CommandsSettings) -> Result<Self, PacksError> {
        let base = Base::open(settings)?;
        let (mut tools, mut faults) = (BTreeMap::new(), Vec::new());
        for command in &settings.commands {
            match start::ready(command, &base) {
                Ok(tool) => {
                    tools.insert(command.name.clone(), tool);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(PacksError::Commands(faults));
        }
        Ok(Self {
            name: PackName::new("commands")?,
            offer: Offer {
                tools: settings.commands.iter().map(offer::tool).collect(),
                ..Offer::default()
            },
            tools,
            base,
            launcher: settings.launcher.clone(),
        })
    }

    /// What whoever configured it should know.
    pub fn warnings(&self) -> Vec<String> {
        self.tools
            .values()
            .filter_map(CommandTool::warning)
            .collect()
    }

    /// The commands that run something dangerous, and what that is.
    pub fn dangerous(&self) -> Vec<(ToolName, argv::Kind)> {
        self.tools
            .iter()
            .filter_map(|(name, tool)| Some((name.clone(), tool.danger()?)))
            .collect()
    }
}

impl Provider for CommandsPack {
    fn name(&self) -> &PackName {
        &self.name
    }

    fn offer(&self) -> Offer {
        self.offer.clone()
    }

    fn heeds_roots(&self) -> bool {
        true
    }

    fn room(&self, target: &Target) -> Option<&'static str> {
        self.tools.get(target.name()).map(CommandTool::room)
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        Box::pin(async move {
            let Some(tool) = self.tools.get(call.target.name()) else {
                return Err(Refusal::new(
                    RefusalCode::NotFound,
                    "there is no such command",
                ));
            };
            tool.run(call, &self.base, &self.launcher).await
        })
    }
}
