//! Bytes as text: only where they are exactly what they are said to be. What can't be read as such stays
//! bytes; no character is ever made up (U+FFFD).

use std::ops::Range;

use encoding_rs::{DecoderResult, Encoding, UTF_8};

use super::media::Media;

/// How far into an HTML page its own word about its charset is looked for (HTML, section 13.2.3.2).
const PRESCAN: usize = 1024;

/// The text and whether something of it is missing, if the bytes are one; else the bytes. `cut`: they may
/// end in the middle of a character, which is then left out. A text is at most `most` bytes long.
pub(super) fn decode(
    mut bytes: Vec<u8>,
    media: &Media<'_>,
    cut: bool,
    most: usize,
) -> Result<(String, bool), Vec<u8>> {
    let (encoding, mark) = Encoding::for_bom(&bytes).unwrap_or_else(|| {
        let said = media.charset().map(str::as_bytes);
        let said = said.or_else(|| media.is_html().then(|| in_page(&bytes)).flatten());
        let label = said.and_then(Encoding::for_label_no_replacement);
        (label.unwrap_or(UTF_8), 0)
    });
    // A NUL stands in no text, whatever was said of it.
    if encoding == UTF_8 {
        return match utf8(&bytes[mark..], cut) {
            Some(text) if !text.contains('\0') => {
                let end = mark + text.len();
                Ok((in_place(bytes, mark..end)?, cut))
            }
            _ => Err(bytes),
        };
    }
    if !is_text(encoding, &bytes[mark..], cut) {
        return Err(bytes);
    }
    bytes.drain(..mark);
    Ok(read(encoding, bytes, cut, most))
}

fn utf8(bytes: &[u8], cut: bool) -> Option<&str> {
    match str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if cut && error.error_len().is_none() => {
            str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

/// This part of the bytes, as text, without a copy.
fn in_place(mut bytes: Vec<u8>, part: Range<usize>) -> Result<String, Vec<u8>> {
    bytes.truncate(part.end);
    bytes.drain(..part.start);
    String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes)
}

/// Can all of it be read, and is no NUL in it?
fn is_text(encoding: &'static Encoding, bytes: &[u8], cut: bool) -> bool {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let (mut piece, mut rest) = ([0; 4096], bytes);
    loop {
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(rest, &mut piece, !cut);
        if piece[..written].contains(&0) {
            return false;
        }
        rest = &rest[read..];
        match result {
            DecoderResult::InputEmpty => return true,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => return false,
        }
    }
}

/// Reads what can be read. What was read is let go on the way, so that bytes and text are not held whole
/// at once.
fn read(encoding: &'static Encoding, mut bytes: Vec<u8>, cut: bool, most: usize) -> (String, bool) {
    const STRETCH: usize = 128 * 1024;
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::new();
    while !bytes.is_empty() {
        let stretch = bytes.len().min(STRETCH);
        let is_last = stretch == bytes.len() && !cut;
        let room = decoder.max_utf8_buffer_length_without_replacement(stretch);
        text.reserve_exact(room.unwrap_or(most).min(most - text.len()));
        let (result, read) =
            decoder.decode_to_string_without_replacement(&bytes[..stretch], &mut text, is_last);
        if text.len() > most || result == DecoderResult::OutputFull {
            text.truncate(text.floor_char_boundary(most));
            return (text, true);
        }
        bytes.drain(..read);
        bytes.shrink_to_fit();
    }
    (text, cut)
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

    const MOST: usize = 1 << 20;

    fn text(bytes: &[u8], content_type: &str, cut: bool) -> Option<String> {
        let read = decode(bytes.to_vec(), &Media::parse(content_type), cut, MOST);
        match read {
            Ok((text, was_cut)) => (cut == was_cut).then_some(text),
            Err(back) => {
                assert_eq!(back, bytes);
                None
            }
        }
    }

    #[test]
    fn text_is_what_it_is_said_to_be_or_bytes() {
        let meta = b"<meta http-equiv=x content=\"text/html; charset=ISO-8859-1\">caf\xe9";
        for (bytes, charset, is_html, wanted) in [
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
            let kind = if is_html { "text/html" } else { "text/plain" };
            let charset = charset.map(|charset: &str| format!("; charset={charset}"));
            let found = text(
                bytes,
                &format!("{kind}{}", charset.as_deref().unwrap_or("")),
                false,
            );
            assert_eq!(found.as_deref(), wanted, "{bytes:?} as {charset:?}");
        }
        assert!(text(meta, "text/html", false).is_some_and(|text| text.ends_with("café")));
        assert_eq!(text(meta, "text/plain", false), None);
    }

    #[test]
    fn a_cut_leaves_out_the_character_it_splits() {
        let whole = "aé".as_bytes();
        assert_eq!(text(&whole[..2], "", true).as_deref(), Some("a"));
        assert_eq!(text(&whole[..2], "", false), None);
        assert_eq!(
            text(b"a\x82", "; charset=shift_jis", true).as_deref(),
            Some("a")
        );
        assert_eq!(text(b"a\xe9b", "", true), None);
    }

    #[test]
    fn a_text_that_grows_is_cut_where_it_is_too_long() {
        let media = Media::parse("text/plain; charset=windows-1252");
        for most in [64, 100, 1000] {
            let (text, cut) = decode(vec![0x80; 50], &media, false, most).unwrap();
            assert!(text.len() <= most && text.chars().all(|c| c == '€'));
            assert_eq!((cut, text.chars().count() == 50), (most < 150, most >= 150));
        }
    }
}
