//! One client on a pipe, line by line, both eras side by side.

use std::time::Duration;

use bytes::Bytes;
use durward_core::{Body, Door};
use durward_wire::scan::ScanLimits;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    clients::modern_line,
    world::{World, in_time, notification, refusal, request, role},
};
use crate::Pipe;

pub(super) struct Line {
    pub(super) pipe: Pipe,
    pub(super) out: mpsc::Receiver<Body>,
}

impl Line {
    pub(super) fn new(world: &World, who: &str) -> Self {
        Self::with_room(world, who, 256)
    }

    fn with_room(world: &World, who: &str, room: usize) -> Self {
        let (sender, out) = mpsc::channel(room);
        let gate = std::sync::Arc::clone(&world.gate);
        let (standing, limits) = (world.stand(who), ScanLimits::default());
        let pipe = Pipe::new(gate, standing, Door::Stdio, limits, sender);
        Self { pipe, out }
    }

    pub(super) async fn opened(world: &World, who: &str, revision: &str) -> Self {
        let mut line = Self::new(world, who);
        let opened = line.ask(&initialize(revision)).await;
        assert_eq!(opened["result"]["protocolVersion"], revision);
        line.send(&notification("notifications/initialized", &json!({})))
            .await;
        line
    }

    async fn text(&mut self, line: &str) {
        let line = Bytes::copy_from_slice(line.as_bytes());
        in_time(self.pipe.line(line)).await.unwrap();
    }

    pub(super) async fn send(&mut self, message: &Value) {
        self.text(&message.to_string()).await;
    }

    pub(super) async fn next(&mut self) -> Value {
        let message = in_time(self.out.recv()).await.expect("a message");
        serde_json::from_slice(&message.into_bytes()).unwrap()
    }

    pub(super) async fn ask(&mut self, message: &Value) -> Value {
        self.send(message).await;
        self.next().await
    }

    /// Nothing more comes, once all that runs has ended.
    async fn is_silent(&mut self) -> bool {
        in_time(self.pipe.finish()).await;
        self.out.try_recv().is_err()
    }
}

fn initialize(revision: &str) -> Value {
    let params = json!({"protocolVersion": revision, "capabilities": {}});
    request(&json!("init"), "initialize", &params)
}

/// More requests than a pipe lets run at once.
const FLOOD: u64 = 2500;

fn list(id: u64) -> Bytes {
    let list = modern_line(&json!(id), "prompts/list", json!({}));
    list.to_string().into()
}

fn call(id: Value, tool: &str) -> Value {
    request(&id, "tools/call", &json!({"name": tool}))
}

#[tokio::test]
async fn both_eras_share_a_pipe() {
    let world = World::new();
    let mut line = Line::new(&world, "alice");
    let discover = modern_line(&json!(1), "server/discover", json!({}));
    assert_eq!(
        line.ask(&discover).await["result"]["resultType"],
        "complete"
    );
    assert_eq!(line.ask(&initialize("2025-06-18")).await["id"], "init");
    let look = modern_line(&json!(2), "tools/call", json!({"name": "look"}));
    assert_eq!(line.ask(&look).await["result"]["resultType"], "complete");
    let legacy = line.ask(&call(json!(3), "look")).await;
    assert_eq!(legacy["result"]["content"][0]["text"], "seen");
    assert!(legacy["result"].get("resultType").is_none());
    let gone = modern_line(&json!(4), "ping", json!({}));
    assert_eq!(line.ask(&gone).await["error"]["code"], -32601);
    let revisions: Vec<_> = world
        .records()
        .iter()
        .map(|it| it["revision"].clone())
        .collect();
    assert!(revisions.contains(&json!("2026-07-28")) && revisions.contains(&json!("2025-06-18")));
}

#[tokio::test]
async fn before_the_session_only_ping_is_answered() {
    let world = World::new();
    let mut line = Line::new(&world, "alice");
    let pong = line.ask(&request(&json!(1), "ping", &json!({}))).await;
    assert_eq!(pong, json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    for message in [
        call(json!(2), "look"),
        request(&json!(2), "nobody/knows", &json!({})),
    ] {
        let refused = line.ask(&message).await;
        assert_eq!(
            (&refused["id"], &refused["error"]["code"]),
            (&json!(2), &json!(-32602))
        );
    }
    line.send(&notification("notifications/initialized", &json!({})))
        .await;
    line.send(&json!({"jsonrpc": "2.0", "id": 1, "result": {}}))
        .await;
    assert!(line.is_silent().await && !world.watched.saw("look"));
}

#[tokio::test]
async fn a_pipe_has_one_session() {
    let world = World::new();
    let mut line = Line::opened(&world, "alice", "2025-03-26").await;
    assert_eq!(
        line.ask(&initialize("2025-11-25")).await["error"]["code"],
        -32600
    );
    let batch = json!([request(&json!(1), "ping", &json!({}))]);
    let pong = line.ask(&batch).await;
    assert_eq!(pong[0]["result"], json!({}), "still of the first revision");
    assert_eq!(world.gate.session_count(), 1);
    drop(line);
    assert_eq!(world.gate.session_count(), 0);
}

#[tokio::test]
async fn garbage_is_answered_and_the_pipe_lives() {
    let world = World::new();
    let mut line = Line::opened(&world, "alice", "2025-11-25").await;
    for (garbage, code) in [
        ("{", -32700),
        ("hello", -32700),
        ("\u{feff}{}", -32700),
        ("[]", -32600),
        ("null", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
    ] {
        line.text(garbage).await;
        assert_eq!(line.next().await["error"]["code"], code, "{garbage}");
    }
    line.pipe.too_long().await;
    assert_eq!(line.next().await["error"]["code"], -32600);
    assert_eq!(
        line.ask(&request(&json!(1), "ping", &json!({}))).await["result"],
        json!({})
    );
}

#[tokio::test]
async fn an_id_in_flight_belongs_to_both_eras() {
    let world = World::new();
    let mut line = Line::opened(&world, "alice", "2025-11-25").await;
    line.send(&call(json!(1), "slow")).await;
    in_time(world.watched.begun.notified()).await;
    let twice = modern_line(&json!(1), "tools/list", json!({}));
    assert_eq!(line.ask(&twice).await["error"]["code"], -32600);
    line.send(&notification(
        "notifications/cancelled",
        &json!({"requestId": 1}),
    ))
    .await;
    assert!(line.is_silent().await, "a cancelled call has no answer");
    assert_eq!(
        (world.watched.ended(), world.last_status()),
        (1, "cancelled".to_owned())
    );
    assert_eq!(line.ask(&twice).await["id"], 1, "the id is free again");
}

#[tokio::test]
async fn a_modern_call_is_cancelled_without_a_session() {
    let world = World::new();
    let mut line = Line::new(&world, "alice");
    line.send(&modern_line(
        &json!("a"),
        "tools/call",
        json!({"name": "slow"}),
    ))
    .await;
    in_time(world.watched.begun.notified()).await;
    for id in ["b", "a"] {
        assert_eq!(world.watched.ended(), 0);
        line.send(&notification(
            "notifications/cancelled",
            &json!({"requestId": id}),
        ))
        .await;
    }
    assert!(line.is_silent().await);
    assert_eq!(
        (world.watched.ended(), world.last_status()),
        (1, "cancelled".to_owned())
    );
}

#[tokio::test]
async fn the_end_of_a_pipe_cancels_its_calls() {
    let world = World::new();
    let mut line = Line::opened(&world, "alice", "2025-11-25").await;
    line.send(&call(json!(1), "slow")).await;
    line.send(&modern_line(
        &json!(2),
        "tools/call",
        json!({"name": "slow"}),
    ))
    .await;
    for _ in 0..2 {
        in_time(world.watched.begun.notified()).await;
    }
    drop(line);
    let stopped = async {
        while world.watched.ended() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_millis(100), stopped)
        .await
        .expect("they stop");
    let outcomes = world
        .records()
        .into_iter()
        .filter(|record| record["kind"] == "outcome");
    let statuses: Vec<_> = outcomes.map(|outcome| outcome["status"].clone()).collect();
    assert_eq!(statuses, ["cancelled", "cancelled"]);
}

#[tokio::test]
async fn a_batch_is_answered_as_one_array_of_answers() {
    let world = World::new();
    let mut line = Line::opened(&world, "alice", "2025-03-26").await;
    let mut chatty = call(json!(2), "chatty");
    chatty["params"]["_meta"] = json!({"progressToken": "p"});
    let batch = json!([
        call(json!(1), "look"),
        chatty,
        initialize("2025-03-26"),
        {"jsonrpc": "2.0"},
        notification("notifications/initialized", &json!({})),
    ]);
    line.send(&batch).await;
    in_time(line.pipe.finish()).await;
    let (mut told, mut arrays) = (0, Vec::new());
    while let Ok(message) = line.out.try_recv() {
        match serde_json::from_slice(&message.into_bytes()).unwrap() {
            Value::Array(all) => arrays.push(all),
            message => {
                assert_eq!(message["method"], "notifications/progress", "{message}");
                told += 1;
            }
        }
    }
    assert_eq!((told, arrays.len()), (4, 1));
    let mut ids: Vec<_> = arrays[0].iter().map(|it| it["id"].to_string()).collect();
    ids.sort();
    assert_eq!(ids, [r#""init""#, "1", "2", "null"], "{arrays:?}");
    line.send(&json!([notification(
        "notifications/initialized",
        &json!({})
    )]))
    .await;
    assert!(line.is_silent().await);
}

#[tokio::test]
async fn a_client_that_reads_nothing_can_t_pile_up_answers() {
    let world = World::new();
    let mut line = Line::with_room(&world, "alice", 4);
    let flood = async {
        for id in 0..FLOOD {
            line.pipe.line(list(id)).await.unwrap();
        }
    };
    let took_all = tokio::time::timeout(Duration::from_millis(500), flood).await;
    assert!(took_all.is_err(), "at some point no more is taken");
}

#[tokio::test]
async fn a_client_that_writes_fast_and_reads_gets_all_its_answers() {
    let world = World::new();
    let Line { mut pipe, mut out } = Line::with_room(&world, "alice", 4);
    let write = async {
        for id in 0..FLOOD {
            pipe.line(list(id)).await.unwrap();
        }
        pipe.finish().await;
        drop(pipe);
    };
    let read = async {
        let mut answers = 0;
        while let Some(answer) = out.recv().await {
            assert!(
                !answer
                    .into_bytes()
                    .windows(7)
                    .any(|part| part == br#""error""#)
            );
            answers += 1;
        }
        answers
    };
    let ((), answers) = in_time(async { tokio::join!(write, read) }).await;
    assert_eq!(answers, FLOOD);
}

#[tokio::test]
async fn a_pipe_follows_the_configuration() {
    let world = World::new();
    let mut line = Line::opened(&world, "alice", "2025-11-25").await;
    let fewer = role("worker", &["tool:look"], &[], &[]);
    world.reload(|plan| plan.policy.roles.extend([fewer]));
    let changed = [line.next().await, line.next().await, line.next().await];
    let methods: Vec<_> = changed
        .iter()
        .map(|it| it["method"].as_str().unwrap())
        .collect();
    assert!(
        methods.contains(&"notifications/tools/list_changed"),
        "{methods:?}"
    );
    let gone = line.ask(&call(json!(1), "strict")).await;
    assert_eq!(gone["error"]["code"], -32602);
    assert_eq!(refusal(&line.ask(&call(json!(2), "look")).await), "");
    world.reload(|plan| plan.keys.retain(|key| key.label != "alice"));
    let ping = request(&json!(3), "ping", &json!({})).to_string();
    assert!(line.pipe.line(ping.into()).await.is_err(), "it is to close");
}

#[tokio::test]
async fn a_listen_on_a_pipe_says_that_it_ends() {
    let world = World::new();
    let mut line = Line::new(&world, "alice");
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    let listen = modern_line(&json!(1), "subscriptions/listen", wanted);
    let acknowledged = line.ask(&listen).await;
    assert_eq!(
        acknowledged["method"],
        "notifications/subscriptions/acknowledged"
    );
    world.gate.drain();
    let told = line.next().await;
    assert_eq!(told["method"], "notifications/cancelled");
    assert_eq!(told["params"], json!({"requestId": 1}));
    assert_eq!(line.next().await["result"]["resultType"], "complete");
}
