//! `commands`, as their pack takes them.

use std::{path::PathBuf, time::Duration};

use durward_guard::limit::ToolLimits;
use durward_ledger::{Event, EventName};
use durward_packs::commands::{self, CommandSettings, CommandsSettings};

use super::AssemblyError;
use crate::{
    config::{self, Command, Config, Files, Room, ToolKey},
    sandbox::{Builder, Item},
};

/// The gate waits for so much longer than a command may run: its end is worth more than the bare word that
/// there was no time.
const BEHIND: Duration = Duration::from_secs(1);

/// All commands of a configuration.
pub(super) fn settings(
    config: &Config,
    builder: &Builder<'_>,
) -> Result<CommandsSettings, AssemblyError> {
    let files = super::files(config);
    let one = |(name, command)| one(config, builder, name, command);
    Ok(CommandsSettings {
        commands: config
            .commands
            .iter()
            .map(one)
            .collect::<Result<_, AssemblyError>>()?,
        forbidden: files.forbidden.clone(),
        files: shares(config).then_some(files),
        launcher: builder.launcher(),
    })
}

/// Is there a folder that paths can begin in? The working folder, which nobody named, is one only where its
/// files are offered as well.
fn shares(config: &Config) -> bool {
    let files = &config.files;
    config.packs.fs.enabled || !files.roots.is_empty() || files.root != Files::default().root
}

fn one(
    config: &Config,
    builder: &Builder<'_>,
    name: &ToolKey,
    command: &Command,
) -> Result<CommandSettings, AssemblyError> {
    let wrong = |fault: durward_guard::template::TemplateFault| AssemblyError::Command {
        name: name.to_string(),
        fault,
    };
    let template = command.template().map_err(wrong)?;
    let program = commands::find(&template);
    // A program that lies elsewhere than others has to be shown to be run.
    let shows: Vec<PathBuf> = program.iter().map(|pin| pin.path().to_owned()).collect();
    let enclosure = builder.enclose(&Item {
        key: &format!("commands.{name}"),
        said: command.sandbox.as_ref(),
        usual: Room::Box,
        folder: None,
        shows: &shows,
    })?;
    Ok(CommandSettings {
        name: name.name().clone(),
        template,
        program,
        description: command.description.clone(),
        tier: command.tier,
        timeout: command.timeout.unwrap_or(config.limits.timeout).duration(),
        cwd: command.cwd.clone(),
        dangerous: command.dangerous,
        missing: match command.missing {
            config::Missing::Refuse => commands::Missing::Refuse,
            config::Missing::Warn => commands::Missing::Warn,
        },
        walls: Some(enclosure.walls),
        room: enclosure.word,
        inherit: enclosure.inherit,
        env: enclosure.env,
        output: enclosure.output,
    })
}

/// How long the gate waits for each, where the file says how long it may run.
pub(super) fn timeouts(config: &Config) -> impl Iterator<Item = (String, ToolLimits)> {
    config.commands.iter().filter_map(|(name, command)| {
        let limits = ToolLimits {
            timeout: Some(command.timeout?.duration() + BEHIND),
            ..ToolLimits::default()
        };
        Some((name.to_string(), limits))
    })
}

/// For the record: commands whose program may be a shell, `rm` and the like.
pub fn dangers(config: &Config) -> Vec<Event> {
    let dangerous = config.commands.iter().filter(|(_, it)| it.dangerous);
    let told = dangerous.map(|(name, command)| {
        let template = command.template();
        let program = template.as_ref().map_or("", |template| template.program());
        Event::new(EventName::PROTECTION_REDUCED)
            .subject(format!("commands.{name}"))
            .why(format!("`dangerous: true`: it may run `{program}`"))
    });
    told.collect()
}
