//! `durward init` on a machine that is not as it should be: one sentence, and nothing changed.

use std::{fs, process::Command};

use crate::init_desk::{Desk, SAME, differing, write};

const ONE: &str = r#"{"mcpServers": {"a": {"command": "a"}}}"#;

/// A desk with one server of Cursor's, and what init says to it.
fn refused(desk: &Desk, words: &[&str]) {
    let before = desk.things();
    let ran = desk.run(&["init", "--yes"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "no `{word}`: {ran:?}");
    }
    assert_eq!(differing(&before, &desk.things()), SAME);
}

#[test]
fn a_file_that_can_not_be_changed_is_left_alone_and_named() {
    let desk = Desk::new();
    let cursor = desk.home(".cursor/mcp.json");
    write(&cursor, ONE, 0o444);
    let windsurf = desk.home(".codeium/windsurf/mcp_config.json");
    write(&windsurf, &ONE.replace("\"a\"", "\"b\""), 0o644);
    fs::hard_link(&windsurf, desk.home("twin")).expect("a second name");
    write(
        &desk.home(".junie/mcp/mcp.json"),
        "{\n  \"mcpServers\": {\n",
        0o644,
    );
    write(
        &desk.home(".lmstudio/mcp.json"),
        "{\"mcpServers\": []}",
        0o644,
    );
    fs::create_dir_all(desk.home(".gemini/settings.json")).expect("a folder");
    fs::create_dir_all(desk.home(".codex")).expect("a folder");
    std::os::unix::fs::symlink("nowhere", desk.home(".codex/config.toml")).expect("a link");
    let before = desk.things();
    let ran = desk.run(&["init", "--yes"]).ok();
    for said in [
        "Cursor: ~/.cursor/mcp.json is left alone: it can't be changed: it is read-only",
        "it has another name on the disk too",
        "JetBrains Junie: ~/.junie/mcp/mcp.json is left alone: line 3: ",
        "`mcpServers` is not as this client has it",
        "it is not a regular file",
        "its link leads nowhere",
        "nothing to do",
    ] {
        assert!(ran.stdout.contains(said), "no `{said}`: {ran:?}");
    }
    assert_eq!(differing(&before, &desk.things()), SAME);
}

#[test]
fn a_broken_file_of_durwards_own_is_told_as_ever() {
    let desk = Desk::new();
    write(&desk.home(".cursor/mcp.json"), ONE, 0o644);
    write(&desk.gate(), "version: 1\nserverz: {}\n", 0o600);
    refused(&desk, &["serverz", "durward.yaml:2"]);
}

#[test]
fn a_state_folder_that_is_none_is_told() {
    let desk = Desk::new();
    write(&desk.home(".cursor/mcp.json"), ONE, 0o644);
    write(&desk.home(".local/state/durward/init"), "in the way", 0o644);
    refused(&desk, &["nothing was changed", "init"]);
}

#[test]
fn something_in_the_way_of_a_file_is_told() {
    let desk = Desk::new();
    write(&desk.home(".cursor/mcp.json"), ONE, 0o644);
    write(
        &desk.home(".cursor/.mcp.json.durward-new"),
        "a stranger's",
        0o644,
    );
    refused(&desk, &["nothing was changed", "something is in the way"]);
    let kept = fs::read_to_string(desk.home(".cursor/.mcp.json.durward-new"));
    assert_eq!(kept.expect("the stranger's file"), "a stranger's");
}

#[test]
fn a_second_init_waits_for_nobody() {
    let desk = Desk::new();
    write(&desk.home(".cursor/mcp.json"), ONE, 0o644);
    let lock = desk.home(".local/state/durward/init/lock");
    write(&lock, "", 0o600);
    let held = fs::File::open(&lock).expect("the lock");
    held.lock().expect("it is free");
    refused(&desk, &["another `durward init` is at work"]);
}

/// The home on a disk of its own that is full, or read-only.
#[expect(clippy::disallowed_methods, reason = "a test prepares its disk")]
fn on_a_disk(desk: &Desk, options: &str, then: &str) -> (i32, String) {
    let home = desk.house.path("home");
    let (kept, program) = (desk.house.path("kept"), env!("CARGO_BIN_EXE_durward"));
    fs::create_dir(&kept).expect("a folder");
    let script = format!(
        "cp -a {home}/. {kept}/ && mount -t tmpfs -o {options} none {home} && cp -a {kept}/. {home}/ && {then} && \
         cd {home} && {program} init --yes; code=$?; diff -r {kept} {home} --exclude=.local --exclude=fill; find {home} -name '*.durward-new'; exit $code",
        home = home.display(),
        kept = kept.display(),
    );
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--mount",
        "bash",
        "-c",
        &script,
    ]);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.env("HOME", &home);
    let output = command.output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|line| {
                line.starts_with("diff")
                    || line.starts_with("Only in")
                    || line.contains("durward-new")
            })
            .map(|line| format!("{line}\n"))
            .collect::<String>()
            + &said,
    )
}

#[expect(clippy::disallowed_methods, reason = "a test looks at its machine")]
fn may_mount() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "true"]);
    let may = command.status().is_ok_and(|status| status.success());
    if !may {
        eprintln!("skipped: this machine lets nobody mount");
    }
    may
}

#[test]
fn a_full_or_read_only_disk_is_told_in_one_sentence() {
    if !may_mount() {
        return;
    }
    for (options, then, why) in [
        (
            "size=256k,mode=700",
            "{ head -c 1M /dev/zero > fill 2>/dev/null; true; }",
            "the disk is full",
        ),
        (
            "size=256k,mode=700",
            "mount -o remount,ro none .",
            "the file system is read-only",
        ),
    ] {
        let desk = Desk::new();
        let long = format!("{}{}", " ".repeat(40_000), ONE);
        write(&desk.home(".cursor/mcp.json"), &long, 0o644);
        let then = format!("cd {} && {then}", desk.house.path("home").display());
        let (code, said) = on_a_disk(&desk, options, &then);
        assert_eq!(code, 1, "{why}: {said}");
        assert!(
            said.starts_with("error: nothing was changed: "),
            "{why}: {said}"
        );
        assert!(said.trim_end().ends_with(why), "{why}: {said}");
        assert_eq!(said.lines().count(), 1, "{why}: {said}");
    }
}
