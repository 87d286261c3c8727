//! Texts that may be shown: what looks like a secret is not in them.

use super::{
    edit::{Edit, Format, Node, Value, applied},
    secret::Looks,
};

/// A text without what looks like a secret.
pub(super) fn shown(format: Format, text: &str, looks: &Looks) -> String {
    let document = format.read(text);
    let masks = document.map(|document| masks(&document.root, looks));
    applied(text, &masks.unwrap_or_default())
}

/// The places of texts that look like secrets; `${secret:name}` is none.
pub(super) fn masks(node: &Node, looks: &Looks) -> Vec<Edit> {
    let mut masks = Vec::new();
    mask(node, "", looks, &mut masks);
    masks.sort_by_key(|edit| edit.span.start);
    masks
}

fn is_secret(name: &str, text: &str, looks: &Looks) -> bool {
    let named = text
        .split_once("${secret:")
        .is_some_and(|(_, rest)| rest.ends_with('}'));
    !named && looks.named(name, text)
}

fn mask(node: &Node, name: &str, looks: &Looks, masks: &mut Vec<Edit>) {
    match &node.value {
        Value::Text(text) if is_secret(name, text, looks) && !node.span.is_empty() => {
            masks.push(Edit {
                span: node.span.clone(),
                text: "(secret)".to_owned(),
            })
        }
        Value::List(items) => {
            // An option's value stands behind it.
            let mut option = name;
            for item in items {
                mask(item, option, looks, masks);
                option = item.text().filter(|it| it.starts_with("--")).unwrap_or("");
            }
        }
        Value::Map(members) => members
            .iter()
            .for_each(|member| mask(&member.node, &member.key, looks, masks)),
        _ => {}
    }
}
