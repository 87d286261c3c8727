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
    "inspect.secrets",
    "inspect.pii",
    "inspect.injection",
    "inspect.kinds",
    "inspect.custom",
    "inspect.allow",
    "inspect.decode",
    "inspect.elicitation",
    "inspect.pins",
    "secrets.*.age",
    "packs.search",
    "packs.bugs",
    "packs.notes",
    "packs.discovery",
    "ops",
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

/// Whether a key, or what it stands in, is refused as not built yet.
pub(crate) fn is_unbuilt(path: &[&str]) -> bool {
    UNBUILT.iter().any(|dotted| {
        let mut keys = path.iter();
        dotted
            .split('.')
            .all(|word| keys.next().is_some_and(|key| word == "*" || word == *key))
    })
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

#[cfg(test)]
mod tests {
    use super::is_unbuilt;

    #[test]
    fn what_stands_in_an_unbuilt_section_is_unbuilt() {
        // A name that no version of the format has is not unbuilt, and neither is what holds an unbuilt key.
        assert!(!is_unbuilt(&["listen"]) && !is_unbuilt(&["listen", "http"]));
        for dotted in super::UNBUILT {
            let path: Vec<&str> = dotted.split('.').chain(["x"]).collect();
            assert!(is_unbuilt(&path), "{dotted}");
        }
    }
}
