//! The text of durward's file: what is new is put in, and all else stays as the person wrote it.

use super::{
    edit::{self, Edit, Format, Node, Value, line_break, word},
    show::harmless,
};

/// A value of durward's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Yaml {
    Text(String),
    List(Vec<String>),
    Map(Vec<(String, Yaml)>),
    /// A map on one line.
    Line(Vec<(String, Yaml)>),
}

/// A key, its value, and a remark.
type Part = (String, Yaml, Option<String>);

impl Yaml {
    pub(super) fn list(items: impl IntoIterator<Item = String>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// On one line.
    fn flat(&self) -> String {
        match self {
            Self::Text(text) => word(text),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| word(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(parts) | Self::Line(parts) => {
                let parts = parts.iter();
                let parts = parts.map(|(key, value)| format!("{}: {}", word(key), value.flat()));
                format!("{{ {} }}", parts.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Over lines, each beginning with the indent.
    fn lines(&self, key: &str, indent: &str, remark: Option<&str>, lines: &mut Vec<String>) {
        let remark = remark.map_or_else(String::new, |it| format!("   # {}", harmless(it)));
        match self {
            Self::Map(parts) => {
                lines.push(format!("{indent}{}:{remark}", word(key)));
                for (key, value) in parts {
                    value.lines(key, &format!("{indent}  "), None, lines);
                }
            }
            other => lines.push(format!("{indent}{}: {}{remark}", word(key), other.flat())),
        }
    }
}

/// What a new file begins with.
const HEAD: &str = "\
# Made by `durward init`; `durward init --undo` puts everything back.
version: 1

# What the clients had, and no more: say `files:` and take this line out for durward's own file tools.
packs: { fs: { enabled: false } }
";

/// The text with these secrets and servers in it.
pub(super) fn inserted(text: Option<&str>, secrets: &[Part], servers: &[Part]) -> String {
    let mut text = text.unwrap_or(HEAD).to_owned();
    for (key, parts) in [("secrets", secrets), ("servers", servers)] {
        if parts.is_empty() {
            continue;
        }
        let new = match Format::Yaml.read(&text) {
            Ok(document) => edit::applied(&text, &[insertion(&text, &document.root, key, parts)]),
            // durward has read it before: whoever looks at the result says that it is not whole.
            Err(_) => return text,
        };
        text = new;
    }
    text
}

fn insertion(text: &str, root: &Node, key: &str, parts: &[Part]) -> Edit {
    let line = line_break(text);
    let block = |indent: &str| {
        let mut lines = Vec::new();
        for (key, value, remark) in parts {
            value.lines(key, indent, remark.as_deref(), &mut lines);
        }
        lines.join(line)
    };
    let at = |at: usize, text: String| Edit { span: at..at, text };
    let after = |end: usize, text_after: String| {
        let end = end_of_line(text, end);
        match text[..end].ends_with('\n') || end == 0 {
            true => at(end, format!("{text_after}{line}")),
            false => at(end, format!("{line}{text_after}{line}")),
        }
    };
    let Some(section) = root.get(key) else {
        let gap = match text.is_empty() || text.ends_with("\n\n") || text.ends_with("\n\r\n") {
            true => "",
            false => line,
        };
        return after(text.len(), format!("{gap}{key}:{line}{}", block("  ")));
    };
    let is_flow = text[section.span.clone()].starts_with('{');
    match &section.value {
        Value::Map(members) if is_flow && members.is_empty() => Edit {
            span: section.span.clone(),
            text: format!("{line}{}", block("  ")),
        },
        Value::Map(members) if is_flow => {
            let end = members
                .last()
                .map_or(section.span.start + 1, |it| it.span.end);
            let parts = parts.iter();
            let parts = parts.map(|(key, value, _)| format!(", {}: {}", word(key), value.flat()));
            at(end, parts.collect())
        }
        Value::Map(members) => {
            let first = members
                .first()
                .map_or(section.span.start, |it| it.span.start);
            let begin = text[..first].rfind('\n').map_or(0, |at| at + 1);
            after(section.span.end, block(&text[begin..first]))
        }
        _ => after(section.span.end, block("  ")),
    }
}

fn end_of_line(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |found| at + found + 1)
}
