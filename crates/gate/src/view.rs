//! The catalogue as one set of roles may see it: what is listed is exactly what can be called.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use durward_core::{Located, Provider, RawJson, Revision, RoleName, ServerName, Template, Tier};
use durward_guard::policy::{Decision, Kind, Policy, Subject};
use ring::digest::{Context, SHA256};

use crate::{
    catalogue::{Catalogue, Entry},
    definition,
    endpoint::Endpoint,
};

/// What a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ListKind {
    /// `tools/list`.
    Tools,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    Templates,
    /// `prompts/list`.
    Prompts,
}

impl ListKind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] =
        [Self::Tools, Self::Resources, Self::Templates, Self::Prompts];

    /// What people call what it holds.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resource templates",
            Self::Prompts => "prompts",
        }
    }

    /// The member of the result that holds the list.
    pub(crate) fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }
}

/// One thing of a list: the name that it is ordered by, and its definition.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// Tool name, URI, pattern or prompt name.
    pub name: String,
    /// Its definition, ready to be sent.
    pub definition: RawJson,
}

/// A list as it is sent.
pub(crate) struct List {
    /// At all servers together in the order of names, at one alone in its own.
    pub(crate) listed: Vec<Listed>,
    digest: OnceLock<[u8; 32]>,
}

impl List {
    /// Tells it from a list that has anything else in it.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        self.digest.get_or_init(|| {
            let mut context = Context::new(&SHA256);
            for listed in &self.listed {
                context.update(listed.definition.bytes());
                context.update(b"\n");
            }
            let mut out = [0; 32];
            out.copy_from_slice(context.finish().as_ref());
            out
        })
    }
}

/// The lists that were asked for, each as its revision spells it.
type Lists = HashMap<(Endpoint, ListKind, Revision), Arc<List>>;

/// What the policy says of a tool: as it is, and as it is with arguments that raise it.
struct Judged {
    own: Decision,
    raised: Vec<(Tier, Decision)>,
}

/// A role set's view.
pub(crate) struct View {
    tools: Vec<Judged>,
    resources: HashMap<String, Decision>,
    templates: HashSet<String>,
    prompts: HashMap<String, Decision>,
    /// Servers of which something is shown, or might be.
    servers: HashSet<ServerName>,
    lists: Mutex<Lists>,
}

impl View {
    /// Judges everything in the catalogue once.
    pub(crate) fn new(catalogue: &Catalogue, policy: &Policy, roles: &[RoleName]) -> Self {
        let judge = |kind, name: &str, provider: &str, tier| {
            let subject = Subject {
                kind,
                name,
                also: &[],
                provider,
                tier,
            };
            policy.decide(roles, &subject)
        };
        let mut view = Self {
            tools: catalogue
                .tools()
                .iter()
                .map(|entry| {
                    let (tool, provider) = (&entry.tool, entry.provider.name().as_str());
                    let at = |tier| judge(Kind::Tool, tool.name.as_str(), provider, tier);
                    let raised = tool.raises.iter().map(|raise| (raise.to, at(raise.to)));
                    Judged {
                        own: at(tool.tier),
                        raised: raised.collect(),
                    }
                })
                .collect(),
            resources: catalogue
                .resources()
                .iter()
                .map(|(uri, entry)| {
                    let place = entry.provider.locate(uri, None).and_then(Result::ok);
                    let place = place.unwrap_or_else(|| Located {
                        uri: uri.as_str().into(),
                        also: Vec::new(),
                    });
                    let decision = judge_place(policy, roles, entry.provider.as_ref(), &place);
                    (uri.clone(), decision)
                })
                .collect(),
            templates: catalogue
                .templates()
                .iter()
                .filter(|(_, entry)| is_in_reach(policy, roles, entry))
                .map(|(pattern, _)| pattern.clone())
                .collect(),
            prompts: catalogue
                .prompts()
                .iter()
                .map(|(name, entry)| {
                    let provider = entry.provider.name().as_str();
                    (
                        name.clone(),
                        judge(Kind::Prompt, name, provider, Tier::Read),
                    )
                })
                .collect(),
            servers: HashSet::new(),
            lists: Mutex::default(),
        };
        let all = catalogue.shelves().iter();
        let reached = all.filter(|(server, shelf)| match shelf.is_empty() {
            true => may_reach(policy, roles, server),
            false => ListKind::ALL.iter().any(|kind| {
                shelf
                    .listed(*kind)
                    .iter()
                    .any(|name| view.shows(catalogue, *kind, name))
            }),
        });
        view.servers = reached.map(|(server, _)| server.clone()).collect();
        view
    }

    /// Is anything of this server shown, or might be once something is known of it?
    pub(crate) fn reaches(&self, server: &ServerName) -> bool {
        self.servers.contains(server)
    }

    /// Is this shown, by its name among all servers?
    fn shows(&self, catalogue: &Catalogue, kind: ListKind, name: &str) -> bool {
        fn seen(decision: Option<&Decision>) -> bool {
            !matches!(decision, None | Some(Decision::Deny { .. }))
        }
        match kind {
            ListKind::Tools => {
                let place = catalogue.find_tool(name);
                seen(place.map(|place| &self.tools[place].own))
            }
            ListKind::Resources => seen(self.resources.get(name)),
            ListKind::Templates => self.templates.contains(name),
            ListKind::Prompts => seen(self.prompts.get(name)),
        }
    }

    /// What the policy says of the tool at this place of the catalogue, whatever its arguments: where
    /// that is no, there is no such tool.
    pub(crate) fn tool(&self, position: usize) -> &Decision {
        &self.tools[position].own
    }

    /// What it says of a call whose arguments raise that tool to this tier; `None` where none does.
    pub(crate) fn raised(&self, position: usize, tier: Tier) -> Option<&Decision> {
        let raised = &self.tools[position].raised;
        raised
            .iter()
            .find(|(to, _)| *to == tier)
            .map(|(_, decision)| decision)
    }

    /// What it says of a listed resource; `None` where there is none of that URI.
    pub(crate) fn resource(&self, uri: &str) -> Option<&Decision> {
        self.resources.get(uri)
    }

    /// Is any template of this provider shown that has the URI's scheme?
    pub(crate) fn shows_template_for(
        &self,
        catalogue: &Catalogue,
        provider: &dyn Provider,
        uri: &str,
    ) -> bool {
        let scheme = |text: &str| text.split(':').next().map(str::to_ascii_lowercase);
        let all = catalogue.templates().iter();
        all.filter(|(pattern, _)| self.templates.contains(*pattern))
            .any(|(pattern, entry)| {
                entry.provider.name() == provider.name() && scheme(pattern) == scheme(uri)
            })
    }

    /// Is this template shown?
    pub(crate) fn shows_template(&self, pattern: &str) -> bool {
        self.templates.contains(pattern)
    }

    /// What it says of a prompt; `None` where there is none of that name.
    pub(crate) fn prompt(&self, name: &str) -> Option<&Decision> {
        self.prompts.get(name)
    }

    /// The list as a client of this revision sees it at this endpoint; made when first asked for.
    pub(crate) fn list(
        &self,
        catalogue: &Catalogue,
        endpoint: &Endpoint,
        kind: ListKind,
        revision: Revision,
    ) -> Arc<List> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = lists
            .entry((endpoint.clone(), kind, revision))
            .or_insert_with(|| {
                Arc::new(List {
                    listed: self.visible(catalogue, endpoint, kind, revision),
                    digest: OnceLock::new(),
                })
            });
        Arc::clone(list)
    }

    fn visible(
        &self,
        catalogue: &Catalogue,
        endpoint: &Endpoint,
        kind: ListKind,
        revision: Revision,
    ) -> Vec<Listed> {
        let listed = |name: &str| {
            let shown = self.shows(catalogue, kind, name);
            shown.then(|| definition::listed(catalogue, endpoint, kind, name, revision))?
        };
        match endpoint.server() {
            Some(server) => {
                let shelf = catalogue.shelves().get(server);
                let names = shelf.map_or(&[][..], |shelf| shelf.listed(kind));
                names.iter().filter_map(|name| listed(name)).collect()
            }
            None => match kind {
                ListKind::Tools => {
                    let names = catalogue
                        .tools()
                        .iter()
                        .map(|entry| entry.tool.name.as_str());
                    names.filter_map(listed).collect()
                }
                ListKind::Resources => {
                    let names = catalogue.resources().keys();
                    names.filter_map(|name| listed(name)).collect()
                }
                ListKind::Templates => {
                    let names = catalogue.templates().keys();
                    names.filter_map(|name| listed(name)).collect()
                }
                ListKind::Prompts => {
                    let names = catalogue.prompts().keys();
                    names.filter_map(|name| listed(name)).collect()
                }
            },
        }
    }
}

/// Could these roles see anything of a server of which nothing is known yet?
fn may_reach(policy: &Policy, roles: &[RoleName], server: &ServerName) -> bool {
    let reaches = |kind, tier, separator: &str| {
        let prefix = Subject {
            kind,
            name: &format!("{server}{separator}"),
            also: &[],
            provider: server.as_str(),
            tier,
        };
        policy.may_reach(roles, &prefix)
    };
    [Tier::Read, Tier::Operate, Tier::Danger]
        .into_iter()
        .any(|tier| reaches(Kind::Tool, tier, "__"))
        || reaches(Kind::Resource, Tier::Read, "+")
        || reaches(Kind::Prompt, Tier::Read, "__")
}

/// What the policy says of a place, by all its names.
pub(crate) fn judge_place(
    policy: &Policy,
    roles: &[RoleName],
    provider: &dyn Provider,
    place: &Located,
) -> Decision {
    let subject = Subject {
        kind: Kind::Resource,
        name: &place.uri,
        also: &place.also,
        provider: provider.name().as_str(),
        tier: Tier::Read,
    };
    policy.decide(roles, &subject)
}

/// Could these roles read anything that the template covers?
fn is_in_reach(policy: &Policy, roles: &[RoleName], entry: &Entry<Template>) -> bool {
    let pattern = entry.item.uri_template.as_str();
    let begin = &pattern[..pattern.find('{').unwrap_or(pattern.len())];
    let place = entry.provider.locate(begin, None).and_then(Result::ok);
    let prefix = Subject {
        kind: Kind::Resource,
        name: begin,
        also: place.as_ref().map_or(&[], |place| &place.also),
        provider: entry.provider.name().as_str(),
        tier: Tier::Read,
    };
    policy.may_reach(roles, &prefix)
}
