//! Tasks where one side is of 2025-11-25: their questions, what is remembered of them, who is told.

use std::{sync::Arc, time::Duration};

use durward_core::{Offer, RawJson};
use serde_json::{Value, json};

use super::{
    clients::Modern,
    pipe::Line,
    served::{Served, tool_as, tools},
    world::{Sent, World, in_time, notification, request, role},
};

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const RELATED: &str = "io.modelcontextprotocol/related-task";
const WAITS: &str = r#"{"taskId":"up-1","status":"input_required","ttlMs":null}"#;
const WORKS: &str = r#"{"taskId":"up-1","status":"working","statusMessage":"half","ttlMs":1.0}"#;

/// Whose tools may become tasks.
fn served() -> Arc<Served> {
    let capabilities = r#"{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
    Served::new(
        "crm",
        Offer {
            capabilities: Some(RawJson::from_static(capabilities)),
            ..tools(&["works", "works_too", "quick"])
        },
    )
}

fn able() -> Value {
    json!({"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}})
}

async fn asked_as(world: &World, able: Value, who: &str, method: &str, params: Value) -> Sent {
    let id = params["taskId"].as_str().map(str::to_owned);
    let request = Modern::new(world.next_id().into(), method, params).meta(CAPABILITIES, able);
    match id {
        Some(id) => request.header("mcp-name", Some(&id)).send(world, who).await,
        None => request.send(world, who).await,
    }
}

async fn asked(world: &World, who: &str, method: &str, params: Value) -> Sent {
    asked_as(world, able(), who, method, params).await
}

async fn begun(world: &World, tool: &str) -> String {
    let sent = asked(world, "dora", "tools/call", json!({"name": tool})).await;
    let id = &sent.body["result"]["taskId"];
    id.as_str().unwrap_or_else(|| panic!("{sent:?}")).to_owned()
}

async fn look(world: &World, id: &str) -> Value {
    let sent = asked(world, "dora", "tasks/get", json!({"taskId": id})).await;
    sent.body["result"].clone()
}

async fn update(world: &World, id: &str, answers: Value) -> Sent {
    let params = json!({"taskId": id, "inputResponses": answers});
    asked(world, "dora", "tasks/update", params).await
}

async fn soon(holds: impl Fn() -> bool) {
    in_time(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A session on a pipe.
async fn opened(world: &World) -> Line {
    let mut line = Line::new(world, "dora");
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}}});
    let opened = line.ask(&request(&json!(0), "initialize", &params)).await;
    let has_tasks = &opened["result"]["capabilities"]["tasks"]["requests"];
    assert!(has_tasks["tools"]["call"].is_object(), "{opened}");
    line.send(&notification("notifications/initialized", &json!({})))
        .await;
    line
}

async fn call(line: &mut Line, id: u64, tool: &str) -> Value {
    let params = json!({"name": tool, "task": {}});
    line.ask(&request(&json!(id), "tools/call", &params)).await
}

async fn about(line: &mut Line, method: &str, task: &str) -> Value {
    let params = json!({"taskId": task});
    line.ask(&request(&json!(method), method, &params)).await
}

fn id(made: &Value) -> String {
    let id = made["result"]["task"]["taskId"].as_str();
    id.unwrap_or_else(|| panic!("{made}")).to_owned()
}

#[tokio::test]
async fn a_task_that_says_nothing_of_its_questions_is_held_until_they_come() {
    let served = served();
    let world = World::serving(&[&served]);
    let id = begun(&world, "crm__works").await;
    served.task_is(WAITS);
    for _ in 0..2 {
        let task = look(&world, &id).await;
        assert_eq!(task["status"], "input_required", "{task}");
        assert_eq!(task["inputRequests"]["q1"]["params"]["message"], "Sure?");
        assert_eq!(task["inputRequests"].as_object().unwrap().len(), 1);
    }
    let malformed = update(&world, &id, json!({"q1": 1})).await;
    assert_eq!(malformed.body["error"]["code"], -32602);
    assert_eq!(malformed.body["error"]["data"]["detail"], "input_responses");
    let other = update(&world, &id, json!({"q2": {"action": "accept"}})).await;
    assert_eq!(other.body["result"]["resultType"], "complete");
    assert!(!served.heard().contains(&"tasks/update up-1".to_owned()));
    update(&world, &id, json!({"q1": {"action": "accept"}})).await;
    let accepted = || {
        served
            .heard()
            .contains(&r#"{"action":"accept"}"#.to_owned())
    };
    soon(accepted).await;
    // Nothing is held now: the server hears itself.
    served.task_is(WORKS);
    update(&world, &id, json!({})).await;
    assert!(served.heard().contains(&"tasks/update up-1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_to_a_task_that_asks() {
    let served = served();
    let world = World::serving(&[&served]);
    let id = begun(&world, "crm__works").await;
    served.task_is(WAITS);
    look(&world, &id).await;
    let ended = served.ended();
    tokio::time::sleep(Duration::from_secs(599)).await;
    assert_eq!(served.ended(), ended);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(
        served
            .heard()
            .contains(&r#"{"action":"cancel"}"#.to_owned())
    );
    assert_eq!(served.ended(), ended + 1);
}

#[tokio::test]
async fn what_is_held_ends_with_its_task_and_with_the_gate() {
    let served = served();
    let world = World::serving(&[&served]);
    for end in 0..2 {
        let id = begun(&world, "crm__works").await;
        served.task_is(WAITS);
        look(&world, &id).await;
        let before = served.ended();
        match end {
            0 => drop(asked(&world, "dora", "tasks/cancel", json!({"taskId": id})).await),
            _ => world.gate.drain(),
        }
        // The cancel is a call of its own.
        let wanted = before + if end == 0 { 2 } else { 1 };
        soon(|| served.ended() == wanted).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_can_not_be_asked_is_told_that_the_task_goes_on() {
    let served = served();
    let world = World::serving(&[&served]);
    let id = begun(&world, "crm__works").await;
    served.task_is(WAITS);
    let only = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let params = json!({"taskId": id});
    let sent = asked_as(&world, only, "dora", "tasks/get", params).await;
    assert_eq!(sent.body["result"]["status"], "working", "{sent:?}");
    assert!(served.heard().contains(&"undeclared".to_owned()));
}

#[tokio::test]
async fn tasks_that_wait_for_a_caller_are_so_many() {
    let served = served();
    let world = World::planned(|plan| {
        plan.servers = vec![Arc::clone(&served)];
        plan.exchange.each_caller = 1;
    });
    let (first, second) = (
        begun(&world, "crm__works").await,
        begun(&world, "crm__works_too").await,
    );
    served.task_is(WAITS);
    assert_eq!(look(&world, &first).await["status"], "input_required");
    let params = json!({"taskId": second});
    let sent = asked(&world, "dora", "tasks/get", params).await;
    assert_eq!(sent.body["error"]["code"], 429, "{sent:?}");
}

#[tokio::test]
async fn a_call_that_can_not_become_a_task_is_refused_by_an_error() {
    let served = served();
    let world = World::planned(|plan| {
        plan.servers = vec![Arc::clone(&served)];
        plan.exchange.each_caller = 1;
    });
    let mut line = opened(&world).await;
    served.task_is(WORKS);
    let first = id(&call(&mut line, 1, "crm__works").await);
    let refused = call(&mut line, 2, "crm__works").await;
    assert_eq!(refused["error"]["code"], 429, "{refused}");
    assert_eq!(refused["error"]["data"]["detail"], "too_many_tasks");
    assert_eq!(served.reached().len(), 1, "it is not called");
    // One that is known to have ended makes room.
    about(&mut line, "tasks/cancel", &first).await;
    id(&call(&mut line, 3, "crm__works").await);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_nobody_fetched_is_let_go() {
    let served = served();
    let world = World::serving(&[&served]);
    let mut line = opened(&world).await;
    let params = json!({"name": "crm__quick", "task": {"ttl": 90_000_000}});
    let made = line.ask(&request(&json!(1), "tools/call", &params)).await;
    // An hour at most, whatever is wanted.
    assert_eq!(made["result"]["task"]["ttl"], 3_600_000);
    assert_eq!(world.gate.kept.count(), 1);
    tokio::time::sleep(Duration::from_secs(3599)).await;
    assert_eq!(world.gate.kept.count(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.gate.kept.count(), 0);
}

#[tokio::test]
async fn nothing_waits_for_tasks_that_are_forgotten() {
    let served = served();
    let world = World::planned(|plan| {
        plan.servers = vec![Arc::clone(&served)];
        plan.exchange.each_caller = 3;
    });
    let mut line = opened(&world).await;
    for number in 0..20 {
        let tool = ["crm__quick", "crm__works"][number % 2];
        let task = id(&call(&mut line, number as u64 + 1, tool).await);
        let seen = about(&mut line, "tasks/get", &task).await;
        assert_eq!(seen["result"]["status"], "completed", "{seen}");
    }
    assert_eq!(world.gate.kept.count(), 3);
    soon(|| world.gate.tasks.len() <= 3).await;
}

#[tokio::test]
async fn a_session_is_told_what_it_would_see() {
    let served = served();
    let world = World::serving(&[&served]);
    let mut line = opened(&world).await;
    served.task_is(WORKS);
    let made = call(&mut line, 1, "crm__works").await;
    served.task_is(WORKS);
    let told = in_time(line.next()).await;
    assert_eq!(told["method"], "notifications/tasks/status");
    assert_eq!(told["params"]["taskId"], json!(id(&made)));
    assert_eq!(told["params"]["statusMessage"], "half");
    assert_eq!(told["params"]["ttl"].to_string(), "1.0");
    let looks = world
        .records()
        .iter()
        .filter(|it| it["method"] == "tasks/get")
        .count();
    assert_eq!(looks, 1, "a look as any other");
}

#[tokio::test]
async fn another_replica_serves_a_task_and_does_not_list_it() {
    let served = served();
    let world = World::serving(&[&served]);
    served.task_is(WORKS);
    let mut line = opened(&world).await;
    let task = id(&call(&mut line, 1, "crm__works").await);
    let kept = id(&call(&mut line, 2, "crm__quick").await);
    let listed = line
        .ask(&request(&json!(3), "tasks/list", &json!({})))
        .await;
    assert_eq!(listed["result"]["tasks"].as_array().unwrap().len(), 2);
    let twin = world.twin();
    let mut other = opened(&twin).await;
    let seen = about(&mut other, "tasks/get", &task).await;
    assert_eq!(seen["result"]["taskId"], json!(task), "{seen}");
    let gone = about(&mut other, "tasks/get", &kept).await;
    assert_eq!(gone["error"]["code"], -32602, "{gone}");
    let listed = other
        .ask(&request(&json!(4), "tasks/list", &json!({})))
        .await;
    assert_eq!(listed["result"]["tasks"], json!([]));
}

#[tokio::test]
async fn what_a_caller_may_not_see_any_more_is_gone_from_its_tasks() {
    let served = served();
    let world = World::serving(&[&served]);
    served.task_is(WORKS);
    let mut line = opened(&world).await;
    let task = id(&call(&mut line, 1, "crm__works").await);
    world.reload(|plan| {
        let (name, boss) = role("boss", &["*"], &["tool:crm__works"], &[]);
        plan.policy.roles.insert(name, boss);
    });
    let changed = line.next().await;
    assert_eq!(changed["method"], "notifications/tools/list_changed");
    let listed = line
        .ask(&request(&json!(2), "tasks/list", &json!({})))
        .await;
    assert_eq!(listed["result"]["tasks"], json!([]), "{listed}");
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        let gone = about(&mut line, method, &task).await;
        assert_eq!(gone["error"]["code"], -32602, "{method}: {gone}");
    }
    // What it never could see is no tool, whatever it wants it to become.
    let unknown = call(&mut line, 3, "crm__works").await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
}

#[tokio::test]
async fn a_result_names_its_task_and_a_question_does() {
    let served = served();
    let world = World::serving(&[&served]);
    served.task_is(WORKS);
    let mut line = opened(&world).await;
    let task = id(&call(&mut line, 1, "crm__works").await);
    let question = about(&mut line, "tasks/result", &task).await;
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let related = json!({"taskId": task});
    assert_eq!(question["params"]["_meta"][RELATED], related);
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept"}});
    let result = line.ask(&answer).await;
    assert_eq!(result["result"]["_meta"][RELATED], related, "{result}");
}

#[tokio::test]
async fn tools_say_what_they_can_become_to_those_who_know_the_word() {
    let mut offer = tools(&[]);
    offer.capabilities = Some(RawJson::from_static(
        r#"{"tasks":{"requests":{"tools":{"call":{}}}}}"#,
    ));
    let execution = r#","execution":{"taskSupport":"required","x":1.50}"#;
    offer.tools = vec![
        tool_as("crm__must", "must", execution),
        tool_as("crm__plain", "plain", ""),
    ];
    let legacy = Served::new("crm", offer);
    let world = World::serving(&[&legacy]);
    let mut line = opened(&world).await;
    let list = line
        .ask(&request(&json!(1), "tools/list", &json!({})))
        .await;
    let of = |name: &str| {
        let tools = list["result"]["tools"].as_array().unwrap().iter();
        let mut named = tools.filter(|it| it["name"] == name);
        named.next().unwrap()["execution"].to_string()
    };
    assert_eq!(of("crm__must"), r#"{"taskSupport":"required","x":1.50}"#);
    assert_eq!(of("crm__plain"), "null");
    let refused = call(&mut line, 2, "crm__plain").await;
    assert_eq!(refused["error"]["code"], -32601, "{refused}");
    for ttl in [json!(-1), json!("x"), json!({})] {
        let params = json!({"name": "crm__must", "task": {"ttl": ttl}});
        let refused = line.ask(&request(&json!(3), "tools/call", &params)).await;
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    assert_eq!(legacy.reached().len(), 0);
}
