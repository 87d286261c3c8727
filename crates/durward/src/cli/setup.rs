//! What most commands begin with: reading the configuration and setting up the log.

use std::path::PathBuf;

use crate::{
    cli::{Common, colors},
    config::{self, Loaded, Sources, Whereabouts, load},
    dry_run,
    exit::{Failure, failed},
    instance::Running,
};

/// What the configuration is made from, for this command.
pub(super) fn sources(common: &Common, extra: &[String]) -> Result<Sources, Failure> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let mut set = extra.to_vec();
    if let Some(level) = &common.log {
        set.push(format!("telemetry.log={level}"));
    }
    set.extend(common.set.iter().cloned());
    Ok(Sources {
        file: common.config.clone(),
        set,
        commands: Vec::new(),
        env: std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        cwd: std::env::current_dir().map_err(failed)?,
        home: folder("HOME"),
        xdg_config_home: folder("XDG_CONFIG_HOME"),
        xdg_runtime_dir: folder("XDG_RUNTIME_DIR"),
        state: common.state.clone(),
        unasked: false,
    })
}

/// Where the daemon of this configuration is to be found.
pub(super) fn whereabouts(common: &Common) -> Result<Whereabouts, Failure> {
    Ok(config::whereabouts(&sources(common, &[])?)?)
}

/// Where the daemon listens: as it says itself, for its environment may differ from ours; else where it
/// would.
pub(super) fn socket(common: &Common) -> Result<PathBuf, Failure> {
    let place = whereabouts(common)?;
    let running = Running::of(&place.state).map_err(failed)?;
    Ok(running.map_or(place.listen.socket, |running| running.socket))
}

/// Reads the configuration and says what should not stay as it is.
pub(super) fn loaded(common: &Common, extra: &[String]) -> Result<(Loaded, Sources), Failure> {
    loaded_from(common, sources(common, extra)?)
}

/// The same, with these commands beside the file's; where nothing is to be started, they are listed first, also
/// those that can't be offered.
pub(super) fn loaded_with_commands(
    common: &Common,
    mut sources: Sources,
    commands: &[String],
    listed: bool,
) -> Result<(Loaded, Sources), Failure> {
    sources.commands = commands.to_vec();
    let loaded = loaded_from(common, sources.clone());
    if listed {
        let config = loaded.as_ref().ok().map(|(loaded, _)| &loaded.config);
        let offered = dry_run::commands(config, &sources, common.json);
        // What is wrong with the configuration says more than that a command can't be offered.
        return loaded.and_then(|loaded| offered.map(|()| loaded));
    }
    loaded
}

/// The same, from these sources.
fn loaded_from(common: &Common, sources: Sources) -> Result<(Loaded, Sources), Failure> {
    let loaded = load(&sources)?;
    for warning in &loaded.warnings {
        eprintln!("{}", warning.render(colors(common)));
    }
    if let Some(path) = &loaded.untrusted {
        eprintln!(
            "note: `{}` was not read, since nobody trusts it yet: see `durward trust`",
            path.display()
        );
    }
    Ok((loaded, sources))
}
