//! `commands`, as their pack takes them.

use std::{path::PathBuf, time::Duration};

use durward_cage::launch::Launcher;
use durward_guard::{limit::ToolLimits, template::TemplateFault};
use durward_ledger::{Event, EventName};
use durward_packs::{
    PacksError,
    commands::{self, CommandFault, CommandSettings, CommandsPack, CommandsSettings},
};

use super::AssemblyError;
use crate::{
    config::{self, Command, Commands, Config, Files, Room, ToolKey},
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

/// What is wrong with the programs of those that have a sound template, whatever is wrong with the others or the
/// rest of the configuration.
pub fn program_faults(all: &Commands) -> Vec<CommandFault> {
    commands::faults(&without_walls(all))
}

/// Those that have a sound template, for who only looks at their programs.
pub fn without_walls(all: &Commands) -> CommandsSettings {
    let sound = all.iter().filter_map(|(name, command)| {
        let mut bare = bare(name, command, Duration::MAX).ok()?;
        bare.cwd = None;
        Some(bare)
    });
    CommandsSettings {
        commands: sound.collect(),
        files: None,
        forbidden: Vec::new(),
        launcher: Launcher::default(),
    }
}

/// The pack of all commands.
pub(super) fn pack(config: &Config, builder: &Builder<'_>) -> Result<CommandsPack, AssemblyError> {
    let told = |error| match error {
        PacksError::Commands(faults) => {
            let one = |fault: &CommandFault| {
                let why = remedied(&config.commands, fault);
                format!("commands.{}: {why}", fault.name)
            };
            AssemblyError::Commands(faults.iter().map(one).collect::<Vec<_>>().join("\n"))
        }
        other => other.into(),
    };
    CommandsPack::open(&settings(config, builder)?).map_err(told)
}

/// Why a command can't be offered, with the remedy that its user has: variables have no keys.
pub fn remedied(all: &Commands, fault: &CommandFault) -> String {
    let why = fault.why.to_string();
    let mut said = all.iter();
    match said.find(|(key, _)| *key.name() == fault.name) {
        Some((_, command)) if command.by_variables => why
            .replace("`missing: warn`", "`MCP_EXEC_ALLOW_MISSING_BINARIES=true`")
            .replace("`dangerous: true`", "`MCP_EXEC_ALLOW_DANGEROUS=true`"),
        _ => why,
    }
}

/// One without walls.
fn bare(
    name: &ToolKey,
    command: &Command,
    timeout: Duration,
) -> Result<CommandSettings, TemplateFault> {
    let template = command.template()?;
    Ok(CommandSettings {
        name: name.name().clone(),
        program: commands::find(&template),
        template,
        description: command.description.clone(),
        tier: command.tier,
        timeout: command.timeout.map_or(timeout, config::Period::duration),
        cwd: command.cwd.clone(),
        dangerous: command.dangerous,
        missing: match command.missing {
            config::Missing::Refuse => commands::Missing::Refuse,
            config::Missing::Warn => commands::Missing::Warn,
        },
        walls: None,
        room: Room::Host.as_str(),
        inherit: Vec::new(),
        env: Vec::new(),
        output: 0,
    })
}

fn one(
    config: &Config,
    builder: &Builder<'_>,
    name: &ToolKey,
    command: &Command,
) -> Result<CommandSettings, AssemblyError> {
    let wrong = |fault| AssemblyError::Command {
        name: name.to_string(),
        fault,
    };
    let bare = bare(name, command, config.limits.timeout.duration()).map_err(wrong)?;
    // A program that lies elsewhere than others has to be shown to be run.
    let pin = bare.program.iter();
    let shows: Vec<PathBuf> = pin.map(|pin| pin.path().to_owned()).collect();
    let enclosure = builder.enclose(&Item {
        key: &format!("commands.{name}"),
        said: command.sandbox.as_ref(),
        usual: Room::Box,
        folder: None,
        shows: &shows,
    })?;
    Ok(CommandSettings {
        walls: Some(enclosure.walls),
        room: enclosure.word,
        inherit: enclosure.inherit,
        env: enclosure.env,
        output: enclosure.output,
        ..bare
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
