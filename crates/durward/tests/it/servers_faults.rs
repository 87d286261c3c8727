//! What goes wrong with a server, and who feels it.

use std::{fs, thread, time::Duration};

use durward_testkit::{Daemon, House, modern, refusal, text};
use serde_json::{Value, json};

use crate::{
    eventually,
    processes::{HttpUpstream, descriptors, kill, marked},
    servers::{guarding, raw_upstream},
    times,
};

/// Room for many calls.
pub(crate) const ROOM: &str = "limits: { calls: 1000000/s, concurrency: 1024 }\n";
/// How often something is tried before it counts as failed.
const TRIES: usize = 200;

/// A daemon, spoken to by a developer.
pub(crate) fn serving(house: &House) -> Daemon {
    let key = house.key("developer");
    house.serve(&[]).with_key(key)
}

/// What `durward status` says of a server.
pub(crate) fn status(house: &House, server: &str) -> Value {
    let status = house.run(&["status", "--json"]).ok().json();
    let servers = status["servers"].as_array().expect("servers").iter();
    let mut named = servers.filter(|it| it["name"] == server);
    named.next().expect("the server").clone()
}

/// A text that only this house's servers have in their command lines.
pub(crate) fn mark(house: &House) -> String {
    house.path("mark").display().to_string()
}

/// Its own tools that a modern client is shown.
pub(crate) fn listed(daemon: &Daemon) -> Vec<String> {
    let list = daemon.modern("tools/list", json!({})).json();
    let tools = list["result"]["tools"].as_array().expect("tools").iter();
    tools
        .map(|tool| tool["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Calls until it is served again.
fn is_back(daemon: &Daemon, tool: &str) -> bool {
    (0..TRIES).any(|_| {
        let is_served = text(&daemon.call(tool, json!({}))) == "failed";
        if !is_served {
            thread::sleep(Duration::from_millis(100));
        }
        is_served
    })
}

#[test]
fn a_server_that_is_killed_over_and_over_is_back_for_the_next_call() {
    // In a box of its own it would not know its number here.
    let house = guarding(&[], &format!("    sandbox: host\n{ROOM}"));
    let daemon = serving(&house);
    let kills = times("DURWARD_SERVER_KILLS", 8);
    let before = (0..kills).fold(0, |_, _| {
        let pid = text(&daemon.call("raw__pid", json!({})))
            .parse()
            .expect("a process");
        kill(pid);
        // The first may find it dying. The second waits for the new one, for a pause after good work is short.
        let calls = [(); 2].map(|()| daemon.call("raw__fail", json!({})));
        assert_eq!(text(&calls[1]), "failed", "{calls:?}");
        descriptors(daemon.pid())
    });
    assert_eq!(status(&house, "raw")["restarts"], kills);
    assert!(before.abs_diff(descriptors(daemon.pid())) <= 2);
}

#[test]
fn a_death_fails_the_calls_in_flight_and_no_others() {
    let raw = raw_upstream();
    let house = crate::house();
    house.configure(&format!(
        "servers:\n  raw: {{ command: [{raw:?}], sandbox: host }}\n  other: {{ command: [{raw:?}], sandbox: host }}\n{ROOM}"
    ));
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("other__fail", json!({}))), "failed");
    thread::scope(|scope| {
        let slow = scope.spawn(|| daemon.call("other__sleep", json!({"ms": 1500})));
        let lost = scope.spawn(|| daemon.call("raw__sleep", json!({"ms": 60_000})));
        thread::sleep(Duration::from_millis(500));
        let died = daemon.call("raw__die", json!({}));
        for answer in [&died, &lost.join().unwrap()] {
            assert_eq!(refusal(answer), "unavailable", "{answer}");
            assert!(
                text(answer).contains("may have been carried out"),
                "{answer}"
            );
        }
        assert_eq!(text(&slow.join().unwrap()), "slept");
    });
    assert_eq!(status(&house, "other")["restarts"], 0);
}

#[test]
fn an_http_server_that_was_down_is_served_again() {
    let upstream = HttpUpstream::start(&[]);
    let url = upstream.url.clone();
    let house = crate::house();
    house.configure(&format!("servers:\n  raw: {{ url: \"{url}\" }}\nlimits: {{ breaker: {{ faults: 5, window: 60s, cool_down: 1s }} }}\n"));
    let daemon = serving(&house);
    for _ in 0..2 {
        assert!(is_back(&daemon, "raw__fail"), "{}", daemon.log());
    }
    drop(upstream);
    for _ in 0..5 {
        let answer = daemon.call("raw__fail", json!({}));
        assert_eq!(refusal(&answer), "unavailable", "{answer}");
        assert!(text(&answer).contains("`raw`"), "{answer}");
    }
    assert!(
        status(&house, "raw")["error"].is_string(),
        "{}",
        status(&house, "raw")
    );
    let _again = HttpUpstream::again(&url, &[]);
    assert!(is_back(&daemon, "raw__fail"), "{}", status(&house, "raw"));
}

#[test]
fn a_server_that_nobody_ever_met_is_offered_once_it_is_there() {
    let url = HttpUpstream::start(&[]).url.clone();
    let house = crate::house();
    house.configure(&format!("servers:\n  raw: {{ url: \"{url}\" }}\n"));
    let daemon = serving(&house);
    let before = daemon.call("raw__fail", json!({}));
    assert_eq!(before["error"]["code"], -32602, "{before}");
    assert!(status(&house, "raw")["error"].is_string());
    let _there = HttpUpstream::again(&url, &[]);
    assert!(is_back(&daemon, "raw__fail"), "{}", status(&house, "raw"));
}

#[test]
fn what_is_down_at_the_start_holds_up_nobody_and_is_named() {
    let raw = raw_upstream();
    let house = crate::house();
    let gone = {
        let upstream = HttpUpstream::start(&[]);
        upstream.url.clone()
    };
    house.configure(&format!(
        "servers:\n  good: {{ command: [{raw:?}], sandbox: host }}\n  hang: {{ command: [{raw:?}, --hang], sandbox: host }}\n  \
         dead: {{ command: [{raw:?}, --die], sandbox: host }}\n  away: {{ url: \"{gone}\" }}\n"
    ));
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("good__fail", json!({}))), "failed");
    let tools = listed(&daemon);
    assert!(tools.iter().any(|tool| tool == "good__echo"), "{tools:?}");
    eventually("the dead are named", || {
        ["dead", "away"]
            .iter()
            .all(|name| status(&house, name)["error"].is_string())
    });
    assert_eq!(status(&house, "good")["state"], "ready");
    // It is given a minute to begin.
    assert_eq!(status(&house, "hang")["state"], "starting");
    assert_eq!(text(&daemon.call("good__fail", json!({}))), "failed");
}

#[test]
fn a_call_that_takes_too_long_is_cancelled_and_its_server_lives_on() {
    let house = guarding(&[], &format!("    sandbox: host\n    timeout: 1s\n{ROOM}"));
    let daemon = serving(&house);
    let pid = daemon.call("raw__pid", json!({}));
    let late = daemon.call("raw__sleep", json!({"ms": 30_000}));
    assert_eq!(refusal(&late), "timeout", "{late}");
    eventually("it is told", || {
        !text(&daemon.call("raw__cancelled", json!({}))).is_empty()
    });
    assert_eq!(text(&daemon.call("raw__pid", json!({}))), text(&pid));
}

#[test]
fn stray_answers_garbage_and_floods_reach_nobody() {
    let house = guarding(&[], ROOM);
    let daemon = serving(&house);
    let flood = json!({"count": times("DURWARD_NOTIFICATIONS", 20_000)});
    thread::scope(|scope| {
        let others = scope.spawn(|| {
            for number in 0..100 {
                let answer = daemon.call("raw__echo", json!({"n": number}));
                let got = &answer["result"]["structuredContent"]["params"]["arguments"]["n"];
                assert_eq!(got, number, "{answer}");
            }
        });
        for _ in 0..20 {
            assert_eq!(text(&daemon.call("raw__stray", json!({}))), "once");
            assert_eq!(text(&daemon.call("raw__garbage", json!({}))), "garbage");
        }
        assert_eq!(text(&daemon.call("raw__flood", flood)), "flooded");
        others.join().unwrap();
    });
    assert_eq!(
        status(&house, "raw")["restarts"],
        0,
        "{}",
        status(&house, "raw")
    );
}

#[test]
fn a_message_beyond_the_limit_ends_its_server_alone_and_takes_no_memory() {
    let house = guarding(&[], &format!("    line: 1MiB\n{ROOM}"));
    let daemon = serving(&house);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
    let before = daemon.memory_kib("VmRSS");
    let bytes = times("DURWARD_LINE_MIB", 64) << 20;
    let huge = daemon.call("raw__big", json!({"bytes": bytes}));
    assert_eq!(refusal(&huge), "too_large", "{huge}");
    assert!(is_back(&daemon, "raw__fail"));
    let grown = daemon.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
}

#[test]
fn a_flood_of_complaints_is_drained_and_its_end_kept() {
    let house = guarding(&[], ROOM);
    let daemon = serving(&house);
    let before = daemon.memory_kib("VmRSS");
    let kib = times("DURWARD_STDERR_KIB", 16 * 1024);
    assert_eq!(
        text(&daemon.call("raw__stderr", json!({"kib": kib}))),
        "complained"
    );
    let status = status(&house, "raw");
    let kept: usize = status["stderr"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| line.to_string().len())
        .sum();
    assert!((1024..128 * 1024).contains(&kept), "{kept} bytes");
    let grown = daemon.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
}

#[test]
fn a_client_that_leaves_in_a_call_cancels_it() {
    let record = tempfile::NamedTempFile::new().unwrap();
    let house = guarding(&["--record", record.path().to_str().unwrap()], ROOM);
    let daemon = serving(&house);
    let params = json!({"name": "raw__sleep", "arguments": {"ms": 60_000}});
    let mut leaving = daemon.connect();
    leaving.send(&daemon.modern_post(&modern(7, "tools/call", params)).bytes());
    let has = |what: &str| fs::read_to_string(record.path()).unwrap().contains(what);
    eventually("the call is there", || has("60000"));
    assert!(!has("notifications/cancelled"));
    drop(leaving);
    eventually("it is told", || has("notifications/cancelled"));
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
}

#[test]
fn a_killed_durward_leaves_nothing_and_starts_again() {
    for options in [&[][..], &["--stubborn"]] {
        let raw = raw_upstream().display().to_string();
        let house = crate::house();
        let mark = mark(&house);
        let program = format!(
            "trap '' TERM; {raw} --mark {mark} {}; true",
            options.join(" ")
        );
        let command = serde_json::to_string(&["sh", "-c", &program]).unwrap();
        house.configure(&format!(
            "servers:\n  raw: {{ command: {command}, sandbox: host }}\n{ROOM}"
        ));
        let key = house.key("developer");
        for _ in 0..times("DURWARD_KILLS", 3) {
            let mut daemon = house.serve(&[]).with_key(key.clone());
            assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
            assert!(marked(&mark).len() >= 2, "a shell and its child");
            daemon.kill();
            eventually("nothing is left", || marked(&mark).is_empty());
        }
    }
}
