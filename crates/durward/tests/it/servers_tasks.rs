//! Tasks that calls become, for clients of 2026-07-28 at servers of either era: rows of protocol.md, section 6.5.

use std::{fs, thread, time::Duration};

use durward_testkit::{House, Pipe, legacy, modern, notification, refusal, text};
use serde_json::{Value, json};

use crate::{
    eventually, house,
    processes::HttpUpstream,
    servers::{guarding, raw_upstream},
    servers_faults::serving,
};

pub(crate) const ERAS: [&str; 2] = ["legacy", "modern"];
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const EXTENSION: &str = "io.modelcontextprotocol/tasks";
pub(crate) const RELATED: &str = "io.modelcontextprotocol/related-task";
pub(crate) const MAY_ASK: &str = "    capabilities: [tools, elicitation, logging]\n";
/// How long a busy machine may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// How often something is looked at meanwhile.
const LOOKS: usize = 400;
const PAUSE: Duration = Duration::from_millis(50);

/// A client that can be given tasks and asked by forms.
pub(crate) fn able() -> Value {
    json!({"elicitation": {}, "extensions": {EXTENSION: {}}})
}

/// A server with tasks that is reached in this way; what serves it by HTTP must live as long as the house.
pub(crate) fn behind(transport: &str, era: &str) -> (House, Option<HttpUpstream>) {
    let options = ["--era", era, "--tasks"];
    if transport == "stdio" {
        return (guarding(&options, MAY_ASK), None);
    }
    let upstream = HttpUpstream::start(&options);
    let house = house();
    let url = &upstream.url;
    house.configure(&format!("servers:\n  raw:\n    url: \"{url}\"\n{MAY_ASK}"));
    (house, Some(upstream))
}

/// What happens in the same way, however the server is reached.
pub(crate) fn by_each_transport(era: &str, test: impl Fn(&House)) {
    for transport in ["stdio", "http"] {
        let (house, _upstream) = behind(transport, era);
        test(&house);
    }
}

/// Asks as a modern client with these capabilities.
pub(crate) fn ask(pipe: &mut Pipe, capabilities: &Value, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({CAPABILITIES: capabilities});
    pipe.modern(method, params)
}

fn call(pipe: &mut Pipe, tool: &str, arguments: Value) -> Value {
    let params = json!({"name": format!("raw__{tool}"), "arguments": arguments});
    ask(pipe, &able(), "tools/call", params)
}

/// The id of the task that a call has become.
fn begun(pipe: &mut Pipe, tool: &str, arguments: Value) -> String {
    let made = call(pipe, tool, arguments);
    assert_eq!(made["result"]["resultType"], "task", "{made}");
    made["result"]["taskId"].as_str().unwrap().to_owned()
}

pub(crate) fn about(id: &str) -> Value {
    json!({"taskId": id})
}

/// Looks until the task is no longer at work.
pub(crate) fn settled(mut look: impl FnMut() -> Value) -> Value {
    for _ in 0..LOOKS {
        let task = look()["result"].take();
        if task["status"] != "working" {
            return task;
        }
        thread::sleep(PAUSE);
    }
    panic!("it works on and on");
}

fn looked(pipe: &mut Pipe, id: &str) -> Value {
    settled(|| ask(pipe, &able(), "tasks/get", about(id)))
}

/// A legacy client that has been shown which tools there are.
pub(crate) fn opened(house: &House, revision: &str, capabilities: Value) -> (Pipe, Value) {
    let mut pipe = house.stdio(&[]);
    pipe.modern("tools/list", json!({}));
    pipe.send(&durward_testkit::initialize_with(revision, capabilities));
    let opened = pipe.message();
    pipe.send(&notification("notifications/initialized", json!({})));
    (pipe, opened)
}

/// The next message of a pipe that says what it is to say; others are dropped.
pub(crate) fn until(pipe: &mut Pipe, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let message = pipe.message();
        if wanted(&message) {
            return message;
        }
    }
}

#[test]
fn a_tool_that_must_be_a_task_is_one_for_a_modern_client() {
    by_each_transport("legacy", |house| {
        let mut pipe = house.stdio(&[]);
        let made = call(&mut pipe, "must", json!({"ms": 100}));
        let task = &made["result"];
        assert_eq!(
            (&task["resultType"], &task["status"]),
            (&json!("task"), &json!("working"))
        );
        assert_eq!(
            (&task["pollIntervalMs"], task.get("ttl")),
            (&json!(50), None),
            "{made}"
        );
        assert!(task["ttlMs"].is_number(), "{made}");
        assert_eq!(task["x-kept"].to_string(), "1.50");
        assert_eq!(task["_meta"]["made"].to_string(), "1.50");
        let id = task["taskId"].as_str().unwrap().to_owned();
        let done = looked(&mut pipe, &id);
        assert_eq!(
            (&done["status"], &done["taskId"]),
            (&json!("completed"), &json!(id))
        );
        assert_eq!(done["result"]["content"][0]["text"], "done", "{done}");
        assert_eq!(done["result"]["x-kept"].to_string(), "1.50");
        assert!(!done.to_string().contains(RELATED), "{done}");
        // What may be one is none where nobody asks for it.
        let plain = call(&mut pipe, "job", json!({}));
        assert_eq!(
            (text(&plain), &plain["result"]["resultType"]),
            ("done", &json!("complete"))
        );
    });
}

#[test]
fn a_task_s_end_is_an_error_or_a_result_that_tells_of_one() {
    for era in ERAS {
        let (house, _upstream) = behind("stdio", era);
        let mut pipe = house.stdio(&[]);
        let id = begun(&mut pipe, "must", json!({"fail": "tool"}));
        let done = looked(&mut pipe, &id);
        assert_eq!(done["status"], "completed", "{era}: {done}");
        assert_eq!(done["result"]["isError"], true);
        let id = begun(&mut pipe, "must", json!({"fail": "error"}));
        let failed = looked(&mut pipe, &id);
        assert_eq!(failed["status"], "failed", "{era}: {failed}");
        assert_eq!(failed["error"]["message"], "the job broke");
        assert_eq!(failed.get("result"), None);
    }
}

#[test]
fn what_a_task_of_a_legacy_server_asks_is_answered_by_an_update() {
    by_each_transport("legacy", |house| {
        let mut pipe = house.stdio(&[]);
        let id = begun(&mut pipe, "must", json!({"ask": true}));
        let waits = looked(&mut pipe, &id);
        assert_eq!(waits["status"], "input_required", "{waits}");
        let question = &waits["inputRequests"]["q1"];
        assert_eq!(question["method"], "elicitation/create");
        assert_eq!(question["params"]["message"], "[raw] Sure?");
        assert!(!waits.to_string().contains(RELATED), "{waits}");
        let mut update = |answers: Value| {
            let params = json!({"taskId": id, "inputResponses": answers});
            ask(&mut pipe, &able(), "tasks/update", params)
        };
        let malformed = update(json!({"q1": {"action": "perhaps"}}));
        assert_eq!(malformed["error"]["code"], -32602, "{malformed}");
        let other = update(json!({"q9": {"action": "accept"}}));
        assert_eq!(other["result"]["resultType"], "complete", "{other}");
        let answered = update(json!({"q1": {"action": "accept", "content": {}}}));
        assert_eq!(answered["result"]["resultType"], "complete", "{answered}");
        let done = looked(&mut pipe, &id);
        assert_eq!(
            done["result"]["content"][0]["text"], r#"{"action":"accept","content":{}}"#,
            "{done}"
        );
    });
}

#[test]
fn a_call_may_ask_before_it_becomes_a_task() {
    for era in ERAS {
        by_each_transport(era, |house| {
            let mut pipe = house.stdio(&[]);
            let mut params = json!({"name": "raw__must", "arguments": {"ask_first": true}});
            let wanted = ask(&mut pipe, &able(), "tools/call", params.clone());
            assert_eq!(
                wanted["result"]["resultType"], "input_required",
                "{era}: {wanted}"
            );
            let asked = wanted["result"]["inputRequests"].as_object().unwrap();
            let answers = asked
                .keys()
                .map(|key| (key.clone(), json!({"action": "accept"})));
            params["inputResponses"] = Value::Object(answers.collect());
            if let Some(state) = wanted["result"].get("requestState") {
                params["requestState"] = state.clone();
            }
            let made = ask(&mut pipe, &able(), "tools/call", params);
            assert_eq!(made["result"]["resultType"], "task", "{era}: {made}");
            let id = made["result"]["taskId"].as_str().unwrap();
            assert!(!id.starts_with("task-"), "{era}: {id}");
            let done = looked(&mut pipe, id);
            let text = &done["result"]["content"][0]["text"];
            assert_eq!(text, r#"{"action":"accept"}"#, "{era}: {done}");
        });
    }
}

#[test]
fn a_modern_client_s_cancel_is_acknowledged_whatever_the_task_is() {
    by_each_transport("legacy", |house| {
        let mut pipe = house.stdio(&[]);
        let id = begun(&mut pipe, "must", json!({"ms": 60_000}));
        for _ in 0..2 {
            let told = ask(&mut pipe, &able(), "tasks/cancel", about(&id));
            assert_eq!(told["result"]["resultType"], "complete", "{told}");
            assert_eq!(told["result"].get("taskId"), None);
        }
        assert_eq!(looked(&mut pipe, &id)["status"], "cancelled");
    });
}

#[test]
fn who_can_not_be_given_a_task_hears_of_its_end() {
    by_each_transport("legacy", |house| {
        let mut pipe = house.stdio(&[]);
        let done = pipe.call("raw__must", json!({}));
        assert_eq!(
            (text(&done), &done["result"]["resultType"]),
            ("done", &json!("complete"))
        );
        assert!(!done.to_string().contains(RELATED), "{done}");
        // Its questions are those of the call.
        let params = json!({"name": "raw__must", "arguments": {"ask": true}});
        let asks = json!({"elicitation": {}});
        let wanted = ask(&mut pipe, &asks, "tools/call", params.clone());
        assert_eq!(wanted["result"]["resultType"], "input_required", "{wanted}");
        let mut again = params;
        again["requestState"] = wanted["result"]["requestState"].clone();
        again["inputResponses"] = json!({"q1": {"action": "decline"}});
        let done = ask(&mut pipe, &asks, "tools/call", again);
        assert_eq!(text(&done), r#"{"action":"decline"}"#, "{done}");
    });
}

#[test]
fn a_task_of_a_call_that_is_given_up_is_cancelled() {
    for era in ERAS {
        let record = house();
        let record = record.file("record", "");
        let options = [
            "--era",
            era,
            "--tasks",
            "--record",
            &record.display().to_string(),
        ];
        let house = guarding(&options, "");
        let (mut pipe, _) = opened(&house, "2025-06-18", json!({}));
        let params = json!({"name": "raw__must", "arguments": {"ms": 60_000}});
        pipe.send(&legacy("x", "tools/call", params));
        let heard = |method: &str| {
            let all = fs::read_to_string(&record).unwrap();
            all.lines().any(|line| line.contains(method))
        };
        let follows = if era == "legacy" {
            "tasks/result"
        } else {
            "tasks/get"
        };
        eventually("the task is under way", || heard(follows));
        pipe.send(&notification(
            "notifications/cancelled",
            json!({"requestId": "x"}),
        ));
        eventually("the server hears of it", || heard("tasks/cancel"));
    }
}

#[test]
fn a_task_is_its_caller_s_alone() {
    for era in ERAS {
        let (house, _upstream) = behind("http", era);
        let other = house.key("developer");
        let daemon = serving(&house);
        let asked = |method: &str, params: Value, key: Option<&str>| {
            let mut params = params;
            params["_meta"] = json!({CAPABILITIES: able()});
            let name = params["taskId"].as_str().map(str::to_owned);
            let mut post = daemon.modern_post(&modern(1, method, params));
            if let Some(name) = name {
                post = post.header("Mcp-Name", &name);
            }
            if let Some(key) = key {
                post = post.with("Authorization", &format!("Bearer {key}"));
            }
            daemon.ask(&post).json()
        };
        let params = json!({"name": "raw__must", "arguments": {"ms": 0}});
        let made = asked("tools/call", params, None);
        let id = made["result"]["taskId"]
            .as_str()
            .expect("a task")
            .to_owned();
        let own = asked("tasks/get", about(&id), None);
        assert_eq!(own["result"]["taskId"], json!(id), "{era}: {own}");
        let mut refusals = vec![asked("tasks/get", about(&id), Some(&other))];
        for unknown in ["task-1".to_owned(), format!("{id}A"), "dwt1.".to_owned()] {
            refusals.push(asked("tasks/get", about(&unknown), None));
        }
        for method in ["tasks/cancel", "tasks/update"] {
            let params = json!({"taskId": id, "inputResponses": {}});
            refusals.push(asked(method, params, Some(&other)));
        }
        for refused in &refusals {
            assert_eq!(refused["error"]["code"], -32602, "{era}: {refused}");
            assert_eq!(refused["error"]["message"], refusals[0]["error"]["message"]);
        }
        let done = settled(|| asked("tasks/get", about(&id), None));
        assert_eq!(done["status"], "completed", "{era}: {done}");
    }
}

#[test]
fn a_task_dies_with_its_server_and_is_not_begun_again() {
    for era in ERAS {
        let record = house();
        let record = record.file("record", "");
        let options = [
            "--era",
            era,
            "--tasks",
            "--record",
            &record.display().to_string(),
        ];
        let house = guarding(&options, "");
        let mut pipe = house.stdio(&[]);
        let id = begun(&mut pipe, "must", json!({"ms": 60_000}));
        assert_eq!(refusal(&pipe.call("raw__die", json!({}))), "unavailable");
        let mut look = || {
            thread::sleep(PAUSE);
            let gone = ask(&mut pipe, &able(), "tasks/get", about(&id));
            assert!(gone["error"].is_object(), "{era}: {gone}");
            gone["error"]["code"].as_i64()
        };
        // Until the server is there again, and knows nothing of it.
        let code = (0..LOOKS).map(|_| look()).find(|code| *code != Some(503));
        assert_eq!(code.flatten(), Some(-32602), "{era}");
        let all = fs::read_to_string(&record).unwrap();
        assert_eq!(all.matches(r#""must""#).count(), 1, "{era}: {all}");
    }
}

#[test]
fn a_listen_hears_of_the_tasks_that_it_names() {
    for era in ERAS {
        let (house, _upstream) = behind("stdio", era);
        let mut pipe = house.stdio(&[]);
        let id = begun(&mut pipe, "must", json!({"ms": 1500}));
        let wanted = json!({"taskIds": [id, "task-1"]});
        let undeclared = pipe.modern("subscriptions/listen", json!({"notifications": wanted}));
        assert_eq!(undeclared["error"]["code"], -32021, "{undeclared}");
        let mut params = json!({"notifications": wanted});
        params["_meta"] = json!({CAPABILITIES: able()});
        pipe.send(&modern("l", "subscriptions/listen", params));
        let acknowledged = pipe.message();
        assert_eq!(
            acknowledged["params"]["notifications"]["taskIds"],
            json!([id]),
            "{era}: {acknowledged}"
        );
        let told = until(&mut pipe, |it| it["params"]["status"] == "completed");
        assert_eq!(told["method"], "notifications/tasks", "{era}: {told}");
        let task = &told["params"];
        assert_eq!(task["taskId"], json!(id));
        assert_eq!(
            task["result"]["content"][0]["text"], "done",
            "{era}: {told}"
        );
        assert_eq!(task["_meta"]["io.modelcontextprotocol/subscriptionId"], "l");
        assert_eq!(task.get("resultType"), None);
    }
}

#[test]
fn what_a_task_ends_in_is_named_as_any_result_is() {
    for era in ERAS {
        let (house, _upstream) = behind("stdio", era);
        let mut pipe = house.stdio(&[]);
        let id = begun(&mut pipe, "must", json!({"link": true}));
        let done = looked(&mut pipe, &id);
        let link = &done["result"]["content"][1]["uri"];
        assert_eq!(*link, "raw+raw://a", "{era}: {done}");
        let (mut pipe, _) = opened(&house, "2025-11-25", json!({}));
        for tool in ["raw__job", "raw__quick"] {
            let arguments = json!({"link": true});
            let params = json!({"name": tool, "arguments": arguments, "task": {}});
            let made = pipe.ask("tools/call", params);
            let id = made["result"]["task"]["taskId"].as_str().expect("a task");
            let result = pipe.ask("tasks/result", about(id));
            let link = &result["result"]["content"][1]["uri"];
            assert_eq!(*link, "raw+raw://a", "{era} {tool}: {result}");
        }
    }
}

#[test]
fn a_server_alone_has_its_tasks_under_its_own_names() {
    for era in ERAS {
        let (house, _upstream) = behind("stdio", era);
        let daemon = serving(&house);
        let asked = |target: &str, method: &str, mut params: Value| {
            params["_meta"] = json!({CAPABILITIES: able()});
            let post = daemon.modern_post(&modern(1, method, params.clone()));
            let post = match params["taskId"].as_str() {
                Some(id) => post.header("Mcp-Name", id),
                None => post,
            };
            daemon.ask(&post.target(target)).json()
        };
        let params = json!({"name": "must", "arguments": {"ms": 0, "link": true}});
        let made = asked("/mcp/raw", "tools/call", params);
        let id = made["result"]["taskId"]
            .as_str()
            .expect("a task")
            .to_owned();
        let done = settled(|| asked("/mcp/raw", "tasks/get", about(&id)));
        assert_eq!(
            done["result"]["content"][1]["uri"], "raw://a",
            "{era}: {done}"
        );
        let seen = asked("/mcp", "tasks/get", about(&id));
        let link = &seen["result"]["result"]["content"][1]["uri"];
        assert_eq!(*link, "raw+raw://a", "{era}: {seen}");
    }
}

#[test]
fn a_listen_over_http_hears_of_them_too() {
    for era in ERAS {
        let (house, _upstream) = behind("stdio", era);
        let daemon = serving(&house);
        let post = |method: &str, mut params: Value| {
            params["_meta"] = json!({CAPABILITIES: able()});
            daemon.modern_post(&modern("h", method, params))
        };
        let params = json!({"name": "raw__must", "arguments": {"ms": 1500, "fail": "tool"}});
        let made = daemon.ask(&post("tools/call", params)).json();
        let id = made["result"]["taskId"].as_str().expect("a task");
        let wanted = json!({"notifications": {"taskIds": [id]}});
        let mut stream = daemon.connect();
        stream.send(&post("subscriptions/listen", wanted).bytes());
        assert_eq!(stream.opening().expect("a stream").status, 200);
        let mut next = || {
            let event = stream.event(SOON).expect("an event");
            serde_json::from_str::<Value>(&event.data).unwrap()
        };
        let acknowledged = next();
        let honoured = &acknowledged["params"]["notifications"]["taskIds"];
        assert_eq!(*honoured, json!([id]), "{era}: {acknowledged}");
        let told = next();
        assert_eq!(told["params"]["status"], "completed", "{era}: {told}");
        assert_eq!(told["params"]["result"]["isError"], true, "{era}: {told}");
    }
}

#[test]
fn a_server_that_nobody_can_reach_has_no_tasks() {
    let raw = raw_upstream().display().to_string();
    let house = house();
    house.configure(&format!(
        "servers:\n  raw: {{ command: [\"{raw}\", --die], sandbox: host }}\n"
    ));
    let mut pipe = house.stdio(&[]);
    let unknown = ask(&mut pipe, &able(), "tasks/get", about("task-1"));
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
}
