//! Where each line of theirs is accounted for, and the file takes shape.

use std::{collections::BTreeMap, path::Path};

use durward_core::Secret;
use serde::Serialize;

use super::{
    Predecessor,
    draft::{Draft, Value},
    given::{Given, Setting},
};
use crate::config::{Tree, TreeValue, is_unbuilt};

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// It is in the file.
    TakenOver,
    /// What it wants is had in another way.
    DoneOtherwise,
    /// durward has nothing like it, or not yet.
    NoEqual,
    /// It says nothing to the predecessor.
    NotIts,
}

impl Fate {
    /// For people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::TakenOver => "taken over",
            Self::DoneOtherwise => "done otherwise",
            Self::NoEqual => "no equal",
            Self::NotIts => "not its own",
        }
    }
}

/// One line of theirs. Its value is never here, for it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    /// Where it stands.
    pub(crate) at: String,
    /// What it sets.
    pub(crate) said: String,
    /// What becomes of it.
    pub(crate) fate: Fate,
    /// The key that has it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// How it is done, or what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// What a migration comes to.
pub(crate) struct Migration {
    /// Every line.
    pub(crate) plan: Vec<Entry>,
    /// The text of `durward.yaml`.
    pub(crate) config: String,
    /// What belongs into files of its own, by name.
    pub(crate) secrets: BTreeMap<String, Secret>,
}

/// The plan, the file and the secrets, while they are made.
pub(super) struct Desk<'a> {
    pub(super) given: &'a Given,
    pub(super) draft: Draft,
    plan: Vec<Entry>,
    secrets: BTreeMap<String, Secret>,
    /// The folder that the secrets' files will be in.
    vault: &'a Path,
}

/// A line of theirs: where it stands, and what it sets.
pub(super) struct Line {
    at: String,
    said: String,
}

/// Anything that is a line.
pub(super) trait AsLine {
    fn line(&self) -> Line;
}

impl AsLine for Setting {
    fn line(&self) -> Line {
        line(&self.at, &self.label)
    }
}

impl AsLine for Line {
    fn line(&self) -> Line {
        line(&self.at, &self.said)
    }
}

/// A line that was put together.
pub(super) fn line(at: &str, said: &str) -> Line {
    Line {
        at: at.to_owned(),
        said: said.to_owned(),
    }
}

/// A key of a configuration file.
pub(super) fn key_of(file: &str, tree: &Tree, path: &str) -> Line {
    Line {
        at: format!("{file}:{}", tree.line),
        said: path.to_owned(),
    }
}

impl<'a> Desk<'a> {
    pub(super) fn new(given: &'a Given, vault: &'a Path) -> Self {
        Self {
            given,
            draft: Draft::default(),
            plan: Vec::new(),
            secrets: BTreeMap::new(),
            vault,
        }
    }

    /// Puts a value into the file, and says so.
    pub(super) fn take(&mut self, from: &impl AsLine, path: &[&str], value: Value) {
        self.draft.set(path, value);
        self.taken(from, path);
    }

    /// Adds a value to a list of the file, and says so.
    pub(super) fn take_item(&mut self, from: &impl AsLine, path: &[&str], value: Value) {
        self.draft.push(path, value);
        self.taken(from, path);
    }

    /// Says that a key has it: one that this version has, or one that is to come.
    pub(super) fn taken(&mut self, from: &impl AsLine, path: &[&str]) {
        let key = path.join(".");
        match is_unbuilt(path) {
            true => {
                let why = "not built into this version yet; kept as a comment";
                self.account(from, Fate::NoEqual, Some(key), Some(why.to_owned()));
            }
            false => self.account(from, Fate::TakenOver, Some(key), None),
        }
    }

    /// Says that a key has it, though not word for word.
    pub(super) fn taken_otherwise(&mut self, from: &impl AsLine, path: &[&str], how: &str) {
        self.account(
            from,
            Fate::DoneOtherwise,
            Some(path.join(".")),
            Some(how.to_owned()),
        );
    }

    pub(super) fn otherwise(&mut self, from: &impl AsLine, how: &str) {
        self.account(from, Fate::DoneOtherwise, None, Some(how.to_owned()));
    }

    pub(super) fn no_equal(&mut self, from: &impl AsLine, why: &str) {
        self.account(from, Fate::NoEqual, None, Some(why.to_owned()));
    }

    pub(super) fn not_its(&mut self, from: &impl AsLine, why: &str) {
        self.account(from, Fate::NotIts, None, Some(why.to_owned()));
    }

    /// What holds there though nobody says it, and would not hold here.
    pub(super) fn unsaid(&mut self, what: &str, path: &[&str], value: Value) {
        self.take(&line("their default", what), path, value);
    }

    fn account(
        &mut self,
        from: &impl AsLine,
        fate: Fate,
        key: Option<String>,
        why: Option<String>,
    ) {
        let Line { at, said } = from.line();
        let entry = Entry {
            at,
            said,
            fate,
            key,
            why,
        };
        // The items of one line most often come to the same.
        if !self.plan.contains(&entry) {
            self.plan.push(entry);
        }
    }

    /// A setting that a later one beats; says so.
    pub(super) fn is_beaten(&mut self, setting: &Setting) -> bool {
        let holding = self
            .given
            .all(&setting.name)
            .iter()
            .any(|it| std::ptr::eq(*it, setting));
        if !holding {
            let beaten_by = self.given.holding(&setting.name).map(|it| it.at.clone());
            let why = format!(
                "said again at {}, which holds",
                beaten_by.unwrap_or_default()
            );
            self.otherwise(setting, &why);
        }
        !holding
    }

    /// Keeps a secret for a file of its own; the reference to it. The same secret is kept once.
    pub(super) fn secret(&mut self, name: &str, value: &str) -> Value {
        let kept = self
            .secrets
            .iter()
            .find(|(_, secret)| secret.is(value.as_bytes()))
            .map(|(name, _)| name.clone());
        let name = kept.unwrap_or_else(|| {
            let name = self.free_name(name);
            let path = self.vault.join(&name).display().to_string();
            self.draft
                .set(&["secrets", &name, "file"], Value::text(path));
            self.secrets
                .insert(name.clone(), Secret::new(value.to_owned()));
            name
        });
        Value::Reference(format!("${{secret:{name}}}"))
    }

    /// A secret that stays where it is; the reference to it.
    pub(super) fn secret_elsewhere(&mut self, name: &str, kind: &str, place: Value) -> Value {
        self.draft.set(&["secrets", name, kind], place);
        Value::Reference(format!("${{secret:{name}}}"))
    }

    /// A key that callers have already, with the role that it is given.
    pub(super) fn accept(&mut self, from: &impl AsLine, name: &str, key: &str, role: &str) {
        let key = self.secret(name, key);
        self.accept_reference(from, key, role);
    }

    /// The same, of a key that is kept somewhere.
    pub(super) fn accept_reference(&mut self, from: &impl AsLine, key: Value, role: &str) {
        let path = ["identity", "keys", "accept"];
        let accepted = Value::map([("key", key), ("role", Value::text(role))]);
        self.take_item(from, &path, accepted);
    }

    fn free_name(&self, name: &str) -> String {
        let name = name_of(name, 58);
        let taken = |name: &String| {
            self.secrets.contains_key(name) || self.draft.get(&["secrets", name]).is_some()
        };
        (1..)
            .map(|number| match number {
                1 => name.clone(),
                _ => format!("{name}-{number}"),
            })
            .find(|name| !taken(name))
            // There are more numbers than secrets.
            .unwrap_or(name)
    }

    /// What was not accounted for by now: lines that the predecessor does not know.
    fn rest(&mut self) {
        let given = self.given;
        for config in &given.configs {
            let lines: Vec<String> = self.plan.iter().map(|entry| entry.at.clone()).collect();
            let is_known = |line: usize| lines.contains(&format!("{}:{line}", config.file));
            let mut rest = Vec::new();
            unaccounted(&config.tree, "", &is_known, &mut rest);
            for (line_of, path) in rest {
                let from = line(&format!("{}:{line_of}", config.file), &path);
                self.no_equal(&from, "this is not known");
            }
        }
    }

    /// The end: lines that are not the predecessor's, and the file's text.
    pub(super) fn finish(mut self, predecessor: Predecessor) -> Migration {
        self.rest();
        for aside in &self.given.aside {
            self.not_its(&line(&aside.at, &aside.label), aside.why);
        }
        let head = format!(
            "Made by `durward migrate {predecessor}`. What each key means: durward config docs"
        );
        Migration {
            plan: self.plan,
            config: self.draft.render(&head),
            secrets: self.secrets,
        }
    }
}

/// The leaves of a tree that neither stand on a known line nor within what does.
fn unaccounted(
    tree: &Tree,
    path: &str,
    is_known: &impl Fn(usize) -> bool,
    rest: &mut Vec<(usize, String)>,
) {
    if !path.is_empty() && is_known(tree.line) {
        return;
    }
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match &tree.value {
        TreeValue::Map(entries) => {
            for (key, inner) in entries {
                unaccounted(inner, &below(key), is_known, rest);
            }
        }
        TreeValue::List(items) => {
            for item in items {
                unaccounted(item, path, is_known, rest);
            }
        }
        TreeValue::Text(_) => rest.push((tree.line, path.to_owned())),
        TreeValue::Nothing => {}
    }
}

/// A name that a key of the file may have: a letter a-z, then letters a-z, digits and `-`.
pub(super) fn name_of(text: &str, longest: usize) -> String {
    let mut name = String::new();
    for c in text.to_lowercase().chars() {
        match c.is_ascii_lowercase() || c.is_ascii_digit() {
            true => name.push(c),
            false if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            false => {}
        }
    }
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let mut name = match begins {
        true => name,
        false => format!("x{name}"),
    };
    name.truncate(longest);
    name.trim_end_matches('-').to_owned()
}
