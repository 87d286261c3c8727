//! Self-contained requests of 2026-07-28, by POST.

use serde_json::{Value, json};

use super::{
    clients::{Modern, call, modern},
    world::{RESULT_BYTES, Sent, World, notification, refusal, request, role, sent},
};
use crate::Posted;

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

fn look() -> Modern {
    Modern::new(json!("l"), "tools/call", json!({"name": "look"}))
}

/// Status and code of what `request` comes to; its id must come back.
async fn refused(world: &World, request: Modern) -> (u16, i64) {
    let answer = request.send(world, "alice").await;
    assert_eq!(answer.body["id"], request.body["id"], "{answer:?}");
    (
        answer.status,
        answer.body["error"]["code"].as_i64().unwrap_or_default(),
    )
}

#[tokio::test]
async fn discover_says_what_is_served_and_for_how_long() {
    let world = World::new();
    let found = modern(&world, "alice", "server/discover", json!({})).await;
    let result = &found.body["result"];
    let all = [
        "2026-07-28",
        "2025-11-25",
        "2025-06-18",
        "2025-03-26",
        "2024-11-05",
    ];
    assert_eq!(result["supportedVersions"], json!(all));
    assert_eq!(
        (found.status, &result["resultType"]),
        (200, &json!("complete"))
    );
    assert_eq!(result["cacheScope"], "private");
    assert!(result["ttlMs"].as_u64().is_some_and(|ttl| ttl > 0));
    assert_eq!(
        result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
        "durward"
    );
    assert!(result.get("serverInfo").is_none());
}

#[tokio::test]
async fn a_result_is_complete_and_says_how_long_it_may_be_kept() {
    let world = World::new();
    let done = call(&world, "alice", "look", json!({})).await.body["result"].clone();
    assert_eq!(
        (&done["resultType"], done.get("ttlMs")),
        (&json!("complete"), None)
    );
    assert_eq!(done["content"][0]["text"], "seen");
    let read = modern(
        &world,
        "alice",
        "resources/read",
        json!({"uri": "note://one"}),
    )
    .await;
    assert_eq!(read.body["result"]["ttlMs"], 0);
    let list = modern(&world, "alice", "prompts/list", json!({})).await;
    assert_eq!(list.body["result"]["cacheScope"], "private");
    let got = modern(&world, "alice", "prompts/get", json!({"name": "greet"})).await;
    assert_eq!(got.body["result"]["messages"], json!([]));
    let complete = json!({"ref": {"type": "ref/prompt", "name": "greet"},
        "argument": {"name": "a", "value": ""}});
    let complete = modern(&world, "alice", "completion/complete", complete).await;
    assert_eq!(
        complete.body["result"]["completion"]["values"],
        json!(["a"])
    );
}

#[tokio::test]
async fn a_missing_or_mistyped_meta_is_a_400() {
    let world = World::new();
    for request in [
        look().meta(VERSION, Value::Null),
        look().meta(CAPABILITIES, Value::Null),
        look().meta(VERSION, json!(20_260_728)),
        look().meta(CAPABILITIES, json!([])),
        look().meta("progressToken", json!(1.5)),
        look().meta(LOG_LEVEL, json!("loud")),
    ] {
        let text = request.body.to_string();
        assert_eq!(refused(&world, request).await, (400, -32602), "{text}");
    }
    let mut bare = Modern::new(json!(1), "server/discover", json!({}));
    bare.body = request(&json!(1), "server/discover", &json!({}));
    assert_eq!(refused(&world, bare).await, (400, -32602));
    assert!(!world.watched.saw("look"));
}

#[tokio::test]
async fn headers_must_say_what_the_body_says() {
    let world = World::new();
    let doubled = |name: &'static str, value: &str| {
        let mut request = look();
        request.headers.push((name, value.to_owned()));
        request
    };
    for request in [
        look().header("mcp-protocol-version", None),
        look().header("mcp-protocol-version", Some("")),
        look().header("mcp-protocol-version", Some("2025-11-25")),
        look().header("mcp-protocol-version", Some("v999")),
        doubled("mcp-protocol-version", "2026-07-28"),
        look().header("mcp-method", None),
        look().header("mcp-method", Some("tools/list")),
        look().header("mcp-method", Some("TOOLS/CALL")),
        doubled("mcp-method", "tools/call"),
        look().header("mcp-name", None),
        look().header("mcp-name", Some("change")),
        look().header("mcp-name", Some("=?base64?!?=")),
        doubled("mcp-name", "look"),
    ] {
        let text = format!("{:?}", request.headers);
        assert_eq!(refused(&world, request).await, (400, -32020), "{text}");
    }
    assert!(!world.watched.saw("look"));
    let sentinel = look().header("mcp-name", Some("=?base64?bG9vaw==?="));
    assert_eq!(refused(&world, sentinel).await, (200, 0));
}

#[tokio::test]
async fn a_revision_that_is_not_served_is_answered_with_those_that_are() {
    let world = World::new();
    let asking = |revision: &str| {
        let request = look().header("mcp-protocol-version", Some(revision));
        request.meta(VERSION, json!(revision))
    };
    for (revision, first, count) in [
        ("v999.0.0", "2026-07-28", 5),
        ("2025-06-18", "2026-07-28", 1),
    ] {
        let answer = asking(revision).send(&world, "alice").await;
        let error = &answer.body["error"];
        assert_eq!(
            (answer.status, &error["code"]),
            (400, &json!(-32022)),
            "{answer:?}"
        );
        assert_eq!(error["data"]["requested"], revision);
        let supported = error["data"]["supported"].as_array().unwrap();
        assert_eq!(
            (supported[0].as_str(), supported.len()),
            (Some(first), count)
        );
    }
}

#[tokio::test]
async fn an_unknown_or_removed_method_is_a_404() {
    let world = World::new();
    for method in [
        "nobody/knows",
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "tasks/list",
    ] {
        let request = Modern::new(json!(1), method, json!({"uri": "note://one"}));
        assert_eq!(refused(&world, request).await, (404, -32601), "{method}");
    }
}

#[tokio::test]
async fn what_the_call_itself_met_is_a_200() {
    let world = World::new();
    let prompt = json!({"type": "ref/prompt", "name": "greet"});
    let argument = json!({"name": "a", "value": ""});
    for (method, params) in [
        ("tools/call", json!({"name": "nowhere"})),
        ("tools/call", json!({"name": "look", "arguments": []})),
        ("resources/read", json!({"uri": "note://none"})),
        ("prompts/get", json!({"name": "nobody"})),
        ("completion/complete", json!({})),
        (
            "completion/complete",
            json!({"ref": prompt, "argument": ["a", ""]}),
        ),
        (
            "completion/complete",
            json!({"ref": ["ref/prompt", "greet"], "argument": argument}),
        ),
    ] {
        let request = Modern::new(json!(1), method, params.clone());
        assert_eq!(
            refused(&world, request).await,
            (200, -32602),
            "{method} {params}"
        );
    }
    let nul = Modern::new(json!(1), "tools/call", json!({"name": "look\u{0}"}));
    let (status, code) = refused(&world, nul).await;
    assert!(
        matches!((status, code), (400, -32020 | -32602)),
        "{status} {code}"
    );
}

#[tokio::test]
async fn only_requests_are_answered() {
    let world = World::new();
    let headers = [("mcp-protocol-version", "2026-07-28")];
    let told = notification("notifications/cancelled", &json!({"requestId": 1}));
    assert!(matches!(
        world.post("alice", &headers, &told.to_string()),
        Posted::Accepted
    ));
    for (body, code) in [
        (
            json!({"jsonrpc": "2.0", "id": 1, "result": {}}).to_string(),
            -32600,
        ),
        (
            json!([request(&json!(1), "ping", &json!({}))]).to_string(),
            -32600,
        ),
        ("{".to_owned(), -32700),
    ] {
        let answer = sent(world.post("alice", &headers, &body)).await;
        assert_eq!(
            (answer.status, &answer.body["error"]["code"]),
            (400, &json!(code)),
            "{body}"
        );
        assert!(answer.body.get("id").is_none(), "the schema has no null");
    }
}

#[tokio::test]
async fn a_session_header_means_nothing() {
    let world = World::new();
    let request = look().header("mcp-session-id", Some("AAAA"));
    assert_eq!(refused(&world, request).await, (200, 0));
}

#[tokio::test]
async fn a_refused_tool_call_is_a_result_that_a_model_can_read() {
    let world = World::new();
    let refusals = [
        ("change", json!({}), "invalid_arguments"),
        ("destroy", json!({}), "needs_approval"),
        ("big", json!({}), "too_large"),
        ("strict", json!({}), "conflict"),
    ];
    for (tool, arguments, code) in refusals {
        let answer = call(&world, "alice", tool, arguments).await;
        let result = &answer.body["result"];
        assert_eq!(
            (refusal(&answer.body), &result["isError"]),
            (code, &json!(true))
        );
        assert!(
            result["content"][0]["text"]
                .as_str()
                .is_some_and(|text| text.len() > 10)
        );
        // Clients hold it against the output schema, on errors too.
        let structured = result.get("structuredContent");
        assert_eq!(structured.is_some(), tool != "strict", "{answer:?}");
        assert!(answer.body.to_string().len() < RESULT_BYTES);
    }
    for _ in 0..2 {
        call(&world, "alice", "limited", json!({})).await;
    }
    let answer = call(&world, "alice", "limited", json!({})).await;
    let facts = &answer.body["result"]["_meta"]["dev.durward/refusal"];
    assert_eq!(
        (&facts["code"], &facts["retry_after_ms"]),
        (&json!("rate_limited"), &json!(30_000))
    );
}

#[tokio::test]
async fn progress_and_logs_come_as_this_request_asked() {
    let world = World::new();
    let chatty = || Modern::new(json!(1), "tools/call", json!({"name": "chatty"}));
    let cases = [
        (chatty(), 0, 0),
        (chatty().meta("progressToken", json!("p")), 4, 0),
        (chatty().meta(LOG_LEVEL, json!("debug")), 0, 2),
        (
            chatty()
                .meta(LOG_LEVEL, json!("warning"))
                .meta("progressToken", json!(7)),
            4,
            1,
        ),
        (chatty().meta(LOG_LEVEL, json!("error")), 0, 0),
    ];
    for (request, progress, logs) in cases {
        let Sent { messages, .. } = request.send(&world, "alice").await;
        let count = |method: &str| messages.iter().filter(|it| it["method"] == method).count();
        let told = (
            count("notifications/progress"),
            count("notifications/message"),
        );
        assert_eq!(told, (progress, logs), "{}", request.body);
        let token = &request.body["params"]["_meta"]["progressToken"];
        let mut tokens = messages
            .iter()
            .filter_map(|it| it["params"].get("progressToken"));
        assert!(tokens.all(|it| it == token));
    }
}

#[tokio::test]
async fn a_role_put_on_for_a_look_is_not_kept() {
    let world = World::planned(|plan| {
        plan.os_users.own_uid = 1000;
        plan.os_users.own = vec![durward_core::RoleName::new("reader")];
    });
    let boss = world
        .gate
        .stand_for_role(&durward_core::RoleName::new("boss"))
        .unwrap();
    let own = world.gate.stand_by_os_user(1000, "me").unwrap();
    assert_eq!(
        (
            boss.caller().roles[0].as_str(),
            own.caller().roles[0].as_str()
        ),
        ("boss", "reader")
    );
}

#[tokio::test]
async fn arguments_that_a_tool_wants_in_headers_too_are_looked_for_there() {
    let world = World::new();
    let params = json!({"name": "tagged", "arguments": {"region": "eu"}});
    let with = |value: Option<&str>| {
        let call = Modern::new(json!(1), "tools/call", params.clone());
        call.header("mcp-param-region", value)
    };
    for spoilt in [None, Some("us"), Some("=?base64?*?="), Some("EU")] {
        let sent = with(spoilt).send(&world, "alice").await;
        assert_eq!(
            (sent.status, &sent.body["error"]["code"]),
            (400, &json!(-32020)),
            "{spoilt:?}"
        );
    }
    assert!(!world.watched.saw("tagged"));
    assert_eq!(world.last_status(), "refused");
    for sound in ["eu", "=?base64?ZXU=?="] {
        let sent = with(Some(sound)).send(&world, "alice").await;
        assert_eq!(sent.status, 200, "{sound}");
        assert!(sent.body["result"]["content"].is_array(), "{sound}");
    }
    // Who may not call it is told that there is no such tool, whatever the headers say.
    world.reload(|plan| {
        let (name, worker) = role("worker", &["*"], &["tool:tagged"], &[]);
        plan.policy.roles.insert(name, worker);
    });
    let sent = with(None).send(&world, "alice").await;
    assert_eq!(sent.body["error"]["code"], -32602);
}
