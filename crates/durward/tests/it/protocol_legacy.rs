//! 2024-11-05 to 2025-11-25 over HTTP: `initialize`, sessions, streams.

use std::time::{Duration, Instant};

use durward_testkit::{Daemon, LEGACY, initialize, legacy, notification, refusal, text};
use serde_json::{Value, json};

use crate::house;

const SOON: Duration = Duration::from_secs(3);

fn agreed(daemon: &Daemon, asked: &str) -> Value {
    daemon
        .ask(&daemon.post(initialize(asked).to_string()))
        .json()["result"]["protocolVersion"]
        .clone()
}

#[test]
fn a_known_revision_is_agreed_to_and_any_other_answered_with_the_newest_legacy_one() {
    let house = house();
    let daemon = house.serve(&[]);
    for revision in LEGACY {
        assert_eq!(agreed(&daemon, revision), revision);
    }
    for asked in ["banana", "2026-07-28", "2030-01-01", "", "1.0"] {
        assert_eq!(agreed(&daemon, asked), "2025-11-25", "{asked}");
    }
}

#[test]
fn a_session_works_in_every_revision() {
    let house = house();
    house.file("a.txt", "hello\n");
    let daemon = house.serve(&[]);
    for revision in LEGACY {
        let session = daemon.session(revision);
        assert!(
            session.id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)),
            "{}",
            session.id
        );
        let tools = session.ask("tools/list", json!({}))["result"]["tools"].clone();
        assert_eq!(tools.as_array().map(Vec::len), Some(5), "{revision}");
        let read = session.call("fs_read", json!({"path": "a.txt"}));
        assert_eq!(text(&read), "hello\n", "{revision}");
        assert!(
            read["result"].get("resultType").is_none(),
            "{revision}: no modern envelope"
        );
        assert_eq!(
            session.ask("ping", json!({}))["result"],
            json!({}),
            "{revision}"
        );
        let guide = session.ask("resources/read", json!({"uri": "durward://guide"}));
        assert_eq!(
            guide["result"]["contents"][0]["uri"], "durward://guide",
            "{revision}"
        );
        assert!(guide["result"].get("ttlMs").is_none(), "{revision}");
        assert_eq!(
            session.ask("logging/setLevel", json!({"level": "info"}))["result"],
            json!({})
        );
        assert_eq!(
            session.ask("prompts/list", json!({}))["result"]["prompts"],
            json!([])
        );
    }
}

#[test]
fn errors_have_status_200_and_the_codes_of_the_era() {
    let house = house();
    let daemon = house.serve(&[]);
    let session = daemon.session("2025-11-25");
    let cases = [
        ("no/such", json!({}), -32601),
        ("server/no", json!({}), -32601),
        (
            "tools/call",
            json!({"name": "no_such_tool", "arguments": {}}),
            -32602,
        ),
        ("tools/call", json!({"name": ["fs_stat"]}), -32602),
        (
            "resources/read",
            json!({"uri": "durward://nothing"}),
            -32002,
        ),
        ("prompts/get", json!({"name": "nothing"}), -32602),
        ("logging/setLevel", json!({"level": "loud"}), -32602),
        ("tools/list", json!({"cursor": "nonsense"}), -32602),
    ];
    for (method, params, code) in cases {
        let answer = session.send(&legacy(3, method, params));
        assert_eq!((answer.status, answer.code()), (200, code), "{method}");
        assert_eq!(answer.json()["id"], 3);
    }
    assert_eq!(
        refusal(&session.call("fs_read", json!({"path": "/etc/passwd"}))),
        "path_outside_root"
    );
}

#[test]
fn without_a_session_nothing_but_initialize_is_answered() {
    let house = house();
    let daemon = house.serve(&[]);
    for method in ["tools/list", "ping", "notifications/initialized"] {
        let answer = daemon.ask(&daemon.post(legacy(1, method, json!({})).to_string()));
        assert_eq!((answer.status, answer.code()), (400, -32602), "{method}");
    }
}

#[test]
fn unknown_deleted_and_foreign_sessions_are_all_alike_not_found() {
    let house = house();
    house.configure("identity: { keys: {} }\n");
    let (ours, theirs) = (house.key("reader"), house.key("reader"));
    let daemon = house.serve(&[]).with_key(ours);
    let session = daemon.session("2025-11-25");
    let ping = legacy(1, "ping", json!({})).to_string();
    let with = |id: &str| daemon.ask(&session.post(ping.as_str()).with("Mcp-Session-Id", id));
    let mut altered = session.id.clone().into_bytes();
    *altered.last_mut().unwrap() ^= 1;
    let altered = String::from_utf8_lossy(&altered).into_owned();
    let unknown = with("nonsense");
    let foreign = session
        .post(ping.as_str())
        .with("Authorization", &format!("Bearer {theirs}"));
    let foreign = daemon.ask(&foreign);
    let spoilt = with(&altered);
    assert_eq!(
        daemon.ask(&session.post(ping.as_str())).status,
        200,
        "the owner is undisturbed"
    );
    assert_eq!(daemon.ask(&session.bodiless("DELETE")).status, 204);
    let deleted = daemon.ask(&session.post(ping.as_str()));
    for (what, answer) in [
        ("unknown", unknown),
        ("foreign", foreign),
        ("altered", spoilt),
        ("deleted", deleted),
    ] {
        assert_eq!(answer.status, 404, "{what}");
    }
    let missing = daemon.ask(&session.post(ping).without("Mcp-Session-Id"));
    assert_eq!(missing.status, 400);
}

#[test]
fn a_session_outlives_a_crash_of_the_daemon() {
    let house = house();
    house.configure("identity: { keys: {} }\n");
    let key = house.key("reader");
    let mut first = house.serve(&[]).with_key(key.clone());
    let id = first.session("2025-11-25").id;
    first.kill();
    let second = house.serve(&[]).with_key(key);
    let ping = second
        .post(legacy(1, "ping", json!({})).to_string())
        .header("Mcp-Session-Id", &id);
    let answer = second.ask(&ping.header("MCP-Protocol-Version", "2025-11-25"));
    assert_eq!(
        answer.status, 200,
        "the id is sealed by the state folder's key: {answer:?}"
    );
}

#[test]
fn notifications_and_answers_are_taken_without_a_word() {
    let house = house();
    let daemon = house.serve(&[]);
    let session = daemon.session("2025-11-25");
    let stray = json!({"jsonrpc": "2.0", "id": "nobody-asked", "result": {}});
    let cancel = notification("notifications/cancelled", json!({"requestId": 99}));
    for message in [
        stray,
        cancel,
        notification("notifications/unheard-of", json!({})),
    ] {
        let answer = session.send(&message);
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{message}");
    }
}

#[test]
fn batches_are_for_2025_03_26_alone() {
    let house = house();
    house.file("a.txt", "hello");
    let daemon = house.serve(&[]);
    let pings: Vec<Value> = (1..=3).map(|id| legacy(id, "ping", json!({}))).collect();
    for revision in LEGACY {
        let session = daemon.session(revision);
        let answer = session.send(&json!(pings));
        if revision == "2025-03-26" {
            let body = answer.json();
            let mut ids: Vec<_> = body
                .as_array()
                .expect("an array")
                .iter()
                .map(|one| one["id"].as_i64())
                .collect();
            ids.sort_unstable();
            assert_eq!(ids, [Some(1), Some(2), Some(3)]);
        } else {
            assert_eq!(answer.code(), -32600, "{revision}");
        }
    }
    let session = daemon.session("2025-03-26");
    let many: Vec<Value> = (0..65).map(|id| legacy(id, "ping", json!({}))).collect();
    for refused in [json!([]), json!(many), json!([initialize("2025-03-26")])] {
        // A sound batch answers each member; what is no batch is refused as a whole.
        let answer = session.send(&refused).json();
        let error = answer.get(0).unwrap_or(&answer)["error"]["code"].clone();
        assert_eq!(error, -32600, "{:.60}", refused.to_string());
    }
    let notes = json!([notification(
        "notifications/cancelled",
        json!({"requestId": 1})
    )]);
    assert_eq!(session.send(&notes).status, 202);
}

#[test]
fn a_version_header_that_is_not_served_is_refused() {
    let house = house();
    let daemon = house.serve(&[]);
    let session = daemon.session("2025-11-25");
    let ping = session.post(legacy(1, "ping", json!({})).to_string());
    for version in ["1999-01-01", "banana"] {
        assert_eq!(
            daemon
                .ask(&ping.clone().with("MCP-Protocol-Version", version))
                .status,
            400,
            "{version}"
        );
    }
    assert_eq!(
        daemon.ask(&ping.without("MCP-Protocol-Version")).status,
        200,
        "the session's own counts"
    );
}

#[test]
fn the_sessions_stream_opens_with_an_event_id_and_gives_way_to_a_newer_one() {
    let house = house();
    let daemon = house.serve(&[]);
    let session = daemon.session("2025-11-25");
    let mut first = daemon.connect();
    first.send(&session.bodiless("GET").bytes());
    let opening = first.opening().expect("an answer");
    assert_eq!(opening.status, 200);
    assert!(
        opening
            .header("content-type")
            .unwrap()
            .starts_with("text/event-stream")
    );
    let event = first.event(SOON).expect("an opening event");
    assert!(event.id.is_some() && event.data.is_empty(), "{event:?}");
    let mut second = daemon.connect();
    second.send(&session.bodiless("GET").bytes());
    assert_eq!(second.opening().expect("an answer").status, 200);
    let waited = now();
    while first.event(SOON).is_some() {}
    assert!(waited.elapsed() < SOON, "the older stream goes on");
    let resumed = session
        .bodiless("GET")
        .header("Last-Event-ID", &event.id.unwrap());
    let mut third = daemon.connect();
    third.send(&resumed.bytes());
    assert_eq!(third.opening().expect("an answer").status, 200);
}

#[test]
fn a_stream_needs_a_session_of_ones_own_and_the_right_accept() {
    let house = house();
    house.configure("identity: { keys: {} }\n");
    let (ours, theirs) = (house.key("reader"), house.key("reader"));
    let daemon = house.serve(&[]).with_key(ours);
    let session = daemon.session("2025-11-25");
    let stream = session.bodiless("GET");
    let stolen = stream
        .clone()
        .with("Authorization", &format!("Bearer {theirs}"));
    assert_eq!(daemon.ask(&stolen).status, 404);
    assert_eq!(
        daemon
            .ask(&stream.with("Accept", "application/json"))
            .status,
        406
    );
}

#[test]
fn a_legacy_client_hears_on_its_stream_that_the_tools_changed() {
    let house = house();
    house.configure("roles: { reader: { allow: [\"tier:read\"] } }\n");
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    let session = daemon.session("2025-06-18");
    let mut http = daemon.connect();
    http.send(&session.bodiless("GET").bytes());
    assert_eq!(http.opening().expect("an answer").status, 200);
    house.configure("roles: { reader: { allow: [\"tool:fs_stat\"] } }\n");
    let heard = (0..3)
        .filter_map(|_| http.event(SOON))
        .any(|event| event.data.contains("tools/list_changed"));
    assert!(heard, "no notification");
}

#[test]
fn bad_envelopes_are_refused_with_their_id_and_nobody_is_worse_off() {
    let house = house();
    let daemon = house.serve(&[]);
    let session = daemon.session("2025-11-25");
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{{\"x\":{}",
        "[".repeat(200_000)
    );
    let cases: [(&str, i64, Value); 14] = [
        (
            r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#,
            -32600,
            Value::Null,
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            -32600,
            Value::Null,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
            -32600,
            Value::Null,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"s","method":"ping","params":[1]}"#,
            -32600,
            json!("s"),
        ),
        (r#"{"jsonrpc":"2.0","id":4}"#, -32600, json!(4)),
        (
            r#"{"jsonrpc":"1.0","id":4,"method":"ping"}"#,
            -32600,
            json!(4),
        ),
        (r#"{"id":4,"method":"ping"}"#, -32600, json!(4)),
        (
            r#"{"jsonrpc":"2.0","id":4,"method":"ping","method":"tools/list"}"#,
            -32600,
            json!(4),
        ),
        (
            r#"{"jsonrpc":"2.0","id":4,"method":"ping","params":{"a":1,"\u0061":2}}"#,
            -32600,
            json!(4),
        ),
        (
            r#"{"jsonrpc":"2.0","id":4,"Method":"ping"}"#,
            -32600,
            json!(4),
        ),
        (
            r#"{"jsonrpc":"2.0","id":4,"method":"ping","params":{"x":NaN}}"#,
            -32700,
            Value::Null,
        ),
        (
            r#"{"jsonrpc":"2.0","id":4,"method":"ping","params":{"x":"\ud800"}}"#,
            -32700,
            Value::Null,
        ),
        (
            r#"{"jsonrpc":"2.0","id":4,"method":"ping"} {}"#,
            -32700,
            Value::Null,
        ),
        (&deep, 0, Value::Null),
    ];
    for (body, code, id) in cases {
        let answer = daemon.ask(&session.post(body)).json();
        let found = answer["error"]["code"].as_i64().expect("an error");
        assert!(
            found == code || (code == 0 && found < 0),
            "{body:.80}: {answer}"
        );
        if !id.is_null() {
            assert_eq!(answer["id"], id, "{body:.80}");
        }
    }
    let digits = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}}",
        "9".repeat(5000)
    );
    assert_eq!(daemon.ask(&session.post(digits)).code(), -32600);
    assert_eq!(
        daemon
            .ask(&session.post(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}".to_vec()))
            .code(),
        -32700
    );
    assert_eq!(session.ask("ping", json!({}))["result"], json!({}));
}

#[test]
fn with_stateless_on_legacy_clients_need_no_session() {
    let house = house();
    house.configure("listen: { stateless: true }\n");
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    let answer = daemon.ask(&daemon.post(legacy(1, "tools/list", json!({})).to_string()));
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json()["result"]["tools"].as_array().map(Vec::len),
        Some(5)
    );
}

#[expect(clippy::disallowed_methods, reason = "a test measures real time")]
fn now() -> Instant {
    Instant::now()
}
