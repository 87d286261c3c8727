//! The catalogue as one set of roles may see it: what is listed is exactly what can be called.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use durward_core::{Located, Provider, RawJson, Revision, RoleName, Template, Tier};
use durward_guard::policy::{Decision, Kind, Policy, Subject};
use ring::digest::{SHA256, digest};

use crate::{
    catalogue::{Catalogue, Entry},
    definition,
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

/// The lists that were asked for, each as its revision spells it.
type Lists = HashMap<(ListKind, Revision), std::sync::Arc<[Listed]>>;

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
    lists: Mutex<Lists>,
    digests: [[u8; 32]; 4],
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
            lists: Mutex::default(),
            digests: [[0; 32]; 4],
        };
        view.digests = ListKind::ALL.map(|kind| view.digest(catalogue, kind));
        view
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

    /// True where the two show different things in a list of this kind.
    pub(crate) fn differs(&self, other: &Self, kind: ListKind) -> bool {
        self.digests[kind as usize] != other.digests[kind as usize]
    }

    /// The list as a client of this revision sees it; made when first asked for.
    pub(crate) fn list(
        &self,
        catalogue: &Catalogue,
        kind: ListKind,
        revision: Revision,
    ) -> std::sync::Arc<[Listed]> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = lists
            .entry((kind, revision))
            .or_insert_with(|| self.visible(catalogue, kind, revision).into());
        std::sync::Arc::clone(list)
    }

    fn visible(&self, catalogue: &Catalogue, kind: ListKind, revision: Revision) -> Vec<Listed> {
        fn seen(decision: Option<&Decision>) -> bool {
            !matches!(decision, None | Some(Decision::Deny { .. }))
        }
        fn listed(name: &str, definition: Option<RawJson>) -> Option<Listed> {
            Some(Listed {
                name: name.to_owned(),
                definition: definition?,
            })
        }
        match kind {
            ListKind::Tools => catalogue
                .tools()
                .iter()
                .zip(&self.tools)
                .filter(|(_, judged)| seen(Some(&judged.own)))
                .filter_map(|(entry, _)| {
                    listed(
                        entry.tool.name.as_str(),
                        definition::tool(&entry.tool, revision),
                    )
                })
                .collect(),
            ListKind::Resources => catalogue
                .resources()
                .iter()
                .filter(|(uri, _)| seen(self.resources.get(*uri)))
                .filter_map(|(uri, entry)| listed(uri, definition::resource(&entry.item)))
                .collect(),
            ListKind::Templates => catalogue
                .templates()
                .iter()
                .filter(|(pattern, _)| self.templates.contains(*pattern))
                .filter_map(|(uri, entry)| listed(uri, definition::template(&entry.item)))
                .collect(),
            ListKind::Prompts => catalogue
                .prompts()
                .iter()
                .filter(|(name, _)| seen(self.prompts.get(*name)))
                .filter_map(|(name, entry)| listed(name, definition::prompt(&entry.item)))
                .collect(),
        }
    }

    fn digest(&self, catalogue: &Catalogue, kind: ListKind) -> [u8; 32] {
        let mut text = Vec::new();
        for listed in self.visible(catalogue, kind, Revision::V2026_07_28) {
            text.extend_from_slice(listed.definition.bytes());
            text.push(b'\n');
        }
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, &text).as_ref());
        out
    }
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
