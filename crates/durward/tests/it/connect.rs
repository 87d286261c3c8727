//! `durward connect`: from a client's pipe to the daemon, which it starts where none runs.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use durward_testkit::{House, Pipe, text};
use serde_json::{Value, json};

use crate::{
    daemon::{Stopped, kill, pid_of},
    eventually, house, times,
};

pub(crate) const LEGACY: &str = "2025-11-25";
const SOON: Duration = Duration::from_secs(5);

/// A scriptable server behind the gate, which writes down what it gets.
pub(crate) fn upstream(name: &str, record: &std::path::Path, more: &str) -> String {
    let program = raw_upstream();
    format!(
        "  {name}: {{ command: [\"{}\", --record, \"{}\"{more}], sandbox: host }}\n",
        program.display(),
        record.display()
    )
}

fn raw_upstream() -> PathBuf {
    let mut path = std::env::current_exe().expect("the test");
    path.pop();
    path.pop();
    path.join("examples/raw_upstream")
}

/// How often the server was asked for a tool's call with this text in it.
pub(crate) fn executed(record: &std::path::Path, mark: &str) -> usize {
    let all = fs::read_to_string(record).unwrap_or_default();
    let calls = all.lines().filter(|line| line.contains(r#""tools/call""#));
    calls.filter(|line| line.contains(mark)).count()
}

pub(crate) fn connect(house: &House, more: &[&str]) -> Pipe {
    Pipe::of(house.command(&[&["connect"], more].concat()))
}

/// How many daemons run in this house: each writes down that it started.
fn starts(house: &House) -> usize {
    let trail = house.run(&["audit", "query", "--json"]).ok();
    trail.stdout.matches(r#""started""#).count()
}

/// B16, B1: no daemon, and a server that takes its time.
#[test]
fn the_first_one_starts_the_daemon_and_is_answered_at_once() {
    let house = house();
    let _stopped = Stopped(&house);
    let record = house.path("record");
    let slow = upstream("slow", &record, ", --delay-ms, \"4000\"");
    house.configure(&format!("servers:\n{slow}"));
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let begun = durward_core::SystemClock::new();
        let mut client = connect(&house, &[]);
        let answer = client.initialize(revision);
        assert_eq!(answer["result"]["protocolVersion"], revision);
        // It takes far less; the server behind takes longer.
        let took = durward_core::Clock::monotonic(&begun).0 / 1_000_000;
        assert!(took < 3_500, "{took} ms");
        assert_eq!(client.end(SOON), Some(0));
    }
}

/// What nobody named is not open because an editor started it.
#[test]
fn what_a_bridge_starts_opens_only_what_the_configuration_names() {
    let house = house();
    let _stopped = Stopped(&house);
    house.file("a.txt", "inside");
    let mut client = connect(&house, &[]);
    client.initialize(LEGACY);
    let listed = client.ask("tools/list", json!({}));
    assert_eq!(listed["result"]["tools"], json!([]), "{listed}");
    assert!(
        !house.state().join("keys.json").exists(),
        "no port, so no key"
    );
    client.end(SOON);
    house.run(&["stop"]).ok();
    house.configure(&format!(
        "files: {{ root: \"{}\" }}\n",
        house.root().display()
    ));
    let mut client = connect(&house, &[]);
    let read = client.call("fs_read", json!({"path": "a.txt"}));
    assert_eq!(text(&read), "inside");
}

/// B17.
#[test]
fn twenty_at_once_start_one_daemon() {
    let house = Arc::new(house());
    // What is spent outlives restarts, and this asks often.
    house.configure("limits: { calls: 100000/min }\n");
    let _stopped = Stopped(&house);
    for round in 1..=times("DURWARD_TWENTIES", 1) {
        let ready = Arc::new(Barrier::new(20));
        let clients: Vec<_> = (0..20)
            .map(|_| {
                let (house, ready) = (Arc::clone(&house), Arc::clone(&ready));
                thread::spawn(move || {
                    ready.wait();
                    let mut client = connect(&house, &[]);
                    client.initialize(LEGACY);
                    let status = client.ask("resources/read", json!({"uri": "durward://status"}));
                    let said = status["result"]["contents"][0]["text"]
                        .as_str()
                        .expect("a text");
                    let said: Value = serde_json::from_str(said).expect("JSON");
                    said["pid"].as_i64().expect("a process")
                })
            })
            .collect();
        let mut pids: Vec<_> = clients
            .into_iter()
            .map(|it| it.join().expect("served"))
            .collect();
        pids.dedup();
        assert_eq!(pids.len(), 1, "{pids:?}");
        house.run(&["stop"]).ok();
        assert_eq!(starts(&house), round);
    }
}

#[test]
fn a_daemon_that_runs_is_used_and_left_running() {
    let house = house();
    house.file("a.txt", "inside");
    let mut daemon = house.serve(&[]);
    let mut client = connect(&house, &[]);
    client.initialize(LEGACY);
    assert_eq!(
        text(&client.call("fs_read", json!({"path": "a.txt"}))),
        "inside"
    );
    let read = json!({"name": "fs_read", "arguments": {"path": "a.txt"}});
    assert_eq!(text(&client.ask("tools/call", read)), "inside");
    assert_eq!(client.end(SOON), Some(0));
    assert_eq!(daemon.wait(Duration::from_millis(50)), None);
    assert_eq!(starts(&house), 1);
}

#[test]
fn one_server_alone_has_its_own_names() {
    let house = house();
    let record = house.path("record");
    house.configure(&format!("servers:\n{}", upstream("raw", &record, "")));
    let _stopped = Stopped(&house);
    let mut client = connect(&house, &["--server", "raw"]);
    client.initialize(LEGACY);
    eventually("its tools are known", || {
        client
            .ask("tools/list", json!({}))
            .to_string()
            .contains(r#""name":"echo""#)
    });
    let called = client.ask("tools/call", json!({"name": "echo", "arguments": {}}));
    assert_eq!(text(&called), "echo", "{called}");
    let modern = client.call("echo", json!({}));
    assert_eq!(text(&modern), "echo", "{modern}");
    let merged = client.ask("tools/call", json!({"name": "raw__echo", "arguments": {}}));
    assert!(merged["error"].is_object(), "{merged}");
    let mut nowhere = connect(&house, &["--server", "none"]);
    nowhere.send(&durward_testkit::initialize(LEGACY));
    let answer = nowhere.message();
    assert!(
        answer["error"]["message"]
            .as_str()
            .expect("why")
            .contains("`none`"),
        "{answer}"
    );
    assert_eq!(nowhere.wait(SOON), Some(1));
    eventually("it is said on stderr", || nowhere.log().contains("`none`"));
}

/// Fails closed, with the reason where people and clients look for it.
#[test]
fn where_no_daemon_can_be_had_it_says_why() {
    let house = house();
    house.configure("limits: { calls: nonsense }\n");
    let mut client = connect(&house, &[]);
    client.send(&durward_testkit::initialize(LEGACY));
    let answer = client.message();
    let why = answer["error"]["message"].as_str().expect("why");
    assert!(
        why.contains("nonsense") && why.contains("test.yaml:2"),
        "{why}"
    );
    assert_eq!(client.wait(SOON), Some(3));
    eventually("it is said on stderr", || client.log().contains("nonsense"));
}

/// Places are limited: whoever has none is told so, and nobody waits for ever.
#[test]
fn a_full_daemon_is_told_of() {
    let house = house();
    house.configure("listen: { limits: { connections: 1 } }\n");
    let _stopped = Stopped(&house);
    let mut first = connect(&house, &[]);
    first.initialize(LEGACY);
    let mut second = connect(&house, &[]);
    second.send(&durward_testkit::initialize(LEGACY));
    let answer = second.line(Duration::from_secs(30)).expect("an answer");
    assert!(answer.contains("connections"), "{answer}");
    assert_eq!(first.ask("ping", json!({}))["result"], json!({}));
}

/// B10, B11: what the daemon refuses, and what it never sees.
#[test]
fn bad_lines_are_answered_and_the_connection_lives() {
    let house = house();
    house.configure("listen: { limits: { line: 64KiB } }\n");
    let _stopped = Stopped(&house);
    let mut client = connect(&house, &[]);
    client.initialize(LEGACY);
    assert_eq!(client.answer_to("no JSON")["error"]["code"], -32700);
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{}"}}"#,
        "x".repeat(1 << 20)
    );
    assert_eq!(client.answer_to(&long)["error"]["code"], -32600);
    assert_eq!(client.ask("ping", json!({}))["result"], json!({}));
}

#[test]
fn long_answers_come_whole() {
    let house = house();
    house.file("long.txt", "0123456789abcdef".repeat(60_000));
    house.configure(&format!(
        "files: {{ root: \"{}\" }}\n",
        house.root().display()
    ));
    let _stopped = Stopped(&house);
    let mut client = connect(&house, &[]);
    let read = client.call("fs_read", json!({"path": "long.txt"}));
    assert_eq!(text(&read).len(), 960_000);
}

/// What a shell sends down a pipe, and closes it.
#[test]
fn a_client_that_has_said_all_and_closes_is_answered() {
    let house = house();
    let _stopped = Stopped(&house);
    let mut command = house.command(&["connect"]);
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut input = child.stdin.take().expect("its stdin");
    let all = format!(
        "{}\n{}\n",
        durward_testkit::initialize(LEGACY),
        durward_testkit::legacy(2, "ping", json!({}))
    );
    input.write_all(all.as_bytes()).expect("a way in");
    drop(input);
    let output = child.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.lines().count() == 2 && output.status.success(),
        "{said}"
    );
}

/// It is to be small: no table of files, no TLS, no configuration stays in it.
#[test]
fn it_holds_little_memory() {
    let house = house();
    let _stopped = Stopped(&house);
    let mut client = connect(&house, &[]);
    client.initialize(LEGACY);
    for _ in 0..200 {
        client.ask("ping", json!({}));
    }
    let status = fs::read_to_string(format!("/proc/{}/status", client.pid())).expect("its status");
    let own = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib: u64 = own
        .and_then(|it| it.split_whitespace().next()?.parse().ok())
        .expect("a number");
    assert!(kib < 6 * 1024, "{kib} KiB of its own");
}

#[test]
fn after_an_orderly_stop_the_next_request_starts_it_again() {
    let house = house();
    let _stopped = Stopped(&house);
    let mut client = connect(&house, &[]);
    client.initialize(LEGACY);
    let before = pid_of(&house);
    house.run(&["stop"]).ok();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(house.run(&["health"]).code, 1, "nobody needs it");
    assert_eq!(client.ask("ping", json!({}))["result"], json!({}));
    assert_ne!(pid_of(&house), before);
}

/// A crash is nobody's wish: what clients wait to hear of is heard again.
#[test]
fn after_a_crash_it_is_there_again_unasked() {
    let house = house();
    let _stopped = Stopped(&house);
    let mut client = connect(&house, &[]);
    client.initialize(LEGACY);
    kill(pid_of(&house));
    eventually("it is up again", || house.run(&["health"]).code == 0);
}
