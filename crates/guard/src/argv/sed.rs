//! What a script of sed's runs or writes: its `e` and `w`, as commands and as flags of `s`.

use super::{Hazard, getopt::is_long};

const WHY: &str = "is a script of sed's that runs a program, writes a file or can't be read here; \
                   with `--sandbox` sed itself sees to that";

/// The first argument that is such a script.
pub(super) fn hazard(args: &[String]) -> Option<Hazard> {
    if args.iter().any(|word| word == "--sandbox") {
        return None;
    }
    let found = |at| Some(Hazard { at, why: WHY });
    let mut operand = None;
    let mut has_scripts = false;
    let mut at = 0;
    while let Some(word) = args.get(at) {
        match read(word) {
            Word::End => {
                operand = operand.or(Some(at + 1).filter(|next| *next < args.len()));
                break;
            }
            Word::ScriptFile => return found(at),
            Word::Script(joined) => {
                has_scripts = true;
                at += usize::from(joined.is_none());
                let script = joined.or(args.get(at).map(String::as_str));
                if script.is_some_and(|script| !is_plain(script)) {
                    return found(at);
                }
            }
            Word::TakesNext => at += 1,
            Word::Option => {}
            Word::Operand => operand = operand.or(Some(at)),
        }
        at += 1;
    }
    operand
        .filter(|at| !has_scripts && !is_plain(&args[*at]))
        .and_then(found)
}

/// What a word is to sed.
enum Word<'a> {
    /// `--`
    End,
    /// A script, joined to its option; or it is the next word.
    Script(Option<&'a str>),
    /// A script that stands in a file.
    ScriptFile,
    /// An option whose value is the next word.
    TakesNext,
    /// Any other option.
    Option,
    /// A file, or the script.
    Operand,
}

fn read(word: &str) -> Word<'_> {
    if word == "--" {
        return Word::End;
    }
    if word.starts_with("--") {
        return match word.split_once('=').map(|(_, value)| value) {
            _ if is_long(word, &["file"], &["follow-symlinks"]) => Word::ScriptFile,
            value if is_long(word, &["expression"], &[]) => Word::Script(value),
            None if is_long(word, &["line-length"], &[]) => Word::TakesNext,
            _ => Word::Option,
        };
    }
    let Some(group) = word.strip_prefix('-').filter(|group| !group.is_empty()) else {
        return Word::Operand;
    };
    // What stands behind these letters is their value.
    let Some(place) = group.find(['e', 'f', 'i', 'l']) else {
        return Word::Option;
    };
    let value = Some(&group[place + 1..]).filter(|value| !value.is_empty());
    match (group.as_bytes()[place], value) {
        (b'e', value) => Word::Script(value),
        (b'f', _) => Word::ScriptFile,
        (b'l', None) => Word::TakesNext,
        _ => Word::Option,
    }
}

/// Is it a script that neither runs nor writes anything? One that can't be read is not.
fn is_plain(script: &str) -> bool {
    let mut rest = script;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', ';', '{', '}']);
        if rest.is_empty() {
            return true;
        }
        let Some(after) = command(rest) else {
            return false;
        };
        rest = after;
    }
}

/// What stands behind one plain command and its addresses.
fn command(text: &str) -> Option<&str> {
    let mut rest = addresses(text)?;
    rest = rest.trim_start_matches([' ', '\t', '!']);
    let mut chars = rest.chars();
    let letter = chars.next()?;
    let behind = chars.as_str();
    match letter {
        '{' | '}' => Some(behind),
        's' => {
            let (delimiter, body) = split_first(behind)?;
            let flags = delimited(delimited(body, delimiter)?, delimiter)?;
            let end = flags
                .find([';', '\n', '}', '#', ' '])
                .unwrap_or(flags.len());
            let fit = |c: char| c.is_ascii_digit() || "gpiImM".contains(c);
            flags[..end].chars().all(fit).then_some(&flags[end..])
        }
        'y' => {
            let (delimiter, body) = split_first(behind)?;
            delimited(delimited(body, delimiter)?, delimiter)
        }
        // Text up to the line's end; with a backslash there, it goes on.
        'a' | 'i' | 'c' => Some(line(behind)),
        '#' => Some(behind.find('\n').map_or("", |end| &behind[end..])),
        // A label or a number. Versions differ in where a label ends: at the first place.
        'b' | 't' | 'T' | ':' | 'q' | 'Q' | 'l' | 'L' => {
            let word = behind.trim_start_matches([' ', '\t']);
            let end = word.find(|c: char| c.is_whitespace() || matches!(c, ';' | '}'));
            Some(&word[end.unwrap_or(word.len())..])
        }
        'd' | 'D' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'p' | 'P' | 'x' | 'z' | '=' | 'F' => {
            // Nothing but an end may follow.
            let next = behind.trim_start_matches([' ', '\t']);
            let ends = next.is_empty() || next.starts_with(['\n', ';', '}', '#']);
            ends.then_some(next)
        }
        _ => None,
    }
}

fn addresses(text: &str) -> Option<&str> {
    let rest = address(text)?;
    let Some(second) = rest.trim_start_matches([' ', '\t']).strip_prefix(',') else {
        return Some(rest);
    };
    let second = second.trim_start_matches([' ', '\t']);
    address(second.strip_prefix(['+', '~']).unwrap_or(second))
}

fn address(text: &str) -> Option<&str> {
    let (first, behind) = match split_first(text) {
        Some(split) => split,
        None => return Some(text),
    };
    let after = match first {
        '/' => delimited(behind, '/')?,
        '\\' => {
            let (delimiter, body) = split_first(behind)?;
            delimited(body, delimiter)?
        }
        '$' => return Some(behind),
        c if c.is_ascii_digit() => {
            let number = |text: &'_ str| -> usize {
                text.find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(text.len())
            };
            let rest = &text[number(text)..];
            return Some(match rest.strip_prefix('~') {
                Some(step) => &step[number(step)..],
                None => rest,
            });
        }
        _ => return Some(text),
    };
    Some(after.trim_start_matches(['I', 'M']))
}

/// What stands behind the next delimiter that has no backslash in front.
fn delimited(text: &str, delimiter: char) -> Option<&str> {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == delimiter {
            return Some(&text[at + c.len_utf8()..]);
        } else if c == '\n' && delimiter != '\n' {
            // Some versions end the command here.
            return None;
        }
    }
    None
}

fn line(text: &str) -> &str {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '\n' => return &text[at..],
            _ => {}
        }
    }
    ""
}

fn split_first(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    let first = chars.next().filter(|c| !matches!(c, '\n' | '\\'))?;
    Some((first, chars.as_str()))
}
