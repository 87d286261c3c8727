//! The pipe: framing, purity, the end, and 2026-07-28.

use std::time::Duration;

use durward_testkit::{MODERN, modern, refusal, text};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{eventually, house};

const SOON: Duration = Duration::from_secs(1);

#[test]
fn both_eras_are_served_side_by_side_on_one_pipe() {
    let house = house();
    house.file("a.txt", "hello");
    let mut pipe = house.stdio(&[]);
    let discovered = pipe.modern("server/discover", json!({}));
    assert_eq!(discovered["result"]["supportedVersions"][0], MODERN);
    let answer = pipe.initialize("2025-06-18");
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(answer["result"]["serverInfo"]["name"], "durward");
    assert_eq!(
        text(&pipe.call("fs_read", json!({"path": "a.txt"}))),
        "hello"
    );
    let legacy = pipe.ask(
        "tools/call",
        json!({"name": "fs_read", "arguments": {"path": "a.txt"}}),
    );
    assert_eq!(text(&legacy), "hello");
    assert!(legacy["result"].get("resultType").is_none());
}

#[test]
fn the_end_of_input_ends_the_program_within_a_second() {
    let house = house();
    let mut idle = house.stdio(&[]);
    idle.initialize("2025-11-25");
    assert_eq!(idle.end(SOON), Some(0));
    let mut unborn = house.stdio(&[]);
    assert_eq!(unborn.end(SOON), Some(0));
    let mut half = house.stdio(&[]);
    half.raw(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"met");
    assert_eq!(half.end(SOON), Some(0));
}

#[test]
fn a_search_in_flight_does_not_outlive_the_pipe() {
    let house = house();
    for number in 0..2000 {
        house.file(&format!("d{}/{number}", number % 50), "x".repeat(2000));
    }
    let mut pipe = house.stdio(&[]);
    let search = json!({"name": "fs_search", "arguments": {"pattern": "(x+y){3}z"}});
    pipe.send(&modern(1, "tools/call", search));
    assert!(pipe.end(SOON).is_some(), "still running after {SOON:?}");
}

#[test]
fn a_signal_ends_it_in_order() {
    let house = house();
    for signal in [Signal::TERM, Signal::INT] {
        let mut pipe = house.stdio(&[]);
        pipe.initialize("2025-11-25");
        pipe.signal(signal);
        assert_eq!(pipe.wait(SOON), Some(0), "{signal:?}");
    }
}

#[test]
fn stdout_carries_nothing_but_json_rpc_at_every_log_level() {
    let house = house();
    for level in ["off", "error", "warn", "info", "debug", "trace"] {
        let mut pipe = house.stdio(&["--log", level]);
        pipe.initialize("2025-11-25");
        for line in ["nonsense", "{", "[]", "", "\r", "1", "\u{0}"] {
            pipe.raw(format!("{line}\n").as_bytes());
        }
        pipe.send(&modern(
            1,
            "tools/call",
            json!({"name": "fs_read", "arguments": {"path": "../../etc/passwd"}}),
        ));
        pipe.send(&modern(2, "no/such", json!({})));
        pipe.end(SOON);
        let mut count = 0;
        while let Some(line) = pipe.line(Duration::from_millis(200)) {
            let message: Value =
                serde_json::from_str(&line).unwrap_or_else(|_| panic!("{level}: {line:?}"));
            assert_eq!(message["jsonrpc"], "2.0", "{level}: {line}");
            count += 1;
        }
        assert!(count >= 6, "{level}: {count} answers");
    }
}

#[test]
fn garbage_is_answered_and_the_pipe_lives() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    let cases = [
        ("nonsense", -32700),
        ("{\"jsonrpc\":\"2.0\",", -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}}", -32700),
        ("{}", -32600),
        ("[]", -32600),
        ("\"x\"", -32600),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
            -32600,
        ),
    ];
    for (line, code) in cases {
        let answer = pipe.answer_to(line);
        assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
    }
    assert_eq!(
        pipe.answer_to(&"[".repeat(200_000))["error"]["code"]
            .as_i64()
            .map(i64::signum),
        Some(-1)
    );
    assert!(pipe.modern("tools/list", json!({}))["result"].is_object());
}

#[test]
fn bytes_that_are_no_text_are_answered_and_the_pipe_lives() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    pipe.raw(b"\xff\xfe\x00\n");
    assert_eq!(pipe.message()["error"]["code"], -32700);
    pipe.raw(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc3\x28\"}\n");
    assert_eq!(pipe.message()["error"]["code"], -32700);
    assert!(pipe.modern("tools/list", json!({}))["result"].is_object());
}

#[test]
fn blank_lines_carriage_returns_and_one_mark_at_the_start_are_passed_over() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    let ping = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
    pipe.raw(format!("\u{feff}{ping}\r\n\r\n\n   \n{ping}\n").as_bytes());
    for _ in 0..2 {
        assert_eq!(pipe.message()["result"], json!({}));
    }
    assert_eq!(
        pipe.answer_to(&format!("\u{feff}{ping}"))["error"]["code"],
        -32700
    );
}

#[test]
fn many_requests_at_once_are_each_answered_once() {
    let house = house();
    house.file("a.txt", "hello");
    let mut pipe = house.stdio(&["--set", "limits.calls=100000/s"]);
    let call = |id: u32| {
        modern(
            id,
            "tools/call",
            json!({"name": "fs_stat", "arguments": {"path": "a.txt"}}),
        )
    };
    let all: String = (0..500).map(|id| format!("{}\n", call(id))).collect();
    pipe.raw(all.as_bytes());
    let mut ids: Vec<u64> = (0..500)
        .map(|_| pipe.message()["id"].as_u64().expect("an id"))
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..500).collect::<Vec<_>>());
}

#[test]
fn an_id_in_flight_may_not_be_used_again() {
    let house = house();
    for number in 0..500 {
        house.file(&format!("{number}"), "x".repeat(20_000));
    }
    let mut pipe = house.stdio(&[]);
    let search = json!({"name": "fs_search", "arguments": {"pattern": "needle"}});
    let line = modern("same", "tools/call", search).to_string();
    pipe.raw(format!("{line}\n{line}\n").as_bytes());
    let answers = [pipe.message(), pipe.message()];
    let refused = answers
        .iter()
        .filter(|answer| answer["error"]["code"] == json!(-32600))
        .count();
    assert_eq!(refused, 1, "{answers:?}");
}

#[test]
fn a_cancelled_call_gets_no_answer() {
    let house = house();
    for number in 0..3000 {
        house.file(&format!("d{}/{number}", number % 50), "x".repeat(2000));
    }
    let mut pipe = house.stdio(&[]);
    pipe.send(&modern(
        "gone",
        "tools/call",
        json!({"name": "fs_search", "arguments": {"pattern": "needle"}}),
    ));
    let meta = modern(1, "x", json!({"requestId": "gone"}))["params"].clone();
    pipe.send(&durward_testkit::notification(
        "notifications/cancelled",
        meta,
    ));
    assert!(pipe.modern("tools/list", json!({}))["result"].is_object());
    while let Some(line) = pipe.line(Duration::from_millis(300)) {
        assert!(!line.contains("\"gone\""), "answered after all: {line}");
    }
}

#[test]
fn several_pipes_share_one_state_folder_each_with_its_own_chain() {
    let house = house();
    house.file("a.txt", "hello");
    let mut pipes: Vec<_> = (0..3).map(|_| house.stdio(&[])).collect();
    for pipe in &mut pipes {
        assert_eq!(
            text(&pipe.call("fs_read", json!({"path": "a.txt"}))),
            "hello"
        );
    }
    for mut pipe in pipes {
        assert_eq!(pipe.end(SOON), Some(0));
    }
    house.run(&["audit", "verify"]).ok();
    let entries = house.run(&["audit", "query", "--json"]).ok().lines();
    assert_eq!(
        entries
            .iter()
            .filter(|entry| entry.to_string().contains("fs_read"))
            .count(),
        3
    );
}

#[test]
fn the_schema_is_checked_before_the_tool_runs() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    for arguments in [
        json!({}),
        json!({"path": 1}),
        json!({"path": "a", "colour": "red"}),
        json!({"path": null}),
    ] {
        let answer = pipe.call("fs_stat", arguments.clone());
        assert_eq!(
            refusal(&answer),
            "invalid_arguments",
            "{arguments}: {answer}"
        );
    }
}

/// For `ssh host durward stdio`, whose environment is bare.
#[test]
fn variables_may_come_from_a_file() {
    let house = house();
    house.file("inside.txt", "inside");
    house.configure("files: { root: \"${SHARED}\" }\n");
    let file = house.path("env");
    let shared = house.root().display().to_string();
    std::fs::write(
        &file,
        format!("# what is shared\nexport SHARED=\"{shared}\"\n"),
    )
    .expect("a file");
    let mut pipe = house.stdio(&["--env-file", &file.display().to_string()]);
    let read = pipe.call("fs_read", json!({"path": "inside.txt"}));
    assert_eq!(text(&read), "inside", "{read}");
    let mut without = house.stdio(&[]);
    assert_eq!(without.wait(Duration::from_secs(5)), Some(3));
    std::fs::write(&file, "SHARED\n").expect("a file");
    let mut wrong = house.stdio(&["--env-file", &file.display().to_string()]);
    assert_eq!(wrong.wait(Duration::from_secs(5)), Some(3));
    eventually("the line is named", || wrong.log().contains("env:1"));
}
