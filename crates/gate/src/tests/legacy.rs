//! Sessions of the legacy revisions, by POST.

use durward_wire::http1::Headers;
use serde_json::{Value, json};

use super::{
    clients::{Legacy, initialize, modern},
    world::{Sent, World, in_time, notification, request, running, sent, until_begun},
};
use crate::{Endpoint, Posted, Reply};

const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

fn code(sent: &Sent) -> i64 {
    sent.body["error"]["code"].as_i64().unwrap_or_default()
}

#[tokio::test]
async fn initialize_agrees_on_a_revision_that_has_it_and_echoes_no_other() {
    let world = World::new();
    for revision in LEGACY {
        let opened = initialize(&world, "alice", revision).await;
        let result = &opened.body["result"];
        assert_eq!(result["protocolVersion"], revision);
        assert_eq!(opened.body["id"], "init");
        assert_eq!(result["serverInfo"]["name"], "durward");
        let has_completions = !result["capabilities"]["completions"].is_null();
        assert_eq!(has_completions, revision != "2024-11-05");
        assert!(result.get("resultType").is_none());
    }
    for other in ["2026-07-28", "2099-01-01", "1.0", "", "2025-11-25 "] {
        let opened = initialize(&world, "alice", other).await;
        assert_eq!(
            opened.body["result"]["protocolVersion"], "2025-11-25",
            "{other}"
        );
    }
    let ids = [
        initialize(&world, "alice", LEGACY[3]),
        initialize(&world, "alice", LEGACY[3]),
    ];
    let [one, two] = ids;
    assert_ne!(one.await.session, two.await.session);
}

#[tokio::test]
async fn initialize_wants_a_version_and_capabilities() {
    let world = World::new();
    for params in [
        json!({"capabilities": {}}),
        json!({"protocolVersion": 1, "capabilities": {}}),
        json!({"protocolVersion": "2025-11-25"}),
        json!({"protocolVersion": "2025-11-25", "capabilities": []}),
    ] {
        let body = request(&json!(1), "initialize", &params);
        let refused = sent(world.post("alice", &[], &body.to_string())).await;
        assert_eq!(code(&refused), -32602, "{params}");
        assert!(refused.session.is_none());
    }
}

#[tokio::test]
async fn a_session_is_its_caller_s_alone() {
    let world = World::new();
    let owner = Legacy::open(&world, "alice", "2025-11-25").await;
    let thief = owner.stolen_by("bob");
    let asked = thief.start(json!(1), "tools/list", json!({}));
    assert!(matches!(asked, Posted::NoSession));
    let told = thief.post(&notification(
        "notifications/cancelled",
        &json!({"requestId": 1}),
    ));
    assert!(matches!(told, Posted::NoSession));
    let headers = Headers::from_pairs([("mcp-session-id", thief.token.as_bytes())]);
    assert!(
        world
            .gate
            .session_of(&world.stand("bob"), &Endpoint::Merged, &headers)
            .is_none(),
        "nor GET, nor DELETE"
    );
    // As if it were unknown, and its owner notices nothing.
    let unknown = Legacy {
        token: "AAAA".to_owned(),
        ..owner.stolen_by("bob")
    };
    assert!(matches!(
        unknown.start(json!(1), "ping", json!({})),
        Posted::NoSession
    ));
    assert_eq!(owner.ask("ping", json!({})).await.body["result"], json!({}));
}

#[tokio::test]
async fn another_s_cancellation_does_not_reach_a_call() {
    let world = World::new();
    let (alice, bob) = (
        Legacy::open(&world, "alice", "2025-11-25").await,
        Legacy::open(&world, "bob", "2025-11-25").await,
    );
    let (mut work, _) = running(alice.start(json!(1), "tools/call", json!({"name": "slow"})));
    until_begun(&world, &mut work).await;
    bob.tell("notifications/cancelled", json!({"requestId": 1}))
        .await;
    alice
        .tell("notifications/cancelled", json!({"requestId": "1"}))
        .await;
    world.watched.release.notify_one();
    assert!(matches!(
        in_time(work).await,
        Reply::Message { status: 200, .. }
    ));
}

#[tokio::test]
async fn a_session_that_was_ended_is_gone() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let headers = Headers::from_pairs([("mcp-session-id", client.token.as_bytes())]);
    let session = world
        .gate
        .session_of(&world.stand("alice"), &Endpoint::Merged, &headers)
        .unwrap();
    assert_eq!(world.gate.session_count(), 1);
    world.gate.end(&session).unwrap();
    assert_eq!(world.gate.session_count(), 0);
    assert!(matches!(
        client.start(json!(1), "ping", json!({})),
        Posted::NoSession
    ));
    assert!(
        world
            .gate
            .session_of(&world.stand("alice"), &Endpoint::Merged, &headers)
            .is_none()
    );
}

#[tokio::test]
async fn without_a_session_only_initialize_is_served() {
    let world = World::new();
    let refuse = |body: Value| sent(world.post("alice", &[], &body.to_string()));
    for body in [
        request(&json!(1), "tools/list", &json!({})),
        request(&json!(1), "ping", &json!({})),
        notification("notifications/initialized", &json!({})),
        json!([request(&json!(1), "ping", &json!({}))]),
    ] {
        let refused = refuse(body.clone()).await;
        assert_eq!((refused.status, code(&refused)), (400, -32602), "{body}");
    }
}

#[tokio::test]
async fn a_server_without_sessions_serves_each_request_alone() {
    let world = World::planned(|plan| plan.stateless = true);
    assert_eq!(
        initialize(&world, "alice", "2025-06-18").await.session,
        None
    );
    let body = request(&json!(1), "ping", &json!({}));
    let headers = [("mcp-protocol-version", "2025-06-18")];
    let pong = sent(world.post("alice", &headers, &body.to_string())).await;
    assert_eq!(pong.body["result"], json!({}));
}

#[tokio::test]
async fn notifications_and_responses_are_accepted() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    for body in [
        notification("notifications/initialized", &json!({})),
        notification("notifications/roots/list_changed", &json!({})),
        notification("notifications/nobody/knows", &json!({})),
        notification("tools/call", &json!({"name": "look"})),
        json!({"jsonrpc": "2.0", "id": 7, "result": {}}),
        json!({"jsonrpc": "2.0", "id": 7, "error": {"code": 1, "message": "no"}}),
    ] {
        assert!(matches!(client.post(&body), Posted::Accepted), "{body}");
    }
    assert!(!world.watched.saw("look"));
}

#[tokio::test]
async fn an_unknown_method_is_a_200_and_an_unsound_message_a_400() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    for method in ["nobody/knows", "tools", "Tools/list", "tasks/get"] {
        let refused = client.ask(method, json!({})).await;
        assert_eq!((refused.status, code(&refused)), (200, -32601), "{method}");
    }
    for (body, expected) in [
        ("{", -32700),
        ("", -32700),
        ("7", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
    ] {
        let headers = [("mcp-session-id", client.token.as_str())];
        let refused = sent(world.post("alice", &headers, body)).await;
        assert_eq!((refused.status, code(&refused)), (400, expected), "{body}");
    }
}

#[tokio::test]
async fn an_id_in_flight_can_t_be_used_twice() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let (mut work, _) = running(client.start(json!(1), "tools/call", json!({"name": "slow"})));
    until_begun(&world, &mut work).await;
    let twice = sent(client.start(json!(1), "ping", json!({}))).await;
    assert_eq!(code(&twice), -32600);
    // `"1"` is another id, and another session's `1` is another's.
    assert_eq!(
        code(&sent(client.start(json!("1"), "ping", json!({}))).await),
        0
    );
    let other = Legacy::open(&world, "alice", "2025-11-25").await;
    assert_eq!(
        code(&sent(other.start(json!(1), "ping", json!({}))).await),
        0
    );
    world.watched.release.notify_one();
    in_time(work).await;
    assert_eq!(
        code(&sent(client.start(json!(1), "ping", json!({}))).await),
        0
    );
}

#[tokio::test]
async fn only_2025_03_26_has_batches() {
    let world = World::new();
    let batch = json!([request(&json!(1), "ping", &json!({}))]);
    for revision in LEGACY {
        let client = Legacy::open(&world, "alice", revision).await;
        let answer = sent(client.post(&batch)).await;
        if revision == "2025-03-26" {
            let pong = json!([{"jsonrpc": "2.0", "id": 1, "result": {}}]);
            assert_eq!((answer.status, &answer.body), (200, &pong));
        } else {
            assert_eq!((answer.status, code(&answer)), (400, -32600), "{revision}");
        }
    }
}

#[tokio::test]
async fn a_batch_has_one_to_sixty_four_members() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-03-26").await;
    let pings = |count: u64| {
        let all = (0..count).map(|id| request(&json!(id), "ping", &json!({})));
        Value::Array(all.collect())
    };
    for (count, expected) in [(0, -32600), (1, 0), (64, 0), (65, -32600)] {
        let answer = sent(client.post(&pings(count))).await;
        assert_eq!(code(&answer), expected, "{count}");
        if expected == 0 {
            assert_eq!(
                answer.body.as_array().map(|all| all.len() as u64),
                Some(count)
            );
        }
    }
    let told = json!([notification("notifications/initialized", &json!({}))]);
    assert!(matches!(client.post(&told), Posted::Accepted));
}

#[tokio::test]
async fn each_member_of_a_batch_walks_alone() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-03-26").await;
    let call = |id: u64, tool: &str| request(&json!(id), "tools/call", &json!({"name": tool}));
    let answer = sent(client.post(&json!([
        call(1, "look"),
        call(2, "elsewhere"),
        call(3, "destroy"),
        request(&json!(4), "initialize", &json!({"protocolVersion": "2025-11-25"})),
        call(1, "look"),
        {"jsonrpc": "2.0"},
        [],
        notification("notifications/initialized", &json!({})),
    ])));
    let answer = answer.await;
    let all = answer.body.as_array().unwrap();
    assert_eq!(all[0]["result"]["content"][0]["text"], "seen");
    assert_eq!(all[1]["error"]["code"], -32602);
    let refusal = &all[2]["result"]["_meta"]["dev.durward/refusal"]["code"];
    assert_eq!(refusal, "needs_approval");
    let codes: Vec<_> = all[3..]
        .iter()
        .map(|one| one["error"]["code"].as_i64())
        .collect();
    assert_eq!(codes, [Some(-32600); 4], "{answer:?}");
    assert_eq!(world.watched.seen().len(), 1);
    let kinds: Vec<_> = world
        .records()
        .iter()
        .map(|record| record["kind"].clone())
        .collect();
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "refusal").count(),
        2,
        "{kinds:?}"
    );
}

#[tokio::test]
async fn a_batch_of_cancelled_calls_has_no_answer() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-03-26").await;
    let slow = request(&json!(1), "tools/call", &json!({"name": "slow"}));
    let (mut work, _) = running(client.post(&json!([slow])));
    until_begun(&world, &mut work).await;
    client
        .tell("notifications/cancelled", json!({"requestId": 1}))
        .await;
    assert!(
        matches!(in_time(work).await, Reply::Silent),
        "an empty array is no answer"
    );
}

#[tokio::test]
async fn a_resource_that_is_not_there_has_its_own_number() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let absent = client
        .ask("resources/read", json!({"uri": "note://none"}))
        .await;
    assert_eq!((absent.status, code(&absent)), (200, -32002));
    assert_eq!(absent.body["error"]["data"]["uri"], "note://none");
    let absent = modern(
        &world,
        "alice",
        "resources/read",
        json!({"uri": "note://none"}),
    )
    .await;
    assert_eq!((absent.status, code(&absent)), (200, -32602));
}
