//! What a predecessor was told, line by line, from wherever it was read.

use std::path::{Path, PathBuf};

use crate::config::Tree;

/// All that was read.
#[derive(Default)]
pub(crate) struct Given {
    /// Variables, weaker sources first.
    pub(super) variables: Vec<Setting>,
    /// Command lines, from the program on.
    pub(super) commands: Vec<CommandLine>,
    /// Configuration files of the predecessor itself.
    pub(super) configs: Vec<ConfigFile>,
    /// Addresses that clients have.
    pub(super) remotes: Vec<Remote>,
    /// Ports that a container publishes.
    pub(super) published: Vec<Published>,
    /// Folders that a container is given.
    pub(super) mounts: Vec<Mount>,
    /// Lines that say nothing to the predecessor.
    pub(super) aside: Vec<Aside>,
    /// How many sources were read so far.
    pub(super) sources: usize,
}

/// One variable or option.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// Where it stands, for people: a file and a line.
    pub(super) at: String,
    /// Its name as it stands there.
    pub(super) label: String,
    /// The variable's name, whatever the spelling.
    pub(super) name: String,
    /// Its value, which may be a secret.
    pub(super) value: String,
    /// Which source it is of; a later one beats those before it.
    pub(super) source: usize,
    /// Where its relative paths begin.
    pub(super) folder: PathBuf,
}

/// A command line, from the program on.
pub(crate) struct CommandLine {
    pub(super) at: String,
    pub(super) words: Vec<String>,
    pub(super) folder: PathBuf,
}

/// A configuration file of the predecessor itself.
pub(crate) struct ConfigFile {
    pub(super) file: String,
    pub(super) tree: Tree,
    pub(super) folder: PathBuf,
}

/// A server by its address, as clients have it.
pub(crate) struct Remote {
    pub(super) at: String,
    pub(super) url: String,
    /// The key that the client shows.
    pub(super) bearer: Option<String>,
}

/// A published port.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(super) at: String,
    /// The address outside; all of them where none is said.
    pub(super) address: Option<String>,
    /// The port outside.
    pub(super) outside: String,
    /// The port inside.
    pub(super) inside: String,
}

/// A folder of the machine, and what the container calls it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(super) at: String,
    /// `None` for a volume of the engine's own.
    pub(super) outside: Option<PathBuf>,
    pub(super) inside: String,
    pub(super) read_only: bool,
}

/// A line that says nothing to the predecessor.
pub(crate) struct Aside {
    pub(super) at: String,
    pub(super) label: String,
    pub(super) why: &'static str,
}

impl Given {
    /// Was nothing found that is the predecessor's?
    pub(crate) fn is_empty(&self) -> bool {
        self.variables.is_empty()
            && self.commands.is_empty()
            && self.configs.is_empty()
            && self.remotes.is_empty()
    }

    /// The setting that holds: the last one.
    pub(super) fn holding(&self, name: &str) -> Option<&Setting> {
        self.all(name).last().copied()
    }

    /// All settings of a name from the source that holds.
    pub(super) fn all(&self, name: &str) -> Vec<&Setting> {
        let named = || self.variables.iter().filter(|setting| setting.name == name);
        let source = named().map(|setting| setting.source).max();
        named()
            .filter(|setting| Some(setting.source) == source)
            .collect()
    }

    /// The value that holds, unless it is empty.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.holding(name)
            .map(|setting| setting.value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A path inside of a container as it is outside, where a mount says so.
    pub(super) fn outside(&self, inside: &Path) -> Option<(PathBuf, &Mount)> {
        self.mounts
            .iter()
            .filter_map(|mount| {
                let rest = inside.strip_prefix(&mount.inside).ok()?;
                let outside = mount.outside.as_ref()?;
                let whole = match rest.as_os_str().is_empty() {
                    true => outside.clone(),
                    false => outside.join(rest),
                };
                Some((whole, mount))
            })
            .max_by_key(|(_, mount)| mount.inside.len())
    }
}

impl Setting {
    /// Its value as an absolute path; `~` and variables are left to be expanded.
    pub(super) fn path(&self) -> String {
        absolute(&self.value, &self.folder)
    }

    /// The items of a list with commas.
    pub(super) fn items(&self) -> impl Iterator<Item = &str> {
        self.value
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }

    /// Is it `1`, `true`, `yes` or `on`, in any case?
    pub(super) fn is_on(&self) -> bool {
        ["1", "true", "yes", "on"]
            .iter()
            .any(|word| self.value.trim().eq_ignore_ascii_case(word))
    }
}

/// A path that does not depend on the working folder.
pub(super) fn absolute(path: &str, folder: &Path) -> String {
    if path.starts_with(['/', '~', '$']) {
        return path.to_owned();
    }
    let joined = folder.join(path.strip_prefix("./").unwrap_or(path));
    let text = joined.display().to_string();
    match text.strip_suffix("/.").or(text.strip_suffix('/')) {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => text,
    }
}
