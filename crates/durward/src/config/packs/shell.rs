//! `packs.shell`: which programs callers may run.

use std::{fmt, str::FromStr};

use durward_guard::argv::{is_basename, kind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{
    Config,
    fault::Fault,
    node::Node,
    sandbox::{self, ItemSandbox, Room},
    semantic::place_of,
    text::text_type,
    units::Unfit,
};

/// The pack `shell`, whose programs run within what `sandbox` allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShellPack {
    /// Whether `shell_exec` is offered.
    pub enabled: bool,
    /// The programs that may be run, by their names alone. Each is looked for in `PATH` at the start, and
    /// that very file is run from then on.
    #[schemars(with = "Vec<String>")]
    pub allow: Vec<ProgramName>,
    /// Those of them that may be shells, interpreters and other programs that run whatever they are told
    /// to; without their name here they are refused.
    #[schemars(with = "Vec<String>")]
    pub allow_interpreters: Vec<ProgramName>,
    /// The walls around them: `box` (also where nothing is said), `home`, `host` (none), or keys that change
    /// its room.
    pub sandbox: Option<ItemSandbox>,
}

impl Default for ShellPack {
    fn default() -> Self {
        let names = ["git", "ls", "rg"];
        Self {
            enabled: false,
            allow: names.iter().filter_map(|name| name.parse().ok()).collect(),
            allow_interpreters: Vec::new(),
            sandbox: None,
        }
    }
}

/// The name of a program, without a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProgramName(String);

impl ProgramName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProgramName {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        match is_basename(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(Unfit::new(
                text,
                "the name of a program, such as `git`: without a path and without arguments",
            )),
        }
    }
}

impl fmt::Display for ProgramName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(
    ProgramName,
    "the name of a program, such as `git`",
    "^[^/\\s-][^/\\s]*$"
);

/// Adds what is wrong with it, and what would say nothing.
pub(in crate::config) fn check(
    config: &Config,
    root: &Node,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    let pack = &config.packs.shell;
    let path = ["packs", "shell", "sandbox"];
    sandbox::check(pack.sandbox.as_ref(), Room::Box, &path, root, faults);
    if !pack.enabled {
        return;
    }
    let mut warn = |key: &str, sentence: String, hint: &str| {
        let place = place_of(root, &["packs", "shell", key]);
        warnings.push(Fault::new(sentence).place(place).hint(hint.to_owned()));
    };
    if pack.allow.is_empty() {
        let sentence = "`packs.shell` is on, and no program may be run".to_owned();
        warn(
            "allow",
            sentence,
            "name programs, such as `allow: [git, ls, rg]`",
        );
    }
    for name in &pack.allow_interpreters {
        if !pack.allow.contains(name) {
            let sentence = format!("`{name}` is not in `packs.shell.allow`, so it may not be run");
            warn(
                "allow_interpreters",
                sentence,
                "name it there as well, or take it out",
            );
        } else if let Some(is) = kind(name.as_str()) {
            let sentence = format!("`{name}` is {is}: callers may do whatever its walls let them");
            warn(
                "allow_interpreters",
                sentence,
                "name the programs that do the work instead",
            );
        }
    }
}
