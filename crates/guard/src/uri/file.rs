//! `file` URIs (RFC 8089), read so strictly that no two parsers can differ about one.

use durward_core::{Refusal, RefusalCode};
use thiserror::Error;

/// The longest URI that is taken: a path of the greatest length, each byte percent-encoded.
const MAX_URI: usize = 3 * 4096 + 32;

/// What is wrong with a `file` URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FileUriFault {
    /// It is longer than any path can need.
    #[error("The URI is longer than a path can be.")]
    TooLong,
    /// Not `file:///…` or `file://localhost/…`.
    #[error("The URI names a host. Write `file:///` and the path.")]
    Host,
    /// A query or a fragment.
    #[error("The URI has a `?` or `#`. In a path write them as %3F and %23.")]
    Query,
    /// A character that URIs don't have, or that parsers read in two ways.
    #[error("The URI has a backslash, space or control character. In a path percent-encode them.")]
    Character,
    /// `%` without two hexadecimal digits.
    #[error("The URI has a `%` without two hexadecimal digits. In a path write it as %25.")]
    Percent,
    /// `%2F`: is it a separator or part of a name?
    #[error("The URI has an encoded slash.")]
    Slash,
    /// `%00`
    #[error("The URI has an encoded null byte.")]
    NullByte,
    /// What is encoded is no UTF-8.
    #[error("The URI's path is not UTF-8.")]
    NotUtf8,
    /// `//` within the path.
    #[error("The URI's path has an empty segment.")]
    EmptySegment,
    /// `.` as a segment, however it is spelled.
    #[error("The URI's path has a `.` segment. Leave it out.")]
    Dot,
    /// `..` as a segment, however it is spelled.
    #[error("The URI's path has a `..` segment. Write where it leads.")]
    DotDot,
}

impl From<FileUriFault> for Refusal {
    fn from(fault: FileUriFault) -> Self {
        let code = match fault {
            FileUriFault::DotDot => RefusalCode::PathOutsideRoot,
            _ => RefusalCode::InvalidArguments,
        };
        let detail = match fault {
            FileUriFault::NullByte => "null_byte",
            FileUriFault::Dot | FileUriFault::DotDot => "dot_segment",
            FileUriFault::TooLong => "path_too_long",
            _ => "malformed_uri",
        };
        Self::new(code, fault.to_string()).detail(detail)
    }
}

/// The path of a `file` URI, percent-encoding undone exactly once: it begins with `/`, and ends with
/// one only where a folder is meant. `None` where the URI is of another scheme.
///
/// # Errors
/// The URI is spelled in a way that two parsers might read differently.
pub fn file_path(uri: &str) -> Option<Result<String, FileUriFault>> {
    let (scheme, rest) = uri.split_once(':')?;
    scheme
        .eq_ignore_ascii_case("file")
        .then(|| read(uri.len(), rest))
}

fn read(length: usize, rest: &str) -> Result<String, FileUriFault> {
    if length > MAX_URI {
        return Err(FileUriFault::TooLong);
    }
    if rest.contains(['?', '#']) {
        return Err(FileUriFault::Query);
    }
    if rest.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
        return Err(FileUriFault::Character);
    }
    let rest = rest.strip_prefix("//").ok_or(FileUriFault::Host)?;
    let (host, path) = rest.split_at(rest.find('/').ok_or(FileUriFault::Host)?);
    if !host.is_empty() && !host.eq_ignore_ascii_case("localhost") {
        return Err(FileUriFault::Host);
    }
    let path = decoded(path)?;
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "" if segments.peek().is_some() => return Err(FileUriFault::EmptySegment),
            "." => return Err(FileUriFault::Dot),
            ".." => return Err(FileUriFault::DotDot),
            _ => {}
        }
    }
    Ok(path)
}

fn decoded(path: &str) -> Result<String, FileUriFault> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let hex = |byte: u8| char::from(byte).to_digit(16);
        let (digits, after) = after.split_first_chunk().ok_or(FileUriFault::Percent)?;
        let [high, low] = digits.map(hex);
        let (high, low) = high.zip(low).ok_or(FileUriFault::Percent)?;
        match (high * 16 + low) as u8 {
            b'/' => return Err(FileUriFault::Slash),
            0 => return Err(FileUriFault::NullByte),
            byte => bytes.push(byte),
        }
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| FileUriFault::NotUtf8)
}

/// A path as it stands in a URI: what RFC 3986 allows there is itself, all else percent-encoded.
pub fn encoded_path(path: &str) -> String {
    let mut text = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=:@".contains(&byte);
        if is_plain {
            text.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

/// A value put in for `{+name}` of a template (RFC 6570, section 3.2.3): what URIs reserve stays, and
/// so does what is encoded already.
pub fn expanded(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 16);
    for (at, c) in value.char_indices() {
        let hex = |byte: &u8| byte.is_ascii_hexdigit();
        let digits = value.as_bytes().get(at + 1..at + 3);
        let is_encoded = c == '%' && digits.is_some_and(|it| it.iter().all(hex));
        if is_encoded || matches!(c, '?' | '#' | '[' | ']') {
            text.push(c);
        } else {
            text.push_str(&encoded_path(c.encode_utf8(&mut [0; 4])));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_decoded_exactly_once() {
        for (uri, path) in [
            ("file:///", "/"),
            ("FILE:///a/b.md", "/a/b.md"),
            ("file://localhost/a", "/a"),
            ("file://LocalHost/a/", "/a/"),
            ("file:///a%20b/%C3%A9", "/a b/é"),
            ("file:///é", "/é"),
            ("file:///%252e%252e/x", "/%2e%2e/x"),
            ("file:///a%255cb", "/a%5cb"),
            ("file:///%5c", "/\\"),
            ("file:///..a/b..", "/..a/b.."),
            ("file:///C:/x", "/C:/x"),
        ] {
            assert_eq!(file_path(uri), Some(Ok(path.to_owned())), "{uri}");
        }
        assert_eq!(file_path("durward://guide"), None);
        assert_eq!(file_path("/etc/passwd"), None);
    }

    #[test]
    fn what_parsers_read_differently_is_refused() {
        use FileUriFault as F;
        for (uri, fault) in [
            ("file:/etc/passwd", F::Host),
            ("file:etc", F::Host),
            ("file://", F::Host),
            ("file://evil/etc", F::Host),
            ("file://localhost:80/etc", F::Host),
            ("file://u@localhost/etc", F::Host),
            ("file://localhost%2f/etc", F::Host),
            ("file:///a?b", F::Query),
            ("file:///a#b", F::Query),
            ("file:///a\\..\\b", F::Character),
            ("file:///a b", F::Character),
            ("file:///a\u{a0}b", F::Character),
            ("file:///a\nb", F::Character),
            (" file:///a", F::Host),
            ("file:///%", F::Percent),
            ("file:///%2", F::Percent),
            ("file:///%zz", F::Percent),
            ("file:///%+1", F::Percent),
            ("file:///a%2fb", F::Slash),
            ("file:///a%2Fb", F::Slash),
            ("file:///a%00.txt", F::NullByte),
            ("file:///%ff", F::NotUtf8),
            ("file:///%c0%ae%c0%ae/x", F::NotUtf8),
            ("file:////etc/passwd", F::EmptySegment),
            ("file:///a//b", F::EmptySegment),
            ("file:///./a", F::Dot),
            ("file:///%2e/a", F::Dot),
            ("file:///a/..", F::DotDot),
            ("file:///a/../b", F::DotDot),
            ("file:///%2e%2e/b", F::DotDot),
            ("file:///.%2E/b", F::DotDot),
        ] {
            match file_path(uri) {
                None => assert!(uri.starts_with(' '), "{uri}"),
                Some(read) => assert_eq!(read, Err(fault), "{uri}"),
            }
        }
        let long = format!("file:///{}", "a".repeat(MAX_URI));
        assert_eq!(file_path(&long), Some(Err(F::TooLong)));
    }

    #[test]
    fn a_value_is_put_into_a_template_as_the_standard_says() {
        for (value, text) in [
            ("src/a b.rs", "src/a%20b.rs"),
            ("50%/x", "50%25/x"),
            ("a%20b", "a%20b"),
            ("é\\", "%C3%A9%5C"),
            ("a?#[]!", "a?#[]!"),
        ] {
            assert_eq!(expanded(value), text, "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_reads_back(names in prop::collection::vec("[^/\0]{1,12}", 0..5), folder: bool) {
            prop_assume!(!names.iter().any(|name| name == "." || name == ".."));
            let last = if folder && !names.is_empty() { "/" } else { "" };
            let path = format!("/{}{last}", names.join("/"));
            let uri = format!("file://{}", encoded_path(&path));
            prop_assert!(uri.is_ascii());
            prop_assert_eq!(file_path(&uri), Some(Ok(path)));
        }

        /// Whatever comes out has no segment that leads up, whatever went in.
        #[test]
        fn nothing_leads_up(rest in "(/|%2[eEfF]|\\.|%00|%|\\\\|a|é|%25){0,24}") {
            if let Some(Ok(path)) = file_path(&format!("file://{rest}")) {
                prop_assert!(path.starts_with('/'));
                prop_assert!(!path.split('/').any(|it| it == "." || it == ".."));
                prop_assert!(!path.contains('\0') && !path.contains("//"));
            }
        }
    }
}
