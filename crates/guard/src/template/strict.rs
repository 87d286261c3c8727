//! A value of which nothing was said: words, numbers, e-mail addresses and URLs.
//!
//! No shell will read it, but the program may be a script that gives it to one, or may split it again. So
//! it has nothing in it that a shell would obey, no word that looks like an option, and nothing that
//! can't be seen. Characters are judged one by one, so that no other text before them changes the verdict
//! and the time is that of one reading.

use crate::names::is_hidden;

use super::Why;

/// What a shell obeys wherever it stands. `?`, `!`, `=`, `%`, `,` and the like stand in sentences and URLs
/// and do no harm there.
const SHELL: &[char] = &[
    ';', '&', '|', '<', '>', '(', ')', '$', '`', '\\', '"', '\'', '*', '{', '}', '[', ']', '^',
];

/// What a shell obeys where a word begins.
const AT_WORD: &[char] = &['#', '~'];

pub(super) fn judge(text: &str) -> Result<(), Why> {
    let first = text.chars().next();
    match first {
        Some('-') => return Err(Why::Dash),
        // A file of arguments to some programs, and to others one to send.
        Some('@') => return Err(Why::Mark('@')),
        // A command to editors and pagers; `+1` is a number.
        Some('+') if !text[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            return Err(Why::Mark('+'));
        }
        _ => {}
    }
    let mut word_begins = true;
    for c in text.chars() {
        if is_hidden(c) {
            return Err(Why::Hidden(c));
        }
        if SHELL.contains(&c) || (word_begins && AT_WORD.contains(&c)) {
            return Err(Why::Shell(c));
        }
        word_begins = c == ' ';
    }
    // A dash alone stands between words: `2020 - 2026`.
    match text
        .split(' ')
        .any(|word| word.len() > 1 && word.starts_with('-'))
    {
        true => Err(Why::DashedWord),
        false => Ok(()),
    }
}
