//! Plugins: tools in any language, each in a folder of its own with a `manifest.yaml`.
//!
//! [`Plugins`] is one look at the folder: what was sound then is offered, and stays as it is for as long as
//! anybody holds it, so that calls under way end on what they began with. Another look makes another one,
//! which takes over what has not changed.

mod asked;
mod fault;
mod folder;
mod manifest;
mod per_call;
mod persistent;
mod pinned;
mod plugin;
mod record;
mod refuse;
mod said;
mod standing;
mod tool;
mod watching;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use durward_cage::{
    files::Root,
    launch::{Launcher, Plan},
};
use durward_core::{
    Answer, BoxFuture, Call, Offer, PackName, Provider, Refusal, RefusalCode, Target, ToolName,
};
use durward_guard::names::Register;

pub use fault::{FileWrong, PluginClash, PluginFault};
pub use folder::ReadManifest;
pub use manifest::{Hints, Manifest, ManifestTool, Mode, Span, Version};
pub use standing::{PluginStanding, PluginState};
pub use watching::Watching;

use crate::PacksError;
use folder::{Found, Parts};
use plugin::Plugin;
use tool::PluginTool;

/// What is around a plugin: given by the program, for each by its name and its folder.
#[derive(Debug)]
pub struct Room {
    /// How it is started: with its environment and its walls.
    pub plan: Plan,
    /// The word for what it runs in.
    pub word: &'static str,
    /// The most bytes of one answer.
    pub output: usize,
    /// May it talk to others?
    pub reaches_out: bool,
}

/// Puts what is to be started into its room: a plugin's name, its folder, and what runs.
pub type Furnish<'a> = dyn Fn(&str, &Path, Plan) -> Result<Room, String> + 'a;

/// Where plugins are, and how they are read and started.
pub struct PluginsSettings<'a> {
    /// The folder of all plugins.
    pub dir: PathBuf,
    /// Reads a manifest.
    pub read: ReadManifest,
    /// Puts each into its room.
    pub furnish: &'a Furnish<'a>,
    /// Starts them.
    pub launcher: Launcher,
}

/// The plugins of a folder, at one moment.
pub struct Plugins {
    name: PackName,
    dir: PathBuf,
    root: Option<Arc<Root>>,
    /// Why none could be looked at.
    unread: Option<String>,
    plugins: Vec<Arc<Plugin>>,
    refused: Vec<(String, PluginFault)>,
    by_tool: HashMap<ToolName, (usize, usize)>,
}

impl Plugins {
    /// Looks at the folder. What is made of the same bytes as `before` is taken from there, as it runs; so
    /// `before` must have been furnished in the same way. A plugin that can't be offered is told of by
    /// [`Plugins::standing`] and harms no other; a folder that is not there has none.
    ///
    /// # Errors
    /// Two plugins have tools that can't be told apart: none is chosen over the other.
    pub fn look(settings: &PluginsSettings<'_>, before: Option<&Self>) -> Result<Self, PacksError> {
        let mut plugins = Self {
            name: PackName::new("plugins")?,
            dir: settings.dir.clone(),
            root: None,
            unread: None,
            plugins: Vec::new(),
            refused: Vec::new(),
            by_tool: HashMap::new(),
        };
        let root = match folder::open(&settings.dir) {
            Ok(root) => root,
            Err(fault) => {
                plugins.unread = Some(unread(&settings.dir, &fault.to_string()));
                return Ok(plugins);
            }
        };
        match folder::look(&root, settings.read) {
            Ok(all) => {
                for Found { name, parts } in all {
                    let made = parts.and_then(|parts| plugins.one(settings, &root, parts, before));
                    match made {
                        Ok(plugin) => plugins.plugins.push(plugin),
                        Err(fault) => plugins.refuse(name, fault),
                    }
                }
            }
            Err(why) => plugins.unread = Some(unread(&settings.dir, &why)),
        }
        plugins.root = Some(root);
        plugins.name_tools()?;
        Ok(plugins)
    }

    fn one(
        &self,
        settings: &PluginsSettings<'_>,
        root: &Arc<Root>,
        parts: Parts,
        before: Option<&Self>,
    ) -> Result<Arc<Plugin>, PluginFault> {
        let name = &parts.manifest.name;
        let known = before.and_then(|before| before.find(name));
        if let Some(same) = known.filter(|plugin| plugin.is(&parts)) {
            return Ok(Arc::clone(same));
        }
        let above = root
            .host_path()
            .ok_or_else(|| PluginFault::Room("its path is not UTF-8".to_owned()))?;
        let folder = Path::new(above).join(name);
        let program = format!("{above}/{}", parts.executable().path());
        let argv = std::iter::once(program).chain(parts.manifest.args.iter().cloned());
        let plan = Plan::new(argv).folder(&folder);
        let room = (settings.furnish)(name, &folder, plan).map_err(PluginFault::Room)?;
        let tools = tools(&parts.manifest, room.reaches_out)?;
        let plugin = Plugin::new(root, parts, tools, room, &settings.launcher);
        Ok(Arc::new(plugin))
    }

    fn refuse(&mut self, name: String, fault: PluginFault) {
        tracing::warn!(plugin = %name, %fault, "a plugin is not offered");
        self.refused.push((name, fault));
    }

    /// Gives each tool its name, which no other may have.
    fn name_tools(&mut self) -> Result<(), PacksError> {
        let mut taken = Register::new();
        let mut owners: HashMap<Arc<str>, String> = HashMap::new();
        for (at, plugin) in self.plugins.iter().enumerate() {
            for (place, tool) in plugin.tools.iter().enumerate() {
                let name = &tool.tool.name;
                if let Err(collision) = taken.take(name.as_str()) {
                    let first = owners.get(&*collision.first).cloned().unwrap_or_default();
                    let second = plugin.made.name.clone();
                    return Err(PluginClash {
                        first,
                        second,
                        collision,
                    }
                    .into());
                }
                owners.insert(Arc::from(name.as_str()), plugin.made.name.clone());
                self.by_tool.insert(name.clone(), (at, place));
            }
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Option<&Arc<Plugin>> {
        self.plugins.iter().find(|it| it.made.name == name)
    }

    /// Are they the same plugins, those that are refused too?
    pub fn is(&self, other: &Self) -> bool {
        let same = |(own, other): (&Arc<Plugin>, &Arc<Plugin>)| Arc::ptr_eq(own, other);
        self.unread == other.unread
            && self.refused == other.refused
            && self.plugins.len() == other.plugins.len()
            && self.plugins.iter().zip(&other.plugins).all(same)
    }

    /// Why the folder could not be looked at.
    pub fn unread(&self) -> Option<&str> {
        self.unread.as_deref()
    }

    fn tool(&self, name: &str) -> Option<(&Plugin, &PluginTool)> {
        let (plugin, tool) = *self.by_tool.get(name)?;
        let plugin = self.plugins.get(plugin)?;
        Some((plugin.as_ref(), plugin.tools.get(tool)?))
    }
}

fn unread(dir: &Path, why: &str) -> String {
    format!(
        "the folder of plugins `{}` can't be used: {why}",
        dir.display()
    )
}

/// All tools of one plugin.
fn tools(manifest: &Manifest, reaches_out: bool) -> Result<Vec<PluginTool>, PluginFault> {
    let timeout = manifest.timeout.map(Span::duration);
    if manifest.tools.is_empty() {
        return Err(PluginFault::Manifest("it has no tools".to_owned()));
    }
    let mut own = Register::new();
    let made = manifest.tools.iter().map(|written| {
        own.take(&written.name).map_err(PluginFault::Twins)?;
        tool::made(written, timeout, reaches_out).map_err(|why| PluginFault::Tool {
            tool: durward_guard::names::shown(&written.name),
            why,
        })
    });
    made.collect()
}

impl Provider for Plugins {
    fn name(&self) -> &PackName {
        &self.name
    }

    fn offer(&self) -> Offer {
        let tools = self.plugins.iter().flat_map(|plugin| &plugin.tools);
        Offer {
            tools: tools.map(|tool| tool.tool.clone()).collect(),
            ..Offer::default()
        }
    }

    fn room(&self, target: &Target) -> Option<&'static str> {
        let (plugin, _) = self.tool(target.name())?;
        Some(plugin.made.room)
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        Box::pin(async move {
            match self.tool(call.target.name()) {
                Some((plugin, tool)) => plugin.call(tool, call).await,
                None => Err(Refusal::new(
                    RefusalCode::NotFound,
                    "There is no such tool of a plugin.",
                )),
            }
        })
    }
}
