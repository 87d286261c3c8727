//! How far a string goes on without anything that has to be looked at.

/// A text that is at least so long is looked at in stretches of this length, which the compiler checks at once.
const STRETCH: usize = 64;

/// How many bytes of a string come before the next quote, backslash or control byte.
pub(super) fn plain(text: &[u8]) -> usize {
    let head = &text[..text.len().min(STRETCH)];
    let mut at = plain_of_short(head);
    if at < STRETCH {
        return at;
    }
    let stops = |byte: u8| u8::from(byte < b' ') | u8::from(matches!(byte, b'"' | b'\\'));
    while let Some(stretch) = text[at..].first_chunk::<STRETCH>() {
        if stretch.iter().fold(0, |found, byte| found | stops(*byte)) != 0 {
            break;
        }
        at += STRETCH;
    }
    at + plain_of_short(&text[at..])
}

/// The same of a text that is known to be sound: no control byte is in it.
pub(super) fn plain_of_sound(text: &[u8]) -> usize {
    let head = &text[..text.len().min(STRETCH)];
    match plain_of_short(head) {
        STRETCH => {
            STRETCH + memchr::memchr2(b'"', b'\\', &text[STRETCH..]).unwrap_or(text.len() - STRETCH)
        }
        at => at,
    }
}

fn plain_of_short(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        let stops = stops(u64::from_le_bytes(*chunk));
        if stops != 0 {
            return text.len() - rest.len() + stops.trailing_zeros() as usize / 8;
        }
        rest = behind;
    }
    let stop = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    text.len() - rest.len() + rest.iter().position(stop).unwrap_or(rest.len())
}

/// Marks the high bit of each byte that ends a plain run; the lowest mark is exact.
fn stops(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let quote = below(word ^ (ONES * u64::from(b'"')), 1);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    (quote | backslash | below(word, 0x20)) & (ONES << 7)
}
