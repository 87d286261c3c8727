//! What init would do: which files it found, which servers of them durward takes over, and how each file
//! is to look.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    client::{Bases, Client, File, Scope},
    clients::CLIENTS,
    disk::{self, Found},
    edit::{Document, Edit, Fate, Format, Node, Value},
    find,
    gate::{Gate, NewSecret},
    mask, merge,
    reference::Surroundings,
    secret::Looks,
    server::{self, Entry},
};
use crate::config::{Config, Sources};

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// Only these clients.
    pub(crate) clients: Vec<String>,
    /// Only these servers.
    pub(crate) servers: Vec<String>,
    /// durward's program, as clients are to start it.
    pub(crate) program: PathBuf,
    /// What stands behind `connect`, such as `--config FILE`.
    pub(crate) arguments: Vec<String>,
}

/// Something that VS Code asks for and keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// The file: another file may mean something else by the same name.
    pub(crate) path: PathBuf,
    /// Its name in the file.
    pub(crate) id: String,
    /// What it is, in the file's words.
    pub(crate) description: String,
}

/// What the person said to inputs, by file and name; `None` to leave their servers alone.
pub(crate) type Answers = BTreeMap<(PathBuf, String), Option<String>>;

/// What init would do.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) files: Vec<FilePlan>,
    /// durward's file, where it is to change.
    pub(super) gate: Option<Rewritten>,
    pub(super) gate_path: PathBuf,
    pub(super) secrets: Vec<NewSecret>,
    /// Files that can't be read or changed, and why.
    pub(super) left: Vec<(String, PathBuf, String)>,
    /// What would have to be known for servers that are left alone.
    pub(crate) inputs: Vec<Input>,
}

/// A text that is to take the place of another.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub(super) found: Option<Found>,
    pub(super) edits: Vec<Edit>,
    pub(super) text: String,
    /// Both texts as they may be shown.
    pub(super) shown: [String; 2],
}

/// A client's file.
#[derive(Debug)]
pub(super) struct FilePlan {
    pub(super) client: &'static str,
    pub(super) format: Format,
    pub(super) found: Found,
    pub(super) servers: Vec<ServerPlan>,
    pub(super) edits: Vec<Edit>,
    /// The places of what looks like a secret, which is not shown.
    pub(super) masks: Vec<Edit>,
    /// What the person should know of it.
    pub(super) remarks: Vec<String>,
}

/// A server of a client's file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerPlan {
    pub(super) name: String,
    /// The project that it is for, where the file has several.
    pub(super) project: Option<String>,
    pub(super) outcome: Outcome,
    pub(super) remarks: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// durward has it under this name.
    Moved(String),
    /// It stays as it is, for this reason.
    Left(String),
    /// It is one of these, for `durward migrate`.
    Predecessor(&'static str),
}

impl Plan {
    /// Is there anything to be done?
    pub(crate) fn changes(&self) -> bool {
        self.gate.is_some() || self.files.iter().any(|file| !file.edits.is_empty())
    }

    /// The clients' files that still start or ask servers past the gate: whose, where, and which servers.
    pub(crate) fn past_the_gate(&self) -> impl Iterator<Item = (&'static str, &Path, Vec<&str>)> {
        self.files.iter().filter_map(|file| {
            let moves = |it: &&ServerPlan| matches!(it.outcome, Outcome::Moved(_));
            let past = file.servers.iter().filter(moves);
            let past: Vec<_> = past.map(|it| it.name.as_str()).collect();
            (!past.is_empty()).then_some((file.client, file.found.path.as_path(), past))
        })
    }
}

/// More than a project's file has, in bytes: it is a stranger's, and holds nothing but servers.
const LONGEST_OF_PROJECT: usize = 1024 * 1024;

/// A place in a file that holds servers, read.
pub(super) struct Sight {
    pub(super) path: Vec<String>,
    pub(super) project: Option<PathBuf>,
    pub(super) entries: Vec<(String, Entry)>,
}

/// A file, read.
pub(super) struct Reading {
    pub(super) client: &'static Client,
    pub(super) scope: Scope,
    pub(super) found: Found,
    pub(super) format: Format,
    pub(super) sights: Vec<Sight>,
    /// The names under which durward has servers, by place and entry.
    pub(super) taken: BTreeMap<(usize, usize), Result<String, String>>,
}

/// Everything that a plan is made from.
pub(crate) struct Planner<'a> {
    pub(crate) wish: &'a Wish,
    pub(crate) sources: &'a Sources,
    pub(crate) config: &'a Config,
    /// Where durward's file is, or is to be.
    pub(crate) gate: &'a Path,
    /// What VS Code asks for, as far as it is known.
    pub(crate) answers: &'a Answers,
}

impl Planner<'_> {
    /// Looks at every file and says what would be done.
    ///
    /// # Errors
    /// One sentence: durward's own file can't be read or added to.
    pub(crate) fn plan(&self) -> Result<Plan, String> {
        let home = self.sources.home.clone();
        let bases = Bases {
            system: super::client::System::HERE,
            home: home.ok_or("no home folder is known: set `HOME`")?,
            env: self.sources.env.clone(),
        };
        let looks = Looks::new(&self.config.audit.redact_names).map_err(|it| it.to_string())?;
        let gate_found = disk::look(self.gate)
            .map_err(|why| format!("{} can't be used: {why}", self.gate.display()))?;
        let text = gate_found.as_ref().map(|it| text_of(it).map(str::to_owned));
        let text = text.transpose()?;
        let mut gate = Gate::new(
            self.gate.to_owned(),
            text,
            self.config,
            (self.sources, &bases, &looks),
        );
        let mut plan = Plan {
            files: Vec::new(),
            gate: None,
            gate_path: self.gate.to_owned(),
            secrets: Vec::new(),
            left: Vec::new(),
            inputs: Vec::new(),
        };
        let mut readings = self.readings(&bases, &mut plan);
        let open = gate_found.as_ref().map_or(0, |found| found.mode & 0o077);
        for reading in &mut readings {
            self.adopt(reading, &mut gate, open);
        }
        for reading in readings {
            let file = self.rewired(reading, &gate, &looks)?;
            if !file.servers.is_empty() {
                plan.files.push(file);
            }
        }
        if let Some(why) = gate_found.as_ref().and_then(|found| found.obstacle)
            && gate.grows()
        {
            return Err(format!("{} can't be changed: {why}", self.gate.display()));
        }
        plan.gate = gate.grown()?.map(|text| Rewritten {
            shown: [gate.text.as_deref().unwrap_or_default(), &text]
                .map(|text| mask::shown(Format::Yaml, text, &looks)),
            edits: merge::difference(gate.text.as_deref().unwrap_or_default(), &text),
            found: gate_found,
            text,
        });
        plan.secrets = gate.secrets().to_vec();
        Ok(plan)
    }

    /// Every file of every client that was asked for, those of the person first.
    fn readings(&self, bases: &Bases, plan: &mut Plan) -> Vec<Reading> {
        let projects = find::projects(&self.sources.cwd, bases);
        let mut seen = BTreeSet::new();
        let mut readings = Vec::new();
        for scope in [Scope::User, Scope::Project] {
            for client in CLIENTS {
                let asked = &self.wish.clients;
                if !asked.is_empty() && !asked.iter().any(|name| name == client.name) {
                    continue;
                }
                for file in client.files.iter().filter(|file| file.scope == scope) {
                    for (path, project) in find::paths(file, bases, &projects) {
                        let found = match disk::look(&path) {
                            Ok(Some(found)) if seen.insert(found.target.clone()) => found,
                            Ok(_) => continue,
                            Err(why) => {
                                plan.left.push((client.title.to_owned(), path, why));
                                continue;
                            }
                        };
                        match self.reading(client, file, &found, project, (bases, plan)) {
                            Ok(reading) => readings.extend(reading),
                            Err(why) => plan.left.push((client.title.to_owned(), path, why)),
                        }
                    }
                }
            }
        }
        readings
    }

    fn reading(
        &self,
        client: &'static Client,
        file: &'static File,
        found: &Found,
        project: Option<PathBuf>,
        (bases, plan): (&Bases, &mut Plan),
    ) -> Result<Option<Reading>, String> {
        if file.scope == Scope::Project && found.content.len() > LONGEST_OF_PROJECT {
            return Err("it is too long".to_owned());
        }
        let text = text_of(found)?;
        // Some clients make theirs before there is anything in it.
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            return Ok(None);
        }
        let document = file.format.read(text).map_err(|fault| fault.to_string())?;
        let inputs = self.inputs(&found.path, &document);
        let mut sights = Vec::new();
        let homes = find::homes(file, &document);
        let is_home = |path: &[String], name: &str| {
            let inner = path.iter().map(String::as_str).chain([name]);
            homes
                .iter()
                .any(|(home, _)| home.iter().map(String::as_str).eq(inner.clone()))
        };
        for (path, own) in &homes {
            let Some(home) = document.root.at(path.iter().map(String::as_str)) else {
                continue;
            };
            let project = own.as_ref().map(PathBuf::from).or_else(|| project.clone());
            let around = Surroundings {
                references: client.spelling.references,
                bases,
                project: project.as_deref(),
                inputs: &inputs,
            };
            let entries = find::entries(home, &client.spelling)
                .ok_or_else(|| format!("`{}` is not as this client has it", path.join(".")))?;
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(name, node)| {
                    let entry = match is_home(path, &name) {
                        true => Entry::Passed,
                        false => server::read(node, &client.spelling, &around),
                    };
                    (name, entry)
                })
                .collect();
            sights.push(Sight {
                path: path.clone(),
                project,
                entries,
            });
        }
        self.ask(&found.path, &document, plan);
        if let Some(why) = found.obstacle
            && sights
                .iter()
                .flat_map(|it| &it.entries)
                .any(|(name, it)| matches!(it, Entry::Server(..)) && self.is_wanted(name))
        {
            return Err(format!("it can't be changed: {why}"));
        }
        let reading = Reading {
            client,
            scope: file.scope,
            format: file.format,
            sights,
            taken: BTreeMap::new(),
            found: found.clone(),
        };
        self.rehearse(&reading, &document)?;
        Ok(Some(reading))
    }

    /// Tries whether entries can be changed in place at all, before durward takes any over.
    fn rehearse(&self, reading: &Reading, document: &Document<'_>) -> Result<(), String> {
        for sight in &reading.sights {
            let entries = sight.entries.iter().enumerate();
            let wanted: Vec<_> = entries
                .filter(|(_, (name, it))| matches!(it, Entry::Server(..)) && self.is_wanted(name))
                .map(|(index, (name, _))| (index, name))
                .collect();
            let new = |name| self.entry(&reading.client.spelling, name, Some("server"));
            let each = wanted
                .iter()
                .map(|(at, name)| (*at, Fate::Value(new(name))));
            let one = wanted
                .iter()
                .enumerate()
                .map(|(nth, (at, name))| match nth {
                    0 => (*at, Fate::Entry("durward-rehearsal".to_owned(), new(name))),
                    _ => (*at, Fate::Gone),
                });
            for fates in [each.collect::<Vec<_>>(), one.collect()] {
                if !fates.is_empty() {
                    let tried = document.rewire(&sight.path, &fates);
                    tried.map_err(|fault| fault.to_string())?;
                }
            }
        }
        Ok(())
    }

    /// What is known of VS Code's inputs: what the person said, or the file's default.
    fn inputs(&self, path: &Path, document: &Document<'_>) -> BTreeMap<String, Option<String>> {
        let mut inputs = BTreeMap::new();
        for (id, node) in written_inputs(document) {
            let hidden = matches!(
                node.get("password").map(|node| &node.value),
                Some(Value::Flag(true))
            );
            let default = node.get("default").and_then(Node::text);
            let default = default.filter(|it| !hidden && !it.is_empty());
            let said = self.answers.get(&(path.to_owned(), id.to_owned()));
            let known = said
                .cloned()
                .or_else(|| default.map(|it| Some(it.to_owned())));
            if let Some(known) = known {
                inputs.insert(id.to_owned(), known);
            }
        }
        inputs
    }

    /// Notes what would have to be asked for servers of this file.
    fn ask(&self, path: &Path, document: &Document<'_>, plan: &mut Plan) {
        let known = self.inputs(path, document);
        for (id, node) in written_inputs(document) {
            let used = document.text.contains(&format!("${{input:{id}}}"));
            if used && !known.contains_key(id) {
                let description = node.get("description").and_then(Node::text);
                plan.inputs.push(Input {
                    path: path.to_owned(),
                    id: id.to_owned(),
                    description: description.unwrap_or_default().to_owned(),
                });
            }
        }
    }

    pub(super) fn is_wanted(&self, name: &str) -> bool {
        let asked = &self.wish.servers;
        asked.is_empty() || asked.iter().any(|it| it.eq_ignore_ascii_case(name))
    }

    /// Has durward take over the servers of a file.
    fn adopt(&self, reading: &mut Reading, gate: &mut Gate<'_>, open: u32) {
        let title = reading.client.title;
        for (place, sight) in reading.sights.iter().enumerate() {
            let project = sight.project.as_deref().and_then(Path::file_name);
            let project = project.map(|name| name.to_string_lossy().into_owned());
            let from = match &sight.project {
                Some(project) => format!("{title}, {}", project.display()),
                None => title.to_owned(),
            };
            for (index, (name, entry)) in sight.entries.iter().enumerate() {
                let Entry::Server(definition, _) = entry else {
                    continue;
                };
                if !self.is_wanted(name) {
                    continue;
                }
                let opener = open & !reading.found.mode != 0;
                let named = if opener && gate.shows_secret(definition) {
                    Err(format!(
                        "it has a secret in its command or address, and more people may read {}: `chmod go= {0}` first",
                        gate.path.display()
                    ))
                } else {
                    let whose = project.as_deref().unwrap_or(reading.client.name);
                    gate.adopt(name, whose, &from, definition)
                };
                reading.taken.insert((place, index), named);
            }
        }
    }
}

pub(super) fn text_of(found: &Found) -> Result<&str, String> {
    std::str::from_utf8(&found.content).map_err(|_| "it is not UTF-8 text".to_owned())
}

/// VS Code's inputs, by their ids.
fn written_inputs<'a>(document: &'a Document<'_>) -> Vec<(&'a str, &'a Node)> {
    let Some(Value::List(items)) = document.root.get("inputs").map(|node| &node.value) else {
        return Vec::new();
    };
    let ids = items.iter();
    ids.filter_map(|item| Some((item.get("id")?.text()?, item)))
        .collect()
}
