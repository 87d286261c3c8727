//! The other side: what a client sent in `Mcp-Param-*`, held against the arguments of its call.

use durward_core::{ProtocolError, RawJson};

use super::{
    super::{Value, decoded},
    HeaderParam, HeaderParams, PREFIX, integer, reach,
};
use crate::{code, http1::Headers};

/// The `Mcp-Param-*` headers of one request.
#[derive(Debug, Clone, Default)]
pub struct SentParams(Headers);

impl SentParams {
    /// Finds them.
    pub fn of(headers: &Headers) -> Self {
        let is_one = |name: &str| {
            let begin = name.as_bytes().get(..PREFIX.len());
            begin.is_some_and(|begin| begin.eq_ignore_ascii_case(PREFIX.as_bytes()))
        };
        Self(Headers::from_pairs(
            headers.iter().filter(|(name, _)| is_one(name)),
        ))
    }
}

impl HeaderParams {
    /// Holds what a client sent against the arguments of its call. A header that no annotation names is
    /// not looked at: it is nothing to this tool.
    ///
    /// # Errors
    /// -32020: one is missing, doubled, unsound, says something else, or stands for no argument.
    pub fn check(&self, arguments: &RawJson, sent: &SentParams) -> Result<(), ProtocolError> {
        self.0.iter().try_for_each(|param| {
            param
                .check(arguments, sent)
                .map_err(|what| code::header_mismatch(format!("header `{}` {what}", param.header)))
        })
    }
}

impl HeaderParam {
    fn check(&self, arguments: &RawJson, sent: &SentParams) -> Result<(), String> {
        let argument = reach(arguments, &self.path).filter(|value| value.as_str() != "null");
        let value = Value::of(&sent.0, &self.header.to_ascii_lowercase());
        let (argument, value) = match (argument, value) {
            (None, Value::Absent) => return Ok(()),
            (Some(_), Value::Absent) => return Err("is missing".to_owned()),
            (_, Value::Doubled) => return Err("is there twice".to_owned()),
            (None, Value::One(_)) => return Err("is there, and its argument is not".to_owned()),
            (Some(argument), Value::One(value)) => (argument, value),
        };
        let text = decoded(value).map_err(|bad| bad.to_string())?;
        match says(&text, &argument) {
            true => Ok(()),
            false => Err("differs from its argument".to_owned()),
        }
    }
}

/// Does the header's text say the same as the argument?
fn says(text: &str, argument: &RawJson) -> bool {
    match argument.bytes().first() {
        Some(b'"') => argument.parse::<String>().is_ok_and(|own| own == text),
        Some(b't' | b'f') => argument.as_str() == text,
        Some(b'-' | b'0'..=b'9') => {
            let is_number = serde_json::from_str::<serde_json::Number>(text).is_ok();
            let own = integer(argument.as_str());
            is_number && own.is_some() && own == integer(text)
        }
        // A header can't hold it, so no header can stand for it.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCHEMA: &str = r#"{"properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
        "on":{"type":"boolean","x-mcp-header":"On"}}}"#;

    fn raw(text: &str) -> RawJson {
        RawJson::from_scanned(text.into())
    }

    fn check(arguments: &str, headers: &[(&str, &str)]) -> String {
        let params = HeaderParams::of_schema(&raw(SCHEMA)).unwrap();
        let pairs = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()));
        let sent = SentParams::of(&Headers::from_pairs(pairs));
        match params.check(&raw(arguments), &sent) {
            Ok(()) => "ok".to_owned(),
            Err(error) => {
                assert_eq!(error.code, code::HEADER_MISMATCH);
                error.message
            }
        }
    }

    #[test]
    fn a_header_says_what_its_argument_says() {
        for (arguments, headers) in [
            ("{}", &[][..]),
            (r#"{"region":null,"deep":{}}"#, &[]),
            (r#"{"region":"eu"}"#, &[("MCP-PARAM-region", "eu")]),
            (r#"{"region":"eu"}"#, &[("mcp-param-region", " eu\t")]),
            (
                r#"{"region":"eu"}"#,
                &[("mcp-param-region", "=?base64?ZXU=?=")],
            ),
            (r#"{"region":""}"#, &[("mcp-param-region", "")]),
            (
                r#"{"region":"=?base64?"}"#,
                &[("mcp-param-region", "=?base64?")],
            ),
            (r#"{"region":"\u005a"}"#, &[("mcp-param-region", "Z")]),
            (r#"{"deep":{"n":42.0}}"#, &[("mcp-param-n", "42")]),
            (r#"{"deep":{"n":42}}"#, &[("mcp-param-n", "4.20e1")]),
            (r#"{"on":false}"#, &[("mcp-param-on", "false")]),
            ("{}", &[("mcp-param-other", "7"), ("mcp-name", "x")]),
        ] {
            assert_eq!(check(arguments, headers), "ok", "{arguments} {headers:?}");
        }
    }

    #[test]
    fn whatever_else_is_a_mismatch() {
        const REGION: &str = "mcp-param-region";
        const N: &str = "mcp-param-n";
        let differs = "differs from its argument";
        for (arguments, headers, what) in [
            (r#"{"region":"eu"}"#, &[][..], "is missing"),
            (r#"{"region":""}"#, &[], "is missing"),
            ("{}", &[(REGION, "eu")], "its argument is not"),
            (
                r#"{"region":null}"#,
                &[(REGION, "null")],
                "its argument is not",
            ),
            (r#"{"region":"eu"}"#, &[(REGION, "EU")], differs),
            (r#"{"region":" eu"}"#, &[(REGION, " eu")], differs),
            (
                r#"{"region":"eu"}"#,
                &[(REGION, "eu"), (REGION, "eu")],
                "twice",
            ),
            (
                r#"{"region":"eu"}"#,
                &[(REGION, "=?base64?ZXU?=")],
                "Base64",
            ),
            (
                r#"{"region":"eu"}"#,
                &[(REGION, "=?base64?Z*U=?=")],
                "Base64",
            ),
            (r#"{"region":"Zürich"}"#, &[(REGION, "Zürich")], "character"),
            (r#"{"deep":{"n":42}}"#, &[(N, "43")], differs),
            (r#"{"deep":{"n":42}}"#, &[(N, "042")], differs),
            (r#"{"deep":{"n":42}}"#, &[(N, "+42")], differs),
            (r#"{"deep":{"n":42}}"#, &[(N, "")], differs),
            (r#"{"deep":{"n":1.5}}"#, &[(N, "1.5")], differs),
            (r#"{"deep":{"n":[1]}}"#, &[(N, "[1]")], differs),
            (r#"{"on":true}"#, &[("mcp-param-on", "True")], differs),
        ] {
            let said = check(arguments, headers);
            assert!(said.contains(what), "{arguments} {headers:?}: {said}");
        }
    }

    proptest! {
        #[test]
        fn what_our_own_client_sends_is_taken(region in ".*", n in -9_007_199_254_740_991_i64..=9_007_199_254_740_991, on: bool) {
            let arguments = serde_json::json!({"region": region, "deep": {"n": n}, "on": on});
            let arguments = raw(&arguments.to_string());
            let params = HeaderParams::of_schema(&raw(SCHEMA)).unwrap();
            let lines = params.lines(&arguments);
            let pairs = lines.iter().map(|(name, value)| (*name, value.as_bytes()));
            let sent = SentParams::of(&Headers::from_pairs(pairs));
            prop_assert!(params.check(&arguments, &sent).is_ok());
        }
    }
}
