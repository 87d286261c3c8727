//! Who may do what: roles of allows, denies and confirmations.

mod build;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use durward_core::{RoleName, Tier};

use crate::{
    limit::{Bounds, ToolLimits},
    selector::Selector,
    uri,
};

/// What a caller of several roles may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Combine {
    /// What one of the roles allows.
    #[default]
    Union,
    /// What every one of the roles allows.
    Intersect,
}

/// `policy:` and `roles:` of the configuration.
#[derive(Debug, Clone, Default)]
pub struct PolicySettings {
    /// How several roles of one caller combine.
    pub combine: Combine,
    /// The roles of the file; one that is built in is replaced by one of its name.
    pub roles: BTreeMap<RoleName, RoleSettings>,
}

/// One role as the file has it.
#[derive(Debug, Clone, Default)]
pub struct RoleSettings {
    /// Roles whose lines count as this one's own.
    pub inherit: Vec<RoleName>,
    /// Selectors of what it may do.
    pub allow: Vec<String>,
    /// Selectors of what it may not do, whatever else is allowed.
    pub deny: Vec<String>,
    /// Selectors of what it may do once it has been confirmed.
    pub confirm: Vec<String>,
    /// Bounds of its callers.
    pub limits: ToolLimits,
}

/// What kind of thing is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A tool.
    Tool,
    /// A resource or a template of resources.
    Resource,
    /// A prompt.
    Prompt,
}

/// The thing that is judged.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its name or URI.
    pub name: &'a str,
    /// Other true names of a resource: a rule that matches one of them matches the resource.
    pub also: &'a [String],
    /// Who offers it.
    pub provider: &'a str,
    /// How much harm it can do.
    pub tier: Tier,
}

/// The verdict, with the rule that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Allow {
        /// As in `role reader: allow tier:read`.
        rule: String,
    },
    /// It may, once confirmed.
    Confirm {
        /// As in `role admin: confirm tier:danger`.
        rule: String,
    },
    /// It may not.
    Deny {
        /// As in `role developer: deny tool:x`, or `no role allows it`.
        rule: String,
    },
}

/// The roles, compiled. A deny beats a confirmation, which beats an allow; no allow means no.
#[derive(Debug)]
pub struct Policy {
    combine: Combine,
    roles: HashMap<RoleName, Role>,
}

/// One role with all that it inherits.
#[derive(Debug, Clone, Default)]
struct Role {
    allow: Vec<Rule>,
    deny: Vec<Rule>,
    confirm: Vec<Rule>,
    bounds: Bounds,
}

#[derive(Debug, Clone)]
struct Rule {
    /// The role whose line it is.
    role: RoleName,
    list: &'static str,
    selector: Selector,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role {}: {} {}", self.role, self.list, self.selector)
    }
}

impl Policy {
    /// Is there a role of this name?
    pub fn knows(&self, role: &RoleName) -> bool {
        self.roles.contains_key(role)
    }

    /// The names of all roles, sorted: those of the file and those built in.
    pub fn roles(&self) -> Vec<&RoleName> {
        let mut names: Vec<_> = self.roles.keys().collect();
        names.sort();
        names
    }

    /// May a caller of these roles do this? A role that the policy does not know grants nothing.
    /// A resource is judged by its URI as written and by its normal form: a deny of either denies,
    /// and an allow must match both.
    pub fn decide(&self, roles: &[RoleName], subject: &Subject<'_>) -> Decision {
        let Some(forms) = Forms::of(subject) else {
            return Decision::Deny {
                rule: "its URI has no normal form".to_owned(),
            };
        };
        let known = || roles.iter().filter_map(|role| self.roles.get(role));
        if let Some(rule) = known().find_map(|role| forms.either(&role.deny)) {
            return Decision::Deny {
                rule: rule.to_string(),
            };
        }
        let Some(allow) = self.allow(roles, &forms) else {
            return Decision::Deny {
                rule: "no role allows it".to_owned(),
            };
        };
        match known().find_map(|role| forms.either(&role.confirm)) {
            Some(rule) => Decision::Confirm {
                rule: rule.to_string(),
            },
            None => Decision::Allow {
                rule: allow.to_string(),
            },
        }
    }

    fn allow(&self, roles: &[RoleName], forms: &Forms<'_>) -> Option<&Rule> {
        let allow = |role| {
            self.roles
                .get(role)
                .and_then(|role| forms.both(&role.allow))
        };
        match self.combine {
            Combine::Union => roles.iter().find_map(allow),
            Combine::Intersect => {
                let allows: Option<Vec<_>> = roles.iter().map(allow).collect();
                allows?.first().copied()
            }
        }
    }

    /// Could a caller of these roles reach any resource whose URI begins as the subject's name does?
    /// A template is shown by it. Each URI is judged for itself all the same.
    pub fn may_reach(&self, roles: &[RoleName], prefix: &Subject<'_>) -> bool {
        let names = || std::iter::once(prefix.name).chain(prefix.also.iter().map(String::as_str));
        let all = || roles.iter().map(|role| self.roles.get(role));
        let is_denied = |role: &Role| {
            let covers = |rule: &Rule, name| rule.selector.covers(&Subject { name, ..*prefix });
            names().any(|name| role.deny.iter().any(|rule| covers(rule, name)))
        };
        let is_allowed = |role: &Role| {
            let overlaps = |rule: &Rule, name| rule.selector.overlaps(&Subject { name, ..*prefix });
            names().any(|name| role.allow.iter().any(|rule| overlaps(rule, name)))
        };
        !all().flatten().any(is_denied)
            && match self.combine {
                Combine::Union => all().flatten().any(is_allowed),
                Combine::Intersect => {
                    !roles.is_empty() && all().all(|role| role.is_some_and(is_allowed))
                }
            }
    }

    /// The strictest bounds of these roles.
    pub fn limits_for(&self, roles: &[RoleName]) -> Bounds {
        roles
            .iter()
            .filter_map(|role| self.roles.get(role))
            .fold(Bounds::default(), |strictest, role| {
                strictest.strictest(role.bounds)
            })
    }

    /// The verdict for people: a line for each role and rule that has a say, then the verdict.
    pub fn explain(&self, roles: &[RoleName], subject: &Subject<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        for name in roles {
            match (self.roles.get(name), Forms::of(subject)) {
                (Some(role), Some(forms)) => lines.extend(role.explain(name, &forms)),
                (None, _) => lines.push(format!("role {name}: unknown, grants nothing")),
                (Some(_), None) => {}
            }
        }
        lines.push(match self.decide(roles, subject) {
            Decision::Allow { rule } => format!("allowed by {rule}"),
            Decision::Confirm { rule } => format!("to be confirmed by {rule}"),
            Decision::Deny { rule } => format!("denied: {rule}"),
        });
        lines
    }
}

impl Role {
    fn explain(&self, name: &RoleName, forms: &Forms<'_>) -> Vec<String> {
        let denies = self.deny.iter().filter(|rule| forms.any(rule));
        let confirms = self.confirm.iter().filter(|rule| forms.any(rule));
        let allows = self.allow.iter().filter(|rule| forms.all(rule));
        let mut lines: Vec<_> = denies
            .chain(confirms)
            .chain(allows)
            .map(|rule| match rule.role == *name {
                true => format!("{rule} matches"),
                false => format!("{rule} matches, inherited by {name}"),
            })
            .collect();
        if lines.is_empty() {
            lines.push(format!("role {name}: no line matches"));
        }
        lines
    }
}

/// A subject under each of its names, and each name in normal form where that is another.
struct Forms<'a> {
    written: Subject<'a>,
    names: Vec<(&'a str, Option<String>)>,
}

impl<'a> Forms<'a> {
    /// `None` where a URI is of a kind that hides what it points at.
    fn of(subject: &Subject<'a>) -> Option<Self> {
        let name = |name: &'a str| {
            Some(match subject.kind {
                Kind::Resource => (name, Some(uri::normal(name)?).filter(|it| it != name)),
                Kind::Tool | Kind::Prompt => (name, None),
            })
        };
        let all = std::iter::once(subject.name).chain(subject.also.iter().map(String::as_str));
        Some(Self {
            written: *subject,
            names: all.map(name).collect::<Option<_>>()?,
        })
    }

    fn any(&self, rule: &Rule) -> bool {
        self.names.iter().any(|(name, normal)| {
            let normal = normal.as_deref();
            self.under(name, rule) || normal.is_some_and(|name| self.under(name, rule))
        })
    }

    fn all(&self, rule: &Rule) -> bool {
        self.names.iter().any(|(name, normal)| {
            let normal = normal.as_deref();
            self.under(name, rule) && normal.is_none_or(|name| self.under(name, rule))
        })
    }

    fn under(&self, name: &str, rule: &Rule) -> bool {
        rule.selector.matches(&Subject {
            name,
            ..self.written
        })
    }

    fn either<'r>(&self, rules: &'r [Rule]) -> Option<&'r Rule> {
        rules.iter().find(|rule| self.any(rule))
    }

    fn both<'r>(&self, rules: &'r [Rule]) -> Option<&'r Rule> {
        rules.iter().find(|rule| self.all(rule))
    }
}

#[cfg(test)]
mod tests;
