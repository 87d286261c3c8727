//! What a dry run says of commands: all of them, each with what a caller fills, and what is wrong with it.

#![expect(clippy::print_stdout, reason = "no protocol is spoken on this stdout")]

use durward_core::Tier;
use durward_guard::template::Template;
use serde::Serialize;

use crate::{
    assembly,
    config::{self, Command, Config, Sources},
    exit::Failure,
    sandbox::Sandboxes,
};

/// A command, for people and programs.
#[derive(Serialize)]
struct Row {
    command: String,
    tier: Tier,
    run: String,
    placeholders: Vec<Placeholder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct Placeholder {
    name: String,
    takes: String,
}

/// Lists the commands, and fails where one of them can't be offered. Without a configuration, since something
/// is wrong with it, they are listed all the same, as far as they can be read.
pub(crate) fn commands(
    config: Option<&Config>,
    sources: &Sources,
    json: bool,
) -> Result<(), Failure> {
    let commands = match config {
        Some(config) => config.commands.clone(),
        None => config::commands_in_spite(sources),
    };
    // What keeps all of them from being offered hides nothing that is wrong with one.
    let found = config.map(|config| assembly::command_faults(config, &Sandboxes::new()));
    let (faults, of_all) = match found {
        Some(Ok(faults)) => (faults, None),
        Some(Err(error)) => (assembly::program_faults(&commands), Some(error)),
        None => (assembly::program_faults(&commands), None),
    };
    for (name, command) in &commands {
        let name = name.to_string();
        let template = command.template();
        let problem = match &template {
            Err(fault) => Some(fault.to_string()),
            Ok(_) => faults
                .iter()
                .find(|fault| fault.name.as_str() == name)
                .map(|fault| assembly::remedied(&commands, fault)),
        };
        let row = Row::of(name, command, template.ok().as_ref(), problem);
        match json {
            true => println!("{}", serde_json::json!(row)),
            false => row.print(),
        }
    }
    match (of_all, faults.len()) {
        (Some(error), _) => Err(error.into()),
        (None, 0) => Ok(()),
        (None, 1) => Err(Failure::Unusable("a command can't be offered".to_owned())),
        (None, many) => Err(Failure::Unusable(format!(
            "{many} commands can't be offered"
        ))),
    }
}

impl Row {
    fn of(
        name: String,
        command: &Command,
        template: Option<&Template>,
        problem: Option<String>,
    ) -> Self {
        let slots = template.map(Template::slots).unwrap_or_default();
        Self {
            command: name,
            tier: command.tier,
            run: template.map_or_else(|| command.run.clone(), ToString::to_string),
            placeholders: slots
                .iter()
                .map(|slot| Placeholder {
                    name: slot.name().to_owned(),
                    takes: slot.takes(),
                })
                .collect(),
            problem,
        }
    }

    fn print(&self) {
        println!("{:<24} {:<8} {}", self.command, self.tier, self.run);
        for placeholder in &self.placeholders {
            println!("  {{{}}}: {}", placeholder.name, placeholder.takes);
        }
        if let Some(problem) = &self.problem {
            println!("  problem: {problem}");
        }
    }
}
