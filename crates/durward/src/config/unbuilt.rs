//! What the format has and this version has not: refused as such, never ignored.

use super::{
    fault::Fault,
    node::{Node, Value},
};

/// Dotted keys; `*` stands for any name.
const UNBUILT: &[&str] = &[
    "extends",
    "listen.tls",
    "listen.trusted_proxies",
    "listen.metrics",
    "identity.jwt",
    "rules",
    "flow",
    "limits.tools.*.cut",
    "inspect",
    "secrets.*.age",
    "sandbox",
    "packs.shell",
    "packs.search",
    "packs.bugs",
    "packs.notes",
    "packs.discovery",
    "commands",
    "ops",
    "plugins",
    "servers.*.auth.exchange",
    "audit.encrypt",
    "audit.export.otlp",
    "audit.export.stderr",
    "dashboard",
    "cluster.state",
    "cluster.audit",
    "telemetry.otlp",
];

/// Takes out of the tree what is not built yet, and says so of all that asks for something. Inside a
/// section, `~` and `[]` ask for nothing.
pub(super) fn refuse(root: &mut Node, faults: &mut Vec<Fault>) {
    for dotted in UNBUILT {
        let path: Vec<&str> = dotted.split('.').collect();
        take_out(root, &path, &mut Vec::new(), faults);
    }
}

fn take_out(node: &mut Node, path: &[&str], outer: &mut Vec<String>, faults: &mut Vec<Fault>) {
    let (Value::Map(map), Some((first, rest))) = (&mut node.value, path.split_first()) else {
        return;
    };
    if rest.is_empty() {
        if let Some((key, node)) = map.entry(first) {
            if outer.is_empty() || asks(&node.value) {
                let name = outer
                    .iter()
                    .map(String::as_str)
                    .chain([*first])
                    .collect::<Vec<_>>()
                    .join(".");
                let fault = Fault::new(format!("`{name}` is not built into this version yet"));
                faults.push(
                    fault
                        .place(key.place.clone())
                        .hint("take it out; `durward config docs` lists what there is"),
                );
            }
            map.remove(first);
        }
        return;
    }
    for (key, inner) in map
        .0
        .iter_mut()
        .filter(|(key, _)| *first == "*" || key.text == *first)
    {
        outer.push(key.text.clone());
        take_out(inner, rest, outer, faults);
        outer.pop();
    }
}

fn asks(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::List(items) => !items.is_empty(),
        _ => true,
    }
}
