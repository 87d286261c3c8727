//! A placeholder as it is written: `{name}`, `{name:type}`, `{name:type(a|b)}`.

use super::{Kind, Slot, TemplateFault, slot::Pattern};

const LONGEST_NAME: usize = 64;

/// A placeholder, and what stands behind its brace.
pub(super) struct Placeholder<'t> {
    pub(super) slot: Slot,
    pub(super) rest: &'t str,
}

/// Reads what stands behind a `{`.
pub(super) fn read(text: &str) -> Result<Placeholder<'_>, TemplateFault> {
    let (name, rest) = name(text)?;
    if let Some(rest) = rest.strip_prefix('}') {
        let slot = Slot::strict(name);
        return Ok(Placeholder { slot, rest });
    }
    let Some(rest) = rest.strip_prefix(':') else {
        return Err(not_one(text));
    };
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .ok_or(TemplateFault::OpenBrace)?;
    let (word, rest) = rest.split_at(end);
    let (given, rest) = match rest.strip_prefix('(') {
        Some(inner) => {
            let (given, rest) = parenthesis(inner).ok_or_else(|| unclosed(word, &name))?;
            (Some(given), rest)
        }
        None => (None, rest),
    };
    let Some(rest) = rest.strip_prefix('}') else {
        return Err(not_one(text));
    };
    let (kind, pattern) = Kind::of(word, &name, given)?;
    let mut slot = Slot::new(name, kind);
    if let Some(pattern) = pattern {
        let read = Pattern::new(&pattern);
        let pattern = read.map_err(|why| TemplateFault::BadPattern(slot.name.clone(), why))?;
        slot.pattern = Some(pattern);
    }
    Ok(Placeholder { slot, rest })
}

/// The name at the beginning, and what comes behind it.
pub(super) fn name(text: &str) -> Result<(String, &str), TemplateFault> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let end = text.find(|c| !fits(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match begins && name.len() <= LONGEST_NAME {
        _ if rest.is_empty() => Err(TemplateFault::OpenBrace),
        true => Ok((name.to_owned(), rest)),
        false => Err(not_one(text)),
    }
}

fn not_one(text: &str) -> TemplateFault {
    let end = text.find('}').map_or(text.len(), |at| at + 1);
    TemplateFault::BadName(text[..end].chars().take(40).collect())
}

fn unclosed(word: &str, name: &str) -> TemplateFault {
    // Of a word that is none the type is what is wrong.
    match Kind::of(word, name, None) {
        Ok((kind, _)) => TemplateFault::OpenParenthesis(kind.word(), name.to_owned()),
        Err(fault) => fault,
    }
}

/// What stands before the parenthesis that closes this one, and what stands behind it.
fn parenthesis(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}
