//! URIs: their normal form, so that a rule can't be dodged by spelling, and the paths of `file` URIs.

mod file;

pub use file::{FileUriFault, encoded_path, expanded, file_path};

/// How often percent-encoding is looked under.
const LAYERS: usize = 4;

/// The normal form: scheme in lower case, percent-encoding undone, `\` as `/`, empty and `.`
/// segments dropped, `..` resolved; of a `file` URI, host and user dropped too. Rules are matched
/// against it; nothing is ever opened by it.
///
/// `None` where there is none: a NUL, bytes that are no UTF-8 once decoded, or encoding that is
/// still there after four layers.
pub fn normal(uri: &str) -> Option<String> {
    let uri = decoded(uri)?.replace('\\', "/");
    if uri.contains('\0') {
        return None;
    }
    let Some((scheme, rest)) = uri.split_once(':') else {
        return Some(uri);
    };
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "file" {
        let path = rest
            .strip_prefix("//")
            .map_or(rest, |rest| split_authority(rest).1);
        // Always with its first `/`: what follows `file://` would else read as a host.
        return Some(format!(
            "file:///{}",
            resolved(path).trim_start_matches('/')
        ));
    }
    Some(match rest.strip_prefix("//").map(split_authority) {
        Some((authority, path)) => {
            format!("{scheme}://{}{}", authority.to_lowercase(), resolved(path))
        }
        None => format!("{scheme}:{}", resolved(rest)),
    })
}

/// Host, user and port, and the path that begins at the first `/`.
fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

fn decoded(uri: &str) -> Option<String> {
    let mut text = uri.to_owned();
    for _ in 0..LAYERS {
        let next = undo_percent(&text)?;
        if next == text {
            return Some(text);
        }
        text = next;
    }
    (undo_percent(&text)? == text).then_some(text)
}

/// One layer; a `%` without two hexadecimal digits stays.
fn undo_percent(text: &str) -> Option<String> {
    let hex = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

/// Dots resolved and empty segments dropped; a path that begins or ends with `/` still does.
fn resolved(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let first = if path.starts_with('/') { "/" } else { "" };
    let last = if path.ends_with('/') && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("{first}{}{last}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_normal_stays() {
        for uri in [
            "file:///srv/docs/a.md",
            "https://example.com/a/b",
            "note:today",
            "db://x",
            "plain",
        ] {
            assert_eq!(normal(uri).as_deref(), Some(uri));
        }
    }

    #[test]
    fn spellings_of_one_place_are_one() {
        for uri in [
            "FILE:///etc/passwd",
            "file:/etc/passwd",
            "file:////etc//./passwd",
            "file://localhost/etc/passwd",
            "file://u:p@h/etc/passwd",
            "file:///srv/../etc/passwd",
            "file:///%2e%2e/etc/passwd",
            "file:///srv%2f..%2fetc/passwd",
            "file:///srv\\..\\etc\\passwd",
            "%66ile:///etc/passwd",
        ] {
            assert_eq!(normal(uri).as_deref(), Some("file:///etc/passwd"), "{uri}");
        }
    }

    #[test]
    fn what_hides_has_no_normal_form() {
        for uri in [
            "file:///a\0b",
            "file:///a%00b",
            "file:///%ff",
            "file:///%25252525252e",
        ] {
            assert_eq!(normal(uri), None, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own_normal_form(uri in "[a-zA-Z:/.%25\\\\é ]{0,40}") {
            if let Some(once) = normal(&uri) {
                prop_assert_eq!(normal(&once), Some(once.clone()));
            }
        }
    }
}
