//! How a command runs: which program, in what environment, for how long, and how much of it is kept.

use std::fs;

use durward_testkit::{Pipe, refusal};
use serde_json::json;

use crate::{
    commands::{program, stdout, with, write_program},
    eventually, house,
};

/// The processes with this word among their arguments.
fn marked(mark: &str) -> usize {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let has = |line: &Vec<u8>| {
        line.split(|byte| *byte == 0)
            .any(|word| word == mark.as_bytes())
    };
    lines.filter(has).count()
}

/// A number of seconds that nobody else sleeps.
fn mark(number: u32) -> String {
    (1_000_000 + std::process::id() * 8 + number).to_string()
}

#[test]
fn t20_what_is_put_in_a_program_s_place_or_before_it_never_runs() {
    let house = house();
    let real = program(&house, "tool", "echo real");
    with(&house, "  tool: tool\n");
    let mut command = house.command(&["stdio"]);
    let first = house.path("first");
    fs::create_dir(&first).unwrap();
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        first.display(),
        house.path("bin").display()
    );
    command.env("PATH", path);
    let mut pipe = Pipe::of(command);
    assert_eq!(stdout(&pipe.call("tool", json!({}))), "real\n");
    write_program(&first.join("tool"), "echo impostor");
    assert_eq!(stdout(&pipe.call("tool", json!({}))), "real\n");
    let draft = house.path("bin/draft");
    write_program(&draft, "echo impostor");
    fs::rename(draft, real).unwrap();
    let answer = pipe.call("tool", json!({}));
    assert_eq!(refusal(&answer), "definition_changed", "{answer}");
}

#[test]
fn t29_an_exit_code_is_told_and_is_a_failure() {
    let house = house();
    let fails = program(&house, "fails", "echo out; echo err >&2; exit 7");
    with(&house, &format!("  fails: {fails}\n"));
    let mut pipe = house.stdio(&[]);
    let answer = pipe.call("fails", json!({}));
    assert_eq!(answer["result"]["isError"], true);
    let told = &answer["result"]["structuredContent"];
    assert_eq!(
        (&told["exit_code"], &told["stdout"], &told["stderr"]),
        (&json!(7), &json!("out\n"), &json!("err\n"))
    );
}

#[test]
fn t30_at_its_time_a_command_ends_with_all_that_it_started() {
    let house = house();
    let mark = mark(1);
    let script = format!(
        "setsid sleep {mark} & (setsid sh -c 'sleep {mark} & sleep {mark}' &) ; echo begun; wait"
    );
    let slow = program(&house, "slow", &script);
    with(&house, &format!("  slow: {{ run: {slow}, timeout: 1s }}\n"));
    let mut pipe = house.stdio(&[]);
    let answer = pipe.call("slow", json!({}));
    let told = &answer["result"]["structuredContent"];
    assert_eq!(
        (&told["timed_out"], &told["stdout"]),
        (&json!(true), &json!("begun\n")),
        "{answer}"
    );
    assert_eq!(answer["result"]["isError"], true);
    let took = told["duration_ms"].as_u64().expect("a number");
    assert!((1_000..8_000).contains(&took), "{answer}");
    assert_eq!(marked(&mark), 0);
}

#[test]
fn a_command_may_take_longer_than_other_calls_where_that_is_said() {
    let house = house();
    house.configure(
        "sandbox: { mode: best_effort }\nlimits: { timeout: 1s }\ncommands:\n  long: { run: sleep 2, timeout: 20s }\n  \
         usual: sleep 60\n",
    );
    let mut pipe = house.stdio(&[]);
    let long = pipe.call("long", json!({}));
    assert_eq!(
        long["result"]["structuredContent"]["exit_code"], 0,
        "{long}"
    );
    let usual = pipe.call("usual", json!({}));
    assert_eq!(
        usual["result"]["structuredContent"]["timed_out"], true,
        "{usual}"
    );
}

#[test]
fn a_client_that_leaves_leaves_nothing_behind() {
    let house = house();
    let mark = mark(2);
    let slow = program(
        &house,
        "slow",
        &format!("setsid sleep {mark} & sleep {mark}"),
    );
    with(&house, &format!("  slow: {slow}\n"));
    let mut pipe = house.stdio(&[]);
    pipe.send(&durward_testkit::modern(
        1,
        "tools/call",
        json!({"name": "slow", "arguments": {}}),
    ));
    eventually("the program runs", || marked(&mark) == 2);
    pipe.kill();
    eventually("nothing is left", || marked(&mark) == 0);
}

#[test]
fn t31_what_prints_without_end_is_cut_and_memory_stays() {
    let house = house();
    let loud = program(&house, "loud", "head -c 80000000 /dev/zero | tr '\\0' 'x'");
    house.configure(&format!(
        "sandbox: {{ mode: best_effort, limits: {{ output: 1MiB }} }}\ncommands:\n  loud: {loud}\n  quiet: echo done\n"
    ));
    let key = house.key("developer");
    let daemon = house.serve(&[]).with_key(key);
    let _ = daemon.call("quiet", json!({}));
    let before = daemon.memory_kib("VmHWM");
    for _ in 0..3 {
        let answer = daemon.call("loud", json!({}));
        let told = &answer["result"]["structuredContent"];
        assert_eq!(
            told["stdout"].as_str().map(str::len),
            Some(1 << 20),
            "{}",
            told["exit_code"]
        );
        assert_eq!(told["stdout_truncated"], true);
    }
    let grown = daemon.memory_kib("VmHWM") - before;
    // The cap, its text once more in the answer, and room for what else a first call takes.
    assert!(grown < 8 * 1024, "{grown} KiB");
}

#[test]
fn t32_the_environment_has_what_is_said_and_nothing_else() {
    let house = house();
    with(&house, "  env: printenv\n");
    let mut command = house.command(&["stdio"]);
    for (name, value) in [
        ("MCP_EXEC_AUTH_TOKEN", "hunter2"),
        ("GITHUB_TOKEN", "hunter2"),
        ("DURWARD_KEY", "hunter2"),
        ("LD_LIBRARY_PATH", "/hunter2"),
        ("LANG", "C.UTF-8"),
    ] {
        command.env(name, value);
    }
    let mut pipe = Pipe::of(command);
    let answer = pipe.call("env", json!({}));
    let mut names: Vec<_> = stdout(&answer)
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["LANG", "PATH"], "{answer}");
}

#[test]
fn a_command_reads_nothing_and_what_runs_is_in_the_record() {
    let house = house();
    with(&house, "  cat: cat\n");
    let mut pipe = house.stdio(&[]);
    assert_eq!(stdout(&pipe.call("cat", json!({}))), "");
    let calls = house.run(&["audit", "query", "--json"]).ok().lines();
    let call = calls
        .iter()
        .find(|it| it["kind"] == "call")
        .expect("a record");
    assert_eq!(call["target"], "cat", "{call}");
    assert_eq!(
        (&call["decision"], &call["tier"]),
        (&json!("allow"), &json!("operate")),
        "{call}"
    );
    assert!(
        ["none", "light", "full"].contains(&call["level"].as_str().unwrap_or_default()),
        "{call}"
    );
}

#[test]
fn one_that_never_ends_in_its_time_is_left_alone() {
    let house = house();
    let slow = program(&house, "slow", "sleep 60");
    house.configure(&format!(
        "sandbox: {{ mode: best_effort }}\nlimits: {{ breaker: {{ faults: 3, cool_down: 1h }} }}\n\
         commands:\n  slow: {{ run: \"{}\", timeout: 200ms }}\n",
        slow
    ));
    let mut pipe = house.stdio(&[]);
    for _ in 0..3 {
        let answer = pipe.call("slow", json!({}));
        assert_eq!(
            answer["result"]["structuredContent"]["timed_out"], true,
            "{answer}"
        );
    }
    let answer = pipe.call("slow", json!({}));
    let facts = &answer["result"]["_meta"]["dev.durward/refusal"];
    assert_eq!(facts["detail"], "breaker_open", "{answer}");
}
