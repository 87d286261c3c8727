//! Tasks for clients of 2025-11-25 and before, at servers of either era: the rest of protocol.md, section 6.5.

use std::{fs, thread, time::Duration};

use durward_testkit::{Pipe, legacy, refusal, text};
use serde_json::{Value, json};

use crate::{
    eventually, house,
    servers::guarding,
    servers_faults::serving,
    servers_tasks::{
        ERAS, RELATED, SOON, able, about, ask, behind, by_each_transport, opened, settled, until,
    },
};

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
fn what_is_told_while_it_waits_names_the_task() {
    by_each_transport("legacy", |house| {
        let (mut pipe, _) = opened(house, "2025-11-25", json!({}));
        pipe.ask("logging/setLevel", json!({"level": "debug"}));
        let id = begun_by(&mut pipe, "job", json!({}));
        pipe.send(&legacy("r", "tasks/result", about(&id)));
        let told = until(&mut pipe, |it| it["method"] == "notifications/message");
        assert_eq!(told["params"]["data"], "waited for", "{told}");
        assert_eq!(told["params"]["_meta"][RELATED], about(&id), "{told}");
    });
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
fn a_call_whose_task_dies_with_its_server_is_not_made_again() {
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
        let params = json!({"name": "raw__must", "arguments": {"ms": 300, "dies": true}});
        let ended = pipe.ask("tools/call", params);
        assert_eq!(refusal(&ended), "unavailable", "{era}: {ended}");
        assert!(
            text(&ended).contains("may have been carried out"),
            "{era}: {ended}"
        );
        let calls = fs::read_to_string(&record).unwrap();
        // A modern server refuses the one that declares no tasks.
        let wanted = if era == "legacy" { 1 } else { 2 };
        assert_eq!(
            calls.matches(r#""dies":true"#).count(),
            wanted,
            "{era}: {calls}"
        );
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
fn a_session_over_http_is_told_on_its_own_stream() {
    for era in ERAS {
        let (house, _upstream) = behind("stdio", era);
        let daemon = serving(&house);
        daemon.modern("tools/list", json!({}));
        let session = daemon.session("2025-11-25");
        let mut stream = daemon.connect();
        stream.send(&session.bodiless("GET").bytes());
        assert_eq!(stream.opening().expect("a stream").status, 200);
        let params = json!({"name": "raw__job", "arguments": {"ms": 1500}, "task": {}});
        let made = session.ask("tools/call", params);
        let id = &made["result"]["task"]["taskId"];
        let told = loop {
            let event = stream.event(SOON).expect("an event");
            if event.data.contains("tasks/status") {
                break serde_json::from_str::<Value>(&event.data).unwrap();
            }
        };
        assert_eq!(told["method"], "notifications/tasks/status", "{told}");
        assert_eq!(told["params"]["taskId"], *id, "{era}: {told}");
        assert_eq!(told["params"]["status"], "completed", "{era}: {told}");
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
