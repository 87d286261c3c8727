//! `durward init`: what it finds, what it does with it, and that all of it comes back.

use std::{collections::BTreeMap, fmt::Write, fs, os::unix::fs::PermissionsExt};

use durward_testkit::Pipe;
use serde_json::{Value, json};

use crate::{
    init_desk::{Desk, Dress, SAME, differing, samples, write},
    servers::raw_upstream,
    times,
};

/// Each sample alone, through `init`, `init` again, `init --undo` and that again.
fn comes_back(dress: Dress, which: impl Fn(usize) -> bool) {
    let samples = samples();
    assert!(samples.len() >= 60, "{} samples", samples.len());
    for (number, sample) in samples.iter().enumerate().filter(|(at, _)| which(*at)) {
        let what = format!(
            "{}/{} ({dress:?}, number {number})",
            sample.client, sample.name
        );
        let desk = Desk::new();
        desk.put(sample, dress);
        let before = desk.things();
        let ran = desk.run(&["init", "--yes"]);
        assert_eq!(ran.code, 0, "{what}: {ran:?}");
        let after = desk.things();
        assert_eq!(
            desk.gate().exists(),
            differing(&before, &after).len() > 1,
            "{what}: durward's file and the client's change together: {ran:?}"
        );
        if desk.gate().exists() {
            let check = desk.run(&["check"]);
            assert_eq!(check.code, 0, "{what}: {check:?}");
        }
        let again = desk.run(&["init", "--yes"]).ok();
        assert!(again.stdout.contains("nothing to do"), "{what}: {again:?}");
        assert_eq!(differing(&after, &desk.things()), SAME, "{what}: again");
        for time in ["once", "twice"] {
            desk.run(&["init", "--undo"]).ok();
            let left = differing(&before, &desk.things());
            assert!(left.is_empty(), "{what}, undone {time}: {left:?}");
        }
    }
}

#[test]
fn every_file_of_every_client_comes_back_1() {
    comes_back(Dress::Plain, |at| at % 4 == 0);
}

#[test]
fn every_file_of_every_client_comes_back_2() {
    comes_back(Dress::Plain, |at| at % 4 == 1);
}

#[test]
fn every_file_of_every_client_comes_back_3() {
    comes_back(Dress::Plain, |at| at % 4 == 2);
}

#[test]
fn every_file_of_every_client_comes_back_4() {
    comes_back(Dress::Plain, |at| at % 4 == 3);
}

#[test]
fn files_of_windows_come_back() {
    comes_back(Dress::CrLf, some(0));
}

#[test]
fn marked_files_without_a_last_line_break_come_back() {
    comes_back(Dress::Marked, some(1));
}

#[test]
fn linked_dotfiles_come_back_as_links() {
    comes_back(Dress::Linked, some(2));
}

/// A quarter of the samples, or all of them in the long form.
fn some(offset: usize) -> impl Fn(usize) -> bool {
    let step = times("DURWARD_INIT_EACH", 4);
    move |at| at % step == offset % step
}

/// The first samples of every client in one home, then the second ones, and so on.
#[test]
fn whole_homes_come_back() {
    for round in 0..4 {
        let desk = Desk::new();
        let mut count = 0;
        for sample in nth_of_each(round) {
            desk.put(&sample, [Dress::Plain, Dress::Linked][round % 2]);
            count += 1;
        }
        assert!(count > 5, "round {round}");
        let before = desk.things();
        let ran = desk.run(&["init", "--yes"]).ok();
        let check = desk.run(&["check"]);
        assert_eq!(check.code, 0, "round {round}: {ran:?} {check:?}");
        assert!(
            differing(&before, &desk.things()).len() > 5,
            "round {round}"
        );
        desk.run(&["init", "--undo"]).ok();
        assert_eq!(differing(&before, &desk.things()), SAME, "round {round}");
    }
}

/// One sample of every place.
fn nth_of_each(round: usize) -> Vec<crate::init_desk::Sample> {
    let desk = Desk::new();
    let mut seen: BTreeMap<_, usize> = BTreeMap::new();
    let mut chosen = Vec::new();
    for sample in samples() {
        let count = seen
            .entry(desk.place(&sample.client, &sample.name))
            .or_default();
        if *count == round {
            chosen.push(sample);
        }
        *count += 1;
    }
    chosen
}

/// Which servers of each sample move, and why others stay.
#[test]
fn what_is_done_with_each_server() {
    let mut told = String::new();
    for sample in samples() {
        let desk = Desk::new();
        desk.put(&sample, Dress::Plain);
        let plan = desk.run(&["init", "--dry-run", "--json"]).ok().json();
        writeln!(told, "{}/{}", sample.client, sample.name).expect("a text");
        for file in plan["files"].as_array().expect("files") {
            for server in file["servers"].as_array().expect("servers") {
                writeln!(told, "  {}", said(server)).expect("a text");
            }
        }
        for left in plan["left"].as_array().expect("what is left") {
            writeln!(told, "  left alone: {}", text(&left["left"])).expect("a text");
        }
        for secret in plan["secrets"].as_array().expect("secrets") {
            let place = if secret["env"].is_string() {
                "variable"
            } else {
                "file"
            };
            writeln!(told, "  secret {} ({place})", text(&secret["secret"])).expect("a text");
        }
        assert!(!desk.gate().exists(), "a dry run writes nothing");
        told = desk.plain(&told);
    }
    insta::assert_snapshot!("servers_of_samples", told);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn said(server: &Value) -> String {
    let what = ["moved", "left", "migrate"]
        .iter()
        .find_map(|key| Some(format!("{key}: {}", server[key].as_str()?)));
    let project = server["project"].as_str().map(|it| format!(" ({it})"));
    let remarks: Vec<_> = server["remarks"]
        .as_array()
        .expect("remarks")
        .iter()
        .map(text)
        .collect();
    let remarks = match remarks.is_empty() {
        true => String::new(),
        false => format!("; {}", remarks.join("; ")),
    };
    format!(
        "{}{}: {}{remarks}",
        text(&server["server"]),
        project.unwrap_or_default(),
        what.expect("what becomes of it")
    )
}

#[test]
fn the_plan_and_the_difference_are_shown_without_secrets() {
    let desk = Desk::new();
    for sample in samples() {
        let name = format!("{}/{}", sample.client, sample.name);
        let wanted = [
            "claude-desktop/user-three-servers.json",
            "cursor/user-comments.json",
            "codex/user-http.toml",
            "goose/user-stdio.yaml",
            "opencode/user-remote.jsonc",
        ];
        if wanted.contains(&name.as_str()) {
            desk.put(&sample, Dress::Plain);
        }
    }
    let shown = desk.run(&["init", "--dry-run"]).ok().stdout;
    for secret in ["ghp_example", "BSAexample", "example-env-token"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    insta::assert_snapshot!("plan_and_difference", desk.plain(&shown));
}

fn two_clients(desk: &Desk, cursor: &str, windsurf: &str) {
    write(&desk.home(".cursor/mcp.json"), cursor, 0o644);
    write(
        &desk.home(".codeium/windsurf/mcp_config.json"),
        windsurf,
        0o644,
    );
}

fn cursor(desk: &Desk) -> Value {
    let text = fs::read(desk.home(".cursor/mcp.json")).expect("the file");
    serde_json::from_slice::<Value>(&text).expect("JSON")["mcpServers"].clone()
}

#[test]
fn who_had_everything_gets_one_entry_and_others_one_for_each() {
    let desk = Desk::new();
    let both = r#"{"mcpServers": {"a": {"command": "a"}, "b": {"command": "b"}}}"#;
    two_clients(&desk, both, both);
    desk.run(&["init", "--yes"]).ok();
    let program = env!("CARGO_BIN_EXE_durward");
    let entry = serde_json::json!({"durward": {"command": program, "args": ["connect"]}});
    assert_eq!(cursor(&desk), entry);
    desk.run(&["init", "--undo"]).ok();
    two_clients(&desk, both, r#"{"mcpServers": {"c": {"command": "c"}}}"#);
    desk.run(&["init", "--yes"]).ok();
    let alone =
        |name: &str| serde_json::json!({"command": program, "args": ["connect", "--server", name]});
    assert_eq!(
        cursor(&desk),
        serde_json::json!({"a": alone("a"), "b": alone("b")})
    );
}

#[test]
fn the_same_server_is_one_and_the_same_name_may_be_two() {
    let desk = Desk::new();
    two_clients(
        &desk,
        r#"{"mcpServers": {"db": {"command": "db", "args": ["one"]}, "web": {"command": "web"}}}"#,
        r#"{"mcpServers": {"db": {"command": "db", "args": ["two"]}, "net": {"command": "web", "args": []}}}"#,
    );
    desk.run(&["init", "--yes"]).ok();
    let text = fs::read_to_string(desk.gate()).expect("durward's file");
    assert!(
        text.contains("  db:   # Cursor\n    command: [db, one]\n"),
        "{text}"
    );
    assert!(
        text.contains("  db-windsurf:   # Windsurf\n    command: [db, two]\n"),
        "{text}"
    );
    assert_eq!(text.matches("command: [web]").count(), 1, "{text}");
}

#[test]
fn secrets_go_where_nobody_else_can_read_them() {
    let desk = Desk::new();
    let text = r#"{"mcpServers": {"a": {"command": "a", "env": {"API_KEY": "hush-hush", "MODE": "x"}},
        "b": {"url": "https://b.example.com/mcp", "headers": {"authorization": "Bearer whisper"}}}}"#;
    write(&desk.home(".cursor/mcp.json"), text, 0o644);
    desk.run(&["init", "--yes"]).ok();
    let gate = fs::read_to_string(desk.gate()).expect("durward's file");
    assert!(
        !gate.contains("hush") && !gate.contains("whisper"),
        "{gate}"
    );
    assert!(gate.contains("bearer: \"${secret:b-token}\""), "{gate}");
    for (name, value) in [("a-api-key", "hush-hush"), ("b-token", "whisper")] {
        let path = desk.gate().with_file_name("secrets.d").join(name);
        assert_eq!(fs::read_to_string(&path).expect("a secret"), value);
        for (path, mode) in [(path.parent().expect("a folder"), 0o700), (&path, 0o600)] {
            let facts = fs::metadata(path).expect("facts");
            assert_eq!(
                facts.permissions().mode() & 0o777,
                mode,
                "{}",
                path.display()
            );
        }
    }
    for folder in ["home/.local/state/durward/init/backups"] {
        for entry in fs::read_dir(desk.house.path(folder)).expect("backups") {
            let facts = entry.expect("an entry").metadata().expect("facts");
            assert_eq!(facts.permissions().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn an_existing_file_only_gets_more() {
    let desk = Desk::new();
    let own = "# mine\nversion: 1\n\nservers:   # old ones\n    known: { command: [known, \"1\"] }   # first\n\n# limits\nlimits: { calls: 7/min }";
    write(&desk.gate(), own, 0o600);
    let text = r#"{"mcpServers": {"same": {"command": "known", "args": ["1"]}, "known": {"command": "other"},
        "keyed": {"command": "k", "env": {"TOKEN": "hush"}}}}"#;
    write(&desk.home(".cursor/mcp.json"), text, 0o644);
    desk.run(&["init", "--yes"]).ok();
    let now = fs::read_to_string(desk.gate()).expect("durward's file");
    insta::assert_snapshot!("an_existing_file", desk.plain(&now));
    let args = |name: &str| cursor(&desk)["durward"]["args"].to_string() + name;
    assert_eq!(args(""), r#"["connect"]"#, "it had all that durward has");
    desk.run(&["check"]).ok();
    desk.run(&["init", "--undo"]).ok();
    assert_eq!(
        fs::read_to_string(desk.gate()).expect("durward's file"),
        own
    );
}

#[test]
fn a_secret_is_not_copied_to_a_more_open_file() {
    let desk = Desk::new();
    write(&desk.gate(), "version: 1\n", 0o644);
    let text = r#"{"mcpServers": {"db": {"command": "db", "args": ["--password", "hush"]},
        "url": {"url": "https://x.example.com/mcp?api_key=hush"}, "fine": {"command": "fine"}}}"#;
    write(&desk.home(".cursor/mcp.json"), text, 0o600);
    let ran = desk.run(&["init", "--yes"]).ok();
    let gate = fs::read_to_string(desk.gate()).expect("durward's file");
    assert!(
        !gate.contains("hush") && gate.contains("command: [fine]"),
        "{gate}"
    );
    assert!(ran.stdout.contains("chmod go="), "{ran:?}");
    assert!(cursor(&desk)["db"]["args"][1] == "hush");
}

#[test]
fn only_what_was_asked_for_moves() {
    let desk = Desk::new();
    let both = r#"{"mcpServers": {"a": {"command": "a"}, "b": {"command": "b"}}}"#;
    two_clients(&desk, both, both);
    let before = desk.things();
    desk.run(&["init", "--yes", "--client", "windsurf", "--server", "b"])
        .ok();
    let changed = differing(&before, &desk.things());
    assert_eq!(changed.len(), 2, "{changed:?}");
    let windsurf = fs::read_to_string(desk.home(".codeium/windsurf/mcp_config.json")).expect("it");
    assert!(
        windsurf.contains(r#""a": {"command": "a"}, "durward""#),
        "{windsurf}"
    );
    let unknown = desk.run(&["init", "--yes", "--client", "emacs"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
}

#[test]
fn where_nobody_can_be_asked_nothing_is_done() {
    let desk = Desk::new();
    write(
        &desk.home(".cursor/mcp.json"),
        r#"{"mcpServers": {"a": {"command": "a"}}}"#,
        0o644,
    );
    let before = desk.things();
    let ran = desk.run(&["init"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("--yes") && ran.stdout.contains("moves to durward"),
        "{ran:?}"
    );
    assert_eq!(differing(&before, &desk.things()), SAME);
}

#[test]
fn other_places_are_told_to_the_clients() {
    let desk = Desk::new();
    write(
        &desk.home(".cursor/mcp.json"),
        r#"{"mcpServers": {"a": {"command": "a"}}}"#,
        0o644,
    );
    let (file, state) = (desk.home("own.yaml"), desk.home("own-state"));
    let (file, state) = (file.display().to_string(), state.display().to_string());
    desk.run(&["init", "--yes", "--config", &file, "--state", &state])
        .ok();
    let wanted = serde_json::json!(["connect", "--config", file, "--state", state]);
    assert_eq!(cursor(&desk)["durward"]["args"], wanted);
    desk.run(&["init", "--undo", "--state", &state]).ok();
    assert_eq!(cursor(&desk)["a"]["command"], "a");
}

/// What a client starts by its own entry now reaches the server that it started before, and back.
#[test]
fn a_server_that_moved_answers_through_the_client_s_own_entry() {
    let desk = Desk::new();
    let program = raw_upstream();
    let server = json!({"command": program, "args": [], "env": {"API_KEY": "hush-hush"}});
    let text = json!({"mcpServers": {"Raw One": server}}).to_string();
    write(&desk.home(".cursor/mcp.json"), &text, 0o644);
    let before = desk.things();
    desk.run(&["init", "--yes"]).ok();
    let entry = cursor(&desk)["durward"].clone();
    assert_eq!(entry["command"], env!("CARGO_BIN_EXE_durward"));
    let arguments: Vec<String> = serde_json::from_value(entry["args"].clone()).expect("texts");
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut pipe = Pipe::of(desk.command(&arguments));
    pipe.initialize("2025-11-25");
    let list = pipe.ask("tools/list", json!({}));
    let tools = list["result"]["tools"].as_array().expect("tools");
    assert!(
        tools.iter().any(|tool| tool["name"] == "raw-one__echo"),
        "{list}"
    );
    assert!(
        !tools.iter().any(|tool| tool["name"] == "fs_read"),
        "no more than before: {list}"
    );
    let answer = pipe.ask(
        "tools/call",
        json!({"name": "raw-one__echo", "arguments": {"n": 1}}),
    );
    let got = &answer["result"]["structuredContent"]["params"]["arguments"];
    assert_eq!(*got, json!({"n": 1}), "{answer}");
    let gone = pipe.ask(
        "tools/call",
        json!({"name": "fs_read", "arguments": {"path": "x"}}),
    );
    assert!(gone["error"].is_object(), "{gone}");
    let trail = desk.run(&["audit", "query", "--json"]).ok();
    assert!(trail.stdout.contains("raw-one__echo"), "{trail:?}");
    desk.run(&["stop"]).ok();
    desk.run(&["init", "--undo"]).ok();
    assert_eq!(differing(&before, &desk.things()), SAME);
}

/// A stranger's file may hold what steers a terminal; none of it is shown.
#[test]
fn what_a_stranger_wrote_does_not_steer_the_terminal() {
    let desk = Desk::new();
    let text = "{\"mcpServers\": {\n// \u{1b}[2Jclean\u{202e}\n\"a\\u001b[31m\\n\": {\"command\": \"a\"}}}";
    write(&desk.home("work/.mcp.json"), text, 0o644);
    let ran = desk.run(&["init", "--dry-run"]).ok();
    assert!(ran.stdout.contains("moves to durward"), "{ran:?}");
    for hidden in ['\u{1b}', '\u{202e}'] {
        assert!(!ran.stdout.contains(hidden), "{ran:?}");
    }
}
