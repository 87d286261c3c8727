//! Service files, held against the managers' own judgement where it can be had.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::house;

#[test]
fn systemd_finds_nothing_wrong_with_its_units() {
    let house = house();
    let folder = house.path("100% of it");
    fs::create_dir(&folder).expect("a folder");
    let root = folder.display().to_string();
    for unit in ["user", "system"] {
        let set = r#"files.deny=["$HOME", "a b", "\"%n\""]"#;
        let ran = house.run(&["serve", "--root", &root, "--set", set, "--unit", unit]);
        let text = ran.ok().stdout;
        assert!(
            text.contains("ExecStart=") && text.contains("serve"),
            "{text}"
        );
        let path = house.path("durward.service");
        // The user of the system's unit need not be on the machine that tests.
        fs::write(
            &path,
            text.replace("User=durward", "User=root")
                .replace("Group=durward", "Group=root"),
        )
        .expect("the unit");
        match verified(&path, unit, &house.path("run")) {
            Some(said) => assert_eq!(said, "", "{text}"),
            None => eprintln!("there is no systemd-analyze here: {unit} is not verified"),
        }
    }
}

/// What `systemd-analyze verify` complains of.
#[expect(clippy::disallowed_methods, reason = "a test asks another program")]
fn verified(unit: &Path, kind: &str, runtime: &Path) -> Option<String> {
    let output = Command::new("systemd-analyze")
        .arg("verify")
        .arg("--man=no")
        .arg("--recursive-errors=no")
        .args((kind == "user").then_some("--user"))
        .arg(unit)
        .env("XDG_RUNTIME_DIR", runtime)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // Where no systemd runs, it can't look at all; and it says of other units what is wrong with them.
    let about_us = |line: &&str| line.contains("durward.service");
    let ours: Vec<&str> = said.lines().filter(about_us).collect();
    match output.status.success() || !ours.is_empty() {
        true => Some(ours.join("\n")),
        false => {
            eprintln!("systemd-analyze can't look here: {said}");
            None
        }
    }
}

#[test]
fn a_unit_runs_the_command_that_was_given() {
    let house = house();
    house.configure(
        "files: { write: [\"**\"] }\naudit: { export: { file: /var/log/durward/calls.jsonl } }\n",
    );
    let ran = house
        .run(&["serve", "--listen", "127.0.0.1:80", "--unit", "system"])
        .ok();
    let config = house.config().display().to_string();
    let line = ran
        .stdout
        .lines()
        .find(|line| line.starts_with("ExecStart="))
        .expect("a command");
    assert!(line.contains(env!("CARGO_BIN_EXE_durward")), "{line}");
    assert!(
        line.ends_with(&format!(
            "--config {config} --state {} --listen 127.0.0.1:80",
            house.state().display()
        )),
        "{line}"
    );
    let root = house.root().display().to_string();
    for wanted in [
        format!("WorkingDirectory={root}\n"),
        format!("ReadWritePaths={root}/.\n"),
        "ReadWritePaths=/var/log/durward\n".to_owned(),
        "CAP_NET_BIND_SERVICE".to_owned(),
    ] {
        assert!(ran.stdout.contains(&wanted), "{wanted}: {}", ran.stdout);
    }
    // Nothing was begun.
    assert!(!house.state().join("audit").exists());
    let wrong = house.run(&["serve", "--unit", "upstart"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
}
