//! From settings to a policy.

use std::collections::{BTreeMap, HashMap};

use durward_core::RoleName;

use super::{Policy, PolicySettings, Role, RoleSettings, Rule};
use crate::{GuardError, selector::Selector};

impl Policy {
    /// Compiles the roles of the file, and those built in that the file does not redefine: reader
    /// (`tier:read`), developer (and `tier:operate`), admin (`*`, `tier:danger` to be confirmed).
    /// The error names the role, and the selector or the roles it inherits.
    pub fn build(settings: PolicySettings) -> Result<Self, GuardError> {
        let mut written = built_in();
        written.extend(settings.roles);
        let mut roles = HashMap::new();
        for name in written.keys() {
            let role = resolve(name, &written, &mut Vec::new())?;
            roles.insert(name.clone(), role);
        }
        Ok(Self {
            combine: settings.combine,
            roles,
        })
    }
}

fn built_in() -> BTreeMap<RoleName, RoleSettings> {
    let role = |name, allow: &[&str], confirm: &[&str]| {
        let list = |selectors: &[&str]| selectors.iter().map(|&it| it.to_owned()).collect();
        let settings = RoleSettings {
            allow: list(allow),
            confirm: list(confirm),
            ..RoleSettings::default()
        };
        (RoleName::new(name), settings)
    };
    BTreeMap::from([
        role("reader", &["tier:read"], &[]),
        role("developer", &["tier:read", "tier:operate"], &[]),
        role("admin", &["*"], &["tier:danger"]),
    ])
}

/// A role with what it inherits; `path` holds the roles that led here.
fn resolve(
    name: &RoleName,
    written: &BTreeMap<RoleName, RoleSettings>,
    path: &mut Vec<RoleName>,
) -> Result<Role, GuardError> {
    let settings = written.get(name).ok_or_else(|| GuardError::UnknownRole {
        role: path.last().unwrap_or(name).clone(),
        inherited: name.clone(),
    })?;
    if let Some(start) = path.iter().position(|role| role == name) {
        return Err(circle(&path[start..], name));
    }
    let mut role = own(name, settings)?;
    path.push(name.clone());
    for inherited in &settings.inherit {
        let base = resolve(inherited, written, path)?;
        role.allow.extend(base.allow);
        role.deny.extend(base.deny);
        role.confirm.extend(base.confirm);
        role.bounds = role.bounds.strictest(base.bounds);
    }
    path.pop();
    Ok(role)
}

fn circle(path: &[RoleName], name: &RoleName) -> GuardError {
    let mut names: Vec<_> = path.iter().map(RoleName::as_str).collect();
    names.push(name.as_str());
    GuardError::Circle {
        role: name.clone(),
        circle: names.join(" → "),
    }
}

fn own(name: &RoleName, settings: &RoleSettings) -> Result<Role, GuardError> {
    let rules = |list: &'static str, selectors: &[String]| {
        selectors
            .iter()
            .map(|text| match Selector::parse(text) {
                Ok(selector) => Ok(Rule {
                    role: name.clone(),
                    list,
                    selector,
                }),
                Err(cause) => {
                    let cause = Box::new(cause);
                    Err(GuardError::InRole {
                        role: name.clone(),
                        list,
                        cause,
                    })
                }
            })
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(Role {
        allow: rules("allow", &settings.allow)?,
        deny: rules("deny", &settings.deny)?,
        confirm: rules("confirm", &settings.confirm)?,
        bounds: settings.limits.bounds(),
    })
}
