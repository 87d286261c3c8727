//! Whole lines of a text.

use std::ops::Range;

/// Where the line of a byte begins.
pub(super) fn start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |found| found + 1)
}

/// Where the line of a byte ends, with its line break.
pub(super) fn end(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |found| at + found + 1)
}

/// The blanks before a byte, where its line has nothing else before it.
pub(super) fn indent(text: &str, at: usize) -> Option<&str> {
    let before = &text[start(text, at)..at];
    let before = before.strip_prefix('\u{feff}').unwrap_or(before);
    blank(before).then_some(before)
}

/// Has it nothing but blanks?
pub(super) fn blank(text: &str) -> bool {
    text.bytes()
        .all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
}

/// The range with the rest of its lines, where they have nothing else; else with the blanks after it.
pub(super) fn swept(text: &str, range: Range<usize>) -> Range<usize> {
    let (first, last) = (start(text, range.start), end(text, range.end));
    if indent(text, range.start).is_some() && blank(&text[range.end..last]) {
        let first = first + super::mark(&text[first..range.start]);
        // The last line has no break to take along: the one before it goes.
        return match text[range.end..last].contains('\n') || first == 0 {
            true => first..last,
            false => text[..first].trim_end_matches(['\n', '\r']).len()..last,
        };
    }
    let blanks = text[range.end..]
        .bytes()
        .take_while(|b| matches!(b, b' ' | b'\t'));
    range.start..range.end + blanks.count()
}
