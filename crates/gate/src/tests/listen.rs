//! `subscriptions/listen`: who hears of what, and until when.

use std::time::Duration;

use durward_core::BoxFuture;
use durward_wire::http1::Headers;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    clients::{Legacy, Modern, modern},
    world::{ERIN_LASTS, World, in_time, role, running},
};
use crate::{Endpoint, Messages, Reply, stream::GET_STREAM};

const ID: &str = "io.modelcontextprotocol/subscriptionId";

pub(super) struct Listening {
    pub(super) work: BoxFuture<'static, Reply>,
    messages: mpsc::Receiver<durward_core::Body>,
}

impl Listening {
    /// Begins to listen, as far as the acknowledgement.
    pub(super) async fn open(world: &World, who: &str, id: Value, wanted: Value) -> (Self, Value) {
        let params = json!({"notifications": wanted});
        let request = Modern::new(id, "subscriptions/listen", params);
        let (work, messages) = running(request.post(world, who));
        let Messages::Channel(messages) = messages else {
            panic!("no channel")
        };
        let mut listening = Self { work, messages };
        let acknowledged = in_time(listening.next()).await;
        assert_eq!(
            acknowledged["method"],
            "notifications/subscriptions/acknowledged"
        );
        (listening, acknowledged["params"].clone())
    }

    pub(super) async fn next(&mut self) -> Value {
        tokio::select! {
            biased;
            message = self.messages.recv() => serde_json::from_slice(&message.unwrap().into_bytes()).unwrap(),
            reply = &mut self.work => panic!("it ended: {reply:?}"),
        }
    }

    /// What has come so far.
    pub(super) fn heard(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.messages.try_recv().ok())
            .map(|message| serde_json::from_slice(&message.into_bytes()).unwrap())
            .collect()
    }

    /// The answer that ends it.
    async fn end(self) -> Value {
        match in_time(self.work).await {
            Reply::Message { status: 200, body } => {
                serde_json::from_slice(&body.into_bytes()).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }
}

fn methods(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|it| it["method"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn it_is_acknowledged_under_its_own_id() {
    let world = World::new();
    for id in [json!(7), json!("7")] {
        let wanted = json!({"toolsListChanged": true, "resourceSubscriptions":
            ["durward://guide", "note://none"]});
        let (_listening, params) = Listening::open(&world, "alice", id.clone(), wanted).await;
        assert_eq!(params["_meta"][ID], id);
        let honoured =
            json!({"toolsListChanged": true, "resourceSubscriptions": ["durward://guide"]});
        assert_eq!(
            params["notifications"], honoured,
            "no resource that it may not read"
        );
    }
}

#[tokio::test]
async fn a_filter_that_does_not_fit_is_refused() {
    let world = World::new();
    let many: Vec<_> = (0..257).map(|n| format!("note://{n}")).collect();
    for params in [
        json!({}),
        json!({"notifications": []}),
        json!({"notifications": {"toolsListChanged": 1}}),
        json!({"notifications": {"resourceSubscriptions": many}}),
    ] {
        let refused = modern(&world, "alice", "subscriptions/listen", params.clone()).await;
        assert_eq!(refused.body["error"]["code"], -32602, "{params}");
    }
}

#[tokio::test]
async fn a_reload_is_told_to_those_that_it_concerns() {
    let world = World::new();
    let lists = || json!({"toolsListChanged": true});
    let guide = json!({"resourceSubscriptions": ["durward://guide"]});
    let (mut worker, _) = Listening::open(&world, "alice", json!("w"), lists()).await;
    let (mut other, _) = Listening::open(&world, "alice", json!("o"), guide).await;
    let (mut reader, _) = Listening::open(&world, "carol", json!("r"), lists()).await;
    let fewer = role(
        "worker",
        &["*"],
        &["tool:elsewhere", "tool:change"],
        &["tier:danger"],
    );
    world.reload(|plan| plan.policy.roles.extend([fewer]));
    let heard = worker.heard();
    assert_eq!(methods(&heard), ["notifications/tools/list_changed"]);
    assert_eq!(heard[0]["params"], json!({"_meta": {ID: "w"}}));
    let heard = other.heard();
    assert_eq!(
        methods(&heard),
        ["notifications/resources/updated"],
        "the guide lists the tools"
    );
    assert_eq!(
        heard[0]["params"],
        json!({"_meta": {ID: "o"}, "uri": "durward://guide"})
    );
    assert_eq!(reader.heard(), Vec::<Value>::new());
}

#[tokio::test]
async fn it_ends_with_its_connection() {
    let world = World::new();
    let (listening, _) = Listening::open(&world, "alice", json!(1), json!({})).await;
    let Listening { work, mut messages } = listening;
    drop(work);
    assert!(
        in_time(messages.recv()).await.is_none(),
        "nobody holds the other end"
    );
}

#[tokio::test]
async fn it_ends_with_the_gate() {
    let world = World::new();
    let (mut listening, _) = Listening::open(&world, "alice", json!("x"), json!({})).await;
    world.gate.drain();
    assert_eq!(listening.heard(), Vec::<Value>::new());
    let end = listening.end().await;
    assert_eq!(
        (&end["id"], &end["result"]["resultType"]),
        (&json!("x"), &json!("complete"))
    );
    assert_eq!(end["result"]["_meta"][ID], "x");
}

#[tokio::test]
async fn it_ends_with_its_caller_s_key() {
    let world = World::new();
    let moment = Duration::from_millis(5);
    world.clock.advance(ERIN_LASTS - moment);
    let (listening, _) = Listening::open(&world, "erin", json!(1), json!({})).await;
    world.clock.advance(moment);
    let end = listening.end().await;
    assert_eq!(end["result"]["_meta"][ID], 1);
}

#[tokio::test]
async fn what_lasts_ends_when_its_key_is_revoked() {
    let world = World::new();
    let wanted = json!({"toolsListChanged": true});
    let (listening, _) = Listening::open(&world, "alice", json!(1), wanted.clone()).await;
    let (mut other, _) = Listening::open(&world, "bob", json!(1), wanted).await;
    let session = Legacy::open(&world, "alice", "2025-11-25").await;
    let headers = Headers::from_pairs([("mcp-session-id", session.token.as_bytes())]);
    let held = world
        .gate
        .session_of(&world.stand("alice"), &Endpoint::Merged, &headers)
        .unwrap();
    let mut unasked = held.streams.read(GET_STREAM, 0).unwrap();
    world.reload(|plan| plan.keys.retain(|key| key.label != "alice"));
    assert_eq!(listening.end().await["result"]["_meta"][ID], 1);
    assert!(in_time(unasked.next()).await.is_none());
    assert_eq!(other.heard(), Vec::<Value>::new());
    let still = tokio::time::timeout(Duration::from_millis(20), other.work).await;
    assert!(still.is_err(), "another's goes on");
}
