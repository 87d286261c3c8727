//! File, environment and `--set` to the configuration.

use std::path::{Path, PathBuf};

use durward_core::Secret;
use serde::Deserialize;

use super::{
    Commands, Config, ConfigError, Diagnostic, Digest, Origins, Severity, Sources, commands,
    defaults,
    fault::Fault,
    find::{Found, find, writable_by_all},
    interpolate::interpolate,
    mask::mask,
    node::{Node, Value},
    origin::{Source, Texts},
    overlay, plugins,
    reader::{Reader, Unseal},
    semantic::semantic,
    servers, unasked, unbuilt,
    unseal::Vault,
    yaml,
};

/// A configuration that was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The secrets that it has in it, for whoever must not show them.
    pub secrets: Vec<Secret>,
    /// Where each value came from.
    pub origins: Origins,
    /// The file, if there was one.
    pub path: Option<PathBuf>,
    /// Of the configuration as it holds, secrets aside: it changes when anything changes that counts.
    pub digest: Digest,
    /// What should not stay as it is.
    pub warnings: Vec<Diagnostic>,
    /// A `durward.yaml` in the working folder that was not read, since nobody trusts it yet.
    pub untrusted: Option<PathBuf>,
}

/// Reads the configuration: `--set` over the environment over the file over the defaults.
///
/// # Errors
///
/// All that is wrong with it, each with its file and line. There is no half of a configuration.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    settle(find(sources)?, sources)
}

/// The same, of a file that is yet to have this text.
///
/// # Errors
///
/// As [`load`].
pub(crate) fn load_text(path: &Path, text: &str, sources: &Sources) -> Result<Loaded, ConfigError> {
    let found = Found {
        file: Some((path.to_owned(), text.to_owned())),
        untrusted: None,
    };
    settle(found, sources)
}

/// The commands of a configuration in which something is wrong, as far as they can be read. No secret is.
pub(crate) fn commands_in_spite(sources: &Sources) -> Commands {
    let (mut texts, mut faults) = (Texts::default(), Vec::new());
    let Ok(Ok(mut root)) =
        find(sources).map(|found| tree(&found, sources, &mut texts, &mut faults))
    else {
        return Commands::default();
    };
    let unseal = |_: &str| Err(Fault::new("no secret is read"));
    let config = typed(&mut root, &unseal, &mut faults);
    let mut commands = config.map_or_else(Commands::default, |config| config.commands);
    commands::mark(&mut commands, &root, &texts);
    commands
}

/// File, environment and options, one over the other, before anything is read of them.
fn tree(
    found: &Found,
    sources: &Sources,
    texts: &mut Texts,
    faults: &mut Vec<Fault>,
) -> Result<Node, ConfigError> {
    let mut root = defaults::tree();
    if let Some((path, text)) = &found.file {
        let id = texts.add(Source::File(path.clone()), text);
        match yaml::parse(text, id).and_then(|node| with_version(node, text, id)) {
            Ok(node) => overlay::file(&mut root, node, faults),
            Err(fault) => return Err(error(fault, texts).into()),
        }
    }
    overlay::overrides(&mut root, sources, texts, faults);
    if sources.unasked {
        unasked::close(&mut root);
    }
    unbuilt::refuse(&mut root, faults);
    interpolate(&mut root, sources, texts, faults);
    servers::refuse(&mut root, faults);
    Ok(root)
}

/// The same, of a file that was found.
pub(super) fn settle(found: Found, sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut texts = Texts::default();
    let mut faults = Vec::new();
    let mut root = tree(&found, sources, &mut texts, &mut faults)?;
    mask(&root, &mut texts);
    let vault = Vault::new(&root, sources);
    let mut config = typed(&mut root, &|name| vault.unseal(name), &mut faults);
    if let (Some(config), Some((path, _))) = (&mut config, &found.file) {
        config.own_file = Some(sources.cwd.join(path));
    }
    if let Some(config) = &mut config {
        plugins::settle(config, &sources.cwd);
        commands::mark(&mut config.commands, &root, &texts);
    }
    let mut warnings = Vec::new();
    if let (Some(config), true) = (&config, faults.is_empty()) {
        semantic(config, &root, &mut faults, &mut warnings);
    }
    let exposed = found
        .file
        .as_ref()
        .and_then(|(path, _)| writable_by_all(&sources.cwd.join(path)));
    match config {
        Some(config) if faults.is_empty() => Ok(Loaded {
            digest: digest(&config),
            secrets: vault.opened(),
            origins: Origins::of(&root, &texts),
            path: found.file.map(|(path, _)| path),
            warnings: warnings
                .into_iter()
                .map(|fault| Diagnostic::of(fault, Severity::Warning, &texts))
                .chain(exposed)
                .collect(),
            untrusted: found.untrusted,
            config,
        }),
        _ => Err(ConfigError(in_order(faults, &texts))),
    }
}

/// A file says which version of the format it is.
fn with_version(node: Option<Node>, text: &str, id: super::origin::TextId) -> Result<Node, Fault> {
    let start = super::node::Place {
        text: id,
        span: 0..text.lines().next().map_or(0, str::len),
    };
    let missing =
        || Fault::new("the file does not say its version").hint("begin it with `version: 1`");
    let node = node.ok_or_else(|| missing().place(start.clone()))?;
    match &node.value {
        Value::Map(map) if map.get("version").is_none() => Err(missing().place(start)),
        _ => Ok(node),
    }
}

/// Reads the types. A section with a fault is put back to its default and the rest is read on, so
/// that one run shows a fault of every section.
fn typed(root: &mut Node, unseal: Unseal<'_>, faults: &mut Vec<Fault>) -> Option<Config> {
    // Each round ends it or takes one key of the file out of the way.
    for _ in 0..100 {
        let fault = match Config::deserialize(Reader::new(root, unseal)) {
            Ok(config) => return Some(config),
            Err(fault) => fault,
        };
        let (section, entry) = match fault.path.as_slice() {
            // One command more or less says nothing of the others.
            [.., name, section] if section == "commands" => (section.clone(), Some(name.clone())),
            [.., section] => (section.clone(), None),
            [] => return None,
        };
        if !faults.iter().any(|known| known.within(&fault)) {
            faults.push(fault);
        }
        let Value::Map(map) = &mut root.value else {
            return None;
        };
        match (entry, map.get_mut(&section).map(|node| &mut node.value)) {
            (Some(name), Some(Value::Map(commands))) if commands.get(&name).is_some() => {
                commands.remove(&name);
            }
            _ => map.remove(&section),
        }
    }
    None
}

fn digest(config: &Config) -> Digest {
    // The types serialize without fail, and secrets as a word.
    Digest::of(&serde_json::to_vec(config).unwrap_or_default())
}

fn error(fault: Fault, texts: &Texts) -> Diagnostic {
    Diagnostic::of(fault, Severity::Error, texts)
}

/// From the top of the file to its end.
fn in_order(mut faults: Vec<Fault>, texts: &Texts) -> Vec<Diagnostic> {
    faults.sort_by_key(|fault| {
        fault
            .place
            .as_ref()
            .map(|place| (place.text, place.span.start))
    });
    faults
        .into_iter()
        .map(|fault| error(fault, texts))
        .collect()
}
