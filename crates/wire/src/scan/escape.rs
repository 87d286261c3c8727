//! Escapes of JSON strings (RFC 8259, section 7).

use std::borrow::Cow;

/// Reads the escape at the start of `text`: its character, and the bytes it takes. `None` if it is
/// cut off, unknown, or half of a surrogate pair.
pub(super) fn read(text: &[u8]) -> Option<(char, usize)> {
    let plain = match *text.get(1)? {
        sign @ (b'"' | b'\\' | b'/') => char::from(sign),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(text),
        _ => return None,
    };
    Some((plain, 2))
}

fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let first = hex(text.get(2..6)?)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first).map(|sign| (sign, 6));
    }
    let second = text.get(6..12)?.strip_prefix(b"\\u").and_then(hex)?;
    let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + low).map(|sign| (sign, 12))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| {
        char::from(digit)
            .to_digit(16)
            .map(|digit| value << 4 | digit)
    })
}

/// The value of a string's text, which the reader has found sound.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', text.as_bytes()) else {
        return Cow::Borrowed(text);
    };
    let mut value = String::with_capacity(text.len());
    let (mut rest, mut next) = (text, Some(first));
    while let Some(at) = next {
        value.push_str(&rest[..at]);
        // The reader has been here: there is an escape, and it is sound.
        let (sign, length) = read(&rest.as_bytes()[at..]).unwrap_or(('\u{fffd}', 1));
        value.push(sign);
        rest = &rest[at + length..];
        next = memchr::memchr(b'\\', rest.as_bytes());
    }
    value.push_str(rest);
    Cow::Owned(value)
}
