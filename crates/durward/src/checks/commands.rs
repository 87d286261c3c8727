//! Commands that can't run as things are, and those that may do what others may not.

use durward_packs::commands::{CommandSettings, CommandsPack, Missing};

use super::Finding;
use crate::{assembly, config::Commands};

/// What whoever configured commands should know of their programs.
pub(crate) fn commands(all: &Commands) -> Vec<Finding> {
    let settings = assembly::without_walls(all);
    // Where one of them is refused, that was told before.
    let dangerous = CommandsPack::open(&settings).map_or_else(|_| Vec::new(), |it| it.dangerous());
    let mut findings = Vec::new();
    for command in &settings.commands {
        let said = all.iter().find(|(key, _)| *key.name() == command.name);
        let by_variables = said.is_some_and(|(_, said)| said.by_variables);
        findings.extend(missing(command, by_variables));
        let kind = dangerous.iter().find(|(name, _)| *name == command.name);
        match (kind, &command.program) {
            (Some((_, kind)), _) => findings.push(Finding::new(
                format!(
                    "`commands.{}` runs `{}`, which is {kind}: callers reach through it whatever its sandbox lets them",
                    command.name,
                    command.template.program()
                ),
                match by_variables {
                    true => "unless that is meant, take out `MCP_EXEC_ALLOW_DANGEROUS`",
                    false => "unless that is meant, take out `dangerous: true`",
                },
            )),
            // The variable speaks of all of them.
            (None, Ok(_)) if command.dangerous && !by_variables => findings.push(Finding::new(
                format!(
                    "`commands.{}` says `dangerous: true`, and `{}` needs none",
                    command.name,
                    command.template.program()
                ),
                "take it out: another program of that name would be permitted more",
            )),
            _ => {}
        }
    }
    findings
}

fn missing(command: &CommandSettings, by_variables: bool) -> Option<Finding> {
    let (Err(why), Missing::Warn) = (&command.program, command.missing) else {
        return None;
    };
    let place = match by_variables {
        true => "`MCP_EXEC_COMMANDS`",
        false => "the configuration",
    };
    Some(Finding::new(
        format!(
            "`commands.{}`: {why}; calls of it are refused",
            command.name
        ),
        format!("install it and run `durward reload`, or take the command out of {place}"),
    ))
}
