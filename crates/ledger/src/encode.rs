//! JSON objects, written field by field straight into the buffer that goes to disk.

use std::io::Write;

use durward_core::put_quoted;
use uuid::Uuid;

/// One object being written. Keys are ours and need no escaping.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Object<'a> {
    /// Opens an object whose first field is a number, as every record's is.
    pub(crate) fn begin(out: &'a mut Vec<u8>, key: &'static str, value: u64) -> Self {
        out.push(b'{');
        let mut object = Self { out };
        object.quoted(key);
        object.digits(value);
        object
    }

    /// Closes it.
    pub(crate) fn end(self) {
        self.out.push(b'}');
    }

    pub(crate) fn number(&mut self, key: &'static str, value: u64) {
        self.key(key);
        self.digits(value);
    }

    pub(crate) fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        put_quoted(self.out, value);
    }

    pub(crate) fn some_text(&mut self, key: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// Text that others chose: at most `most` bytes of it, cut between characters.
    pub(crate) fn clipped(&mut self, key: &'static str, value: &str, most: usize) {
        self.text(key, &value[..value.floor_char_boundary(most)]);
    }

    pub(crate) fn texts<'b>(&mut self, key: &'static str, values: impl Iterator<Item = &'b str>) {
        self.key(key);
        self.out.push(b'[');
        for (index, value) in values.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            put_quoted(self.out, value);
        }
        self.out.push(b']');
    }

    pub(crate) fn uuid(&mut self, key: &'static str, value: Uuid) {
        self.key(key);
        self.out.push(b'"');
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        self.out
            .extend_from_slice(value.hyphenated().encode_lower(&mut text).as_bytes());
        self.out.push(b'"');
    }

    pub(crate) fn hex(&mut self, key: &'static str, bytes: &[u8]) {
        self.key(key);
        self.out.push(b'"');
        push_hex(self.out, bytes);
        self.out.push(b'"');
    }

    /// JSON that is known to be sound. A record is one line: between tokens a line break is as good as
    /// a space, and inside of strings there is none (RFC 8259, section 7).
    pub(crate) fn raw(&mut self, key: &'static str, json: &str) {
        self.key(key);
        let line = json.bytes().map(|byte| {
            if matches!(byte, b'\n' | b'\r') {
                b' '
            } else {
                byte
            }
        });
        self.out.extend(line);
    }

    fn key(&mut self, key: &'static str) {
        self.out.push(b',');
        self.quoted(key);
    }

    fn quoted(&mut self, key: &'static str) {
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn digits(&mut self, value: u64) {
        // Writing to a Vec can't fail.
        let _ = write!(self.out, "{value}");
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

pub(crate) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes behind `2 * N` hexadecimal digits.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0; N];
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in any::<String>(), number in any::<u64>(), most in 0usize..64) {
            let mut out = Vec::new();
            let mut object = Object::begin(&mut out, "n", number);
            object.text("t", &text);
            object.clipped("c", &text, most);
            object.texts("l", [text.as_str(), "b"].into_iter());
            object.end();
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(value["n"].as_u64(), Some(number));
            prop_assert_eq!(value["t"].as_str(), Some(text.as_str()));
            let clipped = value["c"].as_str().unwrap();
            prop_assert!(text.starts_with(clipped) && clipped.len() <= most);
            prop_assert_eq!(&value["l"], &serde_json::json!([text, "b"]));
        }

        #[test]
        fn hex_reads_back(bytes in any::<[u8; 32]>(), text in ".{0,66}") {
            prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes));
            if let Some(bytes) = unhex::<32>(&text) {
                prop_assert_eq!(hex(&bytes), text.to_lowercase());
            }
        }
    }
}
