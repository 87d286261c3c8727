//! `durward init --undo` whatever happened in between: a kill at any moment, a person's own changes.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::{
    init_desk::{Desk, Dress, SAME, Thing, differing, samples, write},
    times,
};

const ONE: &str = "{\n  \"mcpServers\": {\n    \"a\": {\n      \"command\": \"a\"\n    }\n  }\n}\n";

/// A home with a file of every client.
fn full_desk() -> Desk {
    let desk = Desk::new();
    let mut seen = Vec::new();
    for sample in samples() {
        let place = desk.place(&sample.client, &sample.name);
        if !seen.contains(&place) {
            desk.put(&sample, [Dress::Plain, Dress::Linked][seen.len() % 2]);
            seen.push(place);
        }
    }
    desk
}

/// Runs and kills after this long; says whether it had ended by itself.
#[expect(clippy::disallowed_methods, reason = "a test's own clock")]
fn killed(desk: &Desk, arguments: &[&str], after: Duration) -> bool {
    let mut command = desk.command(arguments);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let start = Instant::now();
    while start.elapsed() < after {
        if child.try_wait().expect("its end").is_some() {
            return true;
        }
        thread::sleep(Duration::from_micros(200));
    }
    child.kill().expect("a kill");
    child.wait().expect("its end");
    false
}

/// Each file is as it was before or as it is after, never anything between; what waits beside it aside.
fn whole(
    now: &BTreeMap<PathBuf, Thing>,
    before: &BTreeMap<PathBuf, Thing>,
    after: &BTreeMap<PathBuf, Thing>,
) {
    for (path, thing) in now {
        let known = before.get(path) == Some(thing) || after.get(path) == Some(thing);
        let waits = path.display().to_string().ends_with(".durward-new");
        assert!(known || waits, "{} is neither old nor new", path.display());
    }
    for path in before.keys() {
        assert!(now.contains_key(path), "{} is lost", path.display());
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own clock")]
fn a_kill_at_any_moment_loses_nothing() {
    let desk = full_desk();
    let before = desk.things();
    let start = Instant::now();
    desk.run(&["init", "--yes"]).ok();
    let doing = start.elapsed();
    let after = desk.things();
    let start = Instant::now();
    desk.run(&["init", "--undo"]).ok();
    let undoing = start.elapsed();
    assert_eq!(differing(&before, &desk.things()), SAME);
    let rounds = times("DURWARD_INIT_KILLS", 8);
    let mut interrupted = 0;
    for round in 0..rounds {
        // A little beyond the end, so that some get through.
        let part = |whole: Duration| whole * (round as u32 + 1) / rounds as u32;
        interrupted += usize::from(!killed(&desk, &["init", "--yes"], part(doing)));
        whole(&desk.things(), &before, &after);
        if round % 2 == 0 {
            desk.run(&["init", "--yes"]).ok();
            assert_eq!(
                differing(&after, &desk.things()),
                SAME,
                "round {round}: done"
            );
        }
        interrupted += usize::from(!killed(&desk, &["init", "--undo"], part(undoing)));
        whole(&desk.things(), &before, &after);
        desk.run(&["init", "--undo"]).ok();
        assert_eq!(
            differing(&before, &desk.things()),
            SAME,
            "round {round}: undone"
        );
    }
    assert!(interrupted > 0, "no kill came in time");
}

#[test]
fn what_the_person_added_since_is_kept() {
    let desk = Desk::new();
    let path = desk.home(".cursor/mcp.json");
    write(&path, ONE, 0o600);
    desk.run(&["init", "--yes"]).ok();
    let text = fs::read_to_string(&path).expect("the file");
    let added = text.replace(
        "      ]\n    }\n",
        "      ]\n    },\n    \"new\": { \"command\": \"new\" }\n",
    );
    assert_ne!(added, text);
    fs::write(&path, added).expect("the file");
    let ran = desk.run(&["init", "--undo"]).ok();
    assert!(
        ran.stdout.contains("what was changed since is kept"),
        "{ran:?}"
    );
    let now = fs::read_to_string(&path).expect("the file");
    let wanted = ONE.replace(
        "    }\n  }",
        "    },\n    \"new\": { \"command\": \"new\" }\n  }",
    );
    assert_eq!(now, wanted);
    assert!(!desk.gate().exists());
    assert!(
        desk.run(&["init", "--undo"])
            .ok()
            .stdout
            .contains("nothing to undo")
    );
}

#[test]
fn what_can_not_be_undone_is_named_and_the_rest_is() {
    let desk = Desk::new();
    let (cursor, windsurf) = (
        desk.home(".cursor/mcp.json"),
        desk.home(".codeium/windsurf/mcp_config.json"),
    );
    for path in [&cursor, &windsurf] {
        write(path, ONE, 0o644);
    }
    desk.run(&["init", "--yes"]).ok();
    let gate = fs::read(desk.gate()).expect("durward's file");
    let wired = fs::read_to_string(&cursor).expect("the file");
    fs::write(&cursor, wired.replace("connect", "stdio")).expect("the file");
    for _ in 0..2 {
        let ran = desk.run(&["init", "--undo"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stdout.contains("mcp.json: stays"), "{ran:?}");
        assert!(ran.stdout.contains("what stays needs it"), "{ran:?}");
        assert_eq!(fs::read_to_string(&windsurf).expect("the file"), ONE);
        assert_eq!(fs::read(desk.gate()).expect("durward's file"), gate);
    }
    // The person puts it as it was, and all goes.
    fs::write(&cursor, &wired).expect("the file");
    desk.run(&["init", "--undo"]).ok();
    assert_eq!(fs::read_to_string(&cursor).expect("the file"), ONE);
    assert!(!desk.gate().exists());
}

#[test]
fn a_file_that_was_removed_comes_back() {
    let desk = Desk::new();
    let path = desk.home(".cursor/mcp.json");
    write(&path, ONE, 0o640);
    let before = desk.things();
    desk.run(&["init", "--yes"]).ok();
    fs::remove_dir_all(desk.home(".cursor")).expect("gone");
    desk.run(&["init", "--undo"]).ok();
    assert_eq!(differing(&before, &desk.things()), SAME);
}

#[test]
fn permissions_come_back() {
    let desk = Desk::new();
    let path = desk.home(".cursor/mcp.json");
    write(&path, ONE, 0o600);
    desk.run(&["init", "--yes"]).ok();
    let mode = |path| fs::metadata(path).expect("facts").permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o600, "no more open than it was");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("permissions");
    desk.run(&["init", "--undo"]).ok();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn several_runs_are_undone_together() {
    let desk = Desk::new();
    let path = desk.home(".cursor/mcp.json");
    write(&path, ONE, 0o644);
    desk.run(&["init", "--yes"]).ok();
    let other = desk.home(".codeium/windsurf/mcp_config.json");
    write(&other, &ONE.replace("\"a\"", "\"b\""), 0o644);
    desk.run(&["init", "--yes"]).ok();
    let gate = fs::read_to_string(desk.gate()).expect("durward's file");
    assert!(
        gate.contains("command: [a]") && gate.contains("command: [b]"),
        "{gate}"
    );
    desk.run(&["init", "--undo"]).ok();
    assert_eq!(fs::read_to_string(&path).expect("the file"), ONE);
    assert_eq!(
        fs::read_to_string(&other).expect("the file"),
        ONE.replace("\"a\"", "\"b\"")
    );
    assert!(!desk.gate().exists());
}

#[test]
fn a_file_of_durwards_that_is_the_persons_by_now_stays() {
    let desk = Desk::new();
    let path = desk.home(".cursor/mcp.json");
    let text = ONE.replace(
        "\"a\"\n",
        "\"a\",\n      \"env\": { \"TOKEN\": \"hush\" }\n",
    );
    write(&path, &text, 0o644);
    desk.run(&["init", "--yes"]).ok();
    let own =
        fs::read_to_string(desk.gate()).expect("durward's file") + "limits: { calls: 7/min }\n";
    fs::write(desk.gate(), &own).expect("durward's file");
    let ran = desk.run(&["init", "--undo"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(fs::read_to_string(&path).expect("the file"), text);
    assert_eq!(
        fs::read_to_string(desk.gate()).expect("durward's file"),
        own
    );
    desk.run(&["check"]).ok();
}

/// Claude Code writes its file anew whenever it likes, with other things in it each time.
#[test]
fn a_file_that_its_client_wrote_anew_gets_its_servers_back() {
    let desk = Desk::new();
    let path = desk.home(".claude.json");
    let text = r#"{"numStartups": 1, "projects": {"/p": {"mcpServers": {"x": {"command": "x"}}, "history": []}},
        "mcpServers": {"a": {"command": "a", "env": {}}, "b": {"type": "http", "url": "https://b.example.com/mcp"}}}"#;
    write(&path, text, 0o600);
    desk.run(&["init", "--yes"]).ok();
    let mut now: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).expect("the file")).expect("JSON");
    assert_ne!(now["mcpServers"]["a"]["command"], "a");
    now["numStartups"] = 2.into();
    now["projects"]["/p"]["history"] = (0..30_000).collect();
    now["projects"]["/q"] = serde_json::json!({"mcpServers": {}});
    fs::write(&path, serde_json::to_vec_pretty(&now).expect("JSON")).expect("the file");
    desk.run(&["init", "--undo"]).ok();
    let back: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).expect("the file")).expect("JSON");
    let before: serde_json::Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(back["mcpServers"], before["mcpServers"]);
    assert_eq!(
        back["projects"]["/p"]["mcpServers"],
        before["projects"]["/p"]["mcpServers"]
    );
    assert_eq!(back["numStartups"], 2);
    assert!(back["projects"]["/q"].is_object() && !desk.gate().exists());
}
