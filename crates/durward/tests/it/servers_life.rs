//! Servers over the life of a durward: added, removed, ended, and what passes between them and a client.

use std::{fs, thread, time::Duration};

use durward_testkit::{House, Pipe, initialize_with, legacy, modern, notification, refusal, text};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    eventually, house,
    processes::marked,
    servers::{guarding, raw_upstream},
    servers_faults::{ROOM, listed, mark, serving},
    times,
};

const SOON: Duration = Duration::from_secs(20);

/// The next message but for changes of lists, which are told when they are.
fn next(pipe: &mut Pipe) -> Value {
    loop {
        let message = pipe.message();
        let method = message["method"].as_str().unwrap_or_default();
        if !method.ends_with("list_changed") {
            return message;
        }
    }
}

/// Writes a file that has these servers.
fn put(house: &House, servers: &[&str]) {
    let raw = raw_upstream();
    let mark = mark(house);
    let section = |name: &&str| {
        format!("  {name}: {{ command: [{raw:?}, --mark, \"{mark}-{name}\"], sandbox: host }}\n")
    };
    let all: String = servers.iter().map(section).collect();
    house.configure(&format!("servers:\n{all}{ROOM}"));
}

#[test]
fn a_server_comes_and_goes_with_the_file() {
    let house = house();
    put(&house, &["raw"]);
    let daemon = serving(&house);
    let pid = daemon.call("raw__pid", json!({}));
    let has = |tool: &str| listed(&daemon).iter().any(|known| known == tool);
    for other in ["one", "two", "three"] {
        put(&house, &["raw", other]);
        eventually("it is there", || has(&format!("{other}__echo")));
        assert_eq!(
            text(&daemon.call(&format!("{other}__fail"), json!({}))),
            "failed"
        );
    }
    // A file that can't be read changes nothing.
    house.configure("servers: { raw: { comand: [x] } }\n");
    thread::sleep(Duration::from_millis(500));
    assert!(has("three__echo"));
    put(&house, &["raw"]);
    eventually("it is gone", || !has("three__echo"));
    eventually("so is its process", || {
        marked(&format!("{}-three", mark(&house))).is_empty()
    });
    assert_eq!(
        text(&daemon.call("raw__pid", json!({}))),
        text(&pid),
        "raw was left alone"
    );
}

#[test]
fn the_end_waits_for_a_call_and_leaves_no_process() {
    let house = house();
    put(&house, &["raw"]);
    let mut daemon = serving(&house);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
    let params = json!({"name": "raw__sleep", "arguments": {"ms": 2000}});
    let mut waiting = daemon.connect();
    waiting.send(&daemon.modern_post(&modern(7, "tools/call", params)).bytes());
    thread::sleep(Duration::from_millis(700));
    daemon.signal(Signal::TERM);
    let answer = waiting.answer().expect("an answer").json();
    assert_eq!(text(&answer), "slept", "{answer}");
    assert_eq!(daemon.wait(SOON), Some(0), "{}", daemon.log());
    eventually("nothing is left", || marked(&mark(&house)).is_empty());
    let trail = house
        .run(&["audit", "query", "--target", "raw__sleep", "--json"])
        .ok();
    assert_eq!(trail.lines().len(), 1, "{trail:?}");
}

#[test]
fn a_program_that_hears_no_signal_is_ended_too() {
    let raw = raw_upstream().display().to_string();
    let house = house();
    let mark = mark(&house);
    let program = format!("trap '' TERM; exec {raw} --stubborn --mark {mark}");
    let command = serde_json::to_string(&["sh", "-c", &program]).unwrap();
    house.configure(&format!(
        "servers:\n  raw: {{ command: {command}, sandbox: host }}\n"
    ));
    let mut daemon = serving(&house);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(SOON), Some(0), "{}", daemon.log());
    eventually("nothing is left", || marked(&mark).is_empty());
}

#[test]
fn a_ping_is_durwards_own_and_progress_bears_the_clients_token() {
    let record = tempfile::NamedTempFile::new().unwrap();
    let house = guarding(&["--record", record.path().to_str().unwrap()], "");
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    assert_eq!(pipe.ask("ping", json!({}))["result"], json!({}));
    for token in [json!("mine"), json!(7)] {
        let params = json!({"name": "raw__progress", "arguments": {"steps": 3}, "_meta": {"progressToken": token}});
        pipe.send(&legacy("a", "tools/call", params));
        for step in 1..=3 {
            let told = next(&mut pipe);
            assert_eq!(told["method"], "notifications/progress", "{told}");
            assert_eq!(
                (
                    &told["params"]["progressToken"],
                    &told["params"]["progress"]
                ),
                (&token, &json!(step))
            );
        }
        assert_eq!(next(&mut pipe)["id"], "a");
    }
    assert!(
        !fs::read_to_string(record.path())
            .unwrap()
            .contains("\"ping\"")
    );
}

#[test]
fn a_cancelled_call_is_cancelled_by_its_own_id_and_no_other() {
    let house = guarding(&["--era", "legacy"], ROOM);
    let daemon = serving(&house);
    let [one, two] = [(); 2].map(|()| daemon.session("2025-11-25"));
    assert_eq!(text(&one.call("raw__fail", json!({}))), "failed");
    let sleep = legacy(
        "same",
        "tools/call",
        json!({"name": "raw__sleep", "arguments": {"ms": 4000}}),
    );
    let cancel = notification("notifications/cancelled", json!({"requestId": "same"}));
    thread::scope(|scope| {
        let slow = scope.spawn(|| daemon.ask(&one.post(sleep.to_string())).json());
        thread::sleep(Duration::from_millis(700));
        // Another client's id of the same spelling.
        daemon.ask(&two.post(cancel.to_string()));
        assert_eq!(text(&slow.join().unwrap()), "slept");
    });
    assert_eq!(text(&two.call("raw__cancelled", json!({}))), "");
    let mut waiting = daemon.connect();
    waiting.send(&one.post(sleep.to_string()).bytes());
    thread::sleep(Duration::from_millis(700));
    daemon.ask(&one.post(cancel.to_string()));
    eventually("it is told", || {
        !text(&two.call("raw__cancelled", json!({}))).is_empty()
    });
}

#[test]
fn a_question_with_a_string_id_meets_a_client_with_string_ids() {
    let more = "    capabilities: [tools, elicitation, sampling]\n";
    let house = guarding(&["--era", "legacy"], more);
    let mut pipe = house.stdio(&[]);
    pipe.send(&initialize_with("2025-11-25", json!({"elicitation": {}})));
    pipe.message();
    pipe.send(&notification("notifications/initialized", json!({})));
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let arguments = json!({"params": {"message": "what?", "requestedSchema": schema}});
    pipe.send(&legacy(
        "srv-1",
        "tools/call",
        json!({"name": "raw__ask", "arguments": arguments}),
    ));
    let question = next(&mut pipe);
    assert_eq!(question["method"], "elicitation/create", "{question}");
    assert_eq!(
        question["params"]["message"]
            .as_str()
            .map(|said| said.contains("what?")),
        Some(true)
    );
    let result = json!({"action": "accept", "content": {"a": "b"}});
    pipe.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": result}));
    let answer = next(&mut pipe);
    assert_eq!(answer["id"], "srv-1");
    let got: Value = serde_json::from_str(text(&answer)).unwrap_or_else(|_| panic!("{answer}"));
    assert_eq!(got, result);
}

#[test]
fn large_requests_pass_and_larger_ones_are_refused_alone() {
    let house = guarding(&[], ROOM);
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    let echo = |mib: usize| json!({"name": "raw__echo", "arguments": {"x": "y".repeat(mib << 20)}});
    let large = pipe.ask("tools/call", echo(5));
    let got = &large["result"]["structuredContent"]["params"]["arguments"]["x"];
    assert_eq!(got.as_str().map(str::len), Some(5 << 20));
    pipe.send(&legacy(9, "tools/call", echo(17)));
    let refused = next(&mut pipe);
    assert!(refused["error"]["code"].is_i64(), "{refused}");
    assert_eq!(
        text(&pipe.ask("tools/call", json!({"name": "raw__fail"}))),
        "failed"
    );
}

#[test]
fn what_no_server_has_is_an_error_and_no_server_is_asked() {
    let record = tempfile::NamedTempFile::new().unwrap();
    let house = guarding(&["--record", record.path().to_str().unwrap()], "");
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
    for unknown in ["nobody__echo", "raw__nothing", "echo", "raw__Echo"] {
        let answer = daemon.call(unknown, json!({"canary": 1}));
        assert_eq!(
            answer["error"]["data"]["detail"], "unknown_tool",
            "{answer}"
        );
    }
    let elsewhere = daemon
        .modern_post(&modern(1, "tools/list", json!({})))
        .target("/mcp/nobody");
    assert_eq!(daemon.ask(&elsewhere).status, 404);
    assert!(
        !fs::read_to_string(record.path())
            .unwrap()
            .contains("canary")
    );
}

#[test]
fn a_long_call_is_let_run_to_its_limit() {
    let house = guarding(&[], "    timeout: 120s\n");
    let mut pipe = house.stdio(&[]);
    let ms = times("DURWARD_LONG_CALL_MS", 3_000);
    let params = json!({"name": "raw__sleep", "arguments": {"ms": ms}});
    pipe.send(&modern(1, "tools/call", params));
    let line = pipe
        .line(SOON + Duration::from_millis(ms as u64))
        .expect("an answer");
    let answer: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((refusal(&answer), text(&answer)), ("", "slept"), "{answer}");
}
