//! 2026-07-28 over HTTP: self-contained requests, checked header by header.

use std::time::Duration;

use durward_testkit::{Daemon, LEGACY, MODERN, modern, notification, refusal, text};
use serde_json::{Value, json};

use crate::house;

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

fn list() -> Value {
    modern(1, "tools/list", json!({}))
}

/// Sends a message with the headers of a good one and gives status and code.
fn verdict(daemon: &Daemon, message: &Value) -> (u16, i64) {
    let answer = daemon.ask(&daemon.modern_post(message));
    (answer.status, answer.code())
}

#[test]
fn discovery_names_all_revisions_newest_first_and_what_there_is() {
    let house = house();
    let daemon = house.serve(&[]);
    let answer = daemon.modern("server/discover", json!({}));
    assert_eq!(answer.header("mcp-session-id"), None);
    let result = &answer.json()["result"];
    let mut revisions = vec![MODERN];
    revisions.extend(LEGACY.iter().rev());
    assert_eq!(result["supportedVersions"], json!(revisions));
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["cacheScope"], "private");
    assert!(result["ttlMs"].as_u64().is_some(), "{result}");
    assert!(result["capabilities"]["tools"].is_object(), "{result}");
    assert!(result["capabilities"]["resources"].is_object(), "{result}");
    let server = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(server["name"], "durward");
    assert_eq!(server["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_list_holds_the_five_reading_tools_by_name_and_how_long_it_keeps() {
    let house = house();
    let daemon = house.serve(&[]);
    let result = daemon.modern("tools/list", json!({})).json()["result"].clone();
    let tools = result["tools"].as_array().expect("tools");
    let names: Vec<_> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["fs_list", "fs_read", "fs_search", "fs_stat", "fs_tree"]
    );
    for tool in tools {
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
    }
    assert_eq!(result["cacheScope"], "private");
    assert!(result["ttlMs"].is_u64());
}

#[test]
fn a_call_answers_with_text_for_models_and_structure_for_programs() {
    let house = house();
    house.file("a.txt", "hello\n");
    let daemon = house.serve(&[]);
    let answer = daemon.call("fs_read", json!({"path": "a.txt"}));
    assert_eq!(answer["result"]["resultType"], "complete");
    assert_eq!(text(&answer), "hello\n");
    assert_eq!(answer["result"]["structuredContent"]["content"], "hello\n");
}

#[test]
fn an_id_comes_back_as_it_was_spelled() {
    let house = house();
    let daemon = house.serve(&[]);
    let ids = [
        json!("s"),
        json!(0),
        json!(-3),
        json!(9_007_199_254_740_993_u64),
        json!("é\"\\"),
    ];
    for id in ids {
        let answer = daemon.ask(&daemon.modern_post(&modern(id.clone(), "tools/list", json!({}))));
        assert_eq!(answer.json()["id"], id);
        assert!(answer.json()["result"].is_object());
    }
}

#[test]
fn the_version_header_must_be_there_once_and_say_what_the_body_says() {
    let house = house();
    let daemon = house.serve(&[]);
    let good = daemon.modern_post(&list());
    let name = "MCP-Protocol-Version";
    let spoilt = [
        ("missing", good.clone().without(name)),
        ("doubled", good.clone().header(name, MODERN)),
        ("empty", good.clone().with(name, "")),
        ("of bad characters", good.clone().with(name, "2026 07 28")),
        ("another", good.clone().with(name, "2025-11-25")),
    ];
    for (what, request) in spoilt {
        let answer = daemon.ask(&request);
        assert_eq!((answer.status, answer.code()), (400, -32020), "{what}");
        assert_eq!(answer.json()["id"], 1, "{what}");
    }
}

#[test]
fn a_revision_that_is_not_served_is_refused_with_those_that_are() {
    let house = house();
    let daemon = house.serve(&[]);
    for (asked, supported) in [
        ("2027-01-01", None),
        ("v999.0.0", None),
        ("2025-06-18", Some(json!([MODERN]))),
    ] {
        let mut message = list();
        message["params"]["_meta"][VERSION] = json!(asked);
        let request = daemon
            .modern_post(&message)
            .with("MCP-Protocol-Version", asked);
        let answer = daemon.ask(&request);
        assert_eq!((answer.status, answer.code()), (400, -32022), "{asked}");
        let data = &answer.json()["error"]["data"];
        assert_eq!(data["requested"], asked);
        assert_eq!(data["supported"][0], MODERN, "{asked}");
        if let Some(supported) = supported {
            assert_eq!(data["supported"], supported, "only what does not loop");
        }
    }
}

#[test]
fn a_request_without_its_meta_is_refused() {
    let house = house();
    let daemon = house.serve(&[]);
    for key in [VERSION, CAPABILITIES] {
        let mut message = list();
        message["params"]["_meta"]
            .as_object_mut()
            .unwrap()
            .remove(key);
        assert_eq!(verdict(&daemon, &message), (400, -32602), "without {key}");
        for odd in [json!(1), json!([]), json!(null)] {
            message["params"]["_meta"][key] = odd;
            assert_eq!(verdict(&daemon, &message).0, 400, "{key} mistyped");
        }
    }
}

#[test]
fn the_method_and_name_headers_must_say_what_the_body_says() {
    let house = house();
    house.file("a.txt", "hello");
    let daemon = house.serve(&[]);
    let call = modern(
        1,
        "tools/call",
        json!({"name": "fs_stat", "arguments": {"path": "a.txt"}}),
    );
    let good = daemon.modern_post(&call);
    let spoilt = [
        good.clone().without("Mcp-Method"),
        good.clone().with("Mcp-Method", "tools/list"),
        good.clone().with("Mcp-Method", "TOOLS/CALL"),
        good.clone().header("Mcp-Method", "tools/call"),
        good.clone().without("Mcp-Name"),
        good.clone().with("Mcp-Name", "fs_read"),
        good.clone().with("Mcp-Name", "FS_STAT"),
        good.clone().header("Mcp-Name", "fs_stat"),
        good.clone().with("Mcp-Name", "=?base64?ZnNfcmVhZA==?="),
    ];
    for (number, request) in spoilt.iter().enumerate() {
        let answer = daemon.ask(request);
        assert_eq!(
            (answer.status, answer.code()),
            (400, -32020),
            "case {number}"
        );
    }
    for name in ["fs_stat", "  fs_stat  ", "=?base64?ZnNfc3RhdA==?="] {
        assert_eq!(
            daemon.ask(&good.clone().with("Mcp-Name", name)).status,
            200,
            "{name}"
        );
    }
}

#[test]
fn methods_that_are_gone_or_never_were_are_not_found() {
    let house = house();
    let daemon = house.serve(&[]);
    let gone = [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "tasks/list",
        "no/such",
        "TOOLS/LIST",
    ];
    for method in gone {
        let params = json!({"protocolVersion": MODERN, "level": "info", "uri": "durward://guide"});
        assert_eq!(
            verdict(&daemon, &modern(1, method, params)),
            (404, -32601),
            "{method}"
        );
    }
}

#[test]
fn what_is_no_request_is_refused_or_taken_without_effect() {
    let house = house();
    let daemon = house.serve(&[]);
    let post = |body: &str| {
        let answer = daemon.ask(&daemon.modern_post(&list()).body(body));
        (answer.status, answer.json())
    };
    let (status, error) = post("{\"jsonrpc\":");
    assert_eq!(
        (status, error["error"]["code"].as_i64()),
        (400, Some(-32700))
    );
    assert!(
        error.get("id").is_none(),
        "no id where none was read: {error}"
    );
    let array = format!("[{}]", list());
    let response = json!({"jsonrpc": "2.0", "id": 1, "result": {}}).to_string();
    for body in [array.as_str(), &response, "[]", "{}", "1", "null", "\"x\""] {
        let (status, error) = post(body);
        assert_eq!(
            (status, error["error"]["code"].as_i64()),
            (400, Some(-32600)),
            "{body}"
        );
    }
    let note = notification(
        "notifications/cancelled",
        modern(1, "x", json!({"requestId": 1}))["params"].clone(),
    );
    let answer = daemon.ask(&daemon.modern_post(&note));
    assert_eq!((answer.status, answer.body.len()), (202, 0));
}

#[test]
fn what_is_not_there_is_an_error_with_status_200() {
    let house = house();
    let daemon = house.serve(&[]);
    let tool = daemon.modern(
        "tools/call",
        json!({"name": "no_such_tool", "arguments": {}}),
    );
    assert_eq!((tool.status, tool.code()), (200, -32602));
    let resource = daemon.modern("resources/read", json!({"uri": "durward://nothing"}));
    assert_eq!((resource.status, resource.code()), (200, -32602));
    assert_eq!(resource.json()["error"]["data"]["uri"], "durward://nothing");
    let prompt = daemon.modern("prompts/get", json!({"name": "nothing"}));
    assert_eq!((prompt.status, prompt.code()), (200, -32602));
    let cursor = daemon.modern("tools/list", json!({"cursor": "nonsense"}));
    assert_eq!((cursor.status, cursor.code()), (200, -32602));
}

#[test]
fn a_refused_call_is_a_result_with_a_stable_code_and_a_sentence() {
    let house = house();
    let daemon = house.serve(&[]);
    let answer = daemon.call("fs_read", json!({"path": "../x"}));
    assert_eq!(refusal(&answer), "path_outside_root");
    assert!(text(&answer).len() > 10, "{answer}");
    assert!(
        answer["result"].get("structuredContent").is_none(),
        "the tool has an output schema"
    );
}

#[test]
fn a_session_header_means_nothing_here() {
    let house = house();
    let daemon = house.serve(&[]);
    let request = daemon
        .modern_post(&list())
        .header("Mcp-Session-Id", "nonsense")
        .header("Last-Event-ID", "1.1");
    assert_eq!(daemon.ask(&request).status, 200);
}

#[test]
fn resources_hold_the_guide() {
    let house = house();
    let daemon = house.serve(&[]);
    let list = daemon.modern("resources/list", json!({})).json()["result"].clone();
    assert_eq!(list["resources"][0]["uri"], "durward://guide");
    assert_eq!(list["cacheScope"], "private");
    let read = daemon
        .modern("resources/read", json!({"uri": "durward://guide"}))
        .json()["result"]
        .clone();
    assert_eq!(read["contents"][0]["uri"], "durward://guide");
    assert!(
        read["contents"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("fs_read")),
        "{read}"
    );
    assert_eq!(read["cacheScope"], "private");
    let result = daemon.modern("prompts/list", json!({})).json()["result"].clone();
    assert_eq!(result["prompts"], json!([]));
}

#[test]
fn a_subscription_says_first_what_it_honours_under_the_requests_own_id() {
    let house = house();
    let daemon = house.serve(&[]);
    for id in [json!(5), json!("five")] {
        let wanted = json!({"notifications": {"toolsListChanged": true, "resourceSubscriptions": ["durward://no"]}});
        let mut http = daemon.connect();
        http.send(
            &daemon
                .modern_post(&modern(id.clone(), "subscriptions/listen", wanted))
                .bytes(),
        );
        let opening = http.opening().expect("an answer");
        assert_eq!(opening.status, 200);
        assert!(
            opening
                .header("content-type")
                .unwrap()
                .starts_with("text/event-stream")
        );
        assert_eq!(opening.header("x-accel-buffering"), Some("no"));
        let event = http
            .event(Duration::from_secs(3))
            .expect("an acknowledgement");
        assert_eq!(event.id, None, "no event ids in this revision");
        let first: Value = serde_json::from_str(&event.data).expect("JSON");
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(
            first["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
            id
        );
        assert_eq!(
            first["params"]["notifications"]["toolsListChanged"], true,
            "{first}"
        );
        assert!(
            !event.data.contains("durward://no"),
            "a URI that is not there is not honoured"
        );
    }
}

#[test]
fn a_subscriber_hears_that_the_tools_changed() {
    let house = house();
    house.configure("roles: { reader: { allow: [\"tier:read\"] } }\n");
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    let mut http = daemon.connect();
    let listen = modern(
        1,
        "subscriptions/listen",
        json!({"notifications": {"toolsListChanged": true}}),
    );
    http.send(&daemon.modern_post(&listen).bytes());
    assert_eq!(http.opening().expect("an answer").status, 200);
    http.event(Duration::from_secs(3))
        .expect("an acknowledgement");
    house.configure("roles: { reader: { allow: [\"tool:fs_stat\"] } }\n");
    let event = http.event(Duration::from_secs(5)).expect("a notification");
    assert!(
        event.data.contains("notifications/tools/list_changed"),
        "{event:?}"
    );
    let tools = daemon.modern("tools/list", json!({})).json()["result"]["tools"].clone();
    assert_eq!(tools.as_array().map(Vec::len), Some(1), "{tools}");
}

#[test]
fn progress_comes_only_to_who_gave_a_token() {
    let house = house();
    for number in 0..300 {
        house.file(
            &format!("d{}/{number}.txt", number % 10),
            "nothing to find here\n",
        );
    }
    let daemon = house.serve(&[]);
    let search = json!({"name": "fs_search", "arguments": {"pattern": "needle"}});
    let quiet = daemon.modern("tools/call", search.clone());
    assert!(!String::from_utf8_lossy(&quiet.body).contains("notifications/progress"));
    let mut asked = search;
    asked["_meta"] = json!({"progressToken": "t"});
    let told = daemon.modern("tools/call", asked);
    assert_ne!(told.json()["result"]["isError"], json!(true));
    for line in String::from_utf8_lossy(&told.body)
        .lines()
        .filter(|line| line.contains("progress\""))
    {
        assert!(line.contains("\"progressToken\":\"t\""), "{line}");
    }
}
