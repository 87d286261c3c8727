//! Which refusal comes first, and what it says.

use durward_core::RawJson;

use super::*;

const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
const VERSION: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");
const CALL: (&str, &str) = ("Mcp-Method", "tools/call");

fn params(name: &str, meta: &str) -> Params {
    let text = format!(r#"{{"name":{name},"_meta":{meta}}}"#);
    Params::try_from(RawJson::from_scanned(text.into())).unwrap()
}

fn check(pairs: &[(&str, &str)], params: &Params) -> Result<Revision, ProtocolError> {
    let headers = Headers::from_pairs(pairs.iter().map(|(name, value)| (*name, value.as_bytes())));
    read_modern(&headers, "tools/call", params).map(|(revision, _)| revision)
}

fn code_of(pairs: &[(&str, &str)], params: &Params) -> i64 {
    check(pairs, params).unwrap_err().code
}

#[test]
fn a_sound_request_passes() {
    let revision = check(
        &[VERSION, CALL, ("mcp-name", " fs_read ")],
        &params("\"fs_read\"", META),
    );
    assert_eq!(revision.unwrap(), Revision::V2026_07_28);
}

#[test]
fn the_version_header_comes_before_the_body() {
    let mistyped = params("\"x\"", r#"{"io.modelcontextprotocol/protocolVersion":1}"#);
    for pairs in [
        &[][..],
        &[VERSION, VERSION],
        &[(VERSION.0, "")],
        &[(VERSION.0, "2026 07")],
        &[(VERSION.0, "2026-07-28\u{e9}")],
    ] {
        assert_eq!(
            code_of(pairs, &mistyped),
            code::HEADER_MISMATCH,
            "{pairs:?}"
        );
    }
    assert_eq!(code_of(&[VERSION], &mistyped), code::INVALID_PARAMS);
    assert_eq!(
        code_of(&[VERSION], &params("\"x\"", "{}")),
        code::INVALID_PARAMS
    );
    let half = r#"{"io.modelcontextprotocol/protocolVersion":"2025-01-01"}"#;
    assert_eq!(
        code_of(&[VERSION], &params("\"x\"", half)),
        code::INVALID_PARAMS
    );
    let other = META.replace("2026-07-28", "2025-11-25");
    assert_eq!(
        code_of(&[VERSION], &params("\"x\"", &other)),
        code::HEADER_MISMATCH
    );
}

#[test]
fn what_is_not_served_is_told_what_is() {
    let data = |asked: &str| {
        let meta = META.replace("2026-07-28", asked);
        let error = check(&[(VERSION.0, asked)], &params("\"x\"", &meta)).unwrap_err();
        assert_eq!(error.code, code::UNSUPPORTED_PROTOCOL_VERSION);
        error.data.unwrap().as_str().to_owned()
    };
    assert_eq!(
        data("v999.0.0"),
        r#"{"supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"v999.0.0"}"#
    );
    assert_eq!(
        data("2025-11-25"),
        r#"{"supported":["2026-07-28"],"requested":"2025-11-25"}"#
    );
}

#[test]
fn method_and_name_repeat_the_body() {
    let body = params("\"é\"", META);
    let encoded = ("Mcp-Name", "=?base64?w6k=?=");
    assert!(check(&[VERSION, CALL, encoded], &body).is_ok());
    for pairs in [
        &[VERSION, encoded][..],
        &[VERSION, CALL],
        &[VERSION, CALL, CALL, encoded],
        &[VERSION, ("Mcp-Method", "Tools/call"), encoded],
        &[VERSION, CALL, encoded, encoded],
        &[VERSION, CALL, ("Mcp-Name", "é")],
        &[VERSION, CALL, ("Mcp-Name", "=?base64?w6k?=")],
        &[VERSION, CALL, ("Mcp-Name", "=?base64?w6l=?=")],
        &[VERSION, CALL, ("Mcp-Name", "=?base64?w6k=")],
        &[VERSION, CALL, ("Mcp-Name", "")],
    ] {
        assert_eq!(code_of(pairs, &body), code::HEADER_MISMATCH, "{pairs:?}");
    }
    let unnamed = params("7", META);
    assert_eq!(
        code_of(&[VERSION, CALL, ("Mcp-Name", "7")], &unnamed),
        code::HEADER_MISMATCH
    );
    let nul = params(r#""\u0000""#, META);
    let sent = ("Mcp-Name", "=?base64?AA==?=");
    assert_eq!(code_of(&[VERSION, CALL, sent], &nul), code::INVALID_PARAMS);
}

#[test]
fn other_methods_have_no_name() {
    let pairs = [
        VERSION,
        ("Mcp-Method", "tools/list"),
        ("Mcp-Name", "whatever"),
    ];
    let headers = Headers::from_pairs(pairs.map(|(name, value)| (name, value.as_bytes())));
    assert!(read_modern(&headers, "tools/list", &params("\"x\"", META)).is_ok());
}

#[test]
fn half_a_sentinel_is_literal() {
    for text in [
        "=?base64?",
        "=?base64?=",
        "?=",
        "=?base64?YQ==",
        "a=?base64?YQ==?=",
    ] {
        assert_eq!(decoded(text.as_bytes()).unwrap(), text);
    }
    assert_eq!(decoded(b"=?base64??=").unwrap(), "");
    assert_eq!(decoded(b"=?base64?YQ==?=").unwrap(), "a");
    assert_eq!(decoded(b"=?base64?YR==?="), Err(BadValue::Base64));
    assert_eq!(decoded(b"=?base64?/w==?="), Err(BadValue::Base64));
    assert_eq!(decoded(b"\x01"), Err(BadValue::Characters));
}

#[test]
fn all_mcp_headers_are_found() {
    let pairs: [(&str, &[u8]); 3] = [
        ("Mcp-Session-Id", b"s"),
        ("Last-Event-ID", b"1.2"),
        ("last-event-id", b"1.2"),
    ];
    let headers = Headers::from_pairs(pairs);
    let found = McpHeaders::of(&headers);
    assert_eq!(found.session_id, Value::One(b"s"));
    assert_eq!(found.last_event_id, Value::Doubled);
    assert_eq!(found.mcp_method, Value::Absent);
}
