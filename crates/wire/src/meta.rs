//! A request's `_meta` (2026-07-28, `basic/index`): what belongs to the envelope, and the rest.

use durward_core::{LogLevel, ProtocolError, RawJson, Revision};
use serde::de::DeserializeOwned;

use crate::{
    code,
    scan::{
        Params,
        members::{self, Member},
    },
};

/// The revision that a request is written in. Required of modern requests.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// What the client can do. Required of modern requests.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Who the client says it is.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// Who the server says it is, in the results of modern ones.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// From which severity on the client wants this request's logs.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// The client's name for this request's progress.
pub const PROGRESS_TOKEN: &str = "progressToken";
/// Keys that are ours to add, and never taken from a peer.
pub const OURS: &str = "dev.durward/";

/// A revision as a peer wrote it, known or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionText(String);

impl RevisionText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The revision that it names, if there is one.
    pub fn revision(&self) -> Option<Revision> {
        Revision::parse(&self.0)
    }
}

impl From<String> for RevisionText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What `_meta` says, each member of the right type or absent.
#[derive(Debug, Clone, Default)]
pub struct RequestMeta {
    /// `…/protocolVersion`
    pub revision: Option<RevisionText>,
    /// `…/clientCapabilities`, an object.
    pub capabilities: Option<RawJson>,
    /// `…/clientInfo`, an object.
    pub client_info: Option<RawJson>,
    /// `…/logLevel`
    pub log_level: Option<LogLevel>,
    /// `progressToken`, a string or an integer, as it was spelled.
    pub progress_token: Option<RawJson>,
    /// `_meta` without the members above and without `dev.durward/*`, as it was spelled.
    pub rest: Option<RawJson>,
}

impl RequestMeta {
    /// Does the request bear what only a modern one has?
    pub fn is_modern(&self) -> bool {
        self.revision.is_some() || self.capabilities.is_some()
    }
}

/// As [`RequestMeta::is_modern`], for a `_meta` that need not be well-typed: it decides the era in
/// which the mistake is answered.
pub fn is_modern(params: &Params) -> bool {
    params.get("_meta").is_some_and(|meta| {
        let modern = |member: &Member| {
            [PROTOCOL_VERSION, CLIENT_CAPABILITIES]
                .iter()
                .any(|key| member.is_named(meta.as_str(), key))
        };
        members::spans(&meta).is_some_and(|found| found.iter().any(modern))
    })
}

/// Reads `params._meta`; absent is empty.
///
/// # Errors
/// -32602, naming the member, where one has the wrong type.
pub fn read(params: &Params) -> Result<RequestMeta, ProtocolError> {
    let Some(meta) = params.object("_meta")? else {
        return Ok(RequestMeta::default());
    };
    let mut found = RequestMeta::default();
    let text = meta.as_str();
    let all = members::spans(&meta).unwrap_or_default();
    for member in &all {
        let key = member.name(text);
        let value = || member.value(&meta);
        match key.as_ref() {
            PROTOCOL_VERSION => {
                found.revision = Some(RevisionText(typed(&key, &value(), "a string")?));
            }
            CLIENT_CAPABILITIES => found.capabilities = Some(object(&key, value())?),
            CLIENT_INFO => found.client_info = Some(object(&key, value())?),
            LOG_LEVEL => found.log_level = Some(typed(&key, &value(), "a level of RFC 5424")?),
            PROGRESS_TOKEN => found.progress_token = Some(token(value())?),
            _ => {}
        }
    }
    found.rest = members::remaining(&meta, &all, is_envelope);
    Ok(found)
}

/// Is it a key of the envelope, which is never passed on?
pub(crate) fn is_envelope(key: &str) -> bool {
    let envelope = [
        PROTOCOL_VERSION,
        CLIENT_CAPABILITIES,
        CLIENT_INFO,
        LOG_LEVEL,
        PROGRESS_TOKEN,
    ];
    envelope.contains(&key) || key.starts_with(OURS)
}

fn typed<T: DeserializeOwned>(
    key: &str,
    value: &RawJson,
    wanted: &str,
) -> Result<T, ProtocolError> {
    value.parse().map_err(|_| mistyped(key, wanted))
}

fn object(key: &str, value: RawJson) -> Result<RawJson, ProtocolError> {
    let sound = value.bytes().first() == Some(&b'{');
    if sound {
        Ok(value)
    } else {
        Err(mistyped(key, "an object"))
    }
}

fn token(value: RawJson) -> Result<RawJson, ProtocolError> {
    let text = value.bytes();
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let sound = text.first() == Some(&b'"') || digits.iter().all(u8::is_ascii_digit);
    if sound {
        Ok(value)
    } else {
        Err(mistyped(PROGRESS_TOKEN, "a string or an integer"))
    }
}

fn mistyped(key: &str, wanted: &str) -> ProtocolError {
    code::invalid_params(format!("`params._meta[\"{key}\"]` must be {wanted}"))
}

#[cfg(test)]
mod tests {

    use super::*;

    fn params(meta: &'static str) -> Params {
        let text = format!(r#"{{"name":"x","_meta":{meta}}}"#);
        Params::try_from(RawJson::from_scanned(text.into())).unwrap()
    }

    #[test]
    fn absent_is_empty() {
        let meta = read(&Params::default()).unwrap();
        assert!(!meta.is_modern());
        assert!(meta.rest.is_none());
    }

    #[test]
    fn envelope_is_taken_out_and_the_rest_kept_as_spelled() {
        let params = params(
            r#"{ "io.modelcontextprotocol/protocolVersion":"2026-07-28", "traceparent" : "00-a",
            "io.modelcontextprotocol/clientCapabilities":{"sampling":{}}, "dev.durward/x":1,
            "progressToken":7, "io.modelcontextprotocol/logLevel":"warning", "n\u002f":1.50 }"#,
        );
        assert!(is_modern(&params));
        let meta = read(&params).unwrap();
        assert!(meta.is_modern());
        assert_eq!(
            meta.revision.unwrap().revision(),
            Some(Revision::V2026_07_28)
        );
        assert_eq!(meta.capabilities.unwrap().as_str(), r#"{"sampling":{}}"#);
        assert_eq!(meta.log_level, Some(LogLevel::Warning));
        assert_eq!(meta.progress_token.unwrap().as_str(), "7");
        assert_eq!(
            meta.rest.unwrap().as_str(),
            r#"{"traceparent" : "00-a","n\u002f":1.50}"#
        );
    }

    #[test]
    fn nothing_left_is_none() {
        assert!(
            read(&params(r#"{"progressToken":"p"}"#))
                .unwrap()
                .rest
                .is_none()
        );
        assert!(read(&params("{}")).unwrap().rest.is_none());
    }

    #[test]
    fn mistyped_members_are_named() {
        for (meta, named) in [
            (
                r#"{"io.modelcontextprotocol/protocolVersion":1}"#,
                PROTOCOL_VERSION,
            ),
            (
                r#"{"io.modelcontextprotocol/protocolVersion":null}"#,
                PROTOCOL_VERSION,
            ),
            (
                r#"{"io.modelcontextprotocol/clientCapabilities":[]}"#,
                CLIENT_CAPABILITIES,
            ),
            (
                r#"{"io.modelcontextprotocol/clientInfo":"me"}"#,
                CLIENT_INFO,
            ),
            (r#"{"io.modelcontextprotocol/logLevel":"loud"}"#, LOG_LEVEL),
            (r#"{"progressToken":1.5}"#, PROGRESS_TOKEN),
            (r#"{"progressToken":null}"#, PROGRESS_TOKEN),
            ("[]", "_meta"),
            ("null", "_meta"),
        ] {
            let error = read(&params(meta)).unwrap_err();
            assert_eq!(error.code, code::INVALID_PARAMS, "{meta}");
            assert!(error.message.contains(named), "{meta}: {}", error.message);
        }
    }
}
