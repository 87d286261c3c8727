//! Servers that ask something of a legacy client: requests of ours on the stream of the call.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    clients::Legacy,
    pipe::Line,
    served::Served,
    world::{World, in_time, notification, on_stream, request, running, sent},
};
use crate::{Endpoint, Messages, Reply, stream::GET_STREAM};

const ALL: &str = r#"{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}}"#;

async fn opened(world: &World, revision: &str, capabilities: &str) -> Line {
    let mut line = Line::new(world, "dora");
    let capabilities: Value = serde_json::from_str(capabilities).unwrap();
    let params = json!({"protocolVersion": revision, "capabilities": capabilities});
    line.ask(&request(&json!(0), "initialize", &params)).await;
    line.send(&notification("notifications/initialized", &json!({})))
        .await;
    line
}

fn call(id: u64, tool: &str) -> Value {
    request(
        &json!(id),
        "tools/call",
        &json!({"name": format!("crm__{tool}")}),
    )
}

fn answer(question: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": question["id"], "result": result})
}

fn said(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn a_question_goes_to_the_client_and_its_answer_back_as_spelled() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let mut line = opened(&world, "2025-11-25", ALL).await;
    let question = line.ask(&call(1, "asks")).await;
    assert_eq!(question["method"], "elicitation/create");
    assert_eq!(question["params"]["message"], "Your name?");
    line.send(&answer(
        &question,
        json!({"action": "accept", "content": {"n": 1.50}}),
    ))
    .await;
    assert_eq!(
        said(&line.next().await),
        r#"{"action":"accept","content":{"n":1.5}}"#
    );
    // An error is passed on, too.
    let question = line.ask(&call(2, "samples")).await;
    let error = json!({"code": -1, "message": "no"});
    line.send(&json!({"jsonrpc": "2.0", "id": question["id"], "error": error}))
        .await;
    assert_eq!(said(&line.next().await), "refused -1");
}

#[tokio::test]
async fn questions_of_one_session_have_ids_of_their_own() {
    let world = World::serving(&[&Served::asking()]);
    let mut line = opened(&world, "2025-11-25", ALL).await;
    line.send(&call(1, "asks_both")).await;
    line.send(&call(2, "asks")).await;
    let mut questions = vec![line.next().await, line.next().await, line.next().await];
    let mut ids: Vec<_> = questions
        .iter()
        .map(|it| it["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    questions.reverse();
    for question in &questions {
        let result = json!({"action": "accept", "content": {"id": question["id"]}});
        line.send(&answer(question, result)).await;
    }
    let (first, second) = (line.next().await, line.next().await);
    for id in ids {
        let named = format!(r#"{{"action":"accept","content":{{"id":{id}}}}}"#);
        assert!(said(&first).contains(&named) != said(&second).contains(&named));
    }
}

#[tokio::test]
async fn only_what_a_client_declared_and_its_revision_has_is_asked() {
    let world = World::serving(&[&Served::asking()]);
    for (revision, capabilities, tool, expected) in [
        ("2025-11-25", "{}", "asks", "nobody"),
        ("2025-11-25", r#"{"roots":{}}"#, "asks", "undeclared"),
        ("2025-11-25", r#"{"elicitation":{}}"#, "opens", "mode"),
        ("2025-06-18", ALL, "opens", "mode"),
        ("2025-03-26", ALL, "asks", "undeclared"),
        (
            "2025-11-25",
            r#"{"elicitation":{}}"#,
            "samples",
            "undeclared",
        ),
    ] {
        let mut line = opened(&world, revision, capabilities).await;
        let answer = line.ask(&call(1, tool)).await;
        assert_eq!(said(&answer), expected, "{revision} {capabilities} {tool}");
    }
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_is_taken_back() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let mut line = opened(&world, "2025-11-25", ALL).await;
    let question = line.ask(&call(1, "gives_up")).await;
    let told = line.next().await;
    assert_eq!(told["method"], "notifications/cancelled");
    assert_eq!(told["params"], json!({"requestId": question["id"]}));
    assert_eq!(said(&line.next().await), "gave up");
    // Too late: dropped, and nothing breaks.
    line.send(&answer(&question, json!({"action": "cancel"})))
        .await;
    // The client stops the call, and with it the question.
    let question = line.ask(&call(2, "asks")).await;
    let cancel = notification("notifications/cancelled", &json!({"requestId": 2}));
    let told = line.ask(&cancel).await;
    assert_eq!(told["params"], json!({"requestId": question["id"]}));
    assert_eq!(served.ended(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_person_may_think_for_longer_than_a_call_may_take() {
    let world = World::serving(&[&Served::asking()]);
    let mut line = opened(&world, "2025-11-25", ALL).await;
    let question = line.ask(&call(1, "asks")).await;
    tokio::time::sleep(Duration::from_secs(500)).await;
    line.send(&answer(&question, json!({"action": "decline"})))
        .await;
    assert_eq!(said(&line.next().await), r#"{"action":"decline"}"#);
    // But not for ever.
    let question = line.ask(&call(2, "asks")).await;
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(line.next().await["params"]["requestId"], question["id"]);
    assert_eq!(said(&line.next().await), "silent");
    // A program's answer is no person's.
    line.ask(&call(3, "roots")).await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(line.next().await["method"], "notifications/cancelled");
    assert_eq!(super::world::refusal(&line.next().await), "timeout");
}

async fn http(world: &World) -> Legacy<'_> {
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}}});
    let body = request(&json!("init"), "initialize", &params).to_string();
    let token = sent(world.post("dora", &[], &body)).await.session.unwrap();
    let client = Legacy {
        world,
        who: "dora",
        token,
    };
    client.tell("notifications/initialized", json!({})).await;
    client
}

#[tokio::test]
async fn over_http_the_question_is_on_the_call_s_stream_and_its_own_session_answers() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let (client, other) = (http(&world).await, http(&world).await);
    let params = json!({"name": "crm__asks"});
    let (work, messages) = running(client.start(json!(1), "tools/call", params));
    let work = tokio::spawn(work);
    let Messages::Stream { streams, id, .. } = messages else {
        panic!("no stream")
    };
    in_time(streams.started(id)).await;
    let question = on_stream(&streams, id, 0).await.remove(0);
    assert_eq!(question["method"], "elicitation/create");
    // Another session, of the same caller, has no say.
    let forged = answer(&question, json!({"action": "accept"}));
    assert_eq!(sent(other.post(&forged)).await.status, 202);
    assert_eq!(served.heard(), Vec::<String>::new());
    let own = answer(&question, json!({"action": "decline"}));
    assert_eq!(sent(client.post(&own)).await.status, 202);
    let Reply::Message { body, .. } = in_time(work).await.unwrap() else {
        panic!("no answer")
    };
    assert_eq!(
        said(&serde_json::from_slice(&body.into_bytes()).unwrap()),
        r#"{"action":"decline"}"#
    );
}

#[tokio::test]
async fn a_session_that_ends_takes_its_questions_along() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let mut line = opened(&world, "2025-11-25", ALL).await;
    line.ask(&call(1, "asks")).await;
    drop(line);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(served.ended(), 1);
}

#[tokio::test]
async fn a_member_of_a_batch_asks_where_the_session_hears_the_rest() {
    let world = World::serving(&[&Served::asking()]);
    let params = json!({"protocolVersion": "2025-03-26", "capabilities": {"sampling": {}}});
    let body = request(&json!("init"), "initialize", &params).to_string();
    let token = sent(world.post("dora", &[], &body)).await.session.unwrap();
    let client = Legacy {
        world: &world,
        who: "dora",
        token,
    };
    client.tell("notifications/initialized", json!({})).await;
    let (work, _) = running(client.post(&json!([call(1, "samples")])));
    let work = tokio::spawn(work);
    let headers = [("mcp-session-id", client.token.as_bytes())];
    let headers = durward_wire::http1::Headers::from_pairs(headers);
    let session = world
        .gate
        .session_of(&world.stand("dora"), &Endpoint::Merged, &headers)
        .unwrap();
    let mut stream = session.streams.read(GET_STREAM, 0).unwrap();
    let (_, question) = in_time(stream.next()).await.unwrap();
    let question: Value = serde_json::from_slice(&question).unwrap();
    assert_eq!(question["method"], "sampling/createMessage");
    let model = json!({"role": "assistant", "content": [], "model": "m"});
    sent(client.post(&answer(&question, model))).await;
    let Reply::Message { body, .. } = in_time(work).await.unwrap() else {
        panic!("no answer")
    };
    let answers: Value = serde_json::from_slice(&body.into_bytes()).unwrap();
    assert!(said(&answers[0]).contains("assistant"));
}
