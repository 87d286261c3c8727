//! One plugin that was loaded: what it is made of, and how its calls reach it.

use std::{sync::Arc, time::Duration};

use durward_cage::{
    files::Root,
    launch::{Launcher, Plan},
};
use durward_core::{Answer, Call, RawJson, Refusal};

use super::{
    Room,
    folder::Parts,
    manifest::{Manifest, Mode},
    per_call::PerCall,
    persistent::Persistent,
    pinned::Pinned,
    record::Record,
    refuse, said,
    tool::PluginTool,
};

/// A plugin.
pub(super) struct Plugin {
    pub(super) made: Arc<Made>,
    pub(super) tools: Vec<PluginTool>,
    pub(super) version: String,
    pub(super) mode: Mode,
    way: Way,
}

/// What every start of it needs, and every report of it.
pub(super) struct Made {
    pub(super) name: String,
    root: Arc<Root>,
    pub(super) files: Vec<Pinned>,
    pub(super) plan: Plan,
    pub(super) launcher: Launcher,
    /// What it runs in.
    pub(super) room: &'static str,
    /// The longest answer.
    pub(super) output: usize,
    pub(super) record: Record,
}

enum Way {
    PerCall(PerCall),
    Persistent(Persistent),
}

impl Plugin {
    /// Takes what was found and judged.
    pub(super) fn new(
        root: &Arc<Root>,
        parts: Parts,
        tools: Vec<PluginTool>,
        room: Room,
        launcher: &Launcher,
    ) -> Self {
        let Parts { manifest, files } = parts;
        let Manifest {
            name,
            version,
            mode,
            concurrency,
            ..
        } = manifest;
        let made = Arc::new(Made {
            name,
            root: Arc::clone(root),
            files,
            plan: room.plan,
            launcher: launcher.clone(),
            room: room.word,
            output: room.output,
            record: Record::default(),
        });
        let way = match mode {
            Mode::PerCall => Way::PerCall(PerCall::new(Arc::clone(&made), concurrency)),
            Mode::Persistent => Way::Persistent(Persistent::new(Arc::clone(&made), concurrency)),
        };
        Self {
            made,
            tools,
            version: version.as_str().to_owned(),
            mode,
            way,
        }
    }

    /// Is it made of the same bytes?
    pub(super) fn is(&self, parts: &Parts) -> bool {
        let (own, other) = (&self.made.files, &parts.files);
        own.len() == other.len()
            && own
                .iter()
                .zip(other)
                .all(|(a, b)| a.path() == b.path() && a.digest() == b.digest())
    }

    /// Does it.
    pub(super) async fn call(&self, tool: &PluginTool, call: &Call) -> Result<Answer, Refusal> {
        let timeout = tool
            .timeout
            .map_or(call.timeout, |own| own.min(call.timeout));
        let answer = self.ask(tool, call, timeout).await;
        if let Some(level) = self.made.record.level() {
            call.held.at(level.name());
        }
        let answer = answer?;
        let revision = call.client.revision;
        said::result(&answer, tool.output.as_ref(), revision)
            .map(Answer::Own)
            .map_err(|unfit| {
                self.made.record.fault(&format!("an answer: {unfit}"));
                refuse::unfit(&self.made.name, &unfit)
            })
    }

    async fn ask(
        &self,
        tool: &PluginTool,
        call: &Call,
        timeout: Duration,
    ) -> Result<RawJson, Refusal> {
        let name = tool.tool.name.as_str();
        match &self.way {
            Way::PerCall(way) => way.ask(name, call, timeout).await,
            Way::Persistent(way) => way.ask(name, call, timeout).await,
        }
    }
}

impl Made {
    /// The SHA-256 of what runs, in hexadecimal digits.
    pub(super) fn digest(&self) -> String {
        let digest = self.files.get(1).map(Pinned::digest).unwrap_or_default();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Is it still what was loaded? Where it seems not, its files are read once more.
    ///
    /// # Errors
    /// It is another one by now.
    pub(super) async fn unchanged(self: &Arc<Self>) -> Result<(), Refusal> {
        if self.files.iter().all(|file| file.seems_same(&self.root)) {
            return Ok(());
        }
        let made = Arc::clone(self);
        let read = move || made.files.iter().all(|file| file.holds(&made.root));
        match tokio::task::spawn_blocking(read).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(refuse::changed(&self.name)),
        }
    }
}
