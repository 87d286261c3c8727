//! Plugins that change, fail, hang and misbehave (X02, F25), and durward that goes on.

use std::{fs, time::Duration};

use durward_testkit::{Daemon, House, refusal, text};
use serde_json::{Value, json};

use crate::{
    plugins::{in_time, listed, manifest, mode, open_house, put, scripted},
    processes::marked,
    times,
};

fn status(house: &House, name: &str) -> Value {
    let status = house.run(&["status", "--json"]).ok().json();
    let all = status["plugins"].as_array().expect("plugins").clone();
    all.into_iter()
        .find(|it| it["name"] == name)
        .unwrap_or_default()
}

fn daemon(house: &House) -> Daemon {
    let key = house.key("developer");
    house.serve(&[]).with_key(key)
}

fn call(daemon: &Daemon, tool: &str) -> Value {
    daemon.call(tool, json!({}))
}

fn names(daemon: &Daemon) -> Vec<String> {
    let list = daemon.modern("tools/list", json!({})).json();
    let tools = list["result"]["tools"].as_array().expect("tools").iter();
    let names = tools.map(|tool| tool["name"].as_str().expect("a name").to_owned());
    names.filter(|name| !name.starts_with("fs_")).collect()
}

/// The finer word of a refusal.
fn detail(answer: &Value) -> &str {
    let refusal = &answer["result"]["_meta"]["dev.durward/refusal"];
    refusal["detail"].as_str().unwrap_or_default()
}

const GOOD: &str = r#"printf '{"content":"good"}'"#;

/// Answers each call by its own process, after what `before` does.
fn stays(before: &str, said: &str) -> String {
    format!(
        r#"while read -r line; do id=${{line#*:}}; id=${{id%%[,\}}]*}}; {before}
printf '{{"id":%s,"content":"{said}"}}\n' "$id"; done"#
    )
}

#[test]
fn each_way_to_fail_is_told_with_its_kind_and_leaves_nothing() {
    let house = open_house("limits: { breaker: { faults: 1000 } }\n");
    let mark = format!("{}3", std::process::id() + 300_000);
    let hang = format!("setsid sleep {mark} & sleep {mark}");
    scripted(&house, "good", GOOD, "");
    let cases = [
        ("exits", "exit 1", "unavailable", "plugin_failed"),
        ("dies", "kill -9 $$", "unavailable", "plugin_failed"),
        ("junk", "echo Traceback", "unavailable", "plugin_answer"),
        ("floods", "yes", "too_large", "plugin_output"),
        ("hangs", hang.as_str(), "timeout", ""),
    ];
    for (name, script, ..) in cases {
        scripted(&house, name, script, "timeout: 1s");
        scripted(
            &house,
            &format!("{name}-stays"),
            script,
            "timeout: 1s\nmode: persistent",
        );
    }
    let mut pipe = house.stdio(&[]);
    for (name, _, code, word) in cases {
        let told = pipe.call(name, json!({}));
        assert_eq!(
            (refusal(&told), detail(&told)),
            (code, word),
            "{name}: {told}"
        );
        let told = pipe.call(&format!("{name}-stays"), json!({}));
        let wanted = match name {
            "hangs" => "timeout",
            _ => "unavailable",
        };
        assert_eq!(refusal(&told), wanted, "{name}-stays: {told}");
        assert_eq!(text(&pipe.call("good", json!({}))), "good");
    }
    in_time("nothing is left", || marked(&mark).is_empty());
}

#[test]
fn one_that_dies_is_back_and_one_that_keeps_dying_is_left_alone() {
    let house = open_house("");
    let mark = house.path("mark");
    let once = format!(
        "[ -e {0} ] || {{ touch {0}; echo boom >&2; exit 9; }}",
        mark.display()
    );
    scripted(&house, "once", &stays(&once, "back"), "mode: persistent");
    scripted(&house, "always", "exit 3", "mode: persistent");
    let daemon = daemon(&house);
    let told = call(&daemon, "once");
    assert_eq!(detail(&told), "plugin_died", "{told}");
    assert_eq!(text(&call(&daemon, "once")), "back");
    let once = status(&house, "once");
    assert_eq!(
        (&once["restarts"], &once["stderr"]),
        (&json!(1), &json!(["boom"]))
    );
    assert!(
        once["error"].as_str().unwrap().contains("exit code 9"),
        "{once}"
    );
    // The tool's breaker opens, or the plugin rests, whichever is first.
    let details: Vec<_> = (0..8)
        .map(|_| detail(&call(&daemon, "always")).to_owned())
        .collect();
    assert!(
        details
            .iter()
            .any(|it| it == "plugin_resting" || it == "breaker_open"),
        "{details:?}"
    );
    assert_eq!(text(&call(&daemon, "once")), "back");
}

#[test]
fn one_that_hangs_is_started_again_and_holds_up_nobody_else() {
    let house = open_house("");
    let mark = house.path("mark");
    let once = format!("[ -e {0} ] || {{ touch {0}; sleep 600; }}", mark.display());
    scripted(
        &house,
        "hangs",
        &stays(&once, "back"),
        "mode: persistent\ntimeout: 500ms",
    );
    scripted(&house, "good", GOOD, "");
    let daemon = daemon(&house);
    assert_eq!(refusal(&call(&daemon, "hangs")), "timeout");
    assert_eq!(text(&call(&daemon, "good")), "good");
    in_time("it is back", || text(&call(&daemon, "hangs")) == "back");
    assert_eq!(status(&house, "hangs")["restarts"], 1);
}

#[test]
fn junk_is_counted() {
    let house = open_house("");
    scripted(
        &house,
        "noisy",
        &stays("echo debug", "fine"),
        "mode: persistent",
    );
    let daemon = daemon(&house);
    for _ in 0..40 {
        assert_eq!(text(&call(&daemon, "noisy")), "fine");
    }
    let noisy = status(&house, "noisy");
    assert_eq!(
        (&noisy["junk"], &noisy["restarts"], &noisy["state"]),
        (&json!(40), &json!(0), &json!("running"))
    );
    assert!(
        house
            .run(&["status"])
            .ok()
            .stdout
            .contains("lines that were no answers: 40")
    );
}

#[test]
fn a_call_that_is_cancelled_is_told_to_the_plugin() {
    let house = open_house("");
    let mark = house.path("mark");
    let script = format!(
        r#"while read -r line; do case $line in *cancel*) echo "$line" > {};; esac; done"#,
        mark.display()
    );
    scripted(&house, "slow", &script, "mode: persistent");
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    pipe.send(&durward_testkit::legacy(
        7,
        "tools/call",
        json!({"name": "slow", "arguments": {}}),
    ));
    std::thread::sleep(Duration::from_millis(300));
    pipe.send(&durward_testkit::notification(
        "notifications/cancelled",
        json!({"requestId": 7}),
    ));
    in_time("it is told", || {
        fs::read_to_string(&mark).is_ok_and(|it| it == "{\"id\":1,\"cancel\":true}\n")
    });
}

#[test]
fn changes_are_seen_and_told_and_what_is_under_way_ends_on_the_old_one() {
    let house = open_house("");
    scripted(&house, "one", &stays("", "first"), "mode: persistent");
    scripted(&house, "slow", &stays("sleep 1", "old"), "mode: persistent");
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    assert_eq!(
        text(&pipe.ask("tools/call", json!({"name": "one", "arguments": {}}))),
        "first"
    );
    // Under way on the old one, while another takes its place.
    pipe.send(&durward_testkit::legacy(
        7,
        "tools/call",
        json!({"name": "slow", "arguments": {}}),
    ));
    std::thread::sleep(Duration::from_millis(300));
    scripted(&house, "slow", &stays("", "new"), "mode: persistent");
    scripted(&house, "two", GOOD, "");
    let (mut changed, mut answer) = (false, None);
    while !changed || answer.is_none() {
        let message = pipe.message();
        changed |= message["method"] == "notifications/tools/list_changed";
        if message["id"] == 7 {
            answer = Some(message);
        }
    }
    assert_eq!(text(&answer.expect("an answer")), "old");
    assert_eq!(listed(&mut pipe), ["one", "slow", "two"]);
    in_time("the new one answers", || {
        text(&pipe.call("slow", json!({}))) == "new"
    });
    // Another program under the same manifest, one that goes, and one that becomes bad.
    scripted(&house, "one", &stays("", "second"), "mode: persistent");
    in_time("it is another one", || {
        text(&pipe.call("one", json!({}))) == "second"
    });
    fs::remove_dir_all(house.path("config/plugins/two")).expect("a folder");
    in_time("it is gone", || listed(&mut pipe) == ["one", "slow"]);
    mode(&house.path("config/plugins/one/run"), 0o777);
    in_time("it is refused", || listed(&mut pipe) == ["slow"]);
    mode(&house.path("config/plugins/one/run"), 0o755);
    in_time("it is good again", || listed(&mut pipe) == ["one", "slow"]);
}

#[test]
fn a_change_that_can_not_be_taken_leaves_what_was() {
    let house = open_house("");
    scripted(&house, "one", GOOD, "");
    let daemon = daemon(&house);
    let clash = "name: two\nversion: 1\nexecutable: run\ntools: [{ name: One, description: d, input_schema: {} }]\n";
    put(&house, "two", "run", "#!/bin/sh\n", 0o755);
    put(&house, "two", "manifest.yaml", clash, 0o644);
    let notes = || {
        let status = house.run(&["status", "--json"]).ok().json();
        status["plugin_notes"].to_string()
    };
    in_time("it is told", || notes().contains("differ only in case"));
    assert_eq!(text(&call(&daemon, "one")), "good");
    assert_eq!(names(&daemon), ["one"]);
    manifest(&house, "two", "");
    in_time("it is taken", || names(&daemon) == ["one", "two"]);
    assert_eq!(notes(), "[]");
    let trail = house.run(&["audit", "query", "--json"]).ok().stdout;
    assert!(
        trail.contains("plugins_refused") && trail.contains("plugins_reloaded"),
        "{trail}"
    );
}

#[test]
fn a_folder_that_comes_later_is_seen() {
    let house = open_house("");
    fs::remove_dir(house.path("config/plugins")).expect("a folder");
    let daemon = daemon(&house);
    assert_eq!(names(&daemon), [""; 0]);
    scripted(&house, "late", GOOD, "");
    in_time("it is offered", || names(&daemon) == ["late"]);
    fs::rename(house.path("config/plugins"), house.path("config/away")).expect("a rename");
    in_time("it is gone", || names(&daemon).is_empty());
    fs::rename(house.path("config/away"), house.path("config/plugins")).expect("a rename");
    in_time("it is back", || names(&daemon) == ["late"]);
}

#[test]
fn many_changes_in_a_row_harm_no_call() {
    let house = open_house("");
    scripted(&house, "one", &stays("", "fine"), "mode: persistent");
    let daemon = daemon(&house);
    for number in 0..times("PLUGIN_CHANGES", 15) {
        scripted(
            &house,
            "one",
            &format!("# {number}\n{}", stays("", "fine")),
            "mode: persistent",
        );
        for _ in 0..5 {
            let answer = call(&daemon, "one");
            // In the moment between the change and the look at it, it is not the one that was loaded.
            let is_told =
                answer["result"]["isError"] == true && refusal(&answer) == "definition_changed";
            assert!(is_told || text(&answer) == "fine", "{answer}");
        }
    }
    in_time("it answers", || text(&call(&daemon, "one")) == "fine");
}

#[test]
fn what_keeps_failing_is_left_alone_and_its_room_is_recorded() {
    let house = open_house("limits: { breaker: { faults: 3, cool_down: 1h } }\n");
    scripted(&house, "good", GOOD, "");
    scripted(&house, "exits", "exit 1", "");
    scripted(&house, "hangs", "sleep 60", "timeout: 300ms");
    let daemon = daemon(&house);
    for name in ["exits", "hangs"] {
        for _ in 0..3 {
            assert_ne!(detail(&call(&daemon, name)), "breaker_open");
        }
        assert_eq!(detail(&call(&daemon, name)), "breaker_open");
    }
    assert_eq!(text(&call(&daemon, "good")), "good");
    let told = house.run(&["status", "--json"]).ok().json();
    let open = told["breakers"].as_array().unwrap().iter();
    let mut open: Vec<_> = open.map(|it| it["tool"].as_str().unwrap()).collect();
    open.sort_unstable();
    assert_eq!(open, ["exits", "hangs"], "{told}");
    let records = house.run(&["audit", "query", "--json"]).ok().stdout;
    let ran = records
        .lines()
        .filter(|line| line.contains("\"target\":\"good\""));
    let rooms: Vec<_> = ran
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|record| record["status"] == "ok")
        .map(|record| record["room"].clone())
        .collect();
    // The tests of plugins have no walls, but for those that say so.
    assert_eq!(rooms, [json!("off")], "{records}");
}
