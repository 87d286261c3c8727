//! What shall run.

use std::{fmt, os::fd::OwnedFd, path::PathBuf, sync::Arc};

use durward_core::Secret;

use super::{Pin, Walls};

/// What changes how a program loads code or finds its tools; never inherited.
const NEVER: [&str; 12] = [
    "NODE_OPTIONS",
    "NODE_PATH",
    "BASH_ENV",
    "ENV",
    "SHELLOPTS",
    "PERL5LIB",
    "PERL5OPT",
    "RUBYLIB",
    "RUBYOPT",
    "JAVA_TOOL_OPTIONS",
    "GLIBC_TUNABLES",
    "IFS",
];

/// The same, whatever they go on with; and durward's own.
const NEVER_BEGINS: [&str; 6] = ["LD_", "DYLD_", "PYTHON", "GIT_", "BASH_FUNC_", "DURWARD_"];

/// A program, its arguments, and all that it has from us. Its environment is empty but for what is given.
#[derive(Clone)]
pub struct Plan {
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, Secret)>,
    pub(super) folder: Option<PathBuf>,
    pub(super) held_folder: Option<Arc<OwnedFd>>,
    pub(super) files: Option<u64>,
    pub(super) walls: Option<Arc<Walls>>,
    pub(super) pin: Option<Pin>,
    pub(super) reads_nothing: bool,
    pub(super) is_trial: bool,
}

impl Plan {
    /// The program, by a name to be found in `PATH` or by its path, and its arguments. No shell reads them.
    pub fn new<I, S>(argv: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            folder: None,
            held_folder: None,
            files: None,
            walls: None,
            pin: None,
            reads_nothing: false,
            is_trial: false,
        }
    }

    /// Gives a variable; one of the same name that was given before is replaced.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        let name = name.into();
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.into()));
        self
    }

    /// Gives variables as durward has them itself, those that it has. What changes how programs load
    /// code (`LD_*`, `NODE_OPTIONS`, `PYTHON*`, `GIT_*`, `BASH_ENV` …) is never passed on.
    #[must_use]
    pub fn inherit<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let fit = names.into_iter().filter(|name| !never(name));
        fit.fold(self, |plan, name| match std::env::var(name) {
            Ok(value) => plan.env(name, value),
            Err(_) => plan,
        })
    }

    /// The working folder; without one it is durward's own.
    #[must_use]
    pub fn folder(mut self, path: impl Into<PathBuf>) -> Self {
        self.folder = Some(path.into());
        self
    }

    /// The working folder, by a descriptor that holds it: what is put at its path meanwhile is not entered.
    /// Who runs in a tree of its own enters the path there.
    #[must_use]
    pub fn held_folder(mut self, path: impl Into<PathBuf>, folder: Arc<OwnedFd>) -> Self {
        self.held_folder = Some(folder);
        self.folder(path)
    }

    /// How many files it may have open (`RLIMIT_NOFILE`, getrlimit(2)).
    #[must_use]
    pub fn files(mut self, most: u64) -> Self {
        self.files = Some(most);
        self
    }

    /// What it may reach; without it, whatever durward may.
    #[must_use]
    pub fn walls(mut self, walls: Arc<Walls>) -> Self {
        self.walls = Some(walls);
        self
    }

    /// Runs this file, whatever the program's name stands for by now.
    #[must_use]
    pub fn pinned(mut self, pin: Pin) -> Self {
        self.pin = Some(pin);
        self
    }

    /// Gives it `/dev/null` to read. Some programs read a pipe that they are given, empty or not, in place of
    /// the files that they were to find themselves.
    #[must_use]
    pub fn reads_nothing(mut self) -> Self {
        self.reads_nothing = true;
        self
    }

    /// The program as it was named; empty where none was.
    pub fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }
}

/// Arguments may hold secrets as well as the environment does.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("program", &self.program())
            .field("arguments", &self.argv.len().saturating_sub(1))
            .field("variables", &self.env.len())
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

fn never(name: &str) -> bool {
    NEVER.contains(&name) || NEVER_BEGINS.iter().any(|begin| name.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loads_code_is_never_inherited() {
        for name in [
            "LD_PRELOAD",
            "PYTHONPATH",
            "GIT_SSH_COMMAND",
            "NODE_OPTIONS",
            "BASH_ENV",
        ] {
            assert!(never(name), "{name}");
        }
        assert!(!never("PATH") && !never("HOME") && !never("GITHUB_TOKEN"));
    }

    #[test]
    fn a_variable_has_one_value_and_no_debug_shows_it() {
        let plan = Plan::new(["tool", "--key=hunter2"])
            .env("A", "hunter1")
            .env("A", "hunter3");
        assert_eq!(plan.env.len(), 1);
        assert_eq!(plan.env[0].1.expose(), "hunter3");
        assert!(!format!("{plan:?}").contains("hunter"));
    }
}
