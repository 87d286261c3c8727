//! The file: what is wrong in it is told with the line, and a change to it takes hold while calls run.

use std::{fs, os::unix::fs::symlink, thread};

use durward_testkit::{Daemon, House, refusal};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{eventually, house};

#[test]
fn what_is_wrong_is_told_with_file_line_and_exit_3() {
    let wrong = [
        ("a list", "- 1\n- 2\n", 1),
        ("a word", "nonsense\n", 1),
        ("broken YAML", "version: 1\nlisten: {\n", 2),
        ("a tab", "version: 1\nlisten:\n\thttp: x\n", 3),
        ("no version", "files: { root: . }\n", 1),
        ("another version", "version: 2\n", 1),
        ("an unknown section", "version: 1\nnosuch: {}\n", 2),
        ("an unknown key", "version: 1\nfiles:\n  rooot: .\n", 3),
        ("an empty section", "version: 1\nfiles:\nlimits: {}\n", 2),
        (
            "a wrong type",
            "version: 1\nlisten:\n  stateless: perhaps\n",
            3,
        ),
        (
            "a key twice",
            "version: 1\nfiles: { root: . }\nfiles: { root: . }\n",
            3,
        ),
        (
            "a bad size",
            "version: 1\nfiles:\n  max_read: 1 potato\n",
            3,
        ),
        (
            "a bad duration",
            "version: 1\nlimits:\n  timeout: soon\n",
            3,
        ),
        (
            "an unset variable",
            "version: 1\nfiles:\n  root: ${NO_SUCH_VARIABLE_HERE}\n",
            3,
        ),
        (
            "a role that is not there",
            "version: 1\nidentity:\n  os_user: { roles: { self: [ghost] } }\n",
            3,
        ),
        (
            "a bad selector",
            "version: 1\nroles:\n  r: { allow: [\"toool:x\"] }\n",
            3,
        ),
    ];
    for (what, text, line) in wrong {
        let house = house();
        house.configure_exactly(text);
        let ran = house.run(&["check"]);
        assert_eq!(ran.code, 3, "{what}: {ran:?}");
        assert!(
            ran.stderr.contains("test.yaml"),
            "{what}: the file is not named: {}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains(&format!(":{line}")),
            "{what}: not line {line}: {}",
            ran.stderr
        );
        let stdio = house.run(&["stdio"]);
        assert_eq!((stdio.code, stdio.stdout.as_str()), (3, ""), "{what}");
    }
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let house = house();
    let ran = house.run_bare(&["check", "--config", "/no/such/file.yaml"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("/no/such/file.yaml"), "{}", ran.stderr);
}

#[test]
fn a_misspelt_key_gets_the_nearest_right_one() {
    for (text, right) in [
        ("files:\n  rooot: .\n", "root"),
        ("limit: {}\n", "limits"),
        ("roles:\n  reader: { alow: [\"*\"] }\n", "allow"),
        ("listen: { limits: { bodi: 1MiB } }\n", "body"),
        ("servers: { a: { comand: [x] } }\n", "command"),
    ] {
        let house = house();
        house.configure(text);
        let ran = house.run(&["check"]);
        assert!(
            ran.stderr.contains(&format!("`{right}`")),
            "{text}: {}",
            ran.stderr
        );
    }
}

#[test]
fn the_check_lists_servers_and_says_what_is_missing() {
    let house = house();
    house.configure(
        "servers:\n  here: { command: [sh, -c, \"exit 1\"], sandbox: host }\n  \
         gone: { command: [no-such-program-here] }\n  far: { url: \"https://mcp.example.com/mcp\" }\n",
    );
    let ran = house.run(&["check", "--json"]).ok();
    let rows = ran.lines();
    let server = |name: &str| {
        rows.iter()
            .find(|row| row["server"] == name)
            .expect("a row")
    };
    assert_eq!(server("here")["reach"], "sh -c exit 1");
    assert_eq!(server("here")["sandbox"], "host");
    assert_eq!(server("far")["reach"], "https://mcp.example.com/mcp");
    assert!(server("far")["sandbox"].is_null());
    let said = |what: &str| ran.stderr.contains(what);
    assert!(
        said("no program `no-such-program-here`") && !said("no program `sh`"),
        "{ran:?}"
    );
}

#[test]
fn a_section_that_is_not_built_yet_is_refused_as_such() {
    let sections = [
        "inspect: { pii: {} }",
        "flow: {}",
        "ops: {}",
        "dashboard: {}",
        "rules: []",
        "extends: { source: x }",
    ];
    for section in sections {
        let house = house();
        house.configure(&format!("{section}\n"));
        let ran = house.run(&["check"]);
        assert_eq!(ran.code, 3, "{section}: {ran:?}");
        assert!(
            ran.stderr.contains("not built into this version yet"),
            "{section}: {}",
            ran.stderr
        );
    }
}

#[test]
fn a_variables_value_is_text_and_comments_are_nothing() {
    let house = house();
    house.configure("# ${NO_SUCH_VARIABLE_HERE}\nfiles:\n  root: ${WHERE}   # ${NOR_THIS}\n");
    let root = house.root().display().to_string();
    let with = |value: &str| {
        let mut command = house.command(&["config", "show", "--json"]);
        let output = command
            .env("WHERE", value)
            .output()
            .expect("the program runs");
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), shown)
    };
    assert_eq!(with(&root).0, Some(0));
    let (code, shown) = with(&format!("{root}\n  deny: []\nlimits: {{ calls: 1/min }}"));
    let calls = &shown["limits"]["calls"]["value"];
    assert!(
        code != Some(0) || calls == "600/min",
        "a value became structure: {shown}"
    );
}

#[test]
fn the_command_line_beats_the_environment_beats_the_file() {
    let house = house();
    house.configure("limits: { calls: 1/min }\n");
    let shown = |set: Option<&str>, environment: Option<&str>| {
        let mut arguments = vec!["config", "show", "--json"];
        if let Some(set) = set {
            arguments.extend(["--set", set]);
        }
        let mut command = house.command(&arguments);
        if let Some(value) = environment {
            command.env("DURWARD_LIMITS__CALLS", value);
        }
        String::from_utf8_lossy(&command.output().expect("the program runs").stdout).into_owned()
    };
    assert!(shown(None, None).contains("1/min"));
    assert!(shown(None, Some("2/min")).contains("2/min"));
    assert!(shown(Some("limits.calls=3/min"), Some("2/min")).contains("3/min"));
}

#[test]
fn the_schema_is_json_and_knows_the_sections() {
    let house = house();
    let schema = house.run_bare(&["config", "schema"]).ok().json();
    for section in ["listen", "identity", "roles", "limits", "files", "audit"] {
        assert!(
            schema["properties"][section].is_object(),
            "no `{section}` in the schema"
        );
    }
}

#[test]
fn a_file_in_the_working_folder_is_used_only_once_trusted() {
    let house = house();
    house.file("durward.yaml", "version: 1\nlimits: { calls: 7/min }\n");
    let state = house.state().display().to_string();
    let show = || house.run_bare(&["config", "show", "--state", &state]).ok();
    let before = show();
    assert!(
        !before.stdout.contains("7/min"),
        "a stranger's file was used"
    );
    assert!(
        before.stderr.contains("durward.yaml"),
        "and not mentioned: {}",
        before.stderr
    );
    house
        .run_bare(&["trust", "durward.yaml", "--state", &state])
        .ok();
    assert!(show().stdout.contains("7/min"));
    house.file("durward.yaml", "version: 1\nlimits: { calls: 8/min }\n");
    assert!(
        !show().stdout.contains("8/min"),
        "a changed file is trusted still"
    );
}

#[test]
fn check_lists_every_tool_with_its_tier_and_who_may_call_it() {
    let house = house();
    let said = house.run(&["check"]).ok().stdout;
    for word in [
        "fs_list",
        "fs_read",
        "fs_search",
        "fs_stat",
        "fs_tree",
        "read",
        "reader",
    ] {
        assert!(said.contains(word), "no `{word}`: {said}");
    }
}

/// A daemon with one denied name, and a way to see that the configuration has changed.
fn denying(house: &House) -> Daemon {
    for name in ["one", "two", "three"] {
        house.file(name, "text");
    }
    house.configure("files: { deny: [one] }\n");
    let key = house.key("reader");
    house.serve(&[]).with_key(key)
}

fn denied(daemon: &Daemon, name: &str) -> bool {
    refusal(&daemon.call("fs_read", json!({"path": name}))) == "denylist_hit"
}

#[test]
fn a_change_takes_hold_each_time_and_a_broken_file_changes_nothing() {
    let house = house();
    let daemon = denying(&house);
    assert!(denied(&daemon, "one") && !denied(&daemon, "two"));
    for name in ["two", "three", "one", "two"] {
        house.configure(&format!("files: {{ deny: [{name}] }}\n"));
        eventually("the change takes hold", || denied(&daemon, name));
    }
    house.configure("files: { dney: [three] }\n");
    eventually("the log says so", || daemon.log().contains("dney"));
    assert!(
        denied(&daemon, "two") && !denied(&daemon, "three"),
        "the old configuration stays"
    );
    house.configure("files: { deny: [three] }\n");
    eventually("mended", || denied(&daemon, "three"));
}

#[test]
fn a_change_by_swapping_a_link_takes_hold_as_on_kubernetes() {
    let house = house();
    for name in ["one", "two"] {
        house.file(name, "text");
        let folder = house.path(&format!("config/..{name}"));
        fs::create_dir(&folder).expect("a folder");
        fs::write(
            folder.join("test.yaml"),
            format!("version: 1\nfiles: {{ deny: [{name}] }}\n"),
        )
        .expect("a file");
    }
    symlink("..one", house.path("config/..data")).expect("a link");
    symlink("..data/test.yaml", house.config()).expect("a link");
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    assert!(denied(&daemon, "one"));
    symlink("..two", house.path("config/..new")).expect("a link");
    fs::rename(house.path("config/..new"), house.path("config/..data")).expect("the swap");
    eventually("the change takes hold", || denied(&daemon, "two"));
}

#[test]
fn a_hangup_signal_reads_the_file_again() {
    let house = house();
    let daemon = denying(&house);
    daemon.signal(Signal::HUP);
    thread::sleep(std::time::Duration::from_millis(50));
    assert!(denied(&daemon, "one"), "it lives");
}

#[test]
fn no_call_fails_while_the_configuration_changes() {
    let house = house();
    house.file("three", "text");
    house.configure("limits: { calls: 1000000/s }\n");
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    for round in 0..crate::times("DURWARD_RELOADS", 20) {
        house.configure(&format!(
            "files: {{ deny: [x{round}] }}\nlimits: {{ calls: 1000000/s }}\n"
        ));
        for _ in 0..10 {
            assert_eq!(
                refusal(&daemon.call("fs_read", json!({"path": "three"}))),
                ""
            );
        }
    }
}

/// The value of a key, as `config show` says with these overrides.
fn shown(house: &House, variables: &[(&str, &str)], set: &[&str], key: &str) -> Value {
    let set = set.iter().flat_map(|set| ["--set", set]);
    let arguments: Vec<&str> = ["config", "show", "--json"]
        .into_iter()
        .chain(set)
        .collect();
    let mut command = house.command(&arguments);
    let output = command.envs(variables.iter().copied()).output();
    let output = output.expect("the program runs");
    let all: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let value = key.split('.').fold(&all, |value, key| &value[key]);
    value["value"].clone()
}

#[test]
fn a_switch_is_thrown_by_any_of_its_words_in_the_environment_and_by_set() {
    let house = house();
    let switches = [
        ("listen.stateless", false),
        ("files.allow_dangerous_root", false),
        ("files.builtin_deny", true),
        ("egress.dns.enabled", true),
        ("packs.fs.enabled", true),
        ("packs.http.enabled", false),
        ("packs.http.markdown", true),
    ];
    for (key, usual) in switches {
        let variable = format!("DURWARD_{}", key.to_uppercase().replace('.', "__"));
        let words = match usual {
            true => ["0", "false", "no", "OFF"],
            false => ["1", "true", "yes", "On"],
        };
        assert_eq!(shown(&house, &[], &[], key), usual, "{key}");
        for word in words {
            let by_variable = shown(&house, &[(&variable, word)], &[], key);
            let by_set = shown(&house, &[], &[&format!("{key}={word}")], key);
            assert_eq!(
                (by_variable, by_set),
                (json!(!usual), json!(!usual)),
                "{key} {word}"
            );
        }
    }
    let mut command = house.command(&["config", "show"]);
    let output = command.env("DURWARD_LISTEN__STATELESS", "perhaps").output();
    assert_eq!(output.expect("the program runs").status.code(), Some(3));
}

#[test]
fn a_list_replaces_the_list_below_it() {
    let house = house();
    house.configure("egress: { hosts: [a.example.com, b.example.com] }\n");
    let hosts =
        |variables: &[(&str, &str)], set: &[&str]| shown(&house, variables, set, "egress.hosts");
    let environment = [("DURWARD_EGRESS__HOSTS", "[c.example.com]")];
    assert_eq!(hosts(&[], &[]), json!(["a.example.com", "b.example.com"]));
    assert_eq!(hosts(&environment, &[]), json!(["c.example.com"]));
    assert_eq!(
        hosts(&environment, &["egress.hosts=[d.example.com]"]),
        json!(["d.example.com"])
    );
}

#[test]
fn what_the_reference_calls_a_default_is_what_holds() {
    let house = house();
    let all = house.run_bare(&["config", "show", "--json"]).ok().json();
    let page = house.run_bare(&["config", "docs"]).ok().stdout;
    let mut compared = 0;
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let key = cells[0].trim_start_matches("| ").trim_matches('`');
        let default = cells[1].trim_matches('`').trim_matches('"');
        let value = &key.split('.').fold(&all, |value, key| &value[key])["value"];
        // Names that people choose have none; paths are shown where they lead.
        if default == "–" || default.contains(['$', '~', '{', '[']) || key == "files.root" {
            continue;
        }
        let held = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert_eq!(held, default, "{key}");
        compared += 1;
    }
    assert!(compared > 40, "{compared}");
}
