//! Servers that ask something of a modern client: the call is parked until it comes back. Each row of
//! protocol.md, section 6.2.

use std::time::Duration;

use durward_core::ServerName;
use serde_json::{Value, json};

use super::{
    clients::{Modern, modern},
    served::Served,
    world::{Sent, World, in_time, refusal, role, running, sent},
};
use crate::Endpoint;

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

fn all() -> Value {
    json!({"elicitation": {}, "sampling": {}, "roots": {}})
}

fn named(tool: &str) -> Value {
    json!({"name": format!("crm__{tool}"), "arguments": {}})
}

/// A request of one who can be asked everything.
fn able(world: &World, params: Value) -> Modern {
    let id = world.next_id().into();
    Modern::new(id, "tools/call", params).meta(CAPABILITIES, all())
}

async fn call(world: &World, tool: &str) -> Sent {
    able(world, named(tool)).send(world, "dora").await
}

/// The same call again, with what was wanted.
fn back(world: &World, tool: &str, state: &Value, answers: Value) -> Modern {
    let mut params = named(tool);
    params["requestState"] = state.clone();
    params["inputResponses"] = answers;
    able(world, params)
}

async fn retry(world: &World, tool: &str, state: &Value, answers: Value) -> Sent {
    back(world, tool, state, answers).send(world, "dora").await
}

/// The keys that are wanted, and the state to come back with.
fn wanted(sent: &Sent) -> (Vec<String>, Value) {
    let result = &sent.body["result"];
    assert_eq!(result["resultType"], "input_required", "{sent:?}");
    let keys = result["inputRequests"].as_object().unwrap().keys();
    let state = result["requestState"].clone();
    assert!(state.as_str().unwrap().starts_with("dw1."));
    (keys.cloned().collect(), state)
}

fn said(sent: &Sent) -> &str {
    assert_eq!(sent.body["result"]["resultType"], "complete", "{sent:?}");
    sent.body["result"]["content"][0]["text"].as_str().unwrap()
}

fn accept() -> Value {
    json!({"action": "accept"})
}

/// The finer word of a refused retry.
fn refused(sent: &Sent) -> &str {
    assert_eq!(sent.body["error"]["code"], -32602, "{sent:?}");
    sent.body["error"]["data"]["detail"].as_str().unwrap()
}

async fn soon(holds: impl Fn() -> bool) {
    in_time(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_client_is_told_what_is_wanted_and_comes_back_with_it() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let first = call(&world, "asks").await;
    let (keys, state) = wanted(&first);
    assert_eq!(keys, ["q1"]);
    let question = &first.body["result"]["inputRequests"]["q1"];
    assert_eq!(question["method"], "elicitation/create");
    assert_eq!(question["params"]["message"], "Your name?");
    assert!(first.body["result"]["_meta"]["io.modelcontextprotocol/serverInfo"].is_object());
    assert_eq!(world.gate.park.live(), 1);
    let done = retry(&world, "asks", &state, json!({"q1": accept(), "other": 1})).await;
    assert_eq!(said(&done), r#"{"action":"accept"}"#);
    assert_eq!(served.reached().len(), 1, "it ran once");
    assert_eq!(world.gate.park.live(), 0);
    // Each round has its record.
    let records = world.records();
    let ended: Vec<_> = records
        .iter()
        .filter_map(|it| it["status"].as_str())
        .collect();
    assert_eq!(ended, ["ok", "ok"]);
}

#[tokio::test]
async fn what_is_not_declared_is_not_asked() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    for (capabilities, tool, expected) in [
        (json!({}), "asks", "nobody"),
        (json!({"roots": {}}), "asks", "undeclared"),
        (all(), "opens", "mode"),
    ] {
        let request = able(&world, named(tool)).meta(CAPABILITIES, capabilities);
        assert_eq!(said(&request.send(&world, "dora").await), expected);
    }
    // On other methods nobody can be asked.
    let params = json!({"ref": {"type": "ref/prompt", "name": "crm__greet"},
        "argument": {"name": "a", "value": "b"}});
    let request = Modern::new(json!(1), "completion/complete", params).meta(CAPABILITIES, all());
    assert!(request.send(&world, "dora").await.body["result"]["completion"].is_object());
    let params = json!({"name": "crm__greet"});
    let request = Modern::new(json!(2), "prompts/get", params).meta(CAPABILITIES, all());
    wanted(&request.send(&world, "dora").await);
}

#[tokio::test]
async fn what_is_missing_is_asked_for_again() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let (keys, state) = wanted(&call(&world, "asks_both").await);
    assert_eq!(keys, ["q1", "q2"]);
    let model =
        json!({"role": "assistant", "content": {"type": "text", "text": "x"}, "model": "m"});
    let (keys, state) = wanted(&retry(&world, "asks_both", &state, json!({"q2": model})).await);
    assert_eq!(keys, ["q1"]);
    assert_eq!(served.heard().len(), 1);
    let (keys, state) = wanted(&retry(&world, "asks_both", &state, json!({})).await);
    assert_eq!(keys, ["q1"]);
    let done = retry(&world, "asks_both", &state, json!({"q1": accept()})).await;
    assert!(said(&done).starts_with(r#"{"action":"accept"} {"#));
}

#[tokio::test]
async fn a_further_question_is_a_further_round_under_another_key() {
    let world = World::serving(&[&Served::asking()]);
    let (_, first) = wanted(&call(&world, "asks_again").await);
    let (keys, second) =
        wanted(&retry(&world, "asks_again", &first, json!({"q1": accept()})).await);
    assert_eq!(keys, ["q2"]);
    assert_ne!(first, second);
    // An old state is good for nothing, a new one for one retry.
    let old = retry(&world, "asks_again", &first, json!({"q2": accept()})).await;
    assert_eq!(refused(&old), "already_answered");
    let done = retry(&world, "asks_again", &second, json!({"q2": accept()})).await;
    assert_eq!(said(&done), r#"{"action":"accept"} {"action":"accept"}"#);
    let again = retry(&world, "asks_again", &second, json!({"q2": accept()})).await;
    assert_eq!(refused(&again), "already_answered");
}

#[tokio::test]
async fn of_two_retries_at_once_one_is_taken() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let (_, state) = wanted(&call(&world, "asks").await);
    let again = || retry(&world, "asks", &state, json!({"q1": accept()}));
    let (first, second) = tokio::join!(again(), again());
    let taken = [&first, &second]
        .iter()
        .filter(|it| it.body["result"].is_object())
        .count();
    assert_eq!(taken, 1);
    let other = if first.body["error"].is_object() {
        first
    } else {
        second
    };
    assert_eq!(refused(&other), "already_answered");
    assert_eq!(served.heard().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_whose_stream_breaks_ends_the_call() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let (_, state) = wanted(&call(&world, "asks_both").await);
    let request = back(&world, "asks_both", &state, json!({"q1": accept()}));
    let (mut work, _) = running(request.post(&world, "dora"));
    // As far as the answer that it brings, and then it is gone.
    tokio::select! {
        biased;
        _ = &mut work => panic!("it waits for the other answer"),
        () = soon(|| served.heard().len() == 1) => {}
    }
    drop(work);
    soon(|| served.ended() == 1).await;
    assert_eq!(world.last_status(), "cancelled");
    let late = retry(&world, "asks_both", &state, json!({"q2": accept()})).await;
    assert_eq!(refused(&late), "exchange_ended");
}

#[tokio::test]
async fn a_state_is_good_for_its_caller_and_call_alone() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let (_, state) = wanted(&call(&world, "asks").await);
    let answers = || json!({"q1": accept()});
    let mut sentences = Vec::new();
    // Another caller, another tool, other arguments, another endpoint.
    let other = back(&world, "asks", &state, answers());
    sentences.push(other.send(&world, "alice").await);
    sentences.push(retry(&world, "samples", &state, answers()).await);
    let mut changed = back(&world, "asks", &state, answers());
    changed.body["params"]["arguments"] = json!({"x": 1});
    sentences.push(changed.send(&world, "dora").await);
    let mut own = named("asks");
    own["name"] = json!("asks");
    own["requestState"] = state.clone();
    let endpoint = Endpoint::Server(ServerName::new("crm").unwrap());
    sentences.push(sent(able(&world, own).post_at(&endpoint, &world, "dora")).await);
    // Forged, or none of ours.
    let text = state.as_str().unwrap();
    for at in [4, 20, text.len() - 1] {
        let mut forged = text.to_owned().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = json!(String::from_utf8(forged).unwrap());
        sentences.push(retry(&world, "asks", &forged, answers()).await);
    }
    sentences.push(retry(&world, "asks", &json!("dw1."), answers()).await);
    sentences.push(retry(&world, "asks", &json!(""), answers()).await);
    let mut built_in = Modern::new(
        json!(1),
        "tools/call",
        json!({"name": "look", "requestState": state}),
    );
    built_in = built_in.meta(CAPABILITIES, all());
    sentences.push(built_in.send(&world, "dora").await);
    let recorded = world.records().len();
    for sentence in &sentences {
        assert_eq!(refused(sentence), "request_state");
        assert_eq!(
            sentence.body["error"]["message"],
            sentences[0].body["error"]["message"]
        );
    }
    assert!(recorded > sentences.len(), "each is on record");
    assert!(!world.watched.saw("look"));
    // The call waits all the while.
    let done = retry(&world, "asks", &state, answers()).await;
    assert_eq!(said(&done), r#"{"action":"accept"}"#);
}

#[tokio::test(start_paused = true)]
async fn nobody_who_does_not_come_back_is_waited_for_for_ever() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let mut states = Vec::new();
    for tool in ["asks", "samples", "roots"] {
        let (_, state) = wanted(&call(&world, tool).await);
        states.push(state);
    }
    tokio::time::sleep(Duration::from_secs(599)).await;
    assert_eq!((served.heard().len(), served.ended()), (0, 0));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut heard = served.heard();
    heard.sort();
    assert_eq!(
        heard,
        ["refused -1", "refused -32603", r#"{"action":"cancel"}"#]
    );
    assert_eq!((served.ended(), world.gate.park.live()), (3, 0));
    let timeouts = || {
        world
            .records()
            .iter()
            .filter(|it| it["status"] == "timeout")
            .count()
    };
    assert_eq!(timeouts(), 3);
    let late = retry(&world, "asks", &states[0], json!({"q1": accept()})).await;
    assert_eq!(refused(&late), "exchange_ended");
    world.clock.advance(Duration::from_secs(601));
    let expired = retry(&world, "asks", &states[0], json!({"q1": accept()})).await;
    assert_eq!(refused(&expired), "request_state");
}

#[tokio::test]
async fn another_replica_does_not_have_the_call() {
    let world = World::serving(&[&Served::asking()]);
    let other = world.twin();
    let (_, state) = wanted(&call(&world, "asks").await);
    let there = retry(&other, "asks", &state, json!({"q1": accept()})).await;
    assert_eq!(refused(&there), "exchange_ended");
}

#[tokio::test]
async fn a_server_that_dies_meanwhile_is_unavailable_and_never_asked_twice() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let (_, state) = wanted(&call(&world, "dies").await);
    served.dies.notify_one();
    soon(|| served.ended() == 1).await;
    let done = retry(&world, "dies", &state, json!({"q1": accept()})).await;
    assert_eq!(refusal(&done.body), "unavailable");
    assert_eq!(served.reached().len(), 1);
}

#[tokio::test]
async fn a_server_that_finishes_first_or_takes_its_question_back_is_heard_at_the_retry() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let (_, state) = wanted(&call(&world, "finishes").await);
    served.dies.notify_one();
    soon(|| served.ended() == 1).await;
    let done = retry(&world, "finishes", &state, json!({"q1": accept()})).await;
    assert_eq!(said(&done), "done");
    let (_, state) = wanted(&call(&world, "gives_up").await);
    soon(|| served.ended() == 2).await;
    let done = retry(&world, "gives_up", &state, json!({"q1": accept()})).await;
    assert_eq!(said(&done), "gave up");
}

#[tokio::test]
async fn a_malformed_answer_leaves_the_call_to_be_answered() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let (_, state) = wanted(&call(&world, "asks").await);
    for answers in [
        json!({"q1": "yes"}),
        json!({"q1": {"action": "maybe"}}),
        json!({"q1": {}}),
        json!({"q1": ["accept"]}),
    ] {
        let malformed = retry(&world, "asks", &state, answers).await;
        assert_eq!(refused(&malformed), "input_responses");
    }
    let malformed = retry(&world, "asks", &state, json!([])).await;
    assert_eq!(malformed.body["error"]["code"], -32602);
    assert_eq!(served.heard(), Vec::<String>::new());
    let done = retry(&world, "asks", &state, json!({"q1": accept()})).await;
    assert_eq!(said(&done), r#"{"action":"accept"}"#);
}

#[tokio::test]
async fn each_retry_is_judged_anew() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    // Fewer capabilities: what was declared counts as never declared, answered or not.
    let (_, state) = wanted(&call(&world, "asks").await);
    let request = back(&world, "asks", &state, json!({"q1": accept()}));
    let request = request.meta(CAPABILITIES, json!({"roots": {}}));
    assert_eq!(said(&request.send(&world, "dora").await), "undeclared");
    // Another policy: the call is not there any more, and the server hears nothing.
    let (_, state) = wanted(&call(&world, "asks").await);
    world.reload(|plan| {
        let (name, settings) = role("boss", &["*"], &["tool:crm__asks"], &[]);
        plan.policy.roles.insert(name, settings);
    });
    let denied = retry(&world, "asks", &state, json!({"q1": accept()})).await;
    assert_eq!(denied.body["error"]["message"], "Unknown tool: crm__asks");
    assert_eq!(served.heard(), ["undeclared"]);
}

#[tokio::test]
async fn a_call_asks_so_often_and_no_more() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let (_, mut state) = wanted(&call(&world, "asks_on").await);
    for round in 1..8 {
        let key = format!("q{round}");
        let next = retry(&world, "asks_on", &state, json!({key: accept()})).await;
        state = wanted(&next).1;
    }
    let last = retry(&world, "asks_on", &state, json!({"q8": accept()})).await;
    assert_eq!(refusal(&last.body), "rate_limited");
    soon(|| served.ended() == 1).await;
}

#[tokio::test]
async fn so_many_calls_may_wait_and_no_more() {
    let served = Served::asking();
    let world = World::planned(|plan| {
        plan.servers = vec![served.clone()];
        plan.exchange.each_caller = 2;
        plan.exchange.all = 3;
    });
    let ask = async |who: &str| able(&world, named("asks")).send(&world, who).await;
    let (_, state) = wanted(&ask("dora").await);
    wanted(&ask("dora").await);
    assert_eq!(refusal(&ask("dora").await.body), "rate_limited");
    assert_eq!(served.ended(), 1, "the server is told");
    wanted(&ask("alice").await);
    assert_eq!(refusal(&ask("bob").await.body), "rate_limited");
    retry(&world, "asks", &state, json!({"q1": accept()})).await;
    wanted(&ask("bob").await);
}

#[tokio::test]
async fn what_is_told_between_rounds_is_kept_for_the_next() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let log = "io.modelcontextprotocol/logLevel";
    let first = able(&world, named("tells")).meta(log, json!("debug"));
    let first = first.send(&world, "dora").await;
    assert_eq!(first.messages.len(), 1);
    let (_, state) = wanted(&first);
    served.dies.notify_one();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let request = back(&world, "tells", &state, json!({"q1": accept()}))
        .meta(log, json!("error"))
        .meta("progressToken", json!("mine"));
    let done = request.send(&world, "dora").await;
    said(&done);
    let progress = &done.messages[0]["params"];
    assert_eq!(
        (&progress["progressToken"], &progress["progress"]),
        (&json!("mine"), &json!(69))
    );
    let logs: Vec<_> = done.messages[1..]
        .iter()
        .map(|it| it["params"]["data"].as_u64())
        .collect();
    assert_eq!(logs, (6..70).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_modern_server_s_questions_pass_and_its_state_is_sealed() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let first = call(&world, "modern").await;
    let (keys, state) = wanted(&first);
    assert_eq!(keys, ["k"]);
    assert_eq!(first.body["result"]["x"], 1.5);
    let answers = json!({"k": {"roots": []}});
    let done = retry(&world, "modern", &state, answers.clone()).await;
    assert_eq!(said(&done), r#"{"k":{"roots":[]}}"#);
    // Its own state, unsealed, is none of the client's.
    let bare = retry(&world, "modern", &json!("up 1.0"), answers.clone()).await;
    assert_eq!(refused(&bare), "request_state");
    let other = back(&world, "modern", &state, answers.clone());
    assert_eq!(refused(&other.send(&world, "alice").await), "request_state");
    // Uninvited answers without a state pass.
    let mut params = named("modern");
    params["inputResponses"] = answers.clone();
    wanted(&able(&world, params).send(&world, "dora").await);
    let (_, mut state) = wanted(&call(&world, "modern_on").await);
    for _ in 1..8 {
        state = wanted(&retry(&world, "modern_on", &state, answers.clone()).await).1;
    }
    let last = retry(&world, "modern_on", &state, answers).await;
    assert_eq!(refusal(&last.body), "rate_limited");
}

#[tokio::test]
async fn parked_calls_end_with_the_gate_and_with_their_caller() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    wanted(&call(&world, "asks").await);
    let alice = able(&world, named("asks")).send(&world, "alice").await;
    wanted(&alice);
    world.reload(|plan| plan.keys.retain(|key| key.label != "alice"));
    soon(|| served.ended() == 1).await;
    world.gate.drain();
    in_time(world.gate.drained()).await;
    assert_eq!(served.ended(), 2);
}

#[tokio::test]
async fn a_request_that_is_left_before_it_is_told_leaves_nothing() {
    let served = Served::asking();
    let world = World::serving(&[&served]);
    let (work, _) = running(able(&world, named("asks")).post(&world, "dora"));
    let mut work = work;
    tokio::select! {
        biased;
        _ = &mut work => panic!("it is told too soon"),
        () = soon(|| served.reached().len() == 1) => {}
    }
    drop(work);
    assert_eq!((served.ended(), world.gate.park.live()), (1, 0));
    assert!(modern(&world, "dora", "tools/list", json!({})).await.body["result"].is_object());
}

#[tokio::test]
async fn questions_that_are_too_large_end_the_call() {
    let served = Served::asking();
    let world = World::planned(|plan| {
        plan.servers = vec![served.clone()];
        plan.limits.result_bytes = 64;
    });
    let asked = call(&world, "asks").await;
    assert_eq!(refusal(&asked.body), "too_large");
    soon(|| served.ended() == 1).await;
}
