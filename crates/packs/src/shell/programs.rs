//! Which programs may be run, and the very files that they were at the start.

use std::{collections::BTreeMap, path::PathBuf};

use durward_cage::launch::{Pin, Plan};
use durward_core::{Refusal, RefusalCode};
use durward_guard::argv::{Kind, is_basename, is_many, kind};

/// What is allowed, by the name that callers use; each found once.
#[derive(Debug, Clone)]
pub struct Programs(BTreeMap<String, Found>);

/// What a name turned out to be.
#[derive(Debug, Clone)]
enum Found {
    /// May be run.
    Program(Pin),
    /// Is one that runs others, by this name, and nobody said that it may.
    Refused { is: Kind, name: String },
    /// Is not there, and why.
    Missing(String),
}

impl Programs {
    /// Looks for these in `PATH`. Those that run whatever they are told to are refused, but for the ones
    /// that `interpreters` names as well.
    pub fn find(allow: &[String], interpreters: &[String]) -> Self {
        let found = allow
            .iter()
            .map(|name| (name.clone(), look(name, interpreters.contains(name))));
        Self(found.collect())
    }

    /// The files of those that were found: a box has to show them.
    pub fn files(&self) -> Vec<PathBuf> {
        let programs = self.0.values();
        let files = programs.filter_map(|found| match found {
            Found::Program(pin) => Some(pin.path().to_owned()),
            _ => None,
        });
        files.collect()
    }

    /// The file of an allowed program.
    pub(super) fn allowed(&self, name: &str) -> Result<&Pin, Refusal> {
        match self.0.get(name) {
            Some(Found::Program(pin)) => Ok(pin),
            Some(Found::Missing(_)) => Err(Refusal::new(
                RefusalCode::NotFound,
                format!("`{name}` is allowed, and is not installed on this machine"),
            )
            .detail("program_missing")
            .path("/command")),
            Some(Found::Refused { is, .. }) => Err(not_allowed(format!(
                "`{name}` is {is}, so it may not be run here, not even where it is allowed; ask for the \
                 program that does the work itself"
            ))
            .detail("interpreter")
            .rule("packs.shell.allow_interpreters")),
            None => Err(self.unknown(name)),
        }
    }

    /// The names that may be called, as far as they lead to a program.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let programs = self.0.iter();
        programs.filter_map(|(name, found)| match found {
            Found::Program(_) => Some(name.as_str()),
            _ => None,
        })
    }

    /// What whoever configured it should know.
    pub fn warnings(&self) -> Vec<String> {
        let warning = |(name, found): (&String, &Found)| {
            Some(match found {
                Found::Program(_) => return None,
                Found::Missing(why) => format!("packs.shell.allow: {why}; calls of it are refused"),
                Found::Refused { is, name: real } if real == name => format!(
                    "packs.shell.allow: `{name}` is {is}, so calls of it are refused; \
                     packs.shell.allow_interpreters is where such a program is named by those who mean it"
                ),
                Found::Refused { is, name: real } => format!(
                    "packs.shell.allow: `{name}` is in truth `{real}`, {is}, so calls of it are refused; \
                     packs.shell.allow_interpreters is where such a program is named by those who mean it"
                ),
            })
        };
        self.0.iter().filter_map(warning).collect()
    }

    fn unknown(&self, name: &str) -> Refusal {
        let short: String = name.chars().take(64).collect();
        let names: Vec<_> = self.names().map(|name| format!("`{name}`")).collect();
        let reason = match names.as_slice() {
            [] => format!("`{short}` may not be run: no program is allowed"),
            names => format!(
                "`{short}` is not among the programs that may be run: {}. Give the name alone, without a path",
                names.join(", ")
            ),
        };
        not_allowed(reason)
    }
}

fn look(name: &str, may_be_any: bool) -> Found {
    if !is_basename(name) {
        return Found::Missing(format!("`{name}` is not the name of a program"));
    }
    let refused = |name: &str| {
        kind(name).filter(|_| !may_be_any).map(|is| Found::Refused {
            is,
            name: name.to_owned(),
        })
    };
    // What it is called says enough, there or not.
    if let Some(refused) = refused(name) {
        return refused;
    }
    match Pin::of(&Plan::new([name])) {
        Ok(pin) if is_many(pin.name()) => Found::Program(pin),
        Ok(pin) => refused(pin.name()).unwrap_or(Found::Program(pin)),
        Err(fault) => Found::Missing(fault.to_string()),
    }
}

fn not_allowed(reason: String) -> Refusal {
    Refusal::new(RefusalCode::CommandNotAllowed, reason).path("/command")
}
