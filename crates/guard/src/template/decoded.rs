//! A path as it was sent, judged as well in each form that a program might make of it.

use crate::path::{PathFault, lexical};

use super::Why;

/// How often a path is decoded. What is still encoded then is refused.
const ROUNDS: usize = 5;

/// What a shell would obey. Blanks, parentheses and quotes stand in the names of files.
const SHELL: &[char] = &[';', '|', '&', '<', '>', '$', '`'];

/// Refuses a path that, as it is or decoded, can't be one below a root. Where it leads is seen when it is
/// opened; it is passed on as it came.
pub(super) fn judge(path: &str) -> Result<(), Why> {
    if path.is_empty() {
        return Err(Why::Empty);
    }
    one(path)?;
    for form in forms(path)? {
        one(&form)?;
        // It was hidden from whoever resolves `..`, and so is meant to climb.
        if climbs(&form) > climbs(path) || (form.starts_with('/') && !path.starts_with('/')) {
            return Err(Why::Path(PathFault::OutsideRoot));
        }
    }
    Ok(())
}

/// What the path stands for where percent signs are decoded once, twice and so on; nothing where there is
/// nothing to decode.
///
/// # Errors
/// It can't be decoded to the end.
pub fn forms(path: &str) -> Result<Vec<String>, Why> {
    let mut forms: Vec<String> = Vec::new();
    while let Some(next) = once(forms.last().map_or(path, String::as_str))? {
        if forms.len() == ROUNDS {
            return Err(Why::Encoded);
        }
        forms.push(next);
    }
    Ok(forms)
}

fn one(path: &str) -> Result<(), Why> {
    if let Some(c) = path.chars().find(|c| SHELL.contains(c)) {
        return Err(Why::Shell(c));
    }
    if path.contains("//") {
        return Err(Why::DoubleSlash);
    }
    lexical(path).map(drop).map_err(Why::Path)
}

fn climbs(path: &str) -> usize {
    path.split('/').filter(|name| *name == "..").count()
}

/// The text with its percent-encoded bytes decoded; nothing where there are none.
fn once(text: &str) -> Result<Option<String>, Why> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digit = |place: usize| char::from(*bytes.get(place)?).to_digit(16);
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                // Two hexadecimal digits fit a byte.
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    match out == bytes {
        true => Ok(None),
        // Not UTF-8: bytes that some decoder may take for `.` or `/`.
        false => String::from_utf8(out).map(Some).map_err(|_| Why::Encoded),
    }
}
