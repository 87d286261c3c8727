//! What bytes are, judged by themselves first and by their file's name second.

use base64::{Engine, engine::general_purpose::STANDARD};
use durward_cage::files::{FileFault, OpenFile};
use durward_core::Cancel;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// How content is spelled in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    Utf8,
    Base64,
}

/// True where the beginning of a file looks like text; a character that it cuts does not count.
pub(super) fn begins_as_text(bytes: &[u8]) -> bool {
    let whole = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && bytes.len() - error.valid_up_to() < 4,
    };
    whole && memchr::memchr(0, bytes).is_none()
}

/// Bytes as they are spelled in JSON.
pub(super) struct Spelled {
    pub(super) content: String,
    pub(super) encoding: Encoding,
    /// They are text, however they are spelled: valid UTF-8 without NUL.
    pub(super) is_text: bool,
}

/// Spells the bytes: as text if they are text and nobody wants base64.
pub(super) fn spell(bytes: Vec<u8>, base64_wanted: bool) -> Spelled {
    let has_nul = memchr::memchr(0, &bytes).is_some();
    let base64 = |bytes: &[u8], is_text| Spelled {
        content: STANDARD.encode(bytes),
        encoding: Encoding::Base64,
        is_text,
    };
    match String::from_utf8(bytes) {
        Ok(text) if base64_wanted || has_nul => base64(text.as_bytes(), !has_nul),
        Ok(content) => Spelled {
            content,
            encoding: Encoding::Utf8,
            is_text: true,
        },
        Err(error) => base64(error.as_bytes(), false),
    }
}

/// The media type: what the name suggests, unless the content is of the other kind.
pub(super) fn mime(path: &str, is_text: bool) -> &'static str {
    let guess = mime_guess::from_path(path).first_raw();
    match guess {
        Some(guess) if is_textual(guess) == is_text => guess,
        _ if is_text => "text/plain",
        _ => "application/octet-stream",
    }
}

/// The media type that the name suggests.
pub(super) fn mime_by_name(path: &str) -> &'static str {
    mime_guess::from_path(path)
        .first_raw()
        .unwrap_or("application/octet-stream")
}

fn is_textual(mime: &str) -> bool {
    const TEXT: [&str; 9] = [
        "application/json",
        "application/javascript",
        "application/xml",
        "application/sql",
        "application/toml",
        "application/x-sh",
        "application/x-httpd-php",
        "application/yaml",
        "application/x-yaml",
    ];
    mime.starts_with("text/")
        || mime.ends_with("+xml")
        || mime.ends_with("+json")
        || TEXT.contains(&mime)
}

/// The SHA-256 of all that a file holds, as `sha256` of an answer spells it.
pub(super) fn sha256_of(file: &OpenFile, stop: &Cancel) -> Result<String, FileFault> {
    let mut digest = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    let mut offset = 0;
    loop {
        if stop.is_cancelled() {
            return Err(FileFault::Stopped);
        }
        let read = file.read_range(offset, &mut buffer)?;
        digest.update(&buffer[..read]);
        offset += read as u64;
        if read < buffer.len() {
            return Ok(hex(digest.finish().as_ref()));
        }
    }
}

/// A digest as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| {
            [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]
        })
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_is_text_whatever_its_ending_suggests() {
        for path in [
            "src/config.ts",
            "a.py",
            "m.rs",
            "t.toml",
            "s.sh",
            "Makefile",
            "i.svg",
        ] {
            let mime = mime(path, true);
            assert!(is_textual(mime), "{path}: {mime}");
        }
        assert_eq!(mime("a.png", false), "image/png");
        assert_eq!(mime("a.txt", false), "application/octet-stream");
        assert_eq!(mime("a.png", true), "text/plain");
    }

    #[test]
    fn text_is_judged_by_content() {
        for (bytes, base64_wanted, content, encoding, is_text) in [
            (b"ol\xe9".as_slice(), false, "b2zp", Encoding::Base64, false),
            (b"a\0", false, "YQA=", Encoding::Base64, false),
            ("olé".as_bytes(), false, "olé", Encoding::Utf8, true),
            ("olé".as_bytes(), true, "b2zDqQ==", Encoding::Base64, true),
        ] {
            let spelled = spell(bytes.to_vec(), base64_wanted);
            assert_eq!(spelled.content, content);
            assert_eq!((spelled.encoding, spelled.is_text), (encoding, is_text));
        }
        assert!(begins_as_text(&"é".as_bytes()[..1]));
        assert!(!begins_as_text(b"\xe9 et al."));
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(hex(&[0, 0x1f, 0xff]), "001fff");
    }
}
