//! What bounds the calls to a server: its limits, its time, its breaker, and whose process it is.

use durward_testkit::{refusal, text};
use serde_json::json;

use crate::servers::guarding;

#[test]
fn a_caller_has_so_many_calls_at_a_server_and_more_at_others() {
    let house = guarding(&[], "    limits: { calls: 2/hour }\n");
    house.file("a.txt", "a");
    let mut pipe = house.stdio(&[]);
    for _ in 0..2 {
        assert_eq!(text(&pipe.call("raw__fail", json!({}))), "failed");
    }
    let refused = pipe.call("raw__echo", json!({}));
    assert_eq!(refusal(&refused), "rate_limited", "{refused}");
    let read = pipe.modern("resources/read", json!({"uri": "raw+raw://a"}));
    assert_eq!(read["error"]["code"], 429, "{read}");
    assert_eq!(text(&pipe.call("fs_read", json!({"path": "a.txt"}))), "a");
}

#[test]
fn a_server_s_own_time_counts_whether_it_is_more_or_less() {
    let short = guarding(&[], "    timeout: 200ms\n");
    let mut pipe = short.stdio(&[]);
    let slow = pipe.call("raw__sleep", json!({"ms": 60_000}));
    assert_eq!(refusal(&slow), "timeout", "{slow}");
    let long = guarding(&[], "    timeout: 60s\n");
    let mut pipe = long.stdio(&["--set", "limits.timeout=200ms"]);
    assert_eq!(
        text(&pipe.call("raw__sleep", json!({"ms": 1_000}))),
        "slept"
    );
}

#[test]
fn a_tool_that_keeps_failing_is_left_alone_and_others_are_not() {
    let house = guarding(&[], "limits: { breaker: { faults: 3, cool_down: 1h } }\n");
    let mut pipe = house.stdio(&[]);
    let broken = json!({"code": 32603});
    // What the tool itself says is no fault of its server.
    for code in [32602, 32602, 32602, 32602] {
        assert_eq!(
            pipe.call("raw__error", json!({"code": code}))["error"]["code"],
            -code
        );
    }
    for _ in 0..3 {
        assert_eq!(
            pipe.call("raw__error", broken.clone())["error"]["code"],
            -32603
        );
    }
    let left_alone = pipe.call("raw__error", broken);
    assert_eq!(refusal(&left_alone), "unavailable", "{left_alone}");
    let facts = &left_alone["result"]["_meta"]["dev.durward/refusal"];
    assert_eq!(facts["detail"], "breaker_open");
    assert!(
        facts["retry_after_ms"].as_u64().unwrap() > 3_000_000,
        "{facts}"
    );
    assert_eq!(text(&pipe.call("raw__fail", json!({}))), "failed");
}

#[test]
fn the_status_names_the_server_its_last_error_and_the_breaker() {
    let house = guarding(
        &["--stderr", "hello from raw"],
        "limits: { breaker: { faults: 1 } }\n",
    );
    let key = house.key("developer");
    let daemon = house.serve(&[]).with_key(key);
    let session = daemon.session("2025-11-25");
    session.call("raw__die", json!({}));
    assert_eq!(text(&session.call("raw__fail", json!({}))), "failed");
    let status = house.run(&["status", "--json"]).ok().json();
    let raw = &status["servers"][0];
    assert_eq!(raw["name"], "raw", "{status}");
    assert_eq!(raw["transport"], "stdio");
    assert_eq!(raw["era"], "modern");
    assert_eq!(raw["restarts"], 1, "{status}");
    assert!(raw["error"].as_str().unwrap().contains("5"), "{status}");
    assert_eq!(raw["stderr"][0], "hello from raw");
    assert_eq!(status["breakers"][0]["tool"], "raw__die", "{status}");
}

#[test]
fn each_caller_or_session_has_a_process_of_its_own_where_the_file_says_so() {
    for (instances, same_caller, same_session) in [
        ("shared", true, true),
        ("per_caller", true, true),
        ("per_session", false, true),
    ] {
        let house = guarding(
            &["--era", "legacy"],
            // In a box of its own, each would have the same number.
            &format!("    sandbox: host\n    instances: {instances}\n"),
        );
        let (one, other) = (house.key("developer"), house.key("developer"));
        let daemon = house.serve(&[]).with_key(one);
        let (first, second) = (daemon.session("2025-11-25"), daemon.session("2025-11-25"));
        let pid = text(&first.call("raw__pid", json!({}))).to_owned();
        assert_eq!(
            text(&first.call("raw__pid", json!({}))) == pid,
            same_session,
            "{instances}"
        );
        assert_eq!(
            text(&second.call("raw__pid", json!({}))) == pid,
            same_caller,
            "{instances}"
        );
        drop((first, second));
        let daemon = daemon.with_key(other);
        let of_other = text(&daemon.session("2025-11-25").call("raw__pid", json!({}))).to_owned();
        assert_eq!(of_other == pid, instances == "shared", "{instances}");
    }
}
