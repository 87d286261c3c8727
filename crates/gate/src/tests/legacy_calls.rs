//! What a legacy session hears beside its answers: progress, logs, and what changed at a reload.

use std::sync::Arc;

use bytes::Bytes;
use durward_wire::http1::Headers;
use serde_json::{Value, json};

use super::{
    clients::Legacy,
    world::{World, in_time, on_stream, role, running, sent, until_begun},
};
use crate::{
    Endpoint, Messages, Session,
    stream::{GET_STREAM, Streams},
};

fn methods(messages: &[Value]) -> Vec<&str> {
    let methods = messages
        .iter()
        .map(|message| message["method"].as_str().unwrap_or("answer"));
    methods.collect()
}

fn session(client: &Legacy<'_>) -> Arc<Session> {
    let headers = Headers::from_pairs([("mcp-session-id", client.token.as_bytes())]);
    let standing = client.world.stand(client.who);
    client
        .world
        .gate
        .session_of(&standing, &Endpoint::Merged, &headers)
        .unwrap()
}

/// What came on the GET stream after its event `after`.
async fn heard(client: &Legacy<'_>, after: u64) -> Vec<Value> {
    on_stream(&session(client).streams, GET_STREAM, after).await
}

fn stream(messages: Messages) -> (Arc<Streams>, u64, bool) {
    match messages {
        Messages::Stream {
            streams,
            id,
            primed,
        } => (streams, id, primed),
        _ => panic!("no stream"),
    }
}

fn chatty(token: &str) -> Value {
    json!({"name": "chatty", "_meta": {"progressToken": token}})
}

#[tokio::test]
async fn progress_comes_only_with_a_token_and_only_rises() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-06-18").await;
    let silent = client.call("chatty", json!({})).await;
    assert_eq!(silent.messages, Vec::<Value>::new());
    let told = client.ask("tools/call", chatty("t")).await;
    assert_eq!(
        methods(&told.messages),
        ["notifications/progress"; 4],
        "{told:?}"
    );
    let done: Vec<_> = told
        .messages
        .iter()
        .map(|it| it["params"]["progress"].as_u64())
        .collect();
    assert_eq!(done, [Some(1), Some(2), Some(3), Some(u64::MAX)]);
    let params = json!({"progressToken": "t", "progress": 1, "total": 3, "message": "on it"});
    assert_eq!(told.messages[0]["params"], params);
}

#[tokio::test]
async fn logs_come_only_from_the_level_that_was_set() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    for (level, expected) in [("debug", 2), ("info", 1), ("warning", 1), ("error", 0)] {
        let set = client
            .ask("logging/setLevel", json!({"level": level}))
            .await;
        assert_eq!(set.body["result"], json!({}));
        let told = client.call("chatty", json!({})).await;
        assert_eq!(
            methods(&told.messages),
            vec!["notifications/message"; expected],
            "{level}"
        );
    }
    for wrong in [json!({"level": "loud"}), json!({})] {
        let refused = client.ask("logging/setLevel", wrong).await;
        assert_eq!(refused.body["error"]["code"], -32602);
    }
    // Another session's level is its own.
    let other = Legacy::open(&world, "alice", "2025-11-25").await;
    other
        .ask("logging/setLevel", json!({"level": "debug"}))
        .await;
    let told = client.call("chatty", json!({})).await;
    assert_eq!(told.messages, Vec::<Value>::new());
}

#[tokio::test]
async fn a_stream_that_has_begun_ends_with_the_answer() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let (work, messages) = running(client.start(json!(1), "tools/call", chatty("t")));
    let (streams, id, primed) = stream(messages);
    assert!(primed, "2025-11-25 begins with an id");
    in_time(work).await;
    let all = on_stream(&streams, id, 0).await;
    assert_eq!(methods(&all).last(), Some(&"answer"));
    assert_eq!(all.last().unwrap()["id"], 1);
}

#[tokio::test]
async fn a_stream_that_was_opened_in_silence_ends_with_the_answer_too() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-06-18").await;
    let params = json!({"name": "slow", "_meta": {"progressToken": 1}});
    let (mut work, messages) = running(client.start(json!(1), "tools/call", params));
    let (streams, id, primed) = stream(messages);
    assert!(!primed);
    until_begun(&world, &mut work).await;
    // The door's patience is at its end: it reads the stream and leaves the work to itself.
    let mut reader = streams.read(id, 0).unwrap();
    world.watched.release.notify_one();
    in_time(work).await;
    let (_, event): (_, Bytes) = in_time(reader.next()).await.expect("the answer");
    let answer: Value = serde_json::from_slice(&event).unwrap();
    assert_eq!(answer["id"], 1);
    assert!(in_time(reader.next()).await.is_none());
}

#[tokio::test]
async fn a_call_under_way_keeps_its_stream_while_the_gate_drains() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let params = json!({"name": "slow", "_meta": {"progressToken": 1}});
    let (mut work, messages) = running(client.start(json!(1), "tools/call", params));
    let (streams, id, _) = stream(messages);
    until_begun(&world, &mut work).await;
    let mut reader = streams.read(id, 0).unwrap();
    let mut unasked = streams.read(GET_STREAM, 0).unwrap();
    world.gate.drain();
    assert!(
        in_time(unasked.next()).await.is_none(),
        "the GET stream ends"
    );
    world.watched.release.notify_one();
    in_time(work).await;
    assert!(
        in_time(reader.next()).await.is_some(),
        "the answer is still to come"
    );
}

#[tokio::test]
async fn a_reload_tells_those_whose_list_changed_and_nobody_else() {
    let world = World::new();
    let worker = Legacy::open(&world, "alice", "2025-11-25").await;
    let reader = Legacy::open(&world, "carol", "2025-11-25").await;
    for client in [&worker, &reader] {
        client.ask("ping", json!({})).await;
    }
    let fewer = role(
        "worker",
        &["*"],
        &["tool:elsewhere", "tool:change"],
        &["tier:danger"],
    );
    for _ in 0..2 {
        world.reload(|plan| plan.policy.roles.extend([fewer.clone()]));
    }
    assert_eq!(
        methods(&heard(&worker, 0).await),
        ["notifications/tools/list_changed"]
    );
    assert_eq!(
        methods(&heard(&worker, 1).await),
        [""; 0],
        "the second changed nothing"
    );
    assert_eq!(methods(&heard(&reader, 0).await), [""; 0]);
    let tools = worker.ask("tools/list", json!({})).await.body.to_string();
    assert!(!tools.contains(r#""name":"change""#), "{tools}");
}

#[tokio::test]
async fn a_subscriber_hears_when_its_guide_says_something_else() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let other = Legacy::open(&world, "alice", "2025-11-25").await;
    let guide = json!({"uri": "durward://guide"});
    assert_eq!(
        client.ask("resources/subscribe", guide.clone()).await.body["result"],
        json!({})
    );
    other.ask("ping", json!({})).await;
    let absent = client
        .ask("resources/subscribe", json!({"uri": "note://none"}))
        .await;
    assert_eq!(absent.body["error"]["code"], -32002);
    world.reload(|plan| plan.limits.concurrency = Some(3));
    let all = heard(&client, 0).await;
    assert_eq!(methods(&all), ["notifications/resources/updated"]);
    assert_eq!(all[0]["params"], guide);
    assert_eq!(
        methods(&heard(&other, 0).await),
        [""; 0],
        "it did not subscribe"
    );
    let text = client.ask("resources/read", guide.clone()).await;
    let text = text.body["result"]["contents"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        text.contains("At once: 3.") && text.contains("`change`"),
        "{text}"
    );
    client.ask("resources/unsubscribe", guide).await;
    world.reload(|plan| plan.limits.concurrency = Some(4));
    assert_eq!(
        methods(&heard(&client, 1).await),
        [""; 0],
        "it wants no more"
    );
}

#[tokio::test]
async fn a_session_outlives_its_process() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-06-18").await;
    let next = World::new();
    let resumed = Legacy {
        world: &next,
        ..client.stolen_by("alice")
    };
    // Both gates have the same key, and the callers of both worlds the same names.
    let pong = sent(resumed.start(json!(1), "ping", json!({}))).await;
    assert_eq!(pong.body["result"], json!({}));
    assert_eq!(session(&resumed).revision().as_str(), "2025-06-18");
}
