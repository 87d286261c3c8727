//! Arguments that a tool wants repeated in headers: `x-mcp-header` (2026-07-28, `server/tools` and
//! `basic/transports/streamable-http`).

mod sent;

use std::borrow::Cow;

use durward_core::RawJson;

use super::encoded;
use crate::scan::members;

pub use sent::SentParams;

/// What stands before the annotation's value in the header's name.
const PREFIX: &str = "Mcp-Param-";
const ANNOTATION: &str = "x-mcp-header";
/// Integers are exact in every language up to this.
const EXACT: i64 = (1 << 53) - 1;
/// Levels of `properties` that are looked through.
const DEPTH: usize = 32;

/// Which arguments go into which headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderParams(Vec<HeaderParam>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct HeaderParam {
    /// With its prefix.
    header: Box<str>,
    path: Vec<Box<str>>,
}

/// An annotation that makes the tool one that can't be called over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says what it is in its message")]
pub enum BadAnnotation {
    #[error("`x-mcp-header` is no string that can be part of a header's name")]
    Name,
    #[error("`x-mcp-header` names the same header twice")]
    Twice,
    #[error("`x-mcp-header` is on a property that is no string, integer or boolean")]
    Type,
    #[error("`x-mcp-header` is where no property of the arguments is")]
    Place,
}

impl HeaderParams {
    /// Finds the annotations of an `inputSchema`.
    ///
    /// # Errors
    /// [`BadAnnotation`]: such a tool of a modern upstream over HTTP must not be offered.
    pub fn of_schema(schema: &RawJson) -> Result<Self, BadAnnotation> {
        let mut found = Self::default();
        // Most schemas have none, and are not looked through. A key may be escaped.
        let text = schema.bytes();
        if memchr::memmem::find(text, b"mcp-header").is_none()
            && memchr::memchr(b'\\', text).is_none()
        {
            return Ok(found);
        }
        found.collect(schema, &mut Vec::new())?;
        Ok(found)
    }

    /// True where the tool has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values of the headers that these arguments need. A property that is absent, null, or not
    /// of a type that a header can hold has none.
    pub fn lines(&self, arguments: &RawJson) -> Vec<(&str, String)> {
        let value = |param: &HeaderParam| header_value(&reach(arguments, &param.path)?);
        let params = self.0.iter();
        params
            .filter_map(|param| Some((&*param.header, value(param)?)))
            .collect()
    }

    fn collect(&mut self, schema: &RawJson, path: &mut Vec<Box<str>>) -> Result<(), BadAnnotation> {
        for (key, value) in members(schema) {
            if key == "properties" {
                for (name, property) in members(&value) {
                    path.push(name.as_ref().into());
                    self.property(&property, path)?;
                    path.pop();
                }
            } else if key == ANNOTATION && path.is_empty() || is_annotated(&value, &key) {
                return Err(BadAnnotation::Place);
            }
        }
        Ok(())
    }

    fn property(
        &mut self,
        property: &RawJson,
        path: &mut Vec<Box<str>>,
    ) -> Result<(), BadAnnotation> {
        let own = members(property);
        let get = |name: &str| {
            own.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        if let Some(annotation) = get(ANNOTATION) {
            let name: String = annotation.parse().map_err(|_| BadAnnotation::Name)?;
            let header: Box<str> = format!("{PREFIX}{name}").into();
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(BadAnnotation::Name);
            }
            if self
                .0
                .iter()
                .any(|other| other.header.eq_ignore_ascii_case(&header))
            {
                return Err(BadAnnotation::Twice);
            }
            let kind = get("type").map(RawJson::as_str);
            if !matches!(kind, Some(r#""string""# | r#""integer""# | r#""boolean""#)) {
                return Err(BadAnnotation::Type);
            }
            self.0.push(HeaderParam {
                header,
                path: path.clone(),
            });
        }
        if path.len() > DEPTH {
            return if is_annotated(property, "") {
                Err(BadAnnotation::Place)
            } else {
                Ok(())
            };
        }
        self.collect(property, path)
    }
}

/// Is there an annotation somewhere below a keyword through which no argument is reached? What stands
/// under `const`, `enum`, `default` or `examples` is data, not schema.
fn is_annotated(value: &RawJson, keyword: &str) -> bool {
    if matches!(
        keyword,
        "const" | "enum" | "default" | "examples" | ANNOTATION
    ) {
        return false;
    }
    // Depth and soundness were judged when the message was scanned.
    let Ok(value) = value.parse::<serde_json::Value>() else {
        return false;
    };
    let mut left = vec![&value];
    while let Some(value) = left.pop() {
        match value {
            serde_json::Value::Object(object) => {
                if object.contains_key(ANNOTATION) {
                    return true;
                }
                left.extend(object.values());
            }
            serde_json::Value::Array(array) => left.extend(array),
            _ => {}
        }
    }
    false
}

fn reach(arguments: &RawJson, path: &[Box<str>]) -> Option<RawJson> {
    let mut value = arguments.clone();
    for name in path {
        let inner = members(&value)
            .into_iter()
            .find(|(key, _)| *key == **name)
            .map(|(_, value)| value)?;
        value = inner;
    }
    Some(value)
}

fn header_value(value: &RawJson) -> Option<String> {
    match value.bytes().first()? {
        b'"' => {
            let text: Cow<'_, str> = value.parse::<String>().ok()?.into();
            Some(encoded(&text).into_owned())
        }
        b't' | b'f' => Some(value.as_str().to_owned()),
        b'-' | b'0'..=b'9' => integer(value.as_str()).map(|number| number.to_string()),
        _ => None,
    }
}

/// The integer that a number is, however it is spelled, if it is exact everywhere.
fn integer(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // The value is the significant digits, times ten to this.
    let after = digits.len() - digits.trim_end_matches('0').len();
    let after = i64::try_from(after).ok()? - i64::try_from(fraction.len()).ok()?;
    let zeros = after.checked_add(exponent.parse::<i64>().ok()?)?;
    let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros <= 16)?;
    let number: i64 = format!("{sign}{significant}{}", "0".repeat(zeros))
        .parse()
        .ok()?;
    (-EXACT..=EXACT).contains(&number).then_some(number)
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::decoded, *};

    fn raw(text: &str) -> RawJson {
        RawJson::from_scanned(text.into())
    }

    fn lines(schema: &str, arguments: &str) -> Vec<(String, String)> {
        let params = HeaderParams::of_schema(&raw(schema)).unwrap();
        let lines = params.lines(&raw(arguments));
        lines
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    const NESTED: &str = r#"{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
        "on":{"type":"boolean","x-mcp-header":"On"},
        "plain":{"type":"string","default":{"x-mcp-header":"data"}}}}"#;

    #[test]
    fn arguments_become_headers() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            lines(NESTED, r#"{"on":false,"deep":{"n":42.0},"region":"eu"}"#),
            [
                pair("Mcp-Param-Region", "eu"),
                pair("Mcp-Param-N", "42"),
                pair("Mcp-Param-On", "false")
            ]
        );
        assert_eq!(lines(NESTED, r#"{"region":null,"deep":7}"#), []);
        assert_eq!(
            lines(NESTED, r#"{"region":""}"#),
            [pair("Mcp-Param-Region", "")]
        );
        assert_eq!(
            lines(NESTED, r#"{"region":"Zürich"}"#),
            [pair("Mcp-Param-Region", "=?base64?WsO8cmljaA==?=")]
        );
        assert_eq!(lines(r#"{"type":"object"}"#, "{}"), []);
    }

    #[test]
    fn bad_annotations() {
        for (property, bad) in [
            (
                r#"{"type":"number","x-mcp-header":"A"}"#,
                BadAnnotation::Type,
            ),
            (
                r#"{"type":["string","null"],"x-mcp-header":"A"}"#,
                BadAnnotation::Type,
            ),
            (r#"{"x-mcp-header":"A"}"#, BadAnnotation::Type),
            (
                r#"{"type":"string","x-mcp-header":"A B"}"#,
                BadAnnotation::Name,
            ),
            (
                r#"{"type":"string","x-mcp-header":""}"#,
                BadAnnotation::Name,
            ),
            (r#"{"type":"string","x-mcp-header":1}"#, BadAnnotation::Name),
            (
                r#"{"type":"string","x-mcp-header":"\r\nX"}"#,
                BadAnnotation::Name,
            ),
            (
                r#"{"type":"string","x-mcp-header":"fIRST"}"#,
                BadAnnotation::Twice,
            ),
            (
                r#"{"type":"array","items":{"type":"string","x-mcp-header":"A"}}"#,
                BadAnnotation::Place,
            ),
            (
                r#"{"oneOf":[{"type":"string","x-mcp-header":"A"}]}"#,
                BadAnnotation::Place,
            ),
        ] {
            let schema = format!(
                r#"{{"properties":{{"f":{{"type":"string","x-mcp-header":"First"}},"p":{property}}}}}"#
            );
            assert_eq!(
                HeaderParams::of_schema(&raw(&schema)),
                Err(bad),
                "{property}"
            );
        }
        let escaped = r#"{"properties":{"a":{"type":"number","x-mcp\u002dheader":"A"}}}"#;
        assert_eq!(
            HeaderParams::of_schema(&raw(escaped)),
            Err(BadAnnotation::Type)
        );
    }

    #[test]
    fn integers_however_spelled() {
        for (text, number) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-17", Some(-17)),
            ("42.0", Some(42)),
            ("4.2e1", Some(42)),
            ("4200e-2", Some(42)),
            ("420.0E-1", Some(42)),
            ("0e-5", Some(0)),
            ("9007199254740991", Some(9_007_199_254_740_991)),
            ("9007199254740992", None),
            ("1.5", None),
            ("1e400", None),
            ("1e-1", None),
            ("1e99999999999", None),
        ] {
            assert_eq!(integer(text), number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in ".*") {
            let value = encoded(&text);
            prop_assert_eq!(decoded(value.as_bytes()).unwrap(), text.as_str());
            prop_assert_eq!(value.trim_ascii(), value.as_ref());
        }

        #[test]
        fn any_number_is_judged(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,12})?") {
            let _ = integer(&text);
        }
    }
}
