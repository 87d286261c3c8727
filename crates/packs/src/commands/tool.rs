//! One command: from the arguments of a call to a program that ran.

use std::{sync::Arc, time::Duration};

use durward_cage::launch::{Launcher, Pin, Plan, Walls};
use durward_core::{Answer, Call, Refusal, RefusalCode, ToolName};
use durward_guard::{
    argv,
    template::{Kind, Template, ValueFault, Why},
};

use super::{
    CommandSettings,
    base::{Base, Folder},
};
use crate::run::Run;

/// A command that may be called.
pub(super) struct CommandTool {
    name: ToolName,
    template: Template,
    program: Program,
    folder: Option<Folder>,
    walls: Option<Arc<Walls>>,
    room: &'static str,
    inherit: Vec<String>,
    env: Vec<(String, String)>,
    timeout: Duration,
    output: usize,
}

/// The program of a command, as it was found at the start.
pub(super) enum Program {
    Usual(Pin),
    /// One that runs others or destroys, and is meant to be there; and what it is.
    Dangerous(Pin, argv::Kind),
    /// None was found, and why.
    Missing(String),
}

impl CommandTool {
    pub(super) fn new(
        settings: &CommandSettings,
        program: Program,
        folder: Option<Folder>,
    ) -> Self {
        Self {
            name: settings.name.clone(),
            template: settings.template.clone(),
            program,
            folder,
            walls: settings.walls.clone(),
            room: settings.room,
            inherit: settings.inherit.clone(),
            env: settings.env.clone(),
            timeout: settings.timeout,
            output: settings.output,
        }
    }

    /// What whoever configured it should know.
    pub(super) fn warning(&self) -> Option<String> {
        let name = &self.name;
        match &self.program {
            Program::Usual(_) => None,
            Program::Dangerous(_, kind) => Some(format!(
                "commands.{name} runs `{}`, which is {kind}: callers reach through it whatever its sandbox \
                 lets them",
                self.template.program()
            )),
            Program::Missing(why) => {
                Some(format!("commands.{name}: {why}; calls of it are refused"))
            }
        }
    }

    /// What its program runs in.
    pub(super) fn room(&self) -> &'static str {
        self.room
    }

    /// What its program is, where it is dangerous.
    pub(super) fn danger(&self) -> Option<argv::Kind> {
        match &self.program {
            Program::Dangerous(_, kind) => Some(*kind),
            _ => None,
        }
    }

    pub(super) async fn run(
        &self,
        call: &Call,
        base: &Base,
        launcher: &Launcher,
    ) -> Result<Answer, Refusal> {
        let (Program::Usual(pin) | Program::Dangerous(pin, _)) = &self.program else {
            return Err(Refusal::new(
                RefusalCode::Unavailable,
                "the program of this command is not installed on this machine",
            )
            .detail("program_missing"));
        };
        let arguments = self.arguments(call, base)?;
        let argv = std::iter::once(self.template.program().to_owned()).chain(arguments);
        let mut plan = Plan::new(argv)
            .pinned(pin.clone())
            .inherit(self.inherit.iter().map(String::as_str));
        if let Some(folder) = &self.folder {
            plan = plan.held_folder(&folder.path, Arc::clone(&folder.held));
        }
        for (name, value) in &self.env {
            plan = plan.env(name.as_str(), value.clone());
        }
        if let Some(walls) = &self.walls {
            plan = plan.walls(Arc::clone(walls));
        }
        let run = Run {
            plan,
            stdin: None,
            timeout: self.timeout,
            output: self.output,
        };
        let ran = run.run(launcher, call).await?;
        let is_late = ran.timed_out;
        let result = ran.result()?;
        Ok(Answer::Own(match is_late {
            true => result.out_of_time(),
            false => result,
        }))
    }

    /// What the program is given: as many arguments as the template has words.
    fn arguments(&self, call: &Call, base: &Base) -> Result<Vec<String>, Refusal> {
        let given = call.arguments.value();
        let known = |name: &String| self.template.slots().iter().any(|slot| slot.name() == name);
        let unknown = given
            .as_object()
            .and_then(|all| all.keys().find(|name| !known(name)));
        if let Some(name) = unknown {
            let short: String = name.chars().take(64).collect();
            let reason = format!("`{short}` is not an argument of this tool.");
            return Err(Refusal::new(RefusalCode::InvalidArguments, reason));
        }
        let values = self.template.slots().iter().map(|slot| {
            let value = given.get(slot.name()).ok_or_else(|| ValueFault {
                slot: slot.name().into(),
                why: Why::Missing,
            })?;
            let text = slot.judge(value)?;
            match slot.kind() {
                Kind::Path => {
                    let walls = self.walls.as_deref();
                    base.path(&text, call.narrowed.as_deref(), walls)
                        .map_err(|refusal| refusal.path(format!("/{}", slot.name())))
                }
                _ => Ok(text.into_owned()),
            }
        });
        let values = values.collect::<Result<Vec<_>, Refusal>>()?;
        let arguments = self.template.arguments(&values)?;
        self.without_hazard(&arguments)?;
        Ok(arguments)
    }

    /// Refuses a value by which the program would run another one. What the template says itself is meant.
    fn without_hazard(&self, arguments: &[String]) -> Result<(), Refusal> {
        match argv::hazard(self.basename(), arguments) {
            Some(hazard) if !self.template.is_literal(hazard.at) => Err(Refusal::new(
                RefusalCode::Denied,
                format!(
                    "argument {} of the command {}, which no value may make it do",
                    hazard.at + 1,
                    hazard.why
                ),
            )
            .detail("argument_not_allowed")),
            _ => Ok(()),
        }
    }

    fn basename(&self) -> &str {
        let program = self.template.program();
        program.rsplit('/').next().unwrap_or(program)
    }
}
