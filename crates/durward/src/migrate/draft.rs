//! The `durward.yaml` that is being put together. What this version has not got yet is kept as comments.

use crate::config::is_unbuilt;

/// A value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text that means itself: `${` in it is escaped.
    Text(String),
    /// A text in which `${…}` is a reference.
    Reference(String),
    /// A number or a boolean.
    Word(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn word(word: impl ToString) -> Self {
        Self::Word(word.to_string())
    }

    pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    pub(super) fn map<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }
}

/// The sections, in the order of the reference.
const SECTIONS: [&str; 17] = [
    "extends",
    "listen",
    "identity",
    "policy",
    "roles",
    "limits",
    "inspect",
    "files",
    "egress",
    "secrets",
    "packs",
    "commands",
    "ops",
    "servers",
    "audit",
    "dashboard",
    "telemetry",
];

/// The file, with what holds now and what is for later.
#[derive(Default)]
pub(super) struct Draft {
    now: Vec<(String, Value)>,
    later: Vec<(String, Value)>,
}

impl Draft {
    /// Puts a value under a path of keys, in the place of the one that was there.
    pub(super) fn set(&mut self, path: &[&str], value: Value) {
        if let Some((last, outer)) = path.split_last() {
            let map = self.map_at(path, outer);
            match map.iter_mut().find(|(key, _)| key == last) {
                Some((_, old)) => *old = value,
                None => map.push(((*last).to_owned(), value)),
            }
        }
    }

    /// Adds a value to the list under a path of keys, once.
    pub(super) fn push(&mut self, path: &[&str], value: Value) {
        let Some((last, outer)) = path.split_last() else {
            return;
        };
        let map = self.map_at(path, outer);
        match map.iter_mut().find(|(key, _)| key == last) {
            Some((_, Value::List(items))) if items.contains(&value) => {}
            Some((_, Value::List(items))) => items.push(value),
            _ => map.push(((*last).to_owned(), Value::List(vec![value]))),
        }
    }

    /// What is under a path of keys, of what holds now.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let (_, value) = self.now.iter().find(|(key, _)| key == first)?;
        rest.iter().try_fold(value, |value, key| match value {
            Value::Map(map) => map.iter().find(|(name, _)| name == key).map(|(_, it)| it),
            _ => None,
        })
    }

    fn map_at(&mut self, whole: &[&str], outer: &[&str]) -> &mut Vec<(String, Value)> {
        let mut map = match is_unbuilt(whole) {
            true => &mut self.later,
            false => &mut self.now,
        };
        for key in outer {
            let at = match map.iter().position(|(name, _)| name == key) {
                Some(at) => at,
                None => {
                    map.push(((*key).to_owned(), Value::Map(Vec::new())));
                    map.len() - 1
                }
            };
            let value = &mut map[at].1;
            if !matches!(value, Value::Map(_)) {
                *value = Value::Map(Vec::new());
            }
            match value {
                Value::Map(inner) => map = inner,
                _ => unreachable!("it was made a map just now"),
            }
        }
        map
    }

    /// The text of the file.
    pub(super) fn render(&self, head: &str) -> String {
        let mut out = format!("# {head}\nversion: 1\n");
        sections(&self.now, &mut out);
        if !self.later.is_empty() {
            let mut later = String::new();
            sections(&self.later, &mut later);
            out.push_str("\n# Not built into this version of durward yet, and kept for the one that has it:\n");
            for line in later.lines() {
                out.push_str(format!("# {line}").trim_end());
                out.push('\n');
            }
        }
        out
    }
}

fn sections(map: &[(String, Value)], out: &mut String) {
    let place = |key: &str| SECTIONS.iter().position(|it| *it == key);
    let mut ordered: Vec<_> = map.iter().collect();
    ordered.sort_by_key(|(key, _)| place(key));
    for (key, value) in ordered {
        entry(key, value, 0, out);
    }
}

fn entry(key: &str, value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let key = scalar(key);
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            out.push_str(&format!("{indent}{key}:\n"));
            for (key, value) in entries {
                entry(key, value, depth + 1, out);
            }
        }
        Value::List(items) if is_long(items) => {
            out.push_str(&format!("{indent}{key}:\n"));
            for item in items {
                out.push_str(&format!("{indent}  - {}\n", flow(item)));
            }
        }
        other => out.push_str(&format!("{indent}{key}: {}\n", flow(other))),
    }
}

fn is_long(items: &[Value]) -> bool {
    let maps = items.iter().any(|item| matches!(item, Value::Map(_)));
    maps || items.iter().map(|item| flow(item).len() + 2).sum::<usize>() > 80
}

fn flow(value: &Value) -> String {
    match value {
        Value::Text(text) => scalar(&text.replace("${", "$${")),
        Value::Reference(text) => scalar(text),
        Value::Word(word) => word.clone(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(key), flow(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A text as YAML, bare where nothing else could be meant.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./@%+~-".contains(c);
    let words = ["true", "false", "null", "yes", "no", "on", "~", "-", "."];
    let bare = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(|c| plain(c) || c == ':')
        && !text.ends_with(':')
        && text.parse::<f64>().is_err()
        && !words.contains(&text.to_ascii_lowercase().as_str());
    match bare {
        true => text.to_owned(),
        // A JSON string is a YAML one in double quotes; a text serializes without fail.
        false => serde_json::to_string(text).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tree;

    #[test]
    fn what_is_not_built_yet_is_a_comment() {
        let mut draft = Draft::default();
        draft.set(&["ops", "logs", "web"], Value::text("/var/log/web.log"));
        draft.set(&["listen", "http"], Value::text("127.0.0.1:8080"));
        draft.push(&["files", "deny"], Value::text("**/*.key"));
        draft.push(&["files", "deny"], Value::text("**/*.key"));
        let text = draft.render("made");
        assert!(
            text.contains("\n# ops:\n#   logs:\n#     web: /var/log/web.log\n"),
            "{text}"
        );
        assert!(
            text.contains("listen:\n  http: 127.0.0.1:8080\nfiles:\n  deny: [\"**/*.key\"]\n"),
            "{text}"
        );
    }

    proptest::proptest! {
        #[test]
        fn every_text_comes_back_as_it_was(text in "[ -~\\n\\t\u{e0}-\u{ff}]{0,40}") {
            let yaml = format!("a: {}\n", scalar(&text));
            let tree = Tree::parse(&yaml).unwrap();
            proptest::prop_assert_eq!(tree.get("a").unwrap().text().unwrap_or_default(), text);
        }
    }
}
