//! The notation of others: `name|"template"`, with `;` between several, in which the name of a placeholder
//! says what it takes.

use thiserror::Error;

use super::placeholder;

/// Something that is no definition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotationFault {
    /// Nothing stands between a name and a template.
    #[error("`{0}` is no command: a name, a `|` and a template, as in `echo|\"echo {{message}}\"`")]
    NoBar(String),
    /// There is no name.
    #[error("a command without a name: a name comes before the `|`")]
    NoName,
    /// Nothing is defined at all.
    #[error(
        "there is no command in it: a name, a `|` and a template, as in `echo|\"echo {{message}}\"`"
    )]
    Nothing,
}

/// The names and templates of a text, one after the other. A template's placeholders have yet to be given the
/// types of their names.
pub fn definitions(text: &str) -> Vec<Result<(String, String), NotationFault>> {
    let parts = split(text);
    if parts.is_empty() {
        return vec![Err(NotationFault::Nothing)];
    }
    let one = |part: String| {
        let Some((name, template)) = part.split_once('|') else {
            return Err(NotationFault::NoBar(part.trim().chars().take(60).collect()));
        };
        let (name, template) = (name.trim(), template.trim());
        let inner = template
            .strip_prefix('"')
            .and_then(|inner| inner.strip_suffix('"'));
        match name.is_empty() {
            true => Err(NotationFault::NoName),
            false => Ok((name.to_owned(), inner.unwrap_or(template).to_owned())),
        }
    };
    parts.into_iter().map(one).collect()
}

/// Definitions, at each `;` that is not inside quotes.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '"';
        match parts.last_mut() {
            Some(part) if c != ';' || quoted => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// A template of theirs as one of ours: each placeholder with the type that its name gave it there, and each
/// brace that opens none as a brace.
pub fn with_types_of_names(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let (brace, inner) = found.split_at(1);
        let named = placeholder::name(inner).ok();
        let named = named.and_then(|(name, rest)| Some((name, rest.strip_prefix('}')?)));
        rest = match (brace, named) {
            ("{", Some((name, after))) => {
                out.push_str(&format!("{{{name}{}}}", of_name(&name)));
                after
            }
            _ => {
                out.push_str(brace);
                out.push_str(brace);
                inner
            }
        };
    }
    out + rest
}

/// The type that a placeholder's name gives it.
fn of_name(name: &str) -> &'static str {
    let lower = name.to_ascii_lowercase();
    let ends = |words: &[&str]| words.iter().any(|word| lower.ends_with(word));
    if ends(&["path", "file", "dir"]) {
        ":path"
    } else if ends(&["_flag", "_opt"]) {
        ":flag"
    } else {
        ""
    }
}
