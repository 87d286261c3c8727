//! Memory under attack: what comes without end, and what is begun and left.

use std::collections::HashSet;

use durward_testkit::{Http, Post, initialize, legacy, modern};
use serde_json::json;

use crate::{framing_http::head_of, house, times};

const MIB: usize = 1024 * 1024;

/// How much is sent where there is no end: MiB.
fn flood() -> usize {
    times("DURWARD_FLOOD_MIB", 100)
}

#[test]
fn a_line_without_end_is_refused_skipped_and_never_held_in_memory() {
    let house = house();
    let mut pipe = house.stdio(&["--set", "listen.limits.line=64KiB"]);
    pipe.modern("tools/list", json!({}));
    let before = resident(pipe.pid());
    let piece = vec![b'x'; MIB];
    for _ in 0..flood() {
        pipe.raw(&piece);
    }
    pipe.raw(b"\n");
    assert_eq!(pipe.message()["error"]["code"], -32600);
    let grown = resident(pipe.pid()).saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB for a line without end");
    assert!(pipe.modern("tools/list", json!({}))["result"].is_object());
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .expect("its size");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}

#[test]
fn memory_stays_flat_under_bodies_without_end() {
    let house = house();
    let daemon = house.serve(&["--set", "listen.limits.body=1MiB"]);
    daemon.modern("tools/list", json!({}));
    let before = daemon.memory_kib("VmHWM");
    let chunk = format!("{MIB:x}\r\n{}\r\n", " ".repeat(MIB));
    let length = format!("Content-Length: {}", flood() * MIB);
    for (framing, piece) in [
        ("Transfer-Encoding: chunked", chunk.as_bytes()),
        (length.as_str(), &chunk.as_bytes()[8..]),
    ] {
        let mut http = daemon.connect();
        http.send(head_of(&daemon, framing).as_bytes());
        for _ in 0..flood() {
            http.send(piece);
        }
    }
    let grown = daemon.memory_kib("VmHWM").saturating_sub(before);
    assert!(
        grown < 8 * 1024,
        "{grown} KiB for bodies over the limit of 1 MiB"
    );
    assert_eq!(daemon.modern("tools/list", json!({})).status, 200);
}

fn begun(http: &mut Http, initialize: &Post) -> String {
    let answer = http.ask(initialize);
    answer
        .header("mcp-session-id")
        .expect("a session")
        .to_owned()
}

#[test]
fn sessions_that_are_begun_and_left_fill_no_memory() {
    // More than are kept at once (16,384), so that the rest pushes them out.
    const FULL: usize = 17_000;
    let house = house();
    let daemon = house.serve(&[]);
    let initialize = daemon.post(initialize("2025-11-25").to_string());
    let mut http = daemon.connect();
    for _ in 0..FULL {
        begun(&mut http, &initialize);
    }
    let full = daemon.memory_kib("VmRSS");
    assert!(
        full < 200 * 1024,
        "{full} KiB for the sessions that are kept"
    );
    for _ in 0..times("DURWARD_SESSIONS", 10_000) {
        begun(&mut http, &initialize);
    }
    let grown = daemon.memory_kib("VmRSS").saturating_sub(full);
    assert!(
        grown < 8 * 1024,
        "{grown} KiB for sessions that nobody uses"
    );
}

#[test]
fn ids_of_sessions_never_repeat_and_can_t_be_guessed() {
    let house = house();
    let daemon = house.serve(&[]);
    let initialize = daemon.post(initialize("2025-11-25").to_string());
    let ping = legacy(1, "ping", json!({})).to_string();
    let ping = daemon
        .post(ping)
        .header("MCP-Protocol-Version", "2025-11-25")
        .header("Mcp-Session-Id", "");
    let mut http = daemon.connect();
    let (mut seen, mut stolen) = (HashSet::new(), 0);
    for number in 0..times("DURWARD_SESSIONS", 5_000) {
        let id = begun(&mut http, &initialize);
        // One sign of it is another: the next one to hand out, or one that the server might confuse with it.
        let mut guess = id.clone().into_bytes();
        let at = number % guess.len();
        guess[at] = if guess[at] == b'A' { b'B' } else { b'A' };
        let guess = String::from_utf8(guess).expect("text");
        let answer = http.ask(&ping.clone().with("Mcp-Session-Id", &guess));
        stolen += usize::from(answer.status != 404);
        assert!(seen.insert(id), "the same id twice");
    }
    assert_eq!(stolen, 0, "guessed ids were taken");
}

#[test]
fn invented_names_fill_no_memory() {
    let house = house();
    let daemon = house.serve(&["--set", "limits.calls=1000000/s"]);
    let mut http = daemon.connect();
    let mut ask = |from: usize, to: usize| {
        for number in from..to {
            let params = json!({"name": format!("invented_{number}"), "arguments": {}});
            http.ask(&daemon.modern_post(&modern(number, "tools/call", params)));
        }
    };
    ask(0, 1000);
    let before = daemon.memory_kib("VmRSS");
    ask(1000, 6000);
    let grown = daemon.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB for 5,000 names");
}
