use serde_json::{Value, json};

use super::{super::lines::Lines, *};

/// A conversation, and what of it is sent.
#[derive(Default)]
struct Talk {
    memory: Memory,
    up: Lines,
}

impl Talk {
    fn says(&mut self, message: &Value) {
        let line = Bytes::from(message.to_string());
        let number = self.up.push(line.clone());
        self.memory.sends(&line, number);
    }

    /// Says it, and it leaves the bridge.
    fn sends(&mut self, message: &Value) {
        self.says(message);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        while !self.up.is_empty() {
            runtime.block_on(self.up.write(tokio::io::sink())).unwrap();
        }
    }

    /// What the client gets of a line of the daemon's.
    fn hears(&mut self, message: &Value) -> Vec<Value> {
        let line = Bytes::from(message.to_string());
        match self.memory.hears(&line) {
            Heard::Pass => vec![message.clone()],
            Heard::Instead(lines) => values(&lines),
            Heard::Over(why) => panic!("{why}"),
        }
    }

    fn opens(&mut self) {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"roots": {}}});
        self.sends(&request(0, "initialize", params));
        self.hears(&initialized(&json!(0), "2025-11-25"));
        self.sends(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }

    fn lost(&mut self) -> Vec<Value> {
        let unsent = self.up.unsent();
        values(&self.memory.lost(unsent))
    }

    fn replays(&mut self) -> Vec<Value> {
        let unsent = self.up.unsent();
        values(&self.memory.replays(unsent))
    }
}

fn values(lines: &[Bytes]) -> Vec<Value> {
    let read = |line: &Bytes| serde_json::from_slice(line).unwrap();
    lines.iter().map(read).collect()
}

fn request(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn initialized(id: &Value, revision: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": {
        "protocolVersion": revision, "capabilities": {"tools": {"listChanged": true}, "prompts": {}}
    }})
}

fn methods(messages: &[Value]) -> Vec<&str> {
    let all = messages.iter();
    all.map(|it| it["method"].as_str().unwrap_or_default())
        .collect()
}

#[test]
fn a_call_that_was_sent_is_answered_and_never_sent_again() {
    let mut talk = Talk::default();
    talk.sends(&request(1, "tools/call", json!({"name": "t"})));
    let modern =
        json!({"name": "t", "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
    talk.sends(&request(2, "tools/call", modern));
    talk.sends(&request(3, "resources/read", json!({"uri": "a:b"})));
    let mut told = talk.lost();
    told.sort_by_key(|it| it["id"].as_u64());
    assert_eq!(told.len(), 3);
    assert_eq!(told[0]["result"]["isError"], true);
    let facts = &told[0]["result"]["_meta"]["dev.durward/refusal"];
    assert_eq!(
        (&facts["code"], &facts["detail"]),
        (&json!("unavailable"), &json!("may_have_run"))
    );
    assert!(told[0]["result"]["resultType"].is_null());
    assert_eq!(told[1]["result"]["resultType"], "complete");
    assert_eq!(told[2]["error"]["code"], 503);
    assert!(talk.replays().is_empty() && !talk.memory.waits());
}

#[test]
fn what_did_not_leave_waits_for_the_next_daemon() {
    let mut talk = Talk::default();
    talk.says(&request(1, "tools/call", json!({"name": "t"})));
    assert!(talk.lost().is_empty() && talk.replays().is_empty());
    assert!(talk.memory.waits() && talk.up.len() == 1);
    let told = values(&talk.memory.gives_up("no such file"));
    assert_eq!(
        told[0]["result"]["_meta"]["dev.durward/refusal"]["detail"],
        "not_sent"
    );
    assert!(told[0].to_string().contains("no such file"));
}

#[test]
fn what_was_answered_or_cancelled_is_forgotten() {
    let mut talk = Talk::default();
    talk.sends(&request(1, "tools/call", json!({})));
    talk.sends(&request(2, "tools/call", json!({})));
    talk.hears(&json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    talk.sends(
        &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}),
    );
    assert!(talk.lost().is_empty());
}

#[test]
fn the_session_is_opened_again_as_the_client_opened_it() {
    let mut talk = Talk::default();
    talk.opens();
    talk.sends(&request(1, "logging/setLevel", json!({"level": "info"})));
    talk.sends(&request(2, "resources/subscribe", json!({"uri": "a:1"})));
    talk.sends(&request(3, "resources/subscribe", json!({"uri": "a:2"})));
    talk.sends(&request(4, "resources/unsubscribe", json!({"uri": "a:1"})));
    for id in 1..5 {
        talk.hears(&json!({"jsonrpc": "2.0", "id": id, "result": {}}));
    }
    talk.sends(&request(5, "tools/list", json!({})));
    assert!(talk.lost().is_empty());
    let replays = talk.replays();
    let expected = [
        "initialize",
        "notifications/initialized",
        "logging/setLevel",
        "resources/subscribe",
        "tools/list",
    ];
    assert_eq!(methods(&replays), expected);
    assert_eq!(replays[0]["params"]["capabilities"], json!({"roots": {}}));
    assert_eq!(replays[3]["params"]["uri"], "a:2");
    assert_eq!(replays[4]["id"], 5);
    // Our own answers are not the client's, and lists may have changed.
    let told = talk.hears(&initialized(&replays[0]["id"], "2025-11-25"));
    assert_eq!(methods(&told), ["notifications/tools/list_changed"]);
    for own in &replays[2..4] {
        assert!(
            talk.hears(&json!({"jsonrpc": "2.0", "id": own["id"], "result": {}}))
                .is_empty()
        );
    }
    assert_eq!(
        talk.hears(&json!({"jsonrpc": "2.0", "id": 5, "result": {}}))
            .len(),
        1
    );
    // And once more, from the start.
    assert!(talk.lost().is_empty());
    assert_eq!(methods(&talk.replays()), expected[..4]);
}

#[test]
fn an_initialize_without_an_answer_is_sent_again_under_its_own_id() {
    let mut talk = Talk::default();
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
    talk.sends(&request(0, "initialize", params));
    assert!(talk.lost().is_empty());
    let replays = talk.replays();
    assert_eq!(
        (methods(&replays), &replays[0]["id"]),
        (vec!["initialize"], &json!(0))
    );
    assert_eq!(talk.hears(&initialized(&json!(0), "2025-11-25")).len(), 1);
}

#[test]
fn another_revision_ends_the_conversation() {
    let mut talk = Talk::default();
    talk.opens();
    talk.lost();
    let replays = talk.replays();
    let answer = initialized(&replays[0]["id"], "2024-11-05").to_string();
    assert!(matches!(
        talk.memory.hears(&Bytes::from(answer)),
        Heard::Over(_)
    ));
}

#[test]
fn a_listen_is_begun_again_and_acknowledged_once() {
    let mut talk = Talk::default();
    talk.sends(&request(
        7,
        "subscriptions/listen",
        json!({"notifications": {}}),
    ));
    let acknowledged = json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
        "params": {"_meta": {"io.modelcontextprotocol/subscriptionId": 7}}});
    assert_eq!(talk.hears(&acknowledged).len(), 1);
    assert!(talk.lost().is_empty());
    assert_eq!(methods(&talk.replays()), ["subscriptions/listen"]);
    assert!(talk.hears(&acknowledged).is_empty());
    assert_eq!(talk.hears(&acknowledged).len(), 1, "once");
}

#[test]
fn questions_of_a_daemon_that_is_gone_are_withdrawn() {
    let mut talk = Talk::default();
    for id in [11, 12, 13] {
        assert_eq!(talk.hears(&request(id, "roots/list", json!({}))).len(), 1);
    }
    talk.sends(&json!({"jsonrpc": "2.0", "id": 11, "result": {}}));
    talk.hears(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 12}}));
    let told = talk.lost();
    assert_eq!(methods(&told), ["notifications/cancelled"]);
    assert_eq!(told[0]["params"]["requestId"], 13);
}

#[test]
fn what_is_no_message_is_the_daemons_to_answer() {
    let mut talk = Talk::default();
    let line = Bytes::from_static(b"{nonsense");
    let number = talk.up.push(line.clone());
    talk.memory.sends(&line, number);
    assert!(!talk.memory.waits());
    assert!(matches!(talk.memory.hears(&line), Heard::Pass));
}

#[test]
fn each_call_of_a_batch_is_answered() {
    let mut talk = Talk::default();
    let call = |id| request(id, "tools/call", json!({}));
    talk.sends(&json!([call(1), call(2), request(3, "ping", json!({}))]));
    assert_eq!(talk.lost().len(), 2);
    assert_eq!(methods(&talk.replays()), ["ping"]);
}
