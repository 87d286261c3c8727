//! Servers behind the gate, over a pipe and over HTTP, in each pairing of eras.

use std::{fs, path::PathBuf, time::Duration};

use durward_testkit::{House, Pipe, refusal, text};
use serde_json::{Value, json};

use crate::house;

/// How long a busy machine may take.
const SOON: Duration = Duration::from_secs(20);
/// How often something is tried before it counts as failed.
const TRIES: usize = 100;

/// The server of the tests, beside the program.
pub(crate) fn raw_upstream() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_BIN_EXE_durward"));
    path.set_file_name("examples");
    path.join("raw_upstream")
}

/// A house with one server, `raw`, that gets these options; `more` is YAML of its section.
pub(crate) fn guarding(options: &[&str], more: &str) -> House {
    let house = house();
    let mut command = vec![raw_upstream().display().to_string()];
    command.extend(options.iter().map(ToString::to_string));
    let command = serde_json::to_string(&command).unwrap();
    house.configure(&format!("servers:\n  raw:\n    command: {command}\n{more}"));
    house
}

const ERAS: [&str; 2] = ["legacy", "modern"];

/// The names of a list's tools.
fn names(list: &Value) -> Vec<&str> {
    let tools = list["result"]["tools"].as_array().expect("tools").iter();
    tools.map(|tool| tool["name"].as_str().unwrap()).collect()
}

fn both(pipe: &mut Pipe, method: &str, params: &Value) -> [Value; 2] {
    [
        pipe.ask(method, params.clone()),
        pipe.modern(method, params.clone()),
    ]
}

#[test]
fn tools_of_either_era_are_listed_and_called_by_clients_of_either_era() {
    for era in ERAS {
        let house = guarding(&["--era", era], "");
        let mut pipe = house.stdio(&[]);
        pipe.initialize("2025-11-25");
        for list in both(&mut pipe, "tools/list", &json!({})) {
            let listed = names(&list);
            assert!(
                listed.contains(&"raw__echo") && listed.contains(&"fs_read"),
                "{era}: {list}"
            );
            let tools = list["result"]["tools"].as_array().unwrap();
            let echo = tools
                .iter()
                .find(|tool| tool["name"] == "raw__echo")
                .unwrap();
            assert_eq!(echo["x-kept"].to_string(), r#"{"n":1.50}"#, "{era}");
        }
        let arguments = json!({"n": 1, "deep": {"a": [null, "\u{1}é"]}});
        let params = json!({"name": "raw__echo", "arguments": arguments, "x-unknown": 1});
        for answer in both(&mut pipe, "tools/call", &params) {
            let got = &answer["result"]["structuredContent"]["params"];
            assert_eq!(got["name"], "echo", "{era}: {answer}");
            assert_eq!(got["arguments"], arguments, "{era}");
            assert_eq!(got["x-unknown"], 1, "{era}");
            assert_eq!(
                answer["result"]["unknown"].to_string(),
                r#"{"n":1.50}"#,
                "{era}"
            );
        }
    }
}

#[test]
fn resources_prompts_and_completions_lead_to_their_server() {
    for era in ERAS {
        let house = guarding(&["--era", era], "");
        let mut pipe = house.stdio(&[]);
        pipe.initialize("2025-11-25");
        for list in both(&mut pipe, "resources/list", &json!({})) {
            let all = list["result"]["resources"].as_array().unwrap();
            assert!(
                all.iter()
                    .any(|it| it["uri"] == "raw+raw://a" && it["x"] == 1),
                "{list}"
            );
        }
        let params = json!({"uri": "raw+raw://a"});
        for answer in both(&mut pipe, "resources/read", &params) {
            let content = &answer["result"]["contents"][0];
            assert_eq!(content["uri"], "raw+raw://a", "{era}: {answer}");
            assert_eq!(content["text"], "the text");
        }
        let params = json!({"name": "raw__p", "arguments": {"a": "b"}});
        for answer in both(&mut pipe, "prompts/get", &params) {
            let text = &answer["result"]["messages"][0]["content"]["text"];
            assert_eq!(text, r#"{"a":"b"}"#, "{era}: {answer}");
        }
        let reference = json!({"type": "ref/prompt", "name": "raw__p"});
        let params = json!({"ref": reference, "argument": {"name": "a", "value": "x"}});
        for answer in both(&mut pipe, "completion/complete", &params) {
            let value = answer["result"]["completion"]["values"][0]
                .as_str()
                .unwrap();
            let got: Value = serde_json::from_str(value).unwrap();
            assert_eq!(got["name"], "p", "{era}: {answer}");
        }
    }
}

#[test]
fn errors_of_a_server_reach_the_client_as_they_are() {
    for era in ERAS {
        let house = guarding(&["--era", era], "");
        let mut pipe = house.stdio(&[]);
        pipe.initialize("2025-11-25");
        let params = json!({"name": "raw__error", "arguments": {"code": 32601}});
        for answer in both(&mut pipe, "tools/call", &params) {
            assert_eq!(answer["error"]["code"], -32601, "{era}: {answer}");
            assert_eq!(answer["error"]["message"], "an error");
            assert_eq!(answer["error"]["data"].to_string(), r#"{"kept":1.0}"#);
        }
        let failed = pipe.call("raw__fail", json!({}));
        assert_eq!(failed["result"]["isError"], true);
        assert_eq!(text(&failed), "failed");
    }
}

#[test]
fn rules_say_which_tools_are_offered_and_by_which_name() {
    let rules = "    tools: { allow: ['e*', sleep], deny: [error], rename: { echo: say } }\n";
    let house = guarding(&[], rules);
    let mut pipe = house.stdio(&[]);
    let list = pipe.modern("tools/list", json!({}));
    let raw: Vec<_> = names(&list)
        .into_iter()
        .filter(|name| name.starts_with("raw__"))
        .collect();
    assert_eq!(raw, ["raw__say", "raw__sleep"]);
    let said = pipe.call("raw__say", json!({}));
    assert_eq!(
        said["result"]["structuredContent"]["params"]["name"],
        "echo"
    );
    for gone in ["raw__echo", "raw__error", "raw__die", "echo"] {
        let answer = pipe.call(gone, json!({}));
        assert_eq!(
            answer["error"]["data"]["detail"], "unknown_tool",
            "{gone}: {answer}"
        );
    }
}

#[test]
fn a_server_that_dies_in_a_call_fails_that_call_and_serves_the_next() {
    let house = guarding(&[], "");
    let mut pipe = house.stdio(&[]);
    assert_eq!(text(&pipe.call("raw__fail", json!({}))), "failed");
    for _ in 0..3 {
        let died = pipe.call("raw__die", json!({}));
        assert_eq!(refusal(&died), "unavailable", "{died}");
        assert!(text(&died).contains("may have been carried out"), "{died}");
        let mut answers = (0..TRIES).map(|_| pipe.call("raw__fail", json!({})));
        let is_back = answers.any(|answer| text(&answer) == "failed");
        drop(answers);
        assert!(is_back, "it did not come back: {}", pipe.log());
    }
}

#[test]
fn a_server_that_can_t_start_is_named_and_nobody_else_feels_it() {
    let house = house();
    let good = serde_json::to_string(&[raw_upstream()]).unwrap();
    house.configure(&format!(
        "servers:\n  good: {{ command: {good}, sandbox: host }}\n  \
         gone: {{ command: [/nowhere/at-all], sandbox: host }}\n  \
         dead: {{ command: [{raw:?}, --die], sandbox: host }}\n",
        raw = raw_upstream()
    ));
    let mut pipe = house.stdio(&[]);
    let list = pipe.modern("tools/list", json!({}));
    assert!(names(&list).contains(&"good__echo"), "{list}");
    let stale = &list["result"]["_meta"]["dev.durward/stale"];
    assert_eq!(*stale, json!(["dead", "gone"]), "{list}");
    assert_eq!(text(&pipe.call("good__fail", json!({}))), "failed");
}

#[test]
fn a_change_of_its_tools_is_told_and_listed() {
    for era in ERAS {
        let house = guarding(&["--era", era], "");
        let mut pipe = house.stdio(&[]);
        pipe.initialize("2025-11-25");
        pipe.send(&durward_testkit::notification(
            "notifications/initialized",
            json!({}),
        ));
        let before = pipe.ask("tools/list", json!({}));
        assert!(!names(&before).contains(&"raw__later"));
        pipe.send(&durward_testkit::legacy(
            77,
            "tools/call",
            json!({"name": "raw__change", "arguments": {}}),
        ));
        let mut lines = std::iter::from_fn(|| pipe.line(SOON)).take(TRIES);
        let is_told = lines.any(|line| line.contains("notifications/tools/list_changed"));
        drop(lines);
        assert!(is_told, "{era}: nothing was told");
        let after = pipe.ask("tools/list", json!({}));
        assert!(names(&after).contains(&"raw__later"), "{era}: {after}");
    }
}

#[test]
fn one_process_serves_all_and_goes_with_durward() {
    let record = tempfile::NamedTempFile::new().unwrap();
    let house = guarding(&["--record", record.path().to_str().unwrap()], "");
    let key = house.key("developer");
    let daemon = house.serve(&[]).with_key(key);
    for _ in 0..20 {
        let session = daemon.session("2025-11-25");
        assert_eq!(text(&session.call("raw__fail", json!({}))), "failed");
    }
    let got = fs::read_to_string(record.path()).unwrap();
    let opened = got
        .lines()
        .filter(|line| line.contains("\"server/discover\""))
        .count();
    assert_eq!(opened, 1, "{got}");
}
