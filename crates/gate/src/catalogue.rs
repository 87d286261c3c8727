//! What all providers offer, merged and named. Immutable: a reload, or an offer that changes, makes a new
//! one.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use durward_core::{
    ClientRoots, Located, Offer, PackName, Prompt, Provider, Refusal, Resource, ServerName, Shown,
    Template, Tool, ToolName,
};
use durward_guard::{
    names::{Collision, Likeness, Register},
    schema::Schema,
};
use durward_wire::headers::HeaderParams;
use thiserror::Error;

use crate::{endpoint::Endpoint, shelf::Shelf, view::ListKind};

/// Two providers that can't stand side by side.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// One name, two things: a model could not tell which it calls.
    #[error("the {kind} {collision}; rename one of them")]
    Collision {
        /// `tools`, `resources` …
        kind: &'static str,
        /// Which names, and how they are alike.
        collision: Collision,
    },
}

/// Something that a server offers and nobody can use, such as a tool whose name another has.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// Who offers it.
    pub provider: PackName,
    /// Which, and why.
    pub why: String,
}

/// One tool and where it leads.
pub struct ToolEntry {
    /// The tool as its provider describes it.
    pub tool: Tool,
    /// Who does it.
    pub provider: Arc<dyn Provider>,
    read: Arc<Read>,
}

/// What is read from a tool's schema when it is first needed.
#[derive(Default)]
struct Read {
    schema: OnceLock<Result<Schema, String>>,
    header_params: OnceLock<HeaderParams>,
}

impl ToolEntry {
    /// The compiled input schema; compiled when first needed, so that a start stays quick.
    pub fn schema(&self) -> Result<&Schema, &str> {
        let schema = &self.read.schema;
        schema
            .get_or_init(|| {
                Schema::compile(&self.tool.input_schema).map_err(|error| error.to_string())
            })
            .as_ref()
            .map_err(String::as_str)
    }

    /// Why it can't be compiled, where that was tried.
    pub(crate) fn unusable(&self) -> Option<&str> {
        self.read.schema.get()?.as_ref().err().map(String::as_str)
    }

    /// Which arguments modern clients repeat in headers. Unsound annotations, which only servers that are
    /// not reached over HTTP may have, say nothing.
    pub(crate) fn header_params(&self) -> &HeaderParams {
        let read = || HeaderParams::of_schema(&self.tool.input_schema).unwrap_or_default();
        self.read.header_params.get_or_init(read)
    }
}

/// Something listed by its own name, and where it leads.
pub struct Entry<T> {
    /// The thing.
    pub item: T,
    /// Who has it.
    pub provider: Arc<dyn Provider>,
}

/// A place that a template covers, or why its URI leads nowhere; and whose template it is.
pub struct Covered {
    /// Who has it.
    pub provider: Arc<dyn Provider>,
    /// Where it is.
    pub place: Result<Located, Refusal>,
}

/// All tools, resources, templates and prompts, each list in the order of its names.
#[derive(Default)]
pub struct Catalogue {
    tools: Vec<ToolEntry>,
    by_name: HashMap<ToolName, usize>,
    resources: BTreeMap<String, Entry<Resource>>,
    templates: BTreeMap<String, Entry<Template>>,
    /// Those who know of places that no list has.
    coverers: Vec<Arc<dyn Provider>>,
    prompts: BTreeMap<String, Entry<Prompt>>,
    notes: Vec<Entry<String>>,
    shelves: BTreeMap<ServerName, Shelf>,
    left_out: Vec<LeftOut>,
}

/// What becomes of something whose name another provider has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clash {
    /// The configuration is refused.
    Refused,
    /// The later one is left out: a server may not stop the others by what it announces.
    LeftOut,
}

impl Catalogue {
    /// Merges what the providers offer now.
    ///
    /// # Errors
    /// Two providers offer what can't be told apart by name. Where one server alone does, what came
    /// later is left out.
    pub fn merge(providers: &[Arc<dyn Provider>]) -> Result<Self, CatalogueError> {
        Self::merged(providers, None, Clash::Refused)
    }

    /// Merges anew while clients are served: what collides is left out.
    pub(crate) fn merge_anew(&self, providers: &[Arc<dyn Provider>]) -> Self {
        // Nothing is refused where what clashes is left out.
        Self::merged(providers, Some(self), Clash::LeftOut).unwrap_or_default()
    }

    fn merged(
        providers: &[Arc<dyn Provider>],
        before: Option<&Self>,
        clash: Clash,
    ) -> Result<Self, CatalogueError> {
        let mut merged = Self::default();
        let mut taken = Taken::default();
        for (place, provider) in providers.iter().enumerate() {
            merged.take(place, provider, before, &mut taken);
            if clash == Clash::Refused
                && let Some(collision) = taken.between.take()
            {
                return Err(collision);
            }
        }
        merged.tools.sort_by(|a, b| a.tool.name.cmp(&b.tool.name));
        for (place, entry) in merged.tools.iter().enumerate() {
            for name in std::iter::once(&entry.tool.name).chain(&entry.tool.aliases) {
                merged.by_name.insert(name.clone(), place);
            }
        }
        Ok(merged)
    }

    fn take(
        &mut self,
        place: usize,
        provider: &Arc<dyn Provider>,
        before: Option<&Self>,
        taken: &mut Taken,
    ) {
        let offer = provider.offer();
        let mut shelf = Shelf::of(provider, &offer);
        let with = || Arc::clone(provider);
        let Offer {
            tools,
            resources,
            templates,
            prompts,
            notes,
            ..
        } = offer;
        let mut left_out = Vec::new();
        let mut is_free = |kind, names: &[&str]| match taken.take(kind, names, place) {
            Ok(()) => true,
            Err(collision) => {
                let why = collision.to_string();
                tracing::warn!(provider = %provider.name(), why, "left out");
                left_out.push(LeftOut {
                    provider: provider.name().clone(),
                    why,
                });
                false
            }
        };
        if !templates.is_empty() || provider.server().is_some() {
            self.coverers.push(with());
        }
        for tool in tools {
            let aliases = tool.aliases.iter().map(ToolName::as_str);
            let own = spelled(provider.as_ref(), tool.name.as_str(), &tool.shown);
            let names = std::iter::once(tool.name.as_str()).chain(aliases);
            let names: Vec<_> = names.chain(own.as_deref()).collect();
            if is_free(ListKind::Tools, &names) {
                shelf.put(ListKind::Tools, tool.name.as_str(), &tool.shown);
                self.tools.push(ToolEntry {
                    read: before
                        .and_then(|before| before.read(&tool))
                        .unwrap_or_default(),
                    tool,
                    provider: with(),
                });
            }
        }
        for item in resources {
            if is_free(ListKind::Resources, &[&item.uri]) {
                shelf.put(ListKind::Resources, &item.uri, &item.shown);
                let entry = |item| Entry {
                    item,
                    provider: with(),
                };
                self.resources.insert(item.uri.clone(), entry(item));
            }
        }
        for item in templates {
            if is_free(ListKind::Templates, &[&item.uri_template]) {
                shelf.put(ListKind::Templates, &item.uri_template, &item.shown);
                let entry = |item| Entry {
                    item,
                    provider: with(),
                };
                self.templates
                    .insert(item.uri_template.clone(), entry(item));
            }
        }
        for item in prompts {
            let own = spelled(provider.as_ref(), &item.name, &item.shown);
            let names = std::iter::once(item.name.as_str()).chain(own.as_deref());
            if is_free(ListKind::Prompts, &names.collect::<Vec<_>>()) {
                shelf.put(ListKind::Prompts, &item.name, &item.shown);
                let entry = |item| Entry {
                    item,
                    provider: with(),
                };
                self.prompts.insert(item.name.clone(), entry(item));
            }
        }
        self.notes.extend(notes.into_iter().map(|item| Entry {
            item,
            provider: with(),
        }));
        self.left_out.append(&mut left_out);
        if let Some(server) = provider.server() {
            self.shelves.insert(server.clone(), shelf);
        }
    }

    /// What has been read of a tool that is there again, word for word.
    fn read(&self, tool: &Tool) -> Option<Arc<Read>> {
        let entry = self.tools.get(*self.by_name.get(&tool.name)?)?;
        (entry.tool.input_schema == tool.input_schema).then(|| Arc::clone(&entry.read))
    }

    /// The place of the tool that goes by this name or alias.
    pub fn find_tool(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// All tools, by name.
    pub fn tools(&self) -> &[ToolEntry] {
        &self.tools
    }

    /// All listed resources, by URI.
    pub fn resources(&self) -> &BTreeMap<String, Entry<Resource>> {
        &self.resources
    }

    /// All templates, by pattern.
    pub fn templates(&self) -> &BTreeMap<String, Entry<Template>> {
        &self.templates
    }

    /// The place of the tool that a client at this endpoint calls so.
    pub(crate) fn find_tool_at(&self, endpoint: &Endpoint, name: &str) -> Option<usize> {
        match endpoint.server() {
            None => self.find_tool(name),
            Some(server) => {
                let shelf = self.shelves.get(server)?;
                self.find_tool(shelf.exposed(ListKind::Tools, name)?)
            }
        }
    }

    /// What a client at this endpoint calls so goes by this name among all servers, if it is listed.
    pub(crate) fn exposed<'a>(
        &'a self,
        endpoint: &Endpoint,
        kind: ListKind,
        name: &'a str,
    ) -> Option<&'a str> {
        match endpoint.server() {
            None => Some(name),
            Some(_) => self.on_shelf(endpoint, kind, name),
        }
    }

    /// The same of what the server of this endpoint lists; `None` where there is no one server.
    pub(crate) fn on_shelf(&self, endpoint: &Endpoint, kind: ListKind, name: &str) -> Option<&str> {
        let shelf = self.shelves.get(endpoint.server()?)?;
        shelf.exposed(kind, name).map(AsRef::as_ref)
    }

    /// The servers, by name.
    pub(crate) fn shelves(&self) -> &BTreeMap<ServerName, Shelf> {
        &self.shelves
    }

    /// What was left out, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Where a URI leads: to what a template covers, or what is listed.
    pub(crate) fn place(&self, uri: &str, within: Option<&ClientRoots>) -> Option<Covered> {
        self.cover(uri, within).or_else(|| {
            let entry = self.resources.get(uri)?;
            Some(Covered {
                provider: Arc::clone(&entry.provider),
                place: Ok(Located {
                    uri: uri.into(),
                    also: Vec::new(),
                }),
            })
        })
    }

    /// The place that some template covers, as its provider names it.
    pub fn cover(&self, uri: &str, within: Option<&ClientRoots>) -> Option<Covered> {
        self.coverers.iter().find_map(|provider| {
            Some(Covered {
                place: provider.locate(uri, within)?,
                provider: Arc::clone(provider),
            })
        })
    }

    /// All prompts, by name.
    pub fn prompts(&self) -> &BTreeMap<String, Entry<Prompt>> {
        &self.prompts
    }

    /// What the providers have to say to those who see their tools.
    pub(crate) fn notes(&self) -> &[Entry<String>] {
        &self.notes
    }

    /// The names of the providers, for those who ask what is guarded.
    pub fn providers(&self) -> Vec<PackName> {
        let mut names: Vec<_> = self
            .tools
            .iter()
            .map(|entry| entry.provider.name().clone())
            .collect();
        names.dedup();
        names
    }
}

/// Which names are taken, and by which provider.
#[derive(Default)]
struct Taken {
    tools: Register,
    prompts: Register,
    /// URIs and patterns are compared as they are.
    uris: HashSet<(ListKind, Arc<str>)>,
    by: HashMap<(ListKind, Arc<str>), usize>,
    /// The first collision of two providers.
    between: Option<CatalogueError>,
}

impl Taken {
    /// Takes the names of one thing; what is left out may keep some of them.
    fn take(&mut self, kind: ListKind, names: &[&str], place: usize) -> Result<(), Collision> {
        for name in names {
            if let Err(collision) = self.take_one(kind, name) {
                let by = self.by.get(&(kind, Arc::clone(&collision.first)));
                if by != Some(&place) && self.between.is_none() {
                    self.between = Some(CatalogueError::Collision {
                        kind: kind.plural(),
                        collision: collision.clone(),
                    });
                }
                return Err(collision);
            }
            self.by.insert((kind, Arc::from(*name)), place);
        }
        Ok(())
    }

    fn take_one(&mut self, kind: ListKind, name: &str) -> Result<(), Collision> {
        match kind {
            ListKind::Tools => self.tools.take(name),
            ListKind::Prompts => self.prompts.take(name),
            ListKind::Resources | ListKind::Templates => {
                let name: Arc<str> = name.into();
                match self.uris.insert((kind, Arc::clone(&name))) {
                    true => Ok(()),
                    false => Err(Collision {
                        first: Arc::clone(&name),
                        second: name,
                        how: Likeness::Same,
                    }),
                }
            }
        }
    }
}

/// The name that a server itself has for something, with the server's before it: where it is made to fit
/// what models accept, it is by this that people mix it up with another.
fn spelled<T>(provider: &dyn Provider, exposed: &str, shown: &Shown<T>) -> Option<String> {
    match (shown, provider.server()) {
        (Shown::Given(given), Some(server)) if !given.name.is_ascii() => {
            Some(format!("{server}__{}", given.name)).filter(|name| name != exposed)
        }
        _ => None,
    }
}
