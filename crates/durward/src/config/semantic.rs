//! What the types can't say: keys that must fit each other.

use durward_core::RoleName;
use durward_guard::{GuardError, breaker::BreakerSettings};

use super::{
    Config, HttpDoor, commands,
    fault::Fault,
    nearest::nearest,
    node::{Node, Place, Value},
    origin::TextId,
    packs, plugins, servers,
};

/// With less the walls themselves can't be put up.
pub(crate) const LEAST_MEMORY: u64 = 1 << 20;

/// Adds what is wrong with the whole, and what should not stay so.
pub(super) fn semantic(
    config: &Config,
    root: &Node,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    unknown_roles(config, root, faults);
    public_url(config, root, faults);
    roots(config, root, faults);
    paths(config, root, faults);
    egress(config, root, faults);
    bounds(config, root, faults);
    servers::check(config, root, faults, warnings);
    plugins::check(config, root, faults, warnings);
    packs::check(config, root, faults, warnings);
    commands::check(config, root, faults, warnings);
    if config.packs.http.enabled
        && config.egress.hosts.is_empty()
        && config.egress.networks.is_empty()
    {
        let fault = Fault::new("`packs.http` is on, and `egress` lets it reach nothing");
        let place = place_of(root, &["packs", "http", "enabled"]);
        warnings.push(
            fault
                .place(place)
                .hint("name hosts, such as `egress: { hosts: [api.github.com] }`"),
        );
    }
    if !config.files.builtin_deny {
        let fault = Fault::new("the built-in list of files that hold secrets is switched off");
        let place = place_of(root, &["files", "builtin_deny"]);
        warnings.push(
            fault
                .place(place)
                .hint("name in `files.deny` what must stay closed"),
        );
    }
}

/// A role that is named must be there: else a typing error would be a right.
fn unknown_roles(config: &Config, root: &Node, faults: &mut Vec<Fault>) {
    let mut check = |role: &RoleName, path: &[&str]| {
        if !config.roles.contains_key(role) {
            let known = config.roles.keys().map(RoleName::as_str);
            let hint = match nearest(role.as_str(), known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "the roles are {}",
                    known
                        .map(|name| format!("`{name}`"))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            };
            let place = word_place(root, path, role.as_str());
            faults.push(
                Fault::new(format!("there is no role `{role}`"))
                    .hint(hint)
                    .place(place),
            );
        }
    };
    for (name, role) in &config.roles {
        role.inherit
            .iter()
            .for_each(|other| check(other, &["roles", name.as_str(), "inherit"]));
    }
    for (user, roles) in &config.identity.os_user.roles {
        let user = user.to_string();
        roles
            .iter()
            .for_each(|role| check(role, &["identity", "os_user", "roles", &user]));
    }
    for key in &config.identity.keys.accept {
        check(&key.role, &["identity", "keys", "accept"]);
    }
}

/// Beyond loopback, durward must know what it is called, or any name would do in `Host`.
fn public_url(config: &Config, root: &Node, faults: &mut Vec<Fault>) {
    if let HttpDoor::Open(address) = &config.listen.http
        && !address.is_loopback()
        && config.listen.public_url.is_none()
    {
        let fault =
            Fault::new("`listen.public_url` is required where `listen.http` is not loopback");
        let fault = fault
            .hint("say what callers call this gate, such as `public_url: https://mcp.example.com`");
        faults.push(fault.place(place_of(root, &["listen", "http"])));
    }
}

fn roots(config: &Config, root: &Node, faults: &mut Vec<Fault>) {
    let said = place_of(root, &["files", "root"]);
    if !config.files.roots.is_empty() && said.text != TextId::DEFAULTS {
        let fault = Fault::new("`files.root` and `files.roots` can't both be there");
        faults.push(
            fault
                .place(said)
                .hint("give the one root a name under `roots`"),
        );
    }
}

/// An empty path would be the working folder, which nobody meant.
fn paths(config: &Config, root: &Node, faults: &mut Vec<Fault>) {
    let paths: [(&std::path::Path, &[&str]); 6] = [
        (&config.state, &["state"]),
        (&config.files.root, &["files", "root"]),
        (&config.listen.socket, &["listen", "socket"]),
        (&config.identity.keys.file, &["identity", "keys", "file"]),
        (&config.audit.journal, &["audit", "journal"]),
        (&config.audit.index, &["audit", "index"]),
    ];
    for (path, key) in paths {
        if path.as_os_str().is_empty() {
            faults.push(
                Fault::new(format!("`{}` is empty", key.join("."))).place(place_of(root, key)),
            );
        }
    }
}

/// Some spans of time can't be nothing, and no count is remembered without an end.
fn bounds(config: &Config, root: &Node, faults: &mut Vec<Fault>) {
    let limits = &config.limits;
    for (period, path) in [
        (limits.breaker.window, ["limits", "breaker", "window"]),
        (limits.breaker.cool_down, ["limits", "breaker", "cool_down"]),
        (limits.exchange.ttl, ["limits", "exchange", "ttl"]),
    ] {
        if period.duration().is_zero() {
            let fault = Fault::new(format!("`{}` must be above 0", path.join(".")));
            faults.push(fault.place(place_of(root, &path)));
        }
    }
    if config.sandbox.limits.memory.bytes() < LEAST_MEMORY {
        let fault = Fault::new("no program can be started in less memory than 1MiB");
        let place = place_of(root, &["sandbox", "limits", "memory"]);
        faults.push(fault.place(place));
    }
    if limits.breaker.faults.get() > BreakerSettings::MOST {
        let fault = Fault::new(format!(
            "at most {} faults are counted",
            BreakerSettings::MOST
        ));
        faults.push(fault.place(place_of(root, &["limits", "breaker", "faults"])));
    }
}

/// What one key of `egress` lets out and another one keeps in.
fn egress(config: &Config, root: &Node, faults: &mut Vec<Fault>) {
    let Err(GuardError::Egress { list, entry, why }) = crate::egress::connector(config) else {
        return;
    };
    let path: Vec<&str> = ["egress"].into_iter().chain(list.split('.')).collect();
    let fault = Fault::new(format!(
        "`{entry}` in `{}` can't be used: {why}",
        path.join(".")
    ));
    faults.push(fault.place(word_place(root, &path, &entry)));
}

/// Where the value at a path of keys stands.
pub(super) fn place_of(root: &Node, path: &[&str]) -> Place {
    root.at(path).map_or(
        Place {
            text: TextId::DEFAULTS,
            span: 0..0,
        },
        |node| node.place.clone(),
    )
}

/// Where a word stands below a path, or else where the path leads.
fn word_place(root: &Node, path: &[&str], word: &str) -> Place {
    let whole = place_of(root, path);
    root.at(path)
        .and_then(|node| find(node, word))
        .unwrap_or(whole)
}

fn find(node: &Node, word: &str) -> Option<Place> {
    match &node.value {
        Value::Scalar(text, _) => (text == word).then(|| node.place.clone()),
        Value::List(items) => items.iter().find_map(|item| find(item, word)),
        Value::Map(map) => map.0.iter().find_map(|(_, inner)| find(inner, word)),
        Value::Null | Value::Sealed(_) => None,
    }
}
