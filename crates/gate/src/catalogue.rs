//! What all providers offer, merged and named. Immutable: a reload makes a new one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use durward_core::{
    ClientRoots, Located, PackName, Prompt, Provider, Refusal, Resource, Template, Tool, ToolName,
};
use durward_guard::schema::Schema;
use thiserror::Error;

/// Two providers that can't stand side by side.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// One name, two tools: a model could not tell which it calls.
    #[error("the tools `{first}` and `{second}` can't be told apart by name; rename one of them")]
    Collision {
        /// The name that was there.
        first: ToolName,
        /// The name that came later.
        second: ToolName,
    },
}

/// One tool and where it leads.
pub struct ToolEntry {
    /// The tool as its provider describes it.
    pub tool: Tool,
    /// Who does it.
    pub provider: Arc<dyn Provider>,
    schema: OnceLock<Result<Schema, String>>,
}

impl ToolEntry {
    /// The compiled input schema; compiled when first needed, so that a start stays quick.
    pub fn schema(&self) -> Result<&Schema, &str> {
        self.schema
            .get_or_init(|| {
                Schema::compile(&self.tool.input_schema).map_err(|error| error.to_string())
            })
            .as_ref()
            .map_err(String::as_str)
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
    /// Those who have templates.
    coverers: Vec<Arc<dyn Provider>>,
    prompts: BTreeMap<String, Entry<Prompt>>,
    notes: Vec<Entry<String>>,
}

impl Catalogue {
    /// Merges what the providers offer now.
    pub fn merge(providers: &[Arc<dyn Provider>]) -> Result<Self, CatalogueError> {
        let mut merged = Self::default();
        for provider in providers {
            let offer = provider.offer();
            for tool in offer.tools {
                merged.tools.push(ToolEntry {
                    tool,
                    provider: Arc::clone(provider),
                    schema: OnceLock::new(),
                });
            }
            let with = |provider: &Arc<dyn Provider>| Arc::clone(provider);
            for item in offer.resources {
                let provider = with(provider);
                merged
                    .resources
                    .insert(item.uri.clone(), Entry { item, provider });
            }
            if !offer.templates.is_empty() {
                merged.coverers.push(with(provider));
            }
            for item in offer.templates {
                let provider = with(provider);
                merged
                    .templates
                    .insert(item.uri_template.clone(), Entry { item, provider });
            }
            merged.notes.extend(offer.notes.into_iter().map(|item| {
                let provider = with(provider);
                Entry { item, provider }
            }));
            for item in offer.prompts {
                let provider = with(provider);
                merged
                    .prompts
                    .insert(item.name.clone(), Entry { item, provider });
            }
        }
        merged.tools.sort_by(|a, b| a.tool.name.cmp(&b.tool.name));
        merged.index()?;
        Ok(merged)
    }

    /// Names are compared without case: clients and models mix it up, so two that differ only in it
    /// are one name to them.
    fn index(&mut self) -> Result<(), CatalogueError> {
        let mut taken: HashMap<String, &ToolName> = HashMap::new();
        for (position, entry) in self.tools.iter().enumerate() {
            for name in std::iter::once(&entry.tool.name).chain(&entry.tool.aliases) {
                if let Some(first) = taken.insert(name.as_str().to_ascii_lowercase(), name) {
                    return Err(CatalogueError::Collision {
                        first: first.clone(),
                        second: name.clone(),
                    });
                }
                self.by_name.insert(name.clone(), position);
            }
        }
        Ok(())
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
