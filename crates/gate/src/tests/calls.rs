//! How calls end: stopped, left, out of time, in a panic, or not begun for want of a record.

use std::time::Duration;

use durward_core::{Cancel, Client, Door, RawJson, Revision};
use durward_guard::limit::{ToolLimits, ToolTable};
use durward_wire::meta::RequestMeta;
use serde_json::json;

use super::{
    clients::{Legacy, Modern, call},
    world::{World, in_time, params, refusal, running, until_begun},
};
use crate::{
    Endpoint, Reply,
    methods::calls,
    pipeline::{Stage, WALK},
    request::{Origin, Speaking},
};

/// How soon the work of a cancelled call must have stopped.
const SOON: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_cancelled_call_stops_at_once_and_is_on_record() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let (mut work, _) = running(client.start(json!("s"), "tools/call", json!({"name": "slow"})));
    until_begun(&world, &mut work).await;
    let told = client.tell("notifications/cancelled", json!({"requestId": "s"}));
    assert_eq!(told.await.status, 202);
    let reply = tokio::time::timeout(SOON, work).await.expect("it stops");
    assert!(
        matches!(reply, Reply::Silent),
        "no answer follows: {reply:?}"
    );
    assert_eq!(
        (world.watched.ended(), world.last_status()),
        (1, "cancelled".to_owned())
    );
    // Its id is free again, and one that never was stops nothing.
    assert_eq!(
        client
            .tell("notifications/cancelled", json!({"requestId": 9}))
            .await
            .status,
        202
    );
    assert_eq!(
        client.call("look", json!({})).await.body["result"]["content"][0]["text"],
        "seen"
    );
}

#[tokio::test]
async fn a_modern_client_that_leaves_cancels() {
    let world = World::new();
    let request = Modern::new(json!(1), "tools/call", json!({"name": "slow"}));
    let (mut work, _) = running(request.post(&world, "alice"));
    until_begun(&world, &mut work).await;
    drop(work);
    assert_eq!(
        (world.watched.ended(), world.last_status()),
        (1, "cancelled".to_owned())
    );
}

#[tokio::test]
async fn a_call_that_is_left_gives_back_its_place() {
    let world = World::planned(|plan| plan.limits.concurrency = Some(1));
    let request = Modern::new(json!(1), "tools/call", json!({"name": "slow"}));
    let (mut work, _) = running(request.post(&world, "alice"));
    until_begun(&world, &mut work).await;
    let full = call(&world, "alice", "look", json!({})).await;
    assert_eq!(refusal(&full.body), "rate_limited");
    drop(work);
    let free = call(&world, "alice", "look", json!({})).await;
    assert_eq!(refusal(&free.body), "", "the place is free again: {free:?}");
}

#[tokio::test]
async fn a_legacy_client_that_leaves_cancels_nothing() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let (mut work, _) = running(client.start(json!(1), "tools/call", json!({"name": "slow"})));
    until_begun(&world, &mut work).await;
    world.gate.keep_running(work);
    world.watched.release.notify_one();
    in_time(world.gate.drained()).await;
    assert_eq!(
        (world.watched.ended(), world.last_status()),
        (1, "ok".to_owned())
    );
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_calls() {
    let world = World::new();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let (mut work, _) = running(client.start(json!(1), "tools/call", json!({"name": "slow"})));
    until_begun(&world, &mut work).await;
    let headers = [("mcp-session-id", client.token.as_bytes())];
    let headers = durward_wire::http1::Headers::from_pairs(headers);
    let session = world
        .gate
        .session_of(&world.stand("alice"), &Endpoint::Merged, &headers);
    world.gate.end(&session.unwrap()).unwrap();
    assert!(matches!(in_time(work).await, Reply::Silent));
    assert_eq!(world.last_status(), "cancelled");
}

#[tokio::test]
async fn a_call_has_no_more_time_than_its_limit() {
    let limit = ToolLimits {
        timeout: Some(Duration::from_millis(20)),
        ..ToolLimits::default()
    };
    let tools = [("slow".to_owned(), limit)].into();
    let world = World::planned(|plan| plan.limits.tools = ToolTable::build(&tools).unwrap());
    let late = call(&world, "alice", "slow", json!({})).await;
    assert_eq!(refusal(&late.body), "timeout", "{late:?}");
    assert_eq!(
        (world.watched.ended(), world.last_status()),
        (1, "timeout".to_owned())
    );
}

#[tokio::test]
async fn a_provider_that_panics_costs_one_call() {
    for tool in ["panics", "panics_at_once"] {
        let world = World::new();
        let failed = call(&world, "alice", tool, json!({})).await;
        assert_eq!(refusal(&failed.body), "internal", "{failed:?}");
        assert!(
            !failed.body.to_string().contains("works"),
            "never the cause"
        );
        assert_eq!(world.last_status(), "panicked");
        let next = call(&world, "alice", "look", json!({})).await;
        assert_eq!(next.body["result"]["content"][0]["text"], "seen");
    }
}

#[tokio::test]
async fn a_stage_that_panics_leaves_a_record() {
    let world = World::new();
    let mut stages = WALK.to_vec();
    stages.insert(
        2,
        Stage::Judge("broken", |_| panic!("this stage is broken")),
    );
    let standing = world.stand("alice");
    let asked = calls::tool(
        &standing,
        &Endpoint::Merged,
        &params(&json!({"name": "look"})),
    )
    .unwrap();
    let client = Client::new(Revision::V2026_07_28, RawJson::empty_object(), None);
    let origin = Origin {
        standing,
        endpoint: Endpoint::Merged,
        door: Door::Http,
        speaking: Speaking::Modern(client.into()),
        meta: RequestMeta::default(),
        sent_params: None,
    };
    let gate = std::sync::Arc::clone(&world.gate);
    let walked = tokio::spawn(async move {
        gate.walk_along(&stages, &origin, asked, None, &Cancel::new())
            .await;
    });
    assert!(walked.await.unwrap_err().is_panic());
    assert!(!world.watched.saw("look"));
    assert_eq!(
        (world.records().len(), world.last_status()),
        (1, "panicked".to_owned())
    );
}

#[tokio::test]
async fn other_names_of_a_tool_and_its_arguments_lead_to_it() {
    let world = World::new();
    for arguments in [json!({"file": "a"}), json!({"path": "a"})] {
        let done = call(&world, "alice", "peek", arguments).await;
        assert_eq!(refusal(&done.body), "", "{done:?}");
        let seen = world.watched.seen().pop().unwrap();
        assert_eq!(
            (seen.name.as_str(), &seen.arguments),
            ("look", &json!({"path": "a"}))
        );
    }
    assert_eq!(
        world.records()[0]["target"],
        "look",
        "recorded as what it is"
    );
    // Both at once are not one for the other.
    let both = call(&world, "alice", "look", json!({"file": "a", "path": "b"})).await;
    assert_eq!(refusal(&both.body), "invalid_arguments");
}

/// Every record begins a segment of its own, and then the folder is gone.
fn without_disk() -> World {
    let world = World::planned(|plan| plan.segment_bytes = 1);
    std::fs::remove_dir_all(world.journal()).unwrap();
    world
}

#[tokio::test]
async fn what_can_t_be_recorded_is_not_done() {
    let world = without_disk();
    let refused = call(&world, "alice", "change", json!({"value": 1})).await;
    assert_eq!(refusal(&refused.body), "unavailable", "{refused:?}");
    assert!(!world.watched.saw("change"));
    // From now on nobody even comes in.
    let refused = call(&world, "alice", "look", json!({})).await;
    assert_eq!(refusal(&refused.body), "unavailable");
    assert!(!world.watched.saw("look"));
}

#[tokio::test]
async fn what_can_t_be_recorded_is_not_answered() {
    let world = without_disk();
    let refused = call(&world, "alice", "look", json!({})).await;
    assert_eq!(refusal(&refused.body), "unavailable", "{refused:?}");
    assert!(world.watched.saw("look") && !refused.body.to_string().contains("seen"));
}

#[tokio::test]
async fn a_closed_journal_lets_nobody_in() {
    let world = World::new();
    world.gate.journal().close().unwrap();
    let refused = call(&world, "alice", "look", json!({})).await;
    assert_eq!(refusal(&refused.body), "unavailable", "{refused:?}");
    assert!(!world.watched.saw("look"));
}

#[tokio::test]
async fn a_revoked_key_s_next_call_is_refused_though_the_door_still_knows_it() {
    let world = World::new();
    let request = Modern::new(json!(1), "tools/call", json!({"name": "look"}));
    let (work, _) = running(request.post(&world, "alice"));
    world.reload(|plan| plan.keys.retain(|key| key.label != "alice"));
    let Reply::Message { body, .. } = in_time(work).await else {
        panic!("no answer");
    };
    let body = serde_json::from_slice(&body.into_bytes()).unwrap();
    assert_eq!(refusal(&body), "denied", "{body}");
    assert!(!world.watched.saw("look"));
}
