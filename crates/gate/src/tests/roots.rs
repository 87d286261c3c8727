//! A client's own roots: asked for when they are needed, and nothing is touched until they are known.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};

use super::{
    clients::{Legacy, Modern},
    pipe::Line,
    world::{World, notification, refusal, request, running, sent},
};
use crate::{Messages, Posted};

fn heeding() -> World {
    let world = World::new();
    world.watched.heeds_roots.store(true, Ordering::SeqCst);
    world
}

/// A client on a pipe that has roots.
async fn opened(world: &World, revision: &str) -> Line {
    let mut line = Line::new(world, "alice");
    let params =
        json!({"protocolVersion": revision, "capabilities": {"roots": {"listChanged": true}}});
    line.ask(&request(&json!(0), "initialize", &params)).await;
    line.send(&notification("notifications/initialized", &json!({})))
        .await;
    line
}

fn look(id: u64) -> Value {
    request(
        &json!(id),
        "tools/call",
        &json!({"name": "look", "arguments": {"path": "x"}}),
    )
}

fn answer(question: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": question["id"], "result": result})
}

fn roots(world: &World) -> Option<Vec<String>> {
    world.watched.seen().pop().expect("a call").roots
}

#[tokio::test]
async fn on_a_pipe_the_first_call_asks_and_the_next_ones_know() {
    let world = heeding();
    let mut line = opened(&world, "2025-11-25").await;
    line.send(&look(1)).await;
    line.send(&look(2)).await;
    let question = line.next().await;
    assert_eq!(question["method"], "roots/list");
    line.send(&answer(&json!({"id": 999}), json!({"roots": []})))
        .await;
    let listed = json!({"roots": [{"uri": "file:///a", "name": "A"}, {"uri": "file:///b"}]});
    line.send(&answer(&question, listed)).await;
    for _ in 0..2 {
        assert!(
            line.next().await["result"].is_object(),
            "one question for both"
        );
        assert_eq!(
            roots(&world),
            Some(vec!["file:///a".to_owned(), "file:///b".to_owned()])
        );
    }
    assert!(line.ask(&look(3)).await["result"].is_object());
    line.send(&notification(
        "notifications/roots/list_changed",
        &json!({}),
    ))
    .await;
    // What is answered to the old question counts no more.
    line.send(&answer(&question, json!({"roots": []}))).await;
    let again = line.ask(&look(4)).await;
    assert_eq!(again["method"], "roots/list");
    assert_ne!(again["id"], question["id"]);
    let done = line.ask(&answer(&again, json!({"roots": []}))).await;
    assert_eq!(done["id"], 4);
    assert_eq!(roots(&world), Some(vec![]));
}

#[tokio::test]
async fn over_http_the_question_stands_on_the_call_s_own_stream() {
    let world = heeding();
    let client = Legacy::open(&world, "alice", "2025-11-25").await;
    let (mut work, messages) = running(client.post(&look(1)));
    let Messages::Stream { streams, id, .. } = messages else {
        panic!("no stream")
    };
    let mut reader = streams.read(id, 0).unwrap();
    let question = tokio::select! {
        biased;
        _ = &mut work => panic!("it did not ask"),
        question = reader.next() => question.unwrap().1,
    };
    let question: Value = serde_json::from_slice(&question).unwrap();
    assert_eq!(question["method"], "roots/list");
    let other = Legacy::open(&world, "bob", "2025-11-25").await;
    let forged = answer(&question, json!({"roots": [{"uri": "file:///"}]}));
    assert_eq!(sent(other.post(&forged)).await.status, 202);
    let listed = answer(&question, json!({"roots": [{"uri": "file:///mine"}]}));
    assert!(matches!(client.post(&listed), Posted::Accepted));
    drop(work.await);
    assert_eq!(roots(&world), Some(vec!["file:///mine".to_owned()]));
}

#[tokio::test]
async fn garbage_too_much_and_silence_are_refused_and_asked_for_again() {
    let world = heeding();
    let mut line = opened(&world, "2025-06-18").await;
    let many: Vec<_> = (0..65)
        .map(|n| json!({"uri": format!("file:///{n}")}))
        .collect();
    let wrong = [
        json!({"result": {}}),
        json!({"result": {"roots": "all"}}),
        json!({"result": {"roots": [{"path": "/"}]}}),
        json!({"result": {"roots": many}}),
        json!({"result": {"roots": [{"uri": "x".repeat(20_000)}]}}),
        json!({"error": {"code": -32601, "message": "no"}}),
    ];
    for (n, wrong) in (1..).zip(wrong) {
        let mut said = line.ask(&look(n)).await;
        assert_eq!(said["method"], "roots/list", "{wrong}");
        for key in ["result", "error"] {
            said.as_object_mut().unwrap().remove(key);
            if let Some(value) = wrong.get(key) {
                said[key] = value.clone();
            }
        }
        for key in ["method", "params"] {
            said.as_object_mut().unwrap().remove(key);
        }
        let refused = line.ask(&said).await;
        assert_eq!(refusal(&refused), "unavailable", "{wrong}");
    }
    assert!(world.watched.seen().is_empty(), "nothing was touched");
    let question = line.ask(&look(20)).await;
    assert_eq!(question["method"], "roots/list");
    let refused = tokio::time::timeout(Duration::from_secs(20), line.out.recv());
    let refused: Value =
        serde_json::from_slice(&refused.await.unwrap().unwrap().into_bytes()).unwrap();
    assert_eq!(refusal(&refused), "unavailable");
    // Too late: the next call asks anew.
    line.send(&answer(&question, json!({"roots": []}))).await;
    assert_eq!(line.ask(&look(21)).await["method"], "roots/list");
    assert!(world.watched.seen().is_empty());
}

#[tokio::test]
async fn who_has_no_roots_is_not_asked() {
    let world = heeding();
    let mut line = Line::new(&world, "alice");
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
    line.ask(&request(&json!(0), "initialize", &params)).await;
    line.send(&notification("notifications/initialized", &json!({})))
        .await;
    assert!(line.ask(&look(1)).await["result"].is_object());
    assert_eq!(roots(&world), None);
}

#[tokio::test]
async fn an_update_is_told_within_the_roots_alone() {
    let world = heeding();
    let mut line = opened(&world, "2025-11-25").await;
    let subscribe = request(
        &json!(1),
        "resources/subscribe",
        &json!({"uri": "thing:///a"}),
    );
    let question = line.ask(&subscribe).await;
    let within = json!({"roots": [{"uri": "file:///things"}]});
    assert_eq!(
        line.ask(&answer(&question, within)).await["result"],
        json!({})
    );
    world.watched.change("thing:///a");
    assert_eq!(
        line.next().await["method"],
        "notifications/resources/updated"
    );
    // Asked at once, since there is a subscription; until it is known nothing is told.
    let again = line
        .ask(&notification(
            "notifications/roots/list_changed",
            &json!({}),
        ))
        .await;
    assert_eq!(again["method"], "roots/list");
    world.watched.change("thing:///a");
    line.send(&answer(
        &again,
        json!({"roots": [{"uri": "file:///elsewhere"}]}),
    ))
    .await;
    world.watched.change("thing:///a");
    assert!(line.out.try_recv().is_err());
    assert_eq!(
        world.watched.watching(),
        0,
        "it may not hear of it any more"
    );
}

/// A modern request of a client that has roots, with what it answers to questions.
async fn round(world: &World, method: &str, mut params: Value, answers: Option<Value>) -> Value {
    if let Some(answers) = answers {
        params["inputResponses"] = answers;
    }
    let request = Modern::new(world.next_id().into(), method, params);
    let capabilities = "io.modelcontextprotocol/clientCapabilities";
    let request = request.meta(capabilities, json!({"roots": {}}));
    request.send(world, "alice").await.body
}

#[tokio::test]
async fn a_modern_client_is_asked_by_a_result_and_answers_with_the_next_round() {
    let world = heeding();
    let call = || json!({"name": "look", "arguments": {"path": "x"}});
    let asked = json!({"durward.roots": {"method": "roots/list"}});
    for answers in [None, Some(json!({})), Some(json!({"other": {}}))] {
        let first = round(&world, "tools/call", call(), answers).await;
        assert_eq!(first["result"]["resultType"], "input_required", "{first}");
        assert_eq!(first["result"]["inputRequests"], asked);
        assert_eq!(world.last_status(), "refused");
    }
    let read = json!({"uri": "thing:///a"});
    let first = round(&world, "resources/read", read.clone(), None).await;
    assert_eq!(first["result"]["inputRequests"], asked, "{first}");
    assert!(
        world.watched.seen().is_empty(),
        "nothing is touched before it answers"
    );
    let said = json!({"durward.roots": {"roots": [{"uri": "file:///a"}]}});
    for (method, params) in [("tools/call", call()), ("resources/read", read)] {
        let second = round(&world, method, params, Some(said.clone())).await;
        assert_eq!(second["result"]["resultType"], "complete", "{second}");
        assert_eq!(roots(&world), Some(vec!["file:///a".to_owned()]));
    }
    let seen = world.watched.seen().len();
    for wrong in [json!({}), json!({"roots": 1}), json!(null)] {
        let refused = round(
            &world,
            "tools/call",
            call(),
            Some(json!({"durward.roots": wrong})),
        );
        assert_eq!(refusal(&refused.await), "unavailable");
    }
    let malformed = round(&world, "tools/call", call(), Some(json!([]))).await;
    assert_eq!(malformed["error"]["code"], -32602);
    let complete = json!({"ref": {"type": "ref/resource", "uri": "thing:///{+path}"},
        "argument": {"name": "path", "value": "a"}});
    let refused = round(&world, "completion/complete", complete, None).await;
    assert_eq!(
        refused["error"]["code"], 503,
        "there is no way to ask: {refused}"
    );
    assert_eq!(world.watched.seen().len(), seen);
}
