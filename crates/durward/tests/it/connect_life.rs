//! Bridges outlive their daemon: killed, stopped, upgraded. What may have run is never run again.

use std::{
    fs,
    path::Path,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use durward_core::{Clock, SystemClock};
use durward_testkit::{House, Pipe, legacy, modern, text};
use serde_json::{Value, json};

use crate::{
    connect::{LEGACY, connect, executed, upstream},
    daemon::{Stopped, kill, pid_of},
    eventually, house, times,
};

const BRIDGES: usize = 10;

fn with_upstream() -> (House, std::path::PathBuf) {
    let house = house();
    let record = house.path("record");
    let raw = upstream("raw", &record, "");
    house.configure(&format!(
        "files: {{ root: \"{}\" }}\nservers:\n{raw}",
        house.root().display()
    ));
    (house, record)
}

/// Connects, and waits until the server's tools are known.
fn ready(house: &House) -> Pipe {
    let mut client = connect(house, &[]);
    client.initialize(LEGACY);
    eventually("its tools are known", || {
        client
            .ask("tools/list", json!({}))
            .to_string()
            .contains("raw__echo")
    });
    client
}

fn call(id: u64, tool: &str, arguments: Value) -> Value {
    legacy(
        id,
        "tools/call",
        json!({"name": tool, "arguments": arguments}),
    )
}

/// The word for why a call has no answer of its own; "" where it has.
fn detail(answer: &Value) -> &str {
    let facts = &answer["result"]["_meta"]["dev.durward/refusal"];
    facts["detail"].as_str().unwrap_or_default()
}

/// F13, F27: ten bridges with calls in flight, and the daemon is killed.
#[test]
fn killed_under_ten_bridges_it_serves_again_and_nothing_runs_twice() {
    let (house, record) = with_upstream();
    let house = Arc::new(house);
    let _stopped = Stopped(&house);
    drop(ready(&house));
    for round in 0..times("DURWARD_BRIDGE_KILLS", 3) {
        // One more: it kills.
        let flying = Arc::new(Barrier::new(BRIDGES + 1));
        let bridges: Vec<_> = (0..BRIDGES)
            .map(|number| {
                let (house, flying, record) =
                    (Arc::clone(&house), Arc::clone(&flying), record.clone());
                thread::spawn(move || {
                    let mut client = ready(&house);
                    let marks = [0, 1, 2].map(|at| format!("mark-{round}-{number}-{at}."));
                    for (id, mark) in (1..).zip(&marks[..2]) {
                        let arguments = json!({"ms": 60_000, "mark": mark});
                        client.send(&call(id, "raw__sleep", arguments));
                    }
                    eventually("the calls run", || {
                        marks[..2].iter().all(|mark| executed(&record, mark) == 1)
                    });
                    flying.wait();
                    let clock = SystemClock::new();
                    for id in [1, 2] {
                        let answer = client.answer_with(&json!(id));
                        assert_eq!(detail(&answer), "may_have_run", "{answer}");
                    }
                    let echo = call(3, "raw__echo", json!({"mark": &marks[2]}));
                    client.send(&echo);
                    let answer = client.answer_with(&json!(3));
                    assert_eq!(text(&answer), "echo", "{answer}");
                    (marks, clock.monotonic().0 / 1_000_000)
                })
            })
            .collect();
        flying.wait();
        kill(pid_of(&house));
        for bridge in bridges {
            let (marks, took) = bridge.join().expect("it is served");
            for mark in marks {
                assert_eq!(executed(&record, &mark), 1, "{mark}");
            }
            // A second is the aim; a busy machine with a build of no speed may take more.
            assert!(took < 5_000, "{took} ms");
        }
    }
    house.run(&["audit", "verify"]).ok();
}

/// What was answered before the end is answered once, however close the end is.
#[test]
fn killed_between_calls_nothing_is_lost_and_nothing_is_answered_twice() {
    let (house, record) = with_upstream();
    let _stopped = Stopped(&house);
    let mut client = ready(&house);
    let mut id = 1_000;
    for round in 0..times("DURWARD_BRIDGE_KILLS", 3) {
        let pid = pid_of(&house);
        let killer = thread::spawn(move || {
            thread::sleep(Duration::from_micros(700 * (round as u64 % 20)));
            kill(pid);
        });
        let first = id;
        for _ in 0..20 {
            client.send(&call(id, "raw__echo", json!({"mark": format!("n{id}.")})));
            id += 1;
        }
        for _ in first..id {
            let answer = client.answer_with_any(first..first + 20);
            let ran = executed(&record, &format!("n{}.", answer["id"]));
            match detail(&answer) {
                "may_have_run" => assert!(ran <= 1, "{answer}"),
                "" => assert_eq!(ran, 1, "{answer}"),
                // Found out before it was sent: the server was just started again.
                other => assert_eq!(ran, 0, "{other}: {answer}"),
            }
        }
        killer.join().expect("the killer");
        // The next one works.
        eventually("it serves", || {
            id += 1;
            client.send(&call(id, "raw__echo", json!({})));
            text(&client.answer_with(&json!(id))) == "echo"
        });
        id += 1;
    }
}

/// An upgrade: stopped in order, and another one begins.
#[test]
fn a_restart_is_not_seen_but_for_lists_that_may_have_changed() {
    let (house, record) = with_upstream();
    let _stopped = Stopped(&house);
    let mut client = ready(&house);
    house.file("a.txt", "inside");
    client.ask("logging/setLevel", json!({"level": "debug"}));
    let uri = format!(
        "file://{}/a.txt",
        house.root().canonicalize().expect("the root").display()
    );
    let subscribed = client.ask("resources/subscribe", json!({"uri": uri}));
    assert!(subscribed["result"].is_object(), "{subscribed}");
    house.run(&["stop"]).ok();
    let _ = fs::remove_file(&record);
    house.run(&["serve", "--detach", "--listen", "off"]).ok();
    let mut told = Vec::new();
    while told.len() < 3 {
        told.push(
            client.message()["method"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    told.sort();
    let changed =
        ["prompts", "resources", "tools"].map(|it| format!("notifications/{it}/list_changed"));
    assert_eq!(told, changed);
    // Its subscription holds with the new one.
    house.file("a.txt", "changed");
    let heard = loop {
        let message = client.message();
        if message["method"] == "notifications/resources/updated" {
            break message;
        }
    };
    assert_eq!(heard["params"]["uri"], uri.as_str());
    // And its level.
    eventually("its tools are known", || {
        client
            .ask("tools/list", json!({}))
            .to_string()
            .contains("raw__log")
    });
    client.send(&call(1, "raw__log", json!({"level": "debug"})));
    let logged = client.message();
    assert_eq!(logged["method"], "notifications/message", "{logged}");
}

#[test]
fn a_modern_listen_goes_on_over_a_crash() {
    let (house, _) = with_upstream();
    house.file("a.txt", "inside");
    let _stopped = Stopped(&house);
    let mut client = connect(&house, &[]);
    let uri = format!(
        "file://{}/a.txt",
        house.root().canonicalize().expect("the root").display()
    );
    let listen = json!({"notifications": {"resourceSubscriptions": [uri]}});
    client.send(&modern(7, "subscriptions/listen", listen));
    let acknowledged = client.message();
    assert_eq!(
        acknowledged["method"],
        "notifications/subscriptions/acknowledged"
    );
    let before = pid_of(&house);
    kill(before);
    eventually("it is up again", || {
        house.run(&["health"]).code == 0 && pid_of(&house) != before
    });
    // The listen may not have been taken up yet.
    let heard = (0..50).find_map(|at| {
        house.file("a.txt", format!("changed {at}"));
        client.line(Duration::from_millis(100))
    });
    let heard: Value = serde_json::from_str(&heard.expect("news")).expect("JSON");
    assert_eq!(
        heard["method"], "notifications/resources/updated",
        "{heard}"
    );
    assert_eq!(
        heard["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        7
    );
}

/// F14, B23: what is in flight at an orderly stop is answered by the daemon that stops.
#[test]
fn a_call_in_flight_at_a_stop_is_finished() {
    let (house, record) = with_upstream();
    let _stopped = Stopped(&house);
    for round in 0..times("DURWARD_BRIDGE_STOPS", 2) {
        let mut client = ready(&house);
        let mark = format!("stop-{round}.");
        client.send(&call(1, "raw__sleep", json!({"ms": 700, "mark": mark})));
        eventually("it runs", || executed(&record, &mark) == 1);
        house.run(&["stop"]).ok();
        assert_eq!(text(&client.answer_with(&json!(1))), "slept");
        // Asked while none ran, it is served by the next one.
        assert_eq!(client.ask("ping", json!({}))["result"], json!({}));
        assert_eq!(executed(&record, &mark), 1);
    }
}

/// A question of a daemon that is gone is withdrawn, and its answer reaches no other question.
#[test]
fn questions_end_with_the_daemon_that_asked() {
    let house = house();
    let record = house.path("record");
    house.configure(&format!(
        "servers:\n{}",
        upstream("raw", &record, ", --era, legacy").replace(
            "sandbox: host",
            "sandbox: host, instances: per_caller, capabilities: [tools, elicitation]"
        )
    ));
    let _stopped = Stopped(&house);
    let mut client = connect(&house, &[]);
    client.send(&durward_testkit::initialize_with(
        LEGACY,
        json!({"elicitation": {}}),
    ));
    client.message();
    client.send(&durward_testkit::notification(
        "notifications/initialized",
        json!({}),
    ));
    eventually("its tools are known", || {
        client
            .ask("tools/list", json!({}))
            .to_string()
            .contains("raw__ask")
    });
    let ask = json!({"method": "elicitation/create", "params": {
        "message": "who?", "requestedSchema": {"type": "object", "properties": {}}}});
    client.send(&call(1, "raw__ask", ask.clone()));
    let question = asked(&mut client);
    kill(pid_of(&house));
    let withdrawn = loop {
        let message = client.message();
        if message["method"] == "notifications/cancelled" {
            break message;
        }
    };
    assert_eq!(withdrawn["params"]["requestId"], question["id"]);
    assert_eq!(detail(&client.answer_with(&json!(1))), "may_have_run");
    let answer = |id: &Value, name: &str| json!({"jsonrpc": "2.0", "id": id, "result": {"action": "accept", "content": {"name": name}}});
    eventually("its tools are known", || {
        client
            .ask("tools/list", json!({}))
            .to_string()
            .contains("raw__ask")
    });
    client.send(&call(2, "raw__ask", ask));
    let next = asked(&mut client);
    assert_ne!(next["id"], question["id"]);
    client.send(&answer(&question["id"], "late"));
    client.send(&answer(&next["id"], "new"));
    let done = client.answer_with(&json!(2)).to_string();
    assert!(done.contains("new") && !done.contains("late"), "{done}");
}

fn asked(client: &mut Pipe) -> Value {
    loop {
        let message = client.message();
        if message["method"] == "elicitation/create" {
            return message;
        }
    }
}

/// The daemon dies and what is there now can't be started: said, and served once it can.
#[test]
fn where_it_can_not_be_started_again_calls_are_refused_until_it_can() {
    let (house, record) = with_upstream();
    let _stopped = Stopped(&house);
    let mut client = ready(&house);
    let good = fs::read_to_string(house.config()).expect("the configuration");
    house.configure("limits: { calls: nonsense }\n");
    kill(pid_of(&house));
    client.send(&call(1, "raw__echo", json!({"mark": "never."})));
    let answer = client.answer_with(&json!(1));
    assert!(
        ["not_sent", "may_have_run"].contains(&detail(&answer)),
        "{answer}"
    );
    client.send(&call(2, "raw__echo", json!({"mark": "never."})));
    let answer = client.answer_with(&json!(2));
    assert_eq!(detail(&answer), "not_sent");
    assert!(text(&answer).contains("nonsense"), "{answer}");
    assert_eq!(executed(Path::new(&record), "never."), 0);
    house.configure_exactly(&good);
    client.send(&call(3, "raw__echo", json!({})));
    assert_eq!(text(&client.answer_with(&json!(3))), "echo");
}

/// F24: the client's session id is none on a pipe; any daemon of the state folder continues.
#[test]
fn a_client_that_leaves_while_there_is_none_ends() {
    let (house, _) = with_upstream();
    let _stopped = Stopped(&house);
    let mut client = ready(&house);
    house.run(&["stop"]).ok();
    assert_eq!(client.end(Duration::from_secs(5)), Some(0));
    assert_eq!(house.run(&["health"]).code, 1, "nobody started another one");
}
