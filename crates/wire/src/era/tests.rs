//! The procedure, door by door.

use bytes::Bytes;

use super::*;
use crate::scan::{ScanLimits, scan};

fn message(method: &str) -> Message {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
    scan(&Bytes::from(text), ScanLimits::default()).unwrap()
}

fn response() -> Message {
    let text = br#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    scan(&Bytes::from_static(text), ScanLimits::default()).unwrap()
}

const SESSION: (&str, &[u8]) = ("Mcp-Session-Id", b"abc");

fn version(value: &str) -> (&str, &[u8]) {
    ("MCP-Protocol-Version", value.as_bytes())
}

fn post(method: &str, meta: bool, headers: &[(&str, &[u8])]) -> PostEra {
    of_post(
        &message(method),
        meta,
        &Headers::from_pairs(headers.iter().copied()),
    )
}

#[test]
fn modern_signs_come_first() {
    assert_eq!(post("tools/list", true, &[SESSION]), PostEra::Modern);
    assert_eq!(post("initialize", true, &[]), PostEra::Modern);
    assert_eq!(post("server/discover", false, &[SESSION]), PostEra::Modern);
    assert_eq!(post("subscriptions/listen", false, &[]), PostEra::Modern);
    for unknown in ["2026-07-28", "v999.0.0", ""] {
        assert_eq!(
            post("tools/list", false, &[SESSION, version(unknown)]),
            PostEra::Modern
        );
    }
    let twice = [version("2025-11-25"), version("2025-11-25")];
    assert_eq!(post("tools/list", false, &twice), PostEra::Modern);
}

#[test]
fn legacy_is_opened_and_then_named() {
    assert_eq!(post("initialize", false, &[SESSION]), PostEra::Open);
    for legacy in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        assert_eq!(
            post("tools/list", false, &[SESSION, version(legacy)]),
            PostEra::Session
        );
        assert_eq!(
            post("tools/list", false, &[version(legacy)]),
            PostEra::Neither
        );
    }
    assert_eq!(
        of_post(&response(), false, &Headers::from_pairs([SESSION])),
        PostEra::Session
    );
    assert_eq!(
        of_post(&response(), false, &Headers::default()),
        PostEra::Neither
    );
}

#[test]
fn lines() {
    let line = |method, meta, opened| of_line(&message(method), meta, opened);
    assert_eq!(line("tools/list", true, true), PipeEra::Modern);
    assert_eq!(line("server/discover", false, true), PipeEra::Modern);
    assert_eq!(line("initialize", false, false), PipeEra::Open);
    assert_eq!(line("initialize", false, true), PipeEra::Open);
    assert_eq!(line("tools/list", false, true), PipeEra::Legacy);
    assert_eq!(line("ping", false, true), PipeEra::Legacy);
    assert_eq!(line("ping", false, false), PipeEra::Ping);
    assert_eq!(line("tools/list", false, false), PipeEra::Neither);
    assert_eq!(
        line("notifications/cancelled", false, false),
        PipeEra::Modern
    );
    assert_eq!(of_line(&response(), false, true), PipeEra::Legacy);
    assert_eq!(of_line(&response(), false, false), PipeEra::Neither);
}
