//! Tasks that calls become, for clients and servers of either era: the rows of protocol.md, section 6.5.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use durward_testkit::{House, Pipe, legacy, modern, notification, refusal, text};
use serde_json::{Value, json};

use crate::{
    eventually, house,
    processes::HttpUpstream,
    servers::{guarding, raw_upstream},
    servers_faults::serving,
};

const ERAS: [&str; 2] = ["legacy", "modern"];
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const EXTENSION: &str = "io.modelcontextprotocol/tasks";
const RELATED: &str = "io.modelcontextprotocol/related-task";
const MAY_ASK: &str = "    capabilities: [tools, elicitation]\n";
/// How long a busy machine may take.
const SOON: Duration = Duration::from_secs(20);

/// A client that can be given tasks and asked by forms.
fn able() -> Value {
    json!({"elicitation": {}, "extensions": {EXTENSION: {}}})
}

/// A server with tasks that is reached in this way; what serves it by HTTP must live as long as the house.
fn behind(transport: &str, era: &str) -> (House, Option<HttpUpstream>) {
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
fn by_each_transport(era: &str, test: impl Fn(&House)) {
    for transport in ["stdio", "http"] {
        let (house, _upstream) = behind(transport, era);
        test(&house);
    }
}

/// Asks as a modern client with these capabilities.
fn ask(pipe: &mut Pipe, capabilities: &Value, method: &str, mut params: Value) -> Value {
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

fn about(id: &str) -> Value {
    json!({"taskId": id})
}

/// Looks until the task is no longer at work.
fn settled(mut look: impl FnMut() -> Value) -> Value {
    let begun = Instant::now();
    loop {
        let task = look()["result"].take();
        if task["status"] != "working" {
            return task;
        }
        assert!(begun.elapsed() < SOON, "{task}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn looked(pipe: &mut Pipe, id: &str) -> Value {
    settled(|| ask(pipe, &able(), "tasks/get", about(id)))
}

/// A legacy client that has been shown which tools there are.
fn opened(house: &House, revision: &str, capabilities: Value) -> (Pipe, Value) {
    let mut pipe = house.stdio(&[]);
    pipe.modern("tools/list", json!({}));
    pipe.send(&durward_testkit::initialize_with(revision, capabilities));
    let opened = pipe.message();
    pipe.send(&notification("notifications/initialized", json!({})));
    (pipe, opened)
}

fn call_as_task(pipe: &mut Pipe, tool: &str, arguments: Value) -> Value {
    let name = format!("raw__{tool}");
    let task = json!({"ttl": 60_000});
    pipe.ask(
        "tools/call",
        json!({"name": name, "arguments": arguments, "task": task}),
    )
}

/// The same for a legacy client.
fn begun_by(pipe: &mut Pipe, tool: &str, arguments: Value) -> String {
    let made = call_as_task(pipe, tool, arguments);
    let task = &made["result"]["task"];
    assert_eq!(task["status"], "working", "{made}");
    task["taskId"].as_str().expect("an id").to_owned()
}

fn looked_by(pipe: &mut Pipe, id: &str) -> Value {
    settled(|| pipe.ask("tasks/get", about(id)))
}

/// The next message of a pipe that says what it is to say; others are dropped.
fn until(pipe: &mut Pipe, wanted: impl Fn(&Value) -> bool) -> Value {
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
        let begun = Instant::now();
        let code = loop {
            let gone = ask(&mut pipe, &able(), "tasks/get", about(&id));
            let code = gone["error"]["code"].as_i64();
            let code = code.unwrap_or_else(|| panic!("{era}: {gone}"));
            if code != 503 || begun.elapsed() > SOON {
                break code;
            }
            thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(code, -32602, "{era}");
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
fn a_client_of_2025_11_25_sees_that_there_are_tasks() {
    for (era, support) in [("legacy", json!("required")), ("modern", json!("optional"))] {
        let (house, _upstream) = behind("stdio", era);
        for (revision, has_tasks) in [("2025-11-25", true), ("2025-06-18", false)] {
            let (mut pipe, opened) = opened(&house, revision, json!({}));
            let tasks = &opened["result"]["capabilities"]["tasks"];
            assert_eq!(
                tasks["requests"]["tools"]["call"].is_object(),
                has_tasks,
                "{opened}"
            );
            let list = pipe.ask("tools/list", json!({}));
            let tools = list["result"]["tools"].as_array().unwrap();
            let of = |name: &str| {
                let tool = tools.iter().find(|tool| tool["name"] == name);
                tool.unwrap()["execution"]["taskSupport"].clone()
            };
            if has_tasks {
                assert_eq!(of("raw__must"), support, "{era}");
                assert_eq!(of("raw__echo").is_null(), era == "legacy", "{era}");
                assert!(of("fs_read").is_null());
            }
            let unknown = pipe.ask("tasks/list", json!({}));
            let code = &unknown["error"]["code"];
            assert_eq!(
                *code == json!(-32601),
                !has_tasks,
                "{era} {revision}: {unknown}"
            );
        }
    }
}

#[test]
fn a_legacy_client_s_call_becomes_a_task_of_either_era() {
    for era in ERAS {
        by_each_transport(era, |house| {
            let (mut pipe, _) = opened(house, "2025-11-25", json!({}));
            let made = call_as_task(&mut pipe, "job", json!({"ms": 200}));
            let task = &made["result"]["task"];
            assert_eq!(
                (&task["status"], task.get("ttlMs")),
                (&json!("working"), None),
                "{made}"
            );
            assert_eq!(
                (&task["pollInterval"], &task["ttl"]),
                (&json!(50), &json!(60_000))
            );
            assert_eq!(task["x-kept"].to_string(), "1.50");
            let id = task["taskId"].as_str().unwrap().to_owned();
            let list = pipe.ask("tasks/list", json!({}));
            assert_eq!(list["result"]["tasks"][0]["taskId"], json!(id), "{list}");
            let done = looked_by(&mut pipe, &id);
            assert_eq!(done["status"], "completed", "{era}: {done}");
            for modern in ["result", "ttlMs", "resultType"] {
                assert_eq!(done.get(modern), None, "{era}: {done}");
            }
            let result = pipe.ask("tasks/result", about(&id));
            assert_eq!(text(&result), "done", "{era}: {result}");
            assert_eq!(result["result"]["_meta"][RELATED], about(&id));
            assert_eq!(result["result"]["x-kept"].to_string(), "1.50");
            let list = pipe.ask("tasks/list", json!({}));
            assert_eq!(list["result"]["tasks"][0]["status"], "completed", "{list}");
        });
    }
}

#[test]
fn a_failure_is_one_to_a_legacy_client() {
    for era in ERAS {
        let (house, _upstream) = behind("stdio", era);
        let (mut pipe, _) = opened(&house, "2025-11-25", json!({}));
        let id = begun_by(&mut pipe, "job", json!({"fail": "tool"}));
        assert_eq!(looked_by(&mut pipe, &id)["status"], "failed", "{era}");
        let result = pipe.ask("tasks/result", about(&id));
        assert_eq!(result["result"]["isError"], true, "{era}: {result}");
        let id = begun_by(&mut pipe, "job", json!({"fail": "error"}));
        assert_eq!(looked_by(&mut pipe, &id)["status"], "failed", "{era}");
        let error = pipe.ask("tasks/result", about(&id));
        assert_eq!(error["error"]["code"], -32050, "{era}: {error}");
    }
}

#[test]
fn what_is_answered_at_once_is_a_task_that_is_done_at_the_first_look() {
    by_each_transport("modern", |house| {
        let (mut pipe, _) = opened(house, "2025-11-25", json!({}));
        let id = begun_by(&mut pipe, "quick", json!({}));
        let done = pipe.ask("tasks/get", about(&id));
        assert_eq!(done["result"]["status"], "completed", "{done}");
        let result = pipe.ask("tasks/result", about(&id));
        assert_eq!(text(&result), "done");
        assert_eq!(result["result"]["_meta"][RELATED], about(&id));
        assert_eq!(result["result"]["x-kept"].to_string(), "1.50");
        let late = pipe.ask("tasks/cancel", about(&id));
        assert_eq!(late["error"]["code"], -32602, "{late}");
        // A task of the same caller's, whatever it speaks.
        let seen = ask(&mut pipe, &able(), "tasks/get", about(&id));
        assert_eq!(
            seen["result"]["result"]["content"][0]["text"], "done",
            "{seen}"
        );
        // Nobody has looked at this one.
        let id = begun_by(&mut pipe, "quick", json!({}));
        let cancelled = pipe.ask("tasks/cancel", about(&id));
        assert_eq!(cancelled["result"]["status"], "cancelled", "{cancelled}");
        assert_eq!(looked_by(&mut pipe, &id)["status"], "cancelled");
        let result = pipe.ask("tasks/result", about(&id));
        assert!(result["error"].is_object(), "{result}");
    });
}

#[test]
fn what_is_answered_at_once_is_kept_no_longer_than_was_asked_for() {
    let (house, _upstream) = behind("stdio", "modern");
    let (mut pipe, _) = opened(&house, "2025-11-25", json!({}));
    let params = json!({"name": "raw__quick", "task": {"ttl": 300}});
    let made = pipe.ask("tools/call", params);
    assert_eq!(made["result"]["task"]["ttl"], 300, "{made}");
    let id = made["result"]["task"]["taskId"]
        .as_str()
        .unwrap()
        .to_owned();
    eventually("it is forgotten", || {
        pipe.ask("tasks/get", about(&id))["error"]["code"] == -32602
    });
    let list = pipe.ask("tasks/list", json!({}));
    assert_eq!(list["result"]["tasks"], json!([]));
}

#[test]
fn a_legacy_client_is_asked_while_it_waits_for_the_result() {
    for era in ERAS {
        by_each_transport(era, |house| {
            let (mut pipe, _) = opened(house, "2025-11-25", json!({"elicitation": {}}));
            let id = begun_by(&mut pipe, "job", json!({"ask": true}));
            pipe.send(&legacy("r", "tasks/result", about(&id)));
            let question = until(&mut pipe, |it| it["method"] == "elicitation/create");
            assert_eq!(
                question["params"]["message"], "[raw] Sure?",
                "{era}: {question}"
            );
            assert_eq!(question["params"]["_meta"][RELATED], about(&id), "{era}");
            let answer = json!({"action": "accept"});
            pipe.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": answer}));
            let result = pipe.answer_with(&json!("r"));
            assert_eq!(text(&result), r#"{"action":"accept"}"#, "{era}: {result}");
        });
    }
}

#[test]
fn a_session_over_http_is_asked_on_the_stream_of_its_result() {
    for era in ERAS {
        let (house, _upstream) = behind("http", era);
        let daemon = serving(&house);
        daemon.modern("tools/list", json!({}));
        let session = daemon.session_with("2025-11-25", json!({"elicitation": {}}));
        let params = json!({"name": "raw__job", "arguments": {"ask": true}, "task": {}});
        let made = session.ask("tools/call", params);
        let id = made["result"]["task"]["taskId"].as_str().expect("a task");
        let mut stream = daemon.connect();
        let wait = legacy("r", "tasks/result", about(id));
        stream.send(&session.post(wait.to_string()).bytes());
        assert_eq!(stream.opening().expect("an answer").status, 200);
        let mut next = || loop {
            let event = stream.event(SOON).expect("an event");
            if !event.data.is_empty() {
                return serde_json::from_str::<Value>(&event.data).unwrap();
            }
        };
        let question = next();
        assert_eq!(
            question["method"], "elicitation/create",
            "{era}: {question}"
        );
        let answer =
            json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "cancel"}});
        assert_eq!(session.send(&answer).status, 202);
        let result = next();
        assert_eq!(text(&result), r#"{"action":"cancel"}"#, "{era}: {result}");
        assert_eq!(result["result"]["_meta"][RELATED], about(id));
    }
}

#[test]
fn a_cancelled_task_stays_cancelled() {
    for era in ERAS {
        by_each_transport(era, |house| {
            let (mut pipe, _) = opened(house, "2025-11-25", json!({}));
            // The server goes on with it all the same.
            let id = begun_by(&mut pipe, "job", json!({"ms": 300, "deaf": true}));
            let cancelled = pipe.ask("tasks/cancel", about(&id));
            assert_eq!(
                cancelled["result"]["status"], "cancelled",
                "{era}: {cancelled}"
            );
            assert_eq!(cancelled["result"]["taskId"], json!(id));
            thread::sleep(Duration::from_millis(600));
            assert_eq!(looked_by(&mut pipe, &id)["status"], "cancelled", "{era}");
            let result = pipe.ask("tasks/result", about(&id));
            assert!(result["error"].is_object(), "{era}: {result}");
            let again = pipe.ask("tasks/cancel", about(&id));
            assert_eq!(again["error"]["code"], -32602, "{era}: {again}");
            let list = pipe.ask("tasks/list", json!({}));
            assert_eq!(list["result"]["tasks"][0]["status"], "cancelled", "{list}");
        });
    }
}

#[test]
fn a_cancel_ends_the_wait_for_the_result() {
    for era in ERAS {
        let (house, _upstream) = behind("stdio", era);
        let (mut pipe, _) = opened(&house, "2025-11-25", json!({}));
        let id = begun_by(&mut pipe, "job", json!({"ms": 60_000, "deaf": true}));
        pipe.send(&legacy("r", "tasks/result", about(&id)));
        pipe.send(&legacy("c", "tasks/cancel", about(&id)));
        let ended = pipe.answer_with(&json!("r"));
        assert!(ended["error"].is_object(), "{era}: {ended}");
    }
}

#[test]
fn a_legacy_client_that_asks_for_no_task_hears_of_the_end() {
    // Those before 2025-11-25 know nothing of tasks; later ones are told by the server.
    for (era, revision, is_driven) in [
        ("modern", "2025-11-25", true),
        ("modern", "2025-06-18", true),
        ("legacy", "2025-06-18", true),
        ("legacy", "2025-11-25", false),
    ] {
        by_each_transport(era, |house| {
            let (mut pipe, _) = opened(house, revision, json!({"elicitation": {}}));
            let params = json!({"name": "raw__must", "arguments": {"ask": true}});
            pipe.send(&legacy("m", "tools/call", params));
            if !is_driven {
                let refused = pipe.answer_with(&json!("m"));
                assert_eq!(
                    refused["error"]["code"], -32601,
                    "{era} {revision}: {refused}"
                );
                return;
            }
            let question = until(&mut pipe, |it| it["method"] == "elicitation/create");
            assert!(!question.to_string().contains(RELATED), "{question}");
            let answer = json!({"action": "accept"});
            pipe.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": answer}));
            let done = pipe.answer_with(&json!("m"));
            assert_eq!(
                text(&done),
                r#"{"action":"accept"}"#,
                "{era} {revision}: {done}"
            );
            assert!(!done.to_string().contains(RELATED), "{done}");
        });
    }
}

#[test]
fn a_task_is_not_asked_of_a_tool_that_makes_none() {
    let (house, _upstream) = behind("stdio", "legacy");
    let (mut pipe, _) = opened(&house, "2025-11-25", json!({}));
    let forbidden = call_as_task(&mut pipe, "echo", json!({}));
    assert_eq!(forbidden["error"]["code"], -32601, "{forbidden}");
    let unknown = call_as_task(&mut pipe, "none", json!({}));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    // Where no server has tasks, the word means nothing.
    let house = guarding(&["--era", "legacy"], "");
    let (mut pipe, opened) = opened(&house, "2025-11-25", json!({}));
    assert!(opened["result"]["capabilities"]["tasks"].is_null());
    let echoed = call_as_task(&mut pipe, "echo", json!({}));
    let params = &echoed["result"]["structuredContent"]["params"];
    assert_eq!(
        (&params["name"], params.get("task")),
        (&json!("echo"), None),
        "{echoed}"
    );
}

#[test]
fn a_session_is_told_of_its_tasks() {
    for era in ERAS {
        let (house, _upstream) = behind("stdio", era);
        let (mut pipe, _) = opened(&house, "2025-11-25", json!({}));
        let id = begun_by(&mut pipe, "job", json!({"ms": 1500}));
        let told = until(&mut pipe, |it| it["method"] == "notifications/tasks/status");
        assert_eq!(told["params"]["taskId"], json!(id), "{era}: {told}");
        assert_eq!(told["params"]["status"], "completed", "{era}: {told}");
        assert_eq!(told["params"].get("result"), None, "{era}: {told}");
    }
}

#[test]
fn each_look_is_on_record_as_a_call_of_its_tool() {
    let (house, _upstream) = behind("stdio", "legacy");
    let (mut pipe, _) = opened(&house, "2025-11-25", json!({}));
    let id = begun_by(&mut pipe, "job", json!({}));
    pipe.ask("tasks/result", about(&id));
    pipe.ask("tasks/get", about("task-1"));
    pipe.end(SOON);
    let records = house.run(&["audit", "query", "--json"]).ok().lines();
    let ended = |method: &str, target: &str| {
        let is_it = |it: &&Value| it["method"] == method && it["target"] == target;
        let found = records.iter().find(is_it);
        found.map(|it| it["status"].clone()).unwrap_or_default()
    };
    assert_eq!(ended("tasks/result", "raw__job"), "ok", "{records:?}");
    assert_eq!(ended("tasks/get", "task-1"), "refused", "{records:?}");
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

/// A server that wants a URL opened before it does anything.
fn consenting(options: &[&str]) -> House {
    let mut all = vec!["--era", "legacy"];
    all.extend(options);
    guarding(&all, MAY_ASK)
}

fn may_open() -> Value {
    json!({"elicitation": {"url": {}}})
}

/// The question that comes first, and the call that brings the answer to it.
fn consented(pipe: &mut Pipe, arguments: &Value, answer: Value) -> Value {
    let mut params = json!({"name": "raw__consent", "arguments": arguments});
    let wanted = ask(pipe, &may_open(), "tools/call", params.clone());
    let question = &wanted["result"]["inputRequests"]["q1"];
    assert_eq!(question["method"], "elicitation/create", "{wanted}");
    let asked = &question["params"];
    assert_eq!(
        (&asked["mode"], &asked["message"]),
        (&json!("url"), &json!("[raw] Open"))
    );
    assert_eq!(asked["url"], "https://a.example/consent");
    assert_eq!(asked.get("elicitationId"), None, "{wanted}");
    params["requestState"] = wanted["result"]["requestState"].clone();
    params["inputResponses"] = json!({"q1": answer});
    ask(pipe, &may_open(), "tools/call", params)
}

#[test]
fn a_url_that_a_legacy_server_wants_opened_is_a_question_and_the_call_is_made_anew() {
    let house = consenting(&[]);
    let mut pipe = house.stdio(&[]);
    let begun = Instant::now();
    // The server says that it is done, long before it would be asked anew for want of that.
    let done = consented(
        &mut pipe,
        &json!({"done_ms": 1000}),
        json!({"action": "accept"}),
    );
    assert_eq!(text(&done), "call 2", "{done}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_url_that_is_not_opened_ends_the_call() {
    for action in ["decline", "cancel"] {
        let house = consenting(&[]);
        let mut pipe = house.stdio(&[]);
        let ended = consented(&mut pipe, &json!({}), json!({"action": action}));
        assert_eq!(refusal(&ended), "cancelled", "{ended}");
        assert_eq!(ended["result"]["resultType"], "complete");
    }
}

#[test]
fn who_can_not_open_urls_is_told_what_it_takes() {
    let house = consenting(&[]);
    let mut pipe = house.stdio(&[]);
    let params = json!({"name": "raw__consent", "arguments": {"times": 9}});
    for capabilities in [json!({}), json!({"elicitation": {}})] {
        let refused = ask(&mut pipe, &capabilities, "tools/call", params.clone());
        assert_eq!(refused["error"]["code"], -32021, "{refused}");
        let wanted = &refused["error"]["data"]["requiredCapabilities"];
        assert_eq!(*wanted, json!({"elicitation": {"url": {}}}));
    }
}

#[test]
fn an_older_client_reads_which_url_to_open() {
    for (revision, has_error) in [("2025-06-18", false), ("2025-11-25", true)] {
        let house = consenting(&[]);
        let (mut pipe, _) = opened(&house, revision, json!({}));
        let answer = pipe.ask("tools/call", json!({"name": "raw__consent"}));
        if has_error {
            assert_eq!(answer["error"]["code"], -32042, "{answer}");
            let first = &answer["error"]["data"]["elicitations"][0];
            assert_eq!(first["elicitationId"], "e-1");
        } else {
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            assert!(
                text(&answer).contains("https://a.example/consent"),
                "{answer}"
            );
        }
    }
}

#[test]
fn a_server_that_may_ask_nothing_opens_nothing() {
    let house = guarding(&["--era", "legacy"], "");
    let mut pipe = house.stdio(&[]);
    let params = json!({"name": "raw__consent"});
    let refused = ask(&mut pipe, &may_open(), "tools/call", params);
    assert_eq!(refused["error"]["code"], -32603, "{refused}");
}
