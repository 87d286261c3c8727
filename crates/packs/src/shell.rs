//! The pack `shell`: one tool that runs allowed programs. No shell ever reads a line: a program is found by
//! its name once, at the start, and gets its arguments one by one.

mod arguments;
mod folder;
mod offer;
mod programs;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use durward_cage::launch::{Launcher, Plan, Walls};
use durward_core::{
    Answer, BoxFuture, Call, Offer, PackName, Provider, Refusal, RefusalCode, Target,
};

use crate::{
    PacksError,
    fs::{FsSettings, places::Places},
    run::Run,
};
use arguments::Args;
pub use programs::Programs;

/// What may be run: `packs.shell` of the configuration, and what `sandbox` says for it.
#[derive(Debug, Clone)]
pub struct ShellSettings {
    /// The programs that may be run.
    pub programs: Programs,
    /// What starts them.
    pub launcher: Launcher,
    /// What they may reach; without it, whatever durward may.
    pub walls: Option<Arc<Walls>>,
    /// The word for that.
    pub room: &'static str,
    /// Variables of durward's own that they get.
    pub inherit: Vec<String>,
    /// Variables that they get with these values.
    pub env: Vec<(String, String)>,
    /// So many bytes of each of their outputs are kept.
    pub output: usize,
    /// In which folders they may begin.
    pub files: FsSettings,
}

/// The pack: `shell_exec`.
#[derive(Debug)]
pub struct ShellPack {
    name: PackName,
    offer: Offer,
    places: Places,
    settings: ShellSettings,
}

impl ShellPack {
    /// A pack that runs these programs.
    ///
    /// # Errors
    /// A root can't be opened.
    pub fn open(settings: ShellSettings) -> Result<Self, PacksError> {
        Ok(Self {
            name: PackName::new("shell")?,
            offer: Offer {
                tools: vec![offer::exec(&settings.programs)?],
                notes: vec![offer::may_be_run(&settings.programs)],
                ..Offer::default()
            },
            places: Places::open(&settings.files)?,
            settings,
        })
    }

    async fn exec(&self, call: &Call) -> Result<Answer, Refusal> {
        let args = Args::read(call)?;
        let settings = &self.settings;
        let pin = settings.programs.allowed(&args.command)?;
        arguments::judge(&args, pin)?;
        let folder = folder::find(&self.places, args.cwd.as_deref(), call.narrowed.as_deref())?;
        let timeout = args.timeout();
        let stdin = args.stdin.map(Bytes::from);
        // Under the name that it was called by: some programs are several.
        let argv = std::iter::once(args.command).chain(args.args);
        let mut plan = Plan::new(argv)
            .pinned(pin.clone())
            .held_folder(folder.path, folder.held)
            .inherit(settings.inherit.iter().map(String::as_str));
        for (name, value) in &settings.env {
            plan = plan.env(name, value.clone());
        }
        if let Some(walls) = &settings.walls {
            plan = plan.walls(Arc::clone(walls));
        }
        let run = Run {
            plan,
            stdin,
            timeout,
            output: settings.output,
        };
        let ran = run.run(&settings.launcher, call).await?;
        ran.result().map(Answer::Own)
    }
}

impl Provider for ShellPack {
    fn name(&self) -> &PackName {
        &self.name
    }

    fn offer(&self) -> Offer {
        self.offer.clone()
    }

    fn heeds_roots(&self) -> bool {
        true
    }

    fn room(&self, _target: &Target) -> Option<&'static str> {
        Some(self.settings.room)
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        Box::pin(async move {
            match call.target.name() {
                "shell_exec" => self.exec(call).await,
                _ => Err(Refusal::new(
                    RefusalCode::NotFound,
                    "there is no such tool of the shell",
                )),
            }
        })
    }
}
