//! Media types that a client takes and gives (RFC 9110, sections 8.3 and 12.5.1).

use super::Headers;

/// Does the `Accept` header allow this media type? The most specific range that fits decides, and
/// `q=0` excludes. Without the header nothing is: MCP requires it.
pub fn accepts(headers: &Headers, media_type: &str) -> bool {
    let only = headers.only("accept").ok().flatten();
    if only.is_some_and(|value| is_plainly_in(value, media_type)) {
        return true;
    }
    let ranges = headers.all("accept").flat_map(|value| split(value, b','));
    let fitting = ranges.filter_map(|range| Fit::of(range, media_type));
    fitting
        .max_by_key(|fit| fit.precision)
        .is_some_and(|fit| fit.wanted)
}

/// Is it named in a list without parameters? So say most clients, with every request.
fn is_plainly_in(list: &[u8], media_type: &str) -> bool {
    !list.contains(&b';')
        && list
            .split(|byte| *byte == b',')
            .any(|range| range.trim_ascii() == media_type.as_bytes())
}

/// Is it the media type `application/json`, whatever its case and parameters?
pub fn content_type_is_json(content_type: &[u8]) -> bool {
    split(content_type, b';')
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case(b"application/json"))
}

/// How a range of an `Accept` header fits a media type.
struct Fit {
    /// 2 names it, 1 names its type, 0 is `*/*`.
    precision: u8,
    wanted: bool,
}

impl Fit {
    fn of(range: &[u8], media_type: &str) -> Option<Self> {
        let mut parts = split(range, b';');
        let name = parts.next()?;
        let (kind, _) = media_type.split_once('/')?;
        let precision = if name.eq_ignore_ascii_case(media_type.as_bytes()) {
            2
        } else if name
            .strip_suffix(b"/*")?
            .eq_ignore_ascii_case(kind.as_bytes())
        {
            1
        } else if name == b"*/*" {
            0
        } else {
            return None;
        };
        Some(Self {
            precision,
            wanted: !parts.any(is_zero_quality),
        })
    }
}

fn is_zero_quality(parameter: &[u8]) -> bool {
    let mut sides = parameter.splitn(2, |byte| *byte == b'=');
    let name = sides.next().unwrap_or_default().trim_ascii();
    let value = sides.next().unwrap_or_default().trim_ascii();
    name.eq_ignore_ascii_case(b"q")
        && value.first() == Some(&b'0')
        && value.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

/// Splits at a separator outside quoted strings, and strips outer blanks.
fn split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |&byte| {
            let literal = std::mem::take(&mut escaped);
            match byte {
                b'"' if !literal => quoted = !quoted,
                b'\\' if quoted && !literal => escaped = true,
                _ => {}
            }
            byte == separator && !quoted
        })
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_read_by_precision() {
        let allows = |value: &str, media: &str| {
            accepts(&Headers::from_pairs([("accept", value.as_bytes())]), media)
        };
        let json = "application/json";
        for value in [
            "application/json, text/event-stream",
            "text/event-stream,APPLICATION/JSON;q=0.5",
            "*/*",
            "application/*",
            "text/*;q=0, */*;q=0.1",
            "text/x;a=\",\\\"\", application/json",
        ] {
            assert!(allows(value, json), "{value}");
        }
        for value in [
            "",
            "text/event-stream",
            "application/json;q=0",
            "application/json; Q=0.000, */*",
            "application/*;q=0.0, */*",
            "application/jsonx",
            "text/x;a=\", application/json\"",
            "*/json",
        ] {
            assert!(!allows(value, json), "{value}");
        }
        assert!(!accepts(&Headers::default(), json));
        let lines = Headers::from_pairs([
            ("accept", &b"text/html"[..]),
            ("Accept", b"application/json"),
        ]);
        assert!(accepts(&lines, json));
    }

    #[test]
    fn content_types() {
        assert!(content_type_is_json(b"Application/JSON ; charset=utf-8"));
        for other in [
            "",
            "text/plain",
            "application/json+x",
            "application/json, text/plain",
        ] {
            assert!(!content_type_is_json(other.as_bytes()), "{other}");
        }
    }
}
