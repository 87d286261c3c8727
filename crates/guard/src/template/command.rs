//! A command line as one value: plain words, the first of which is allowed.

use super::Why;

/// Refuses a line that is not made of plain words, or begins with another than these.
pub(super) fn judge(line: &str, allowed: &[String]) -> Result<(), Why> {
    let mut words = line.split(' ');
    let first = words.next().unwrap_or_default();
    if !is_plain(first) || !words.all(is_plain) {
        return Err(Why::NotPlain);
    }
    match allowed.iter().any(|name| name == first) {
        true => Ok(()),
        false => Err(Why::Command(allowed.join(", "))),
    }
}

/// Is it one word that no shell takes for more than itself?
pub(super) fn is_plain(word: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_./:=@%+,-".contains(&b);
    !word.is_empty() && word.bytes().all(fits)
}
