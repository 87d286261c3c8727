//! `durward config show`: what holds, and where each value came from.

use serde_json::{Map, Value, json};

use super::{Loaded, Origins};

/// The configuration that holds: as YAML with the origin of each value beside it, or as JSON where each
/// value is `{"value": …, "origin": …}`. Secrets are not in it.
pub fn show(loaded: &Loaded, as_json: bool) -> String {
    // The types serialize without fail, and secrets as a word.
    let value = serde_json::to_value(&loaded.config).unwrap_or_default();
    let mut path = Vec::new();
    if as_json {
        return with_origins(&value, &loaded.origins, &mut path).to_string();
    }
    let mut text = String::new();
    if let Value::Object(map) = &value {
        lines(map, &loaded.origins, &mut path, &mut text);
    }
    text
}

fn with_origins(value: &Value, origins: &Origins, path: &mut Vec<String>) -> Value {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut out = Map::new();
            for (key, inner) in map {
                path.push(key.clone());
                out.insert(key.clone(), with_origins(inner, origins, path));
                path.pop();
            }
            Value::Object(out)
        }
        leaf => json!({ "value": leaf, "origin": origins.of_path(path).to_string() }),
    }
}

fn lines(map: &Map<String, Value>, origins: &Origins, path: &mut Vec<String>, text: &mut String) {
    for (key, value) in map {
        let indent = "  ".repeat(path.len());
        path.push(key.clone());
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push_str(&format!("{indent}{}:\n", scalar(key)));
                lines(inner, origins, path, text);
            }
            leaf => {
                let line = format!("{indent}{}: {}", scalar(key), flow(leaf));
                text.push_str(&format!("{line:<48}  # {}\n", origins.of_path(path)));
            }
        }
        path.pop();
    }
}

/// A value on one line, as YAML reads it.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Null => "~".to_owned(),
        Value::String(text) => scalar(text),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(flow).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(key), flow(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A text, in quotes where YAML would read something else without.
fn scalar(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_./-+:".contains(&b);
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(plain)
        && !text.ends_with(':');
    let measure = text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains(|c: char| c.is_ascii_alphabetic() || c == ':')
        && text.bytes().all(plain)
        && !text.ends_with(':');
    let other = text.parse::<f64>().is_ok()
        || text.starts_with("0x")
        || matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "y" | "n"
        );
    // JSON's strings are YAML's double-quoted ones.
    if (word || measure) && !other {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}
