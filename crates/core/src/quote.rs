//! Text as a JSON string (RFC 8259, section 7).

use bytes::BufMut;

/// So many bytes are looked at together: a compiler turns this into a few vector instructions.
const CHUNK: usize = 32;
const WORD: usize = 8;

/// Appends `text` in quotes, with as few escapes as there can be. No line break is left in it.
pub fn put_quoted(out: &mut impl BufMut, text: &str) {
    out.put_u8(b'"');
    put_escaped(out, text.as_bytes());
    out.put_u8(b'"');
}

pub(crate) fn put_escaped(out: &mut impl BufMut, text: &[u8]) {
    let (mut plain, mut at) = (0, 0);
    while let Some(found) = next_escaped(text, at) {
        out.put_slice(&text[plain..found]);
        put_escape(out, text[found]);
        at = found + 1;
        plain = at;
    }
    out.put_slice(&text[plain..]);
}

/// Makes of `text` what it is escaped, behind `front`. In place, for it may be long; `room` is for what
/// comes after it.
pub(crate) fn escape_behind(text: &mut Vec<u8>, front: &[u8], room: usize) {
    let length = text.len();
    let total = front.len() + length + growth(text);
    text.reserve_exact(total + room - length);
    text.resize(total, 0);
    // From the end, so that nothing is written over before it has moved.
    let (mut from, mut to) = (length, total);
    while let Some(found) = last_escaped(&text[..from]) {
        to -= from - (found + 1);
        text.copy_within(found + 1..from, to);
        let mut escape = [0; 6];
        let mut free = &mut escape[..];
        put_escape(&mut free, text[found]);
        let written = 6 - free.len();
        to -= written;
        text[to..to + written].copy_from_slice(&escape[..written]);
        from = found;
    }
    text.copy_within(..from, front.len());
    text[..front.len()].copy_from_slice(front);
}

/// How many bytes the escapes are more.
fn growth(text: &[u8]) -> usize {
    let of = |byte: &u8| u8::from(is_special(*byte)) + 4 * u8::from(is_long(*byte));
    // At most 5 a byte, so that the sum of a chunk is a byte as well.
    let of_chunk = |chunk: &[u8]| usize::from(chunk.iter().map(of).sum::<u8>());
    text.chunks(CHUNK).map(of_chunk).sum()
}

/// The first byte from `at` on that can't stand for itself.
fn next_escaped(text: &[u8], mut at: usize) -> Option<usize> {
    while text[at..].first_chunk().is_some_and(is_plain::<CHUNK>) {
        at += CHUNK;
    }
    // Most names and words are shorter.
    while text[at..].first_chunk().is_some_and(is_plain::<WORD>) {
        at += WORD;
    }
    let rest = text[at..].iter().position(|byte| is_special(*byte));
    rest.map(|after| at + after)
}

/// The last byte that can't stand for itself.
fn last_escaped(text: &[u8]) -> Option<usize> {
    let mut end = text.len();
    while text[..end].last_chunk().is_some_and(is_plain::<CHUNK>) {
        end -= CHUNK;
    }
    text[..end].iter().rposition(|byte| is_special(*byte))
}

fn is_plain<const N: usize>(chunk: &[u8; N]) -> bool {
    // No early end, so that the whole chunk is judged at once.
    !chunk
        .iter()
        .fold(false, |any, byte| any | is_special(*byte))
}

fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// Those that take six bytes.
fn is_long(byte: u8) -> bool {
    (byte < 0x20) & !matches!(byte, b'\n' | b'\r' | b'\t')
}

fn put_escape(out: &mut impl BufMut, byte: u8) {
    match byte {
        b'"' => out.put_slice(br#"\""#),
        b'\\' => out.put_slice(br"\\"),
        b'\n' => out.put_slice(br"\n"),
        b'\r' => out.put_slice(br"\r"),
        b'\t' => out.put_slice(br"\t"),
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.put_slice(br"\u00");
            out.put_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        put_quoted(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn few_escapes_and_no_line_break() {
        assert_eq!(
            quoted("ü \"\\\n\r\t\u{1}\u{7f}/"),
            "\"ü \\\"\\\\\\n\\r\\t\\u0001\u{7f}/\""
        );
        let long = "x".repeat(3 * CHUNK);
        assert_eq!(quoted(&long), format!("\"{long}\""));
    }

    proptest! {
        #[test]
        fn it_reads_as_what_was_written(text in "(\\PC|x{40}|[\"\\\\\n\r\t\u{0}-\u{1f}]){0,200}") {
            let written = quoted(&text);
            prop_assert!(!written.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), &text[..]);
            let mut behind = text.into_bytes();
            escape_behind(&mut behind, b"front\"", 1);
            behind.push(b'"');
            prop_assert_eq!(behind, format!("front{written}").into_bytes());
        }
    }
}
