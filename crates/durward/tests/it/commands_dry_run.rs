//! A dry run says what every command is and takes, from wherever it comes; and other ways to give commands.

use durward_testkit::{House, Ran};
use serde_json::json;

use crate::{
    commands::{stdout, with},
    house,
};

fn dry(house: &House, options: &[&str], variables: &[(&str, &str)]) -> Ran {
    let all = [&["serve", "--dry-run", "--listen", "off"], options].concat();
    let mut command = house.command(&all);
    command.envs(variables.iter().copied());
    let output = command.output().expect("the command runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

#[test]
fn t33_one_bad_command_fails_the_run_and_all_are_listed() {
    for (bad, said) in [
        (
            "  bad: no-such-program {x}\n",
            "there is no program `no-such-program`",
        ),
        ("  bad: rm {x}\n", "is a program that deletes"),
        ("  bad: 'echo {x} {x}'\n", "stands there twice"),
        ("  bad: { run: echo, cwd: ../.. }\n", "can't be used"),
    ] {
        let house = house();
        with(
            &house,
            &format!("  good: 'echo {{a}} {{p:path}}'\n{bad}  other: uptime\n"),
        );
        let ran = dry(&house, &[], &[]);
        assert_eq!(ran.code, 3, "{ran:?}");
        for part in [
            "good ",
            "  {a}: strict",
            "  {p}: path",
            "bad ",
            "other ",
            said,
        ] {
            assert!(
                ran.stdout.contains(part),
                "{bad} lacks {part}: {}",
                ran.stdout
            );
        }
        let problem = ran.stdout.lines().find(|line| line.contains("problem"));
        assert!(
            problem.is_some_and(|line| line.contains(said)),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn t34_a_dry_run_lists_what_the_file_the_environment_and_options_say() {
    let house = house();
    with(&house, "  one: 'echo {a} {n:int}'\n");
    let ran = dry(
        &house,
        &[
            "--command",
            "two=echo {b:flag(-v|-w)}",
            "--command",
            "three|\"echo {c_flag} {file}\"",
        ],
        &[
            ("DURWARD_COMMANDS__FOUR", "echo {d:text}"),
            (
                "MCP_EXEC_COMMANDS",
                "five|\"echo {e_opt} {e}\";six|\"no-such-program\"",
            ),
            ("MCP_EXEC_ALLOW_MISSING_BINARIES", "1"),
        ],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    for line in [
        "{a}: strict",
        "{n}: int",
        "{b}: flag: -v, -w",
        "{c_flag}: flag: -h, --help, --version",
        "{file}: path",
        "{d}: text",
        "{e_opt}: flag: -h, --help, --version",
        "{e}: strict",
    ] {
        assert!(
            ran.stdout.contains(&format!("  {line}\n")),
            "{line}: {}",
            ran.stdout
        );
    }
    for name in ["one ", "two ", "three ", "four ", "five ", "six "] {
        assert!(
            ran.stdout.lines().any(|it| it.starts_with(name)),
            "{name}: {}",
            ran.stdout
        );
    }
    let as_json = dry(&house, &["--json"], &[]);
    let first = as_json.stdout.lines().next().expect("a line");
    let first: serde_json::Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(first["command"], "one");
    assert_eq!(
        first["placeholders"][1],
        json!({"name": "n", "takes": "int"})
    );
    let stdio = house.run(&["stdio", "--dry-run"]).ok();
    assert!(stdio.stdout.contains("{n}: int"), "{stdio:?}");
}

#[test]
fn the_variables_of_a_predecessor_say_what_they_said() {
    let house = house();
    house.configure("sandbox: { mode: best_effort }\n");
    house.file("base/x", "in the base");
    let base = house.root().join("base").display().to_string();
    let mut command = house.command(&["stdio"]);
    command.env(
        "MCP_EXEC_COMMANDS",
        "cat|\"cat {path}\";sh|\"sh -c 'echo ${HOME:-none}'\"",
    );
    command.env("MCP_EXEC_BASE_PATH", &base);
    command.env("MCP_EXEC_ALLOW_DANGEROUS", "true");
    command.env("MCP_EXEC_CMD_TIMEOUT_SECS", "5");
    let mut pipe = durward_testkit::Pipe::of(command);
    assert_eq!(
        stdout(&pipe.call("cat", json!({"path": "x"}))),
        "in the base"
    );
    // A `$` of theirs is nothing of ours; and no shell but the one that is named ever sees it.
    assert_eq!(stdout(&pipe.call("sh", json!({}))), "none\n");
    // Alone, they say nothing.
    let mut command = house.command(&["stdio", "--dry-run"]);
    command.env("MCP_EXEC_BASE_PATH", "/no/such/folder");
    assert!(command.status().expect("it runs").success());
}

#[test]
fn an_option_beats_the_file_and_set_says_more_of_it() {
    let house = house();
    with(&house, "  say: echo of the file\n");
    let options = [
        "stdio",
        "--command",
        "say=echo {x:text}",
        "--set",
        "commands.say.params.x.max=3",
    ];
    let mut pipe = durward_testkit::Pipe::of(house.command(&options));
    assert_eq!(stdout(&pipe.call("say", json!({"x": "abc"}))), "abc\n");
    let long = pipe.call("say", json!({"x": "abcd"}));
    assert_eq!(durward_testkit::refusal(&long), "invalid_arguments");
}

#[test]
fn what_the_start_would_refuse_fails_the_dry_run() {
    let house = house();
    house.configure("sandbox: { mode: best_effort }\n");
    for (option, said) in [
        (
            "fs_read=uptime",
            "the built-in tool `fs_read` and `commands.fs_read` are the same; rename one of them",
        ),
        (
            "FS_read=uptime",
            "the built-in tool `fs_read` and `commands.FS_read` differ only in case",
        ),
    ] {
        for command in [
            &["serve", "--listen", "off", "--dry-run"][..],
            &["stdio", "--dry-run"],
            &["stdio"],
        ] {
            let ran = house.run(&[command, &["--command", option]].concat());
            assert_eq!(ran.code, 3, "{command:?}: {ran:?}");
            assert!(ran.stderr.contains(said), "{command:?}: {ran:?}");
        }
    }
    house.configure(
        "sandbox: { mode: best_effort }\nidentity: { os_user: { roles: { self: [] } } }\n",
    );
    for command in [&["stdio", "--dry-run"][..], &["stdio"]] {
        let ran = house.run(command);
        assert_eq!(ran.code, 3, "{command:?}: {ran:?}");
        assert!(ran.stderr.contains("has no role here"), "{ran:?}");
    }
}

#[test]
fn a_program_that_is_missing_is_told_beside_a_template_that_is_wrong() {
    let house = house();
    let ran = dry(
        &house,
        &[
            "--command",
            "bad=uptime {x:blob}",
            "--command",
            "none=no-such-program {x}",
            "--command",
            "gone=rm {x}",
            "--command",
            "well=uptime",
        ],
        &[],
    );
    assert_eq!(ran.code, 3, "{ran:?}");
    let problems: Vec<_> = ran
        .stdout
        .lines()
        .filter(|line| line.contains("problem:"))
        .collect();
    let all = [
        "`blob`",
        "is a program that deletes",
        "no program `no-such-program`",
    ];
    assert_eq!(problems.len(), all.len(), "{ran:?}");
    for (problem, said) in problems.iter().zip(all) {
        assert!(problem.contains(said), "{said}: {problem}");
    }
    // What is wrong is told with its line.
    assert!(ran.stderr.contains("--> --command:1:1"), "{ran:?}");
}

#[test]
fn who_says_commands_in_variables_is_told_of_variables() {
    let house = house();
    house.configure("sandbox: { mode: best_effort }\n");
    for (notation, remedy) in [
        (
            "a|no-such-program",
            "`MCP_EXEC_ALLOW_MISSING_BINARIES=true`",
        ),
        ("a|rm {x}", "`MCP_EXEC_ALLOW_DANGEROUS=true`"),
    ] {
        let variables = [("MCP_EXEC_COMMANDS", notation)];
        let ran = dry(&house, &[], &variables);
        let mut command = house.command(&["stdio"]);
        command.envs(variables);
        let started = command.output().expect("it runs");
        let started = String::from_utf8_lossy(&started.stderr).into_owned();
        for said in [&ran.stdout, &started] {
            assert!(said.contains(remedy), "{said}");
            assert!(
                !said.contains("missing: warn") && !said.contains("dangerous: true"),
                "{said}"
            );
        }
        // Others can say keys.
        let ran = dry(&house, &["--command", notation], &[]);
        assert!(
            !ran.stdout.contains("MCP_EXEC") && ran.stdout.contains("problem:"),
            "{ran:?}"
        );
    }
}
