//! Text as a JSON string (RFC 8259, section 7).

use bytes::BufMut;

/// So many bytes are looked at together: a compiler turns this into a few vector instructions.
const CHUNK: usize = 32;

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

/// The first byte from `at` on that can't stand for itself.
fn next_escaped(text: &[u8], mut at: usize) -> Option<usize> {
    while let Some(chunk) = text.get(at..at + CHUNK) {
        // No early end, so that the whole chunk is judged at once.
        if chunk
            .iter()
            .fold(false, |any, byte| any | is_special(*byte))
        {
            break;
        }
        at += CHUNK;
    }
    let rest = text[at..].iter().position(|byte| is_special(*byte));
    rest.map(|after| at + after)
}

fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
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
        fn it_reads_as_what_was_written(text in "(\\PC|[\"\\\\\n\r\t\u{0}-\u{1f}]){0,200}") {
            let written = quoted(&text);
            prop_assert!(!written.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
