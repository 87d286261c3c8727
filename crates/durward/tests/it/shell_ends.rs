//! How the programs of `shell_exec` end (S12 to S16), and what is told meanwhile.

use std::{
    thread,
    time::{Duration, Instant},
};

use durward_testkit::{legacy, modern, notification, refusal};
use serde_json::{Value, json};

use crate::{
    eventually,
    processes::marked,
    shell::{allowing, exec, program, ran, serve},
};

/// A machine that is busy with other tests is slow; what is never ended takes longer than this.
const SLOW: Duration = Duration::from_secs(8);

#[expect(clippy::disallowed_methods, reason = "a test measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// A length of sleep that no other test has.
fn mark(number: u32) -> String {
    format!("{}{number}", 300_000 + std::process::id())
}

#[test]
fn s12_s13_when_its_time_is_over_the_whole_tree_is_gone() {
    let house = allowing("allow: [sleep, tree]", "");
    // Sessions of their own, parents that are gone, the pipe held open, deaf to requests.
    let mark = mark(1);
    program(
        &house,
        "tree",
        &format!(
            "trap '' TERM; setsid sleep {mark} & (setsid sh -c 'trap \"\" TERM HUP; sleep {mark} & sleep {mark}' &); \
             echo begun; sleep {mark}"
        ),
    );
    let daemon = serve(&house);
    for (command, args, printed) in [
        ("sleep", vec![mark.as_str()], ""),
        ("tree", vec![], "begun\n"),
    ] {
        let began = now();
        let arguments = json!({"command": command, "args": args, "timeout_ms": 300});
        let answer = daemon.call("shell_exec", arguments);
        assert!(began.elapsed() < SLOW);
        let ran = ran(&answer);
        assert_eq!(ran["timed_out"], true, "{ran}");
        assert_eq!(
            (&ran["exit_code"], &ran["stdout"]),
            (&Value::Null, &json!(printed))
        );
        assert_eq!(answer["result"]["isError"], true);
        assert_eq!(marked(&mark), [0_u32; 0], "{command}");
        eprintln!("{command}: {} ms", ran["duration_ms"]);
    }
}

#[test]
fn s14_what_prints_without_end_is_ended_at_the_cap_in_bounded_memory() {
    let house = allowing("allow: [yes, head]", "");
    let daemon = serve(&house);
    // Whatever grows once has grown.
    for _ in 0..3 {
        ran(&exec(&daemon, "head", &["-c", "1000", "/dev/zero"]));
    }
    let before = daemon.memory_kib("VmHWM");
    for _ in 0..3 {
        let answer = exec(&daemon, "yes", &[]);
        let ran = ran(&answer);
        assert_eq!(ran["stdout_truncated"], true);
        assert_eq!(ran["stdout"].as_str().map(str::len), Some(256 * 1024));
        assert_eq!(
            (&ran["exit_code"], &ran["timed_out"]),
            (&Value::Null, &json!(false))
        );
        assert_eq!(answer["result"]["isError"], true);
    }
    let grown = daemon.memory_kib("VmHWM") - before;
    eprintln!("grown by {grown} KiB");
    assert!(grown < 2 * 1024, "grown by {grown} KiB");
}

#[test]
fn s15_no_more_at_once_than_are_allowed() {
    let limits = "  tools: { shell_exec: { concurrency: 4 } }\n";
    let house = allowing("allow: [sleep]", "");
    let config = std::fs::read_to_string(house.config()).unwrap();
    let config = config.replace(
        "limits: { calls: 100000/s }\n",
        &format!("limits:\n  calls: 100000/s\n{limits}"),
    );
    house.configure_exactly(&config);
    let daemon = serve(&house);
    let words: Vec<String> = thread::scope(|scope| {
        let calls: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let answer = exec(&daemon, "sleep", &["2"]);
                    let facts = &answer["result"]["_meta"]["dev.durward/refusal"];
                    match refusal(&answer) {
                        "" => ran(&answer)["exit_code"].to_string(),
                        _ => facts["detail"].as_str().unwrap_or_default().to_owned(),
                    }
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let count = |word: &str| words.iter().filter(|it| *it == word).count();
    assert_eq!(
        (count("0"), count("concurrency_limit")),
        (4, 2),
        "{words:?}"
    );
}

#[test]
fn s16_a_call_that_is_cancelled_or_left_ends_its_tree() {
    let house = allowing("allow: [tree]", "");
    let mark = mark(2);
    program(
        &house,
        "tree",
        &format!("setsid sleep {mark} & sleep {mark}"),
    );
    let daemon = serve(&house);
    let params =
        json!({"name": "shell_exec", "arguments": {"command": "tree", "timeout_ms": 30000}});
    let begun = || eventually("it runs", || marked(&mark).len() >= 2);
    let ended = |how: &str| {
        let began = now();
        eventually("nothing is left", || marked(&mark).is_empty());
        eprintln!("{how}: {} ms", began.elapsed().as_millis());
    };

    // The client hangs up.
    let mut http = daemon.connect();
    http.send(
        &daemon
            .modern_post(&modern(1, "tools/call", params.clone()))
            .bytes(),
    );
    begun();
    drop(http);
    ended("left");

    // The client says so.
    let session = daemon.session("2025-11-25");
    let mut http = daemon.connect();
    http.send(
        &session
            .post(legacy(9, "tools/call", params.clone()).to_string())
            .bytes(),
    );
    begun();
    let cancel = notification("notifications/cancelled", json!({"requestId": 9}));
    assert_eq!(session.send(&cancel).status, 202);
    ended("cancelled");

    // durward is gone.
    let mut http = daemon.connect();
    http.send(&daemon.modern_post(&modern(2, "tools/call", params)).bytes());
    begun();
    drop(daemon);
    ended("killed");
}

#[test]
fn what_it_prints_is_told_while_it_runs() {
    let house = allowing("allow: [steps]", "");
    program(
        &house,
        "steps",
        "echo one; sleep 1; echo two >&2; sleep 1; echo three",
    );
    let daemon = serve(&house);
    let params = json!({
        "name": "shell_exec",
        "arguments": {"command": "steps"},
        "_meta": {"progressToken": "p"},
    });
    let mut http = daemon.connect();
    http.send(&daemon.modern_post(&modern(1, "tools/call", params)).bytes());
    let head = http.opening().expect("an answer");
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    let mut told = Vec::new();
    let answer: Value = loop {
        let event = http.event(Duration::from_secs(10)).expect("an event");
        let message: Value = serde_json::from_str(&event.data).unwrap();
        if message["method"] == "notifications/progress" {
            assert_eq!(message["params"]["progressToken"], "p");
            told.push(message["params"]["message"].as_str().unwrap().to_owned());
        } else {
            break message;
        }
    };
    assert_eq!(told[..2], ["one", "two"]);
    let ran = ran(&answer);
    assert_eq!(
        (&ran["stdout"], &ran["stderr"]),
        (&json!("one\nthree\n"), &json!("two\n"))
    );
}
