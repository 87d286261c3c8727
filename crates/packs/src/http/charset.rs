//! Bytes as text: only where they are exactly what they are said to be. What can't be read as such stays
//! bytes; no character is ever made up (U+FFFD).

use encoding_rs::{DecoderResult, Encoding, UTF_8};

/// How far into an HTML page its own word about its charset is looked for (HTML, section 13.2.3.2).
const PRESCAN: usize = 1024;

/// The text, if it is one. `cut`: the bytes may end in the middle of a character, which is then left out.
pub(super) fn decode(
    bytes: &[u8],
    charset: Option<&str>,
    is_html: bool,
    cut: bool,
) -> Option<String> {
    let (encoding, mark) = Encoding::for_bom(bytes).unwrap_or_else(|| {
        let said = charset.map(str::as_bytes);
        let said = said.or_else(|| is_html.then(|| in_page(bytes)).flatten());
        let label = said.and_then(Encoding::for_label_no_replacement);
        (label.unwrap_or(UTF_8), 0)
    });
    let text = read(encoding, &bytes[mark..], cut)?;
    // A NUL stands in no text, whatever was said of it.
    (!text.as_bytes().contains(&0)).then_some(text)
}

fn read(encoding: &'static Encoding, bytes: &[u8], cut: bool) -> Option<String> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len())?;
    let mut text = String::with_capacity(room.min(bytes.len()));
    let mut rest = bytes;
    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, !cut);
        rest = &rest[read..];
        match result {
            DecoderResult::InputEmpty => return Some(text),
            DecoderResult::OutputFull => text.reserve(rest.len().max(16)),
            DecoderResult::Malformed(..) => return None,
        }
    }
}

/// What a page says in `<meta charset=…>`, or the like.
fn in_page(bytes: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"charset=";
    let head = &bytes[..bytes.len().min(PRESCAN)];
    let at = head
        .windows(NAME.len())
        .position(|window| window.eq_ignore_ascii_case(NAME))?;
    let value = &head[at + NAME.len()..];
    let value = value
        .strip_prefix(b"\"")
        .or(value.strip_prefix(b"'"))
        .unwrap_or(value);
    let is_label = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_:.".contains(byte);
    let length = value.iter().take_while(|byte| is_label(byte)).count();
    Some(&value[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_it_is_said_to_be_or_bytes() {
        let meta = b"<meta http-equiv=x content=\"text/html; charset=ISO-8859-1\">caf\xe9";
        for (bytes, charset, is_html, text) in [
            ("café".as_bytes(), None, false, Some("café")),
            (b"caf\xe9", None, false, None),
            (b"caf\xe9", Some("utf-8"), false, None),
            (b"caf\xe9", Some("iso-8859-1"), false, Some("café")),
            (b"\x93q\x94", Some("windows-1252"), false, Some("“q”")),
            (b"caf\xe9", Some("no such thing"), false, None),
            (b"plain", Some("hz-gb-2312"), false, Some("plain")),
            (b"\xff\xfea\0", Some("utf-8"), false, Some("a")),
            (b"\xef\xbb\xbfa", None, false, Some("a")),
            (b"\x82\xa0", Some("shift_jis"), false, Some("あ")),
            (b"\x82", Some("shift_jis"), false, None),
            (b"a\0b", None, false, None),
            (b"caf\xe9", None, true, None),
            (b"", None, true, Some("")),
        ] {
            let found = decode(bytes, charset, is_html, false);
            assert_eq!(found.as_deref(), text, "{bytes:?} as {charset:?}");
        }
        assert!(decode(meta, None, true, false).is_some_and(|text| text.ends_with("café")));
        assert_eq!(decode(meta, None, false, false), None);
    }

    #[test]
    fn a_cut_leaves_out_the_character_it_splits() {
        let whole = "aé".as_bytes();
        assert_eq!(decode(&whole[..2], None, false, true).as_deref(), Some("a"));
        assert_eq!(decode(&whole[..2], None, false, false), None);
        assert_eq!(
            decode(b"a\x82", Some("shift_jis"), false, true).as_deref(),
            Some("a")
        );
        assert_eq!(decode(b"a\xe9b", None, false, true), None);
    }
}
