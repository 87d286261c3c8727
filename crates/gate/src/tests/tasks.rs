//! Tasks that calls become: whose they are, and that each look at one is a call like any other.

use durward_core::{Offer, RawJson};
use serde_json::{Value, json};

use super::{
    clients::{Modern, modern_at},
    served::{Served, tools},
    world::{Sent, World, role},
};

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

fn declared() -> Value {
    json!({"extensions": {"io.modelcontextprotocol/tasks": {}}})
}

fn served() -> std::sync::Arc<Served> {
    let capabilities = r#"{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{},"x/y":{}}}"#;
    let offer = Offer {
        capabilities: Some(RawJson::from_static(capabilities)),
        ..tools(&["works", "limited"])
    };
    Served::new("crm", offer)
}

/// Asks as a client that can be given tasks.
async fn able(world: &World, who: &str, method: &str, params: Value) -> Sent {
    let name = params["taskId"].as_str().map(str::to_owned);
    let request = Modern::new(world.next_id().into(), method, params);
    let request = request.meta(CAPABILITIES, declared());
    match name {
        Some(id) => request.header("mcp-name", Some(&id)).send(world, who).await,
        None => request.send(world, who).await,
    }
}

async fn begun(world: &World, who: &str) -> String {
    let sent = able(world, who, "tools/call", json!({"name": "crm__works"})).await;
    let result = &sent.body["result"];
    assert_eq!(result["resultType"], "task", "{sent:?}");
    assert_eq!(result["x"].to_string(), "1.50");
    result["taskId"].as_str().unwrap().to_owned()
}

fn code(sent: &Sent) -> (u16, i64) {
    let code = sent.body["error"]["code"].as_i64();
    (sent.status, code.unwrap_or_default())
}

#[tokio::test]
async fn a_call_that_becomes_a_task_is_found_again_by_an_id_of_ours() {
    let served = served();
    let world = World::serving(&[&served]);
    let id = begun(&world, "alice").await;
    assert!(!id.contains("up-1"), "{id}");
    let got = able(&world, "alice", "tasks/get", json!({"taskId": id})).await;
    let result = &got.body["result"];
    assert_eq!(
        (&result["resultType"], &result["taskId"], &result["status"]),
        (&json!("complete"), &json!(id), &json!("completed"))
    );
    let update = json!({"taskId": id, "inputResponses": {"k": {"action": "accept"}}});
    let updated = able(&world, "alice", "tasks/update", update).await;
    assert_eq!(updated.body["result"]["resultType"], "complete");
    let cancelled = able(&world, "alice", "tasks/cancel", json!({"taskId": id})).await;
    assert_eq!(cancelled.body["result"]["resultType"], "complete");
    assert_eq!(
        served.heard(),
        ["tasks/get up-1", "tasks/update up-1", "tasks/cancel up-1"]
    );
}

#[tokio::test]
async fn to_all_others_there_is_no_such_task() {
    let served = served();
    let other = Served::new("erp", tools(&["x"]));
    let world = World::serving(&[&served, &other]);
    let id = begun(&world, "alice").await;
    let get = |id: &str| json!({"taskId": id});
    for (who, id) in [
        ("bob", id.clone()),
        ("alice", format!("{id}x")),
        ("alice", "up-1".to_owned()),
        ("alice", String::new()),
    ] {
        let sent = able(&world, who, "tasks/get", get(&id)).await;
        assert_eq!(code(&sent), (200, -32602), "{who} {id}");
    }
    // Another server's endpoint knows nothing of tasks at all.
    let sent = modern_at(&world, "erp", "alice", "tasks/list", json!({})).await;
    assert_eq!(code(&sent), (404, -32601));
    assert_eq!(world.last_status(), "refused");
    assert_eq!(served.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn each_look_is_judged_and_recorded_as_a_call_of_its_tool() {
    let served = served();
    let world = World::serving(&[&served]);
    let id = begun(&world, "alice").await;
    able(&world, "alice", "tasks/get", json!({"taskId": id})).await;
    let records = world.records();
    let is_look = |it: &&Value| it["method"] == "tasks/get";
    let look = records.iter().find(is_look).expect("a record");
    assert_eq!(look["target"], "crm__works");
    world.reload(|plan| {
        let (name, worker) = role("worker", &["*"], &["tool:crm__works"], &[]);
        plan.policy.roles.insert(name, worker);
    });
    let sent = able(&world, "alice", "tasks/get", json!({"taskId": id})).await;
    assert_eq!(code(&sent), (200, -32602));
    assert_eq!(served.heard().len(), 1);
}

#[tokio::test]
async fn tasks_are_for_those_who_declare_them() {
    let served = served();
    let world = World::serving(&[&served]);
    let id = begun(&world, "alice").await;
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let params = json!({"taskId": id, "inputResponses": {}});
        let request = Modern::new(json!(1), method, params).header("mcp-name", Some(&id));
        let sent = request.send(&world, "alice").await;
        assert_eq!(code(&sent), (400, -32021), "{method}");
        let needed = &sent.body["error"]["data"]["requiredCapabilities"]["extensions"];
        assert!(needed["io.modelcontextprotocol/tasks"].is_object());
    }
    for method in ["tasks/list", "tasks/result"] {
        let sent = able(&world, "alice", method, json!({})).await;
        assert_eq!(code(&sent), (404, -32601), "{method}");
    }
    let discovered = able(&world, "alice", "server/discover", json!({})).await;
    assert_eq!(
        discovered.body["result"]["capabilities"]["extensions"],
        json!({"io.modelcontextprotocol/tasks": {}})
    );
}

#[tokio::test]
async fn where_no_server_has_tasks_there_are_none() {
    let world = World::serving(&[&Served::new("crm", tools(&["works"]))]);
    let sent = able(&world, "alice", "tasks/get", json!({"taskId": "a"})).await;
    assert_eq!(code(&sent), (404, -32601));
    let discovered = able(&world, "alice", "server/discover", json!({})).await;
    assert!(discovered.body["result"]["capabilities"]["extensions"].is_null());
}
