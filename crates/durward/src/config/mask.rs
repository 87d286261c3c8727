//! Secrets that stand where they should not: taken out of the texts before any line of them is shown.

use super::{
    node::{Node, Value},
    origin::Texts,
};

/// Keys whose values are secrets; `*` stands for any name or item.
const SECRETS: &[&[&str]] = &[
    &["identity", "keys", "accept", "*", "key"],
    &["egress", "credentials", "*", "value"],
    &["servers", "*", "auth", "bearer"],
    &["servers", "*", "auth", "oauth", "client_secret"],
    &["servers", "*", "env", "*"],
    &["servers", "*", "headers", "*"],
    &["plugins", "env", "*", "*"],
    &["audit", "signing_key"],
    &["cluster", "sealing_key"],
];

/// Covers every secret that is written out. A reference to one is no secret.
pub(super) fn mask(root: &Node, texts: &mut Texts) {
    for path in SECRETS {
        cover(root, path, texts);
    }
}

fn cover(node: &Node, path: &[&str], texts: &mut Texts) {
    let Some((first, rest)) = path.split_first() else {
        if !matches!(node.value, Value::Null | Value::Sealed(_)) {
            texts.cover(&node.place);
        }
        return;
    };
    match &node.value {
        Value::Map(map) => {
            let meant = map
                .0
                .iter()
                .filter(|(key, _)| *first == "*" || key.text == *first);
            meant.for_each(|(_, inner)| cover(inner, rest, texts));
        }
        Value::List(items) if *first == "*" => {
            items.iter().for_each(|item| cover(item, rest, texts))
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_of_the_schema_is_covered() {
        let schema = super::super::schema().to_string();
        // Each use, and none in the definition itself.
        let uses = |name: &str| schema.matches(&format!("#/$defs/{name}\"")).count();
        assert_eq!(uses("SecretText") + uses("PerhapsSecret"), SECRETS.len());
    }
}
