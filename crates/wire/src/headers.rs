//! The MCP headers of a POST, and what they must say (2026-07-28, `basic/transports`).

mod params;

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use durward_core::{Era, ProtocolError, Revision};

use crate::{
    code, encode,
    http1::Headers,
    meta::{self, RequestMeta},
    scan::Params,
};

pub use params::{BadAnnotation, HeaderParams, SentParams};

/// `MCP-Protocol-Version`, as [`Headers`] spells names.
pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// `Mcp-Method`
pub const METHOD: &str = "mcp-method";
/// `Mcp-Name`
pub const NAME: &str = "mcp-name";
/// `Mcp-Session-Id`
pub const SESSION_ID: &str = "mcp-session-id";
/// `Last-Event-ID`
pub const LAST_EVENT_ID: &str = "last-event-id";

/// A header that may be there once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// It is not there.
    Absent,
    /// It is there once; outer blanks are stripped.
    One(&'a [u8]),
    /// It is there more than once, even if all say the same.
    Doubled,
}

impl<'a> Value<'a> {
    /// Looks for the header.
    pub fn of(headers: &'a Headers, name: &str) -> Self {
        match headers.only(name) {
            Ok(None) => Self::Absent,
            Ok(Some(value)) => Self::One(value),
            Err(_) => Self::Doubled,
        }
    }

    /// The value, for a header that must be there once and say something.
    fn required(self, name: &str) -> Result<&'a [u8], ProtocolError> {
        match self {
            Self::Absent => Err(code::header_mismatch(format!("header `{name}` is missing"))),
            Self::Doubled => Err(code::header_mismatch(format!(
                "header `{name}` is there twice"
            ))),
            Self::One(value) => Ok(value),
        }
    }
}

/// The MCP headers of one request, as they stand there.
#[derive(Debug, Clone, Copy)]
pub struct McpHeaders<'a> {
    /// `MCP-Protocol-Version`
    pub protocol_version: Value<'a>,
    /// `Mcp-Method`
    pub mcp_method: Value<'a>,
    /// `Mcp-Name`; see [`decoded`].
    pub mcp_name: Value<'a>,
    /// `Mcp-Session-Id`
    pub session_id: Value<'a>,
    /// `Last-Event-ID`
    pub last_event_id: Value<'a>,
}

impl<'a> McpHeaders<'a> {
    /// Finds them.
    pub fn of(headers: &'a Headers) -> Self {
        Self {
            protocol_version: Value::of(headers, PROTOCOL_VERSION),
            mcp_method: Value::of(headers, METHOD),
            mcp_name: Value::of(headers, NAME),
            session_id: Value::of(headers, SESSION_ID),
            last_event_id: Value::of(headers, LAST_EVENT_ID),
        }
    }
}

/// A header value that says nothing readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// Bytes other than printable ASCII, blank and tab.
    #[error("holds a character that must be sent as Base64")]
    Characters,
    /// Not strict, padded Base64 of UTF-8.
    #[error("holds `=?base64?…?=` that is not padded Base64 of UTF-8 text")]
    Base64,
}

/// The text that a header value stands for: itself, or what its sentinel `=?base64?…?=` holds. Half a
/// sentinel is literal.
///
/// # Errors
/// [`BadValue`].
pub fn decoded(value: &[u8]) -> Result<Cow<'_, str>, BadValue> {
    let printable = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let text = std::str::from_utf8(value)
        .ok()
        .filter(|_| printable)
        .ok_or(BadValue::Characters)?;
    let Some(inner) = text
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="))
    else {
        return Ok(Cow::Borrowed(text));
    };
    let bytes = STANDARD.decode(inner).map_err(|_| BadValue::Base64)?;
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| BadValue::Base64)
}

/// The header value that stands for a text: the text where it can stand there as it is, else the
/// sentinel around its Base64. The other way round: [`decoded`].
pub fn encoded(text: &str) -> Cow<'_, str> {
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let is_trimmed = text.trim_ascii().len() == text.len();
    if printable && is_trimmed && !text.starts_with("=?base64?") {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("=?base64?{}?=", STANDARD.encode(text)))
    }
}

/// The member of `params` that `Mcp-Name` repeats, for the methods that have one.
pub fn named_member(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// Reads `_meta` and checks all headers of a modern request, in the protocol's order.
///
/// # Errors
/// -32020, -32602 or -32022, whichever comes first; all of them are a 400.
pub fn read_modern(
    headers: &Headers,
    request_method: &str,
    params: &Params,
) -> Result<(Revision, RequestMeta), ProtocolError> {
    version(headers)?;
    let meta = meta::read(params)?;
    let revision = check_modern(headers, request_method, params, &meta)?;
    Ok((revision, meta))
}

/// Checks the headers of a modern request against its body, whose `_meta` has been read.
///
/// # Errors
/// -32020 for a header that is missing, doubled, unsound or says something else than the body; -32602
/// for a `_meta` that lacks what it must have; -32022 for a revision that is not served this way.
pub fn check_modern(
    headers: &Headers,
    request_method: &str,
    params: &Params,
    meta: &RequestMeta,
) -> Result<Revision, ProtocolError> {
    let named = version(headers)?;
    let asked = required_meta(meta)?;
    if named != asked {
        return Err(code::header_mismatch(
            "header `MCP-Protocol-Version` differs from `_meta`'s protocolVersion",
        ));
    }
    let revision = served(asked)?;
    check_same(headers, METHOD, "Mcp-Method", Some(request_method))?;
    if let Some(member) = named_member(request_method) {
        let body = params.string(member).ok().flatten();
        check_same(headers, NAME, "Mcp-Name", body.as_deref())?;
    }
    Ok(revision)
}

/// Refuses a `_meta` that lacks what a modern request must have, on a pipe too; gives the version.
///
/// # Errors
/// -32602, naming the member.
pub fn required_meta(meta: &RequestMeta) -> Result<&str, ProtocolError> {
    let missing = |key| code::invalid_params(format!("`params._meta[\"{key}\"]` is missing"));
    let revision = meta
        .revision
        .as_ref()
        .ok_or_else(|| missing(meta::PROTOCOL_VERSION))?;
    if meta.capabilities.is_none() {
        return Err(missing(meta::CLIENT_CAPABILITIES));
    }
    Ok(revision.as_str())
}

/// The modern revision that a self-contained request names.
///
/// # Errors
/// -32022. `supported` lists all revisions; to one that names a legacy revision only the modern, or it
/// would come back with the same.
pub fn served(asked: &str) -> Result<Revision, ProtocolError> {
    let known = Revision::parse(asked);
    if let Some(revision) = known.filter(|revision| revision.era() == Era::Modern) {
        return Ok(revision);
    }
    let offered = Revision::ALL
        .into_iter()
        .filter(|revision| known.is_none() || revision.era() == Era::Modern)
        .map(|revision| format!("\"{revision}\""))
        .collect::<Vec<_>>();
    let supported = format!("[{}]", offered.join(","));
    let supported = durward_core::RawJson::from_scanned(supported.into());
    let data = encode::object(&[
        ("supported", &supported),
        ("requested", &encode::string(asked)),
    ]);
    let message = "this revision of the protocol is not served";
    Err(code::error_with_data(
        code::UNSUPPORTED_PROTOCOL_VERSION,
        message,
        data,
    ))
}

fn version(headers: &Headers) -> Result<&str, ProtocolError> {
    let value = Value::of(headers, PROTOCOL_VERSION).required("MCP-Protocol-Version")?;
    let sound = !value.is_empty() && value.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(value)
        .ok()
        .filter(|_| sound)
        .ok_or_else(|| {
            code::header_mismatch("header `MCP-Protocol-Version` is empty or holds bad characters")
        })
}

fn check_same(
    headers: &Headers,
    key: &str,
    name: &str,
    body: Option<&str>,
) -> Result<(), ProtocolError> {
    let value = Value::of(headers, key).required(name)?;
    let value =
        decoded(value).map_err(|bad| code::header_mismatch(format!("header `{name}` {bad}")))?;
    if value.contains('\0') {
        return Err(code::invalid_params(format!("header `{name}` holds a NUL")));
    }
    if Some(value.as_ref()) == body {
        Ok(())
    } else {
        Err(code::header_mismatch(format!(
            "header `{name}` differs from the body"
        )))
    }
}

#[cfg(test)]
mod tests;
