//! Rates and caps: exact, apart for each caller, and never a way to fill memory.

use std::{thread, time::Duration};

use durward_testkit::{Daemon, Pipe, modern, refusal};
use serde_json::{Value, json};

use crate::{eventually, house};

fn stat(daemon: &Daemon) -> Value {
    daemon.call("fs_stat", json!({"path": "."}))
}

fn allowed(count: usize, mut call: impl FnMut() -> Value) -> usize {
    (0..count).filter(|_| refusal(&call()).is_empty()).count()
}

fn piped(pipe: &mut Pipe) -> Value {
    pipe.call("fs_stat", json!({"path": "."}))
}

#[test]
fn exactly_the_limit_is_allowed_in_a_burst_and_one_more_is_not() {
    for (limit, count) in [("60/min", 60), ("10/min", 10), ("20/min", 20)] {
        let house = house();
        let mut pipe = house.stdio(&["--set", &format!("limits.calls={limit}")]);
        assert_eq!(allowed(count + 5, || piped(&mut pipe)), count, "{limit}");
    }
}

#[test]
fn a_burst_of_its_own_bounds_how_many_come_at_once() {
    let house = house();
    let mut pipe = house.stdio(&["--set", "limits.calls=2/s", "--set", "limits.burst=3"]);
    assert_eq!(allowed(5, || piped(&mut pipe)), 3);
}

#[test]
fn a_limited_call_says_when_to_come_back_and_is_served_then() {
    let house = house();
    let mut pipe = house.stdio(&["--set", "limits.calls=4/s", "--set", "limits.burst=1"]);
    assert_eq!(refusal(&piped(&mut pipe)), "");
    let limited = piped(&mut pipe);
    assert_eq!(refusal(&limited), "rate_limited");
    let wait = limited["result"]["_meta"]["dev.durward/refusal"]["retry_after_ms"].as_u64();
    let wait = wait.unwrap_or_else(|| panic!("no retry_after_ms in {limited}"));
    assert!(wait <= 250, "{wait} ms at four a second");
    thread::sleep(Duration::from_millis(wait + 5));
    assert_eq!(refusal(&piped(&mut pipe)), "");
}

#[test]
fn over_a_window_no_more_than_the_burst_and_the_rate_get_through() {
    let house = house();
    let mut pipe = house.stdio(&["--set", "limits.calls=20/s", "--set", "limits.burst=5"]);
    let through = allowed(100, || {
        thread::sleep(Duration::from_millis(10));
        piped(&mut pipe)
    });
    assert!(
        (20..=45).contains(&through),
        "{through} in about a second at 20 a second and 5 at once"
    );
}

#[test]
fn lists_cost_nothing() {
    let house = house();
    let mut pipe = house.stdio(&["--set", "limits.calls=1/min"]);
    for _ in 0..20 {
        assert!(pipe.modern("tools/list", json!({}))["result"].is_object());
    }
    assert_eq!(allowed(3, || piped(&mut pipe)), 1);
}

#[test]
fn one_callers_flood_is_no_other_callers_trouble() {
    let house = house();
    house.configure("limits: { calls: 5/min }\n");
    let (flooder, other) = (house.key("reader"), house.key("reader"));
    let daemon = house.serve(&[]).with_key(flooder);
    assert_eq!(allowed(20, || stat(&daemon)), 5);
    let daemon = daemon.with_key(other);
    assert_eq!(allowed(20, || stat(&daemon)), 5);
}

#[test]
fn a_total_counts_all_callers() {
    let house = house();
    house.configure("limits: { total: 6/min }\n");
    let (one, two) = (house.key("reader"), house.key("reader"));
    let daemon = house.serve(&[]).with_key(one);
    assert_eq!(allowed(4, || stat(&daemon)), 4);
    let daemon = daemon.with_key(two);
    assert_eq!(allowed(4, || stat(&daemon)), 2);
}

#[test]
fn a_tools_limit_is_that_tools_alone() {
    let house = house();
    house.file("a.txt", "hello");
    house.configure("limits: { tools: { fs_stat: 2/min, fs_list: { calls: 1/min } } }\n");
    let mut pipe = house.stdio(&[]);
    assert_eq!(allowed(5, || piped(&mut pipe)), 2);
    assert_eq!(allowed(5, || pipe.call("fs_list", json!({}))), 1);
    assert_eq!(
        allowed(5, || pipe.call("fs_read", json!({"path": "a.txt"}))),
        5
    );
}

#[test]
fn a_sessions_limit_is_that_sessions_alone() {
    let house = house();
    house.configure("limits: { session: 3/min }\n");
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    for _ in 0..2 {
        let session = daemon.session("2025-11-25");
        assert_eq!(
            allowed(6, || session.call("fs_stat", json!({"path": "."}))),
            3
        );
    }
}

#[test]
fn a_roles_limit_is_the_strictest_that_applies() {
    let house = house();
    house.configure("limits: { calls: 50/min }\nroles: { slow: { allow: [\"tier:read\"], limits: { calls: 2/min } } }\n");
    let key = house.key("slow");
    let daemon = house.serve(&[]).with_key(key);
    assert_eq!(allowed(6, || stat(&daemon)), 2);
}

#[test]
fn what_the_policy_refuses_spends_nothing() {
    let house = house();
    house.configure("limits: { calls: 3/min }\nidentity: { os_user: { roles: { self: [some] } } }\nroles: { some: { allow: [\"tool:fs_stat\"] } }\n");
    let mut pipe = house.stdio(&[]);
    for _ in 0..10 {
        assert!(pipe.call("fs_read", json!({"path": "x"}))["error"].is_object());
    }
    assert_eq!(allowed(6, || piped(&mut pipe)), 3);
}

#[test]
fn a_restart_gives_no_new_budget() {
    let house = house();
    house.configure("limits: { calls: 5/min }\n");
    let key = house.key("reader");
    let mut first = house.serve(&[]).with_key(key.clone());
    assert_eq!(allowed(8, || stat(&first)), 5);
    first.signal(rustix::process::Signal::TERM);
    assert_eq!(first.wait(Duration::from_secs(5)), Some(0));
    let second = house.serve(&[]).with_key(key);
    assert!(allowed(8, || stat(&second)) <= 1, "the budget came back");
}

#[test]
fn more_at_once_than_the_cap_are_refused() {
    let house = house();
    for number in 0..2000 {
        house.file(&format!("d{}/{number}", number % 40), "x".repeat(4000));
    }
    let mut pipe = house.stdio(&["--set", "limits.concurrency=2"]);
    let search = json!({"name": "fs_search", "arguments": {"pattern": "needle"}});
    let all: String = (0..8)
        .map(|id| format!("{}\n", modern(id, "tools/call", search.clone())))
        .collect();
    pipe.raw(all.as_bytes());
    let answers: Vec<Value> = (0..8).map(|_| pipe.message()).collect();
    let refused = answers
        .iter()
        .filter(|answer| refusal(answer) == "rate_limited")
        .count();
    assert_eq!(refused, 6, "{answers:?}");
    eventually("places are free again", || {
        refusal(&piped(&mut pipe)).is_empty()
    });
}

#[test]
fn a_call_over_its_time_is_stopped() {
    let house = house();
    for number in 0..3000 {
        house.file(&format!("d{}/{number}", number % 40), "x".repeat(4000));
    }
    let mut pipe = house.stdio(&["--set", "limits.timeout=1ms"]);
    let answer = pipe.call("fs_search", json!({"pattern": "(x+y){3}z"}));
    assert_eq!(refusal(&answer), "timeout", "{answer}");
}

#[test]
fn an_answer_over_the_limit_is_refused() {
    let house = house();
    house.file("big", "x".repeat(100_000));
    let mut pipe = house.stdio(&["--set", "limits.result=64KiB"]);
    assert_eq!(
        refusal(&pipe.call("fs_read", json!({"path": "big"}))),
        "too_large"
    );
}

#[test]
fn limits_that_are_none_are_refused_with_the_line() {
    for wrong in [
        "calls: 0/min",
        "calls: \"20\"",
        "calls: -1/s",
        "calls: fast",
        "concurrency: many",
        "timeout: 5 parsecs",
    ] {
        let house = house();
        house.configure(&format!("limits:\n  {wrong}\n"));
        let ran = house.run(&["check"]);
        assert_eq!(ran.code, 3, "{wrong}: {ran:?}");
        assert!(
            ran.stderr.contains(":3") && ran.stderr.contains(wrong),
            "{wrong}: {}",
            ran.stderr
        );
    }
}
