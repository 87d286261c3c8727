//! `shell_exec`, through the door, with a real key (S01 to S11, S17 to S19).

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};

use durward_testkit::{Daemon, House, refusal, text};
use serde_json::{Value, json};

use crate::{
    corpora::{corpus, files},
    house,
};

/// A house in which these may be run, at the highest level that this machine can hold.
pub(crate) fn allowing(names: &str, more: &str) -> House {
    let house = house();
    house.configure(&format!(
        "packs: {{ shell: {{ enabled: true, {names} }} }}\nsandbox: {{ mode: best_effort }}\n\
         limits: {{ calls: 100000/s }}\n{more}"
    ));
    house
}

/// Its daemon, which looks for programs in the house's folder `bin` first, and the key of a developer.
pub(crate) fn serve(house: &House) -> Daemon {
    let key = house.key("developer");
    let mut command = house.command(&["serve", "--json", "--listen", "127.0.0.1:0"]);
    let bin = house.path("bin");
    command.env(
        "PATH",
        format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()),
    );
    command.env("CANARY_TOKEN", "hunter2");
    Daemon::from_command(command)
        .expect("the daemon starts")
        .with_key(key)
}

/// A program of the house's own: a script, put in place by a rename.
pub(crate) fn program(house: &House, name: &str, script: &str) -> PathBuf {
    let bin = house.path("bin");
    fs::create_dir_all(&bin).unwrap();
    let (draft, path) = (bin.join("draft"), bin.join(name));
    fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(draft, &path).unwrap();
    path
}

pub(crate) fn exec(daemon: &Daemon, command: &str, args: &[&str]) -> Value {
    daemon.call("shell_exec", json!({"command": command, "args": args}))
}

pub(crate) fn ran(answer: &Value) -> &Value {
    let ran = &answer["result"]["structuredContent"];
    assert!(ran.is_object(), "it did not run: {answer}");
    ran
}

/// The finest word of a refusal.
fn word(answer: &Value) -> (&str, &str) {
    let detail = &answer["result"]["_meta"]["dev.durward/refusal"]["detail"];
    (refusal(answer), detail.as_str().unwrap_or_default())
}

#[test]
fn s01_what_is_off_is_not_there() {
    let house = house();
    let key = house.key("developer");
    let daemon = house.serve(&[]).with_key(key);
    let tools = daemon.modern("tools/list", json!({})).json();
    assert!(!tools.to_string().contains("shell"), "{tools}");
    let unknown = exec(&daemon, "ls", &[]);
    assert_eq!(unknown["error"]["message"], "Unknown tool: shell_exec");
}

#[test]
fn s02_an_allowed_program_runs_and_the_record_names_the_key() {
    let house = allowing("allow: [ls]", "");
    house.file("here.txt", "");
    let daemon = serve(&house);
    let answer = exec(&daemon, "ls", &["-1"]);
    let ran = ran(&answer);
    assert_eq!(
        (&ran["exit_code"], &ran["signal"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(
        (&ran["stdout"], &ran["stderr"]),
        (&json!("here.txt\n"), &json!(""))
    );
    assert!(ran["duration_ms"].is_u64(), "{ran}");
    assert_ne!(answer["result"]["isError"], true);
    assert!(text(&answer).starts_with("exit code 0, "), "{answer}");
    assert!(text(&answer).ends_with("\n\nhere.txt\n"), "{answer}");
    // Under its other name, and by the names that arguments have elsewhere.
    let dotted = daemon.call("shell.exec", json!({"cmd": "ls", "argv": ["-1"]}));
    assert_eq!(self::ran(&dotted)["stdout"], "here.txt\n");

    let entries = house.run(&["audit", "query", "--json"]).ok().lines();
    let call = entries
        .iter()
        .find(|entry| entry.to_string().contains("shell_exec"));
    let call = call.unwrap_or_else(|| panic!("no record in {entries:?}"));
    let listed = house.run(&["keys", "list", "--json"]).ok();
    let fingerprint = call["caller"]["key"].as_str().or(call["key"].as_str());
    let fingerprint = fingerprint.unwrap_or_else(|| panic!("no fingerprint in {call}"));
    assert!(
        listed.stdout.contains(fingerprint),
        "{fingerprint}: {listed:?}"
    );
}

#[test]
fn a_reader_does_not_see_it() {
    let house = allowing("allow: [ls]", "");
    let key = house.key("reader");
    let daemon = serve(&house).with_key(key);
    let unknown = exec(&daemon, "ls", &[]);
    assert_eq!(unknown["error"]["message"], "Unknown tool: shell_exec");
}

#[test]
fn s03_s04_what_is_not_in_the_list_or_is_a_path_does_not_run() {
    for names in ["allow: [ls]", "allow: []"] {
        let house = allowing(names, "");
        let daemon = serve(&house);
        for command in ["cat", "/bin/ls", r"..\ls", "./x", "../ls", "LS", "ls -l"] {
            let refused = exec(&daemon, command, &[]);
            assert_eq!(refusal(&refused), "command_not_allowed", "{command}");
        }
    }
}

#[test]
fn s05_s06_shells_interpreters_and_wrappers_do_not_run_though_they_are_allowed() {
    let names = "bash BASH sh python3 python3.11 node sudo rm kill curl mawk busybox nohup setsid timeout \
                 stdbuf ionice vi php npx make fish";
    let list = names.replace(' ', ", ");
    let house = allowing(&format!("allow: [{list}, plain, short]"), "");
    // Under other names, too: by a link, and by a link to a link.
    fs::create_dir_all(house.path("bin")).unwrap();
    symlink("/bin/sh", house.path("bin/plain")).unwrap();
    symlink("plain", house.path("bin/short")).unwrap();
    let daemon = serve(&house);
    for command in names.split_whitespace().chain(["plain", "short"]) {
        let refused = exec(&daemon, command, &["-c", "id"]);
        assert_eq!(
            word(&refused),
            ("command_not_allowed", "interpreter"),
            "{command}"
        );
        assert!(!text(&refused).contains("/bin"), "{refused}");
    }
    assert!(
        daemon.log().contains("`plain` is in truth"),
        "{}",
        daemon.log()
    );

    let house = allowing("allow: [sh], allow_interpreters: [sh]", "");
    let daemon = serve(&house);
    let answer = exec(&daemon, "sh", &["-c", "echo $((6*7))"]);
    assert_eq!(ran(&answer)["stdout"], "42\n");
    let warned = house.run(&["check"]).ok().stderr;
    assert!(warned.contains("`sh` is a shell"), "{warned}");
}

#[test]
fn s07_arguments_that_run_other_programs_are_refused() {
    let house = allowing("allow: [git, tar, find, sort, rg]", "");
    let canary = house.path("canary");
    let touch = format!("touch {}", canary.display());
    let daemon = serve(&house);
    for (command, args) in [
        ("git", vec!["-c", "alias.x=!id", "x"]),
        ("git", vec!["clone", "ext::sh -c id", "x"]),
        (
            "tar",
            vec![
                "cf",
                "a",
                "--checkpoint=1",
                "--checkpoint-action=exec=id",
                ".",
            ],
        ),
        (
            "tar",
            vec!["cf", "a", "--checkpoint=1", "--checkpoint-act", &touch, "."],
        ),
        (
            "find",
            vec![".", "-exec", "touch", canary.to_str().unwrap(), ";"],
        ),
        ("sort", vec!["--compress-program=sh", "x"]),
        ("rg", vec!["--pre", "sh", "x"]),
    ] {
        let refused = exec(&daemon, command, &args);
        let word = word(&refused);
        // Whatever is not installed here can't run anything either.
        let fit = [
            ("denied", "argument_not_allowed"),
            ("not_found", "program_missing"),
        ];
        assert!(fit.contains(&word), "{command} {args:?}: {refused}");
    }
    assert!(!canary.exists());
}

#[test]
fn s08_no_shell_reads_the_arguments() {
    let house = allowing("allow: [echo]", "");
    let daemon = serve(&house);
    for argument in [
        "; id", "$(id)", "`id`", "$HOME", "*", "| id", "> x", "&& id", "\\", "'\"",
    ] {
        let answer = exec(&daemon, "echo", &[argument]);
        assert_eq!(ran(&answer)["stdout"], format!("{argument}\n"));
    }
    assert_eq!(fs::read_dir(house.root()).unwrap().count(), 0);
}

#[test]
fn s08_every_string_that_others_collected_arrives_as_one_argument() {
    let Some(folder) = corpus("cmd") else { return };
    let house = allowing("allow: [show]", "");
    // What it says is what it was given: each argument, and a zero byte after it.
    program(
        &house,
        "show",
        r#"for argument; do printf '%s\0' "$argument"; done"#,
    );
    let daemon = serve(&house);
    let mut seen = 0;
    for (name, lines) in files(&folder) {
        for line in String::from_utf8_lossy(&lines).lines() {
            let answer = exec(&daemon, "show", &[line, "--", line]);
            assert_eq!(
                ran(&answer)["stdout"],
                format!("{line}\0--\0{line}\0"),
                "{name}"
            );
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn s09_s11_the_box_shows_neither_the_host_nor_its_environment() {
    let house = allowing("allow: [cat, printenv]", "");
    house.file("inside", "seen");
    let daemon = serve(&house);
    assert_eq!(ran(&exec(&daemon, "cat", &["inside"]))["stdout"], "seen");
    assert_eq!(ran(&exec(&daemon, "cat", &[]))["stdout"], "");
    let read = daemon.call("shell_exec", json!({"command": "cat", "stdin": "given"}));
    assert_eq!(ran(&read)["stdout"], "given");

    let answer = exec(&daemon, "printenv", &[]);
    let printed = ran(&answer)["stdout"].as_str().unwrap();
    for line in printed.lines() {
        let name = line.split('=').next().unwrap();
        assert!(["PATH", "LANG"].contains(&name), "{printed}");
    }
    assert!(printed.contains("PATH=") && !answer.to_string().contains("hunter2"));

    fs::write(house.path("outside"), "OUTSIDE").unwrap();
    let outside = house.path("outside");
    for path in [
        "/etc/hostname",
        "/etc/shadow",
        outside.to_str().unwrap(),
        "../outside",
    ] {
        let answer = exec(&daemon, "cat", &[path]);
        let ran = ran(&answer);
        if ran["level"] == "none" {
            eprintln!("skipped: this machine has no walls");
            return;
        }
        let found = (&ran["exit_code"], &ran["stdout"]);
        assert_eq!(found, (&json!(1), &json!("")), "{path} at {}", ran["level"]);
    }
    // Of the box's own first process, if any, and not of durward.
    let answer = exec(&daemon, "cat", &["/proc/1/environ"]);
    assert!(!answer.to_string().contains("hunter2"), "{answer}");
}

#[test]
fn s10_it_begins_in_a_folder_of_the_root() {
    let house = allowing("allow: [pwd]", "");
    house.file("sub/file", "");
    symlink("/etc", house.root().join("link")).unwrap();
    let daemon = serve(&house);
    let begin = |cwd: &str| daemon.call("shell_exec", json!({"command": "pwd", "cwd": cwd}));
    let answer = begin("sub");
    let found = ran(&answer)["stdout"].as_str().unwrap();
    assert!(found.trim_end().ends_with("/root/sub"), "{found}");
    for (cwd, expected) in [
        ("..", ("path_outside_root", "cwd_outside_root")),
        ("link", ("path_outside_root", "cwd_outside_root")),
        ("sub/file", ("invalid_arguments", "cwd_not_dir")),
        ("missing", ("not_found", "cwd_not_found")),
    ] {
        assert_eq!(word(&begin(cwd)), expected, "{cwd}");
    }
}

#[test]
fn s17_s18_failures_are_flagged_and_said_without_numbers_of_the_system() {
    let house = allowing("allow: [\"false\", gone, ls]", "");
    let daemon = serve(&house);
    let failed = exec(&daemon, "false", &[]);
    assert_eq!(failed["result"]["isError"], true);
    assert_eq!(ran(&failed)["exit_code"], 1);
    let missing = exec(&daemon, "gone", &[]);
    assert_eq!(word(&missing), ("not_found", "program_missing"));
    let zero = exec(&daemon, "ls", &["a\0b"]);
    assert_eq!(word(&zero), ("invalid_arguments", "null_byte"));
    for answer in [&missing, &zero] {
        assert!(!answer.to_string().contains("os error"), "{answer}");
    }
    let many = vec!["x".repeat(131_000); 60];
    let long = daemon.call("shell_exec", json!({"command": "ls", "args": many}));
    assert_eq!(word(&long), ("too_large", "arguments_too_long"));
}

#[test]
fn s19_what_does_not_fit_is_said_of_the_argument() {
    let house = allowing("allow: [ls]", "");
    let daemon = serve(&house);
    for (arguments, path) in [
        (json!({"command": "ls", "timeout_ms": 50}), "/timeout_ms"),
        (json!({"command": "ls", "timeout_ms": 40000}), "/timeout_ms"),
        (json!({"command": ""}), "/command"),
        (json!({"command": "ls", "args": "-l"}), "/args"),
        (json!({"command": "ls", "args": [1]}), "/args/0"),
    ] {
        let refused = daemon.call("shell_exec", arguments.clone());
        assert_eq!(refusal(&refused), "invalid_arguments", "{arguments}");
        let facts = &refused["result"]["_meta"]["dev.durward/refusal"];
        assert_eq!(facts["path"], path, "{refused}");
    }
}

#[test]
fn the_program_that_was_found_runs_or_none() {
    let house = allowing("allow: [tool]", "");
    let real = program(&house, "tool", "echo itself");
    let daemon = serve(&house);
    assert_eq!(ran(&exec(&daemon, "tool", &[]))["stdout"], "itself\n");
    // Installed again as it was: the same.
    program(&house, "tool", "echo itself");
    assert_eq!(ran(&exec(&daemon, "tool", &[]))["stdout"], "itself\n");
    program(&house, "tool", "echo impostor");
    let refused = exec(&daemon, "tool", &[]);
    assert_eq!(word(&refused), ("definition_changed", "program_replaced"));
    fs::remove_file(real).unwrap();
    assert_eq!(
        word(&exec(&daemon, "tool", &[])),
        ("not_found", "program_missing")
    );
}

#[test]
fn a_name_that_is_a_path_is_a_fault_of_the_configuration() {
    let house = allowing("allow: [/bin/ls]", "");
    let ran = house.run(&["check"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("without a path"), "{ran:?}");
}
