//! Commands as tools, through the door: what is taken, what is refused, and what a program then sees.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use durward_testkit::{House, Pipe, refusal};
use serde_json::{Value, json};

use crate::house;

/// A program of the test's own, outside of what is shared; its path.
pub(crate) fn program(house: &House, name: &str, script: &str) -> String {
    let file = house.path("bin").join(name);
    fs::create_dir_all(house.path("bin")).expect("a folder");
    write_program(&file, script);
    file.display().to_string()
}

pub(crate) fn write_program(file: &Path, script: &str) {
    fs::write(file, format!("#!/bin/sh\n{script}\n")).expect("the program");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("that it may run");
}

/// A program that prints what it is given, each argument with a NUL behind it.
pub(crate) fn shows_argv(house: &House) -> String {
    program(house, "show", r#"[ $# -eq 0 ] || printf '%s\0' "$@""#)
}

/// A house with these commands, at whatever level this machine has.
pub(crate) fn with(house: &House, commands: &str) {
    house.configure(&format!(
        "sandbox: {{ mode: best_effort }}\ncommands:\n{commands}"
    ));
}

/// The house, and commands of which `SHOW` is the program that prints what it is given.
pub(crate) fn showing(commands: &str) -> House {
    let house = house();
    let show = shows_argv(&house);
    with(&house, &commands.replace("SHOW", &show));
    house
}

pub(crate) fn stdout(answer: &Value) -> &str {
    let stdout = &answer["result"]["structuredContent"]["stdout"];
    stdout
        .as_str()
        .unwrap_or_else(|| panic!("no stdout: {answer}"))
}

/// The arguments that the program was given.
pub(crate) fn argv(answer: &Value) -> Vec<&str> {
    assert_eq!(answer["result"]["isError"], Value::Null, "{answer}");
    let mut all: Vec<_> = stdout(answer).split('\0').collect();
    assert_eq!(all.pop(), Some(""), "{answer}");
    all
}

/// Was it refused before anything ran?
pub(crate) fn is_refused(answer: &Value) -> bool {
    !refusal(answer).is_empty() || answer["error"].is_object()
}

/// The tools that are listed.
fn tools(pipe: &mut Pipe) -> Vec<Value> {
    let listed = pipe.modern("tools/list", json!({}));
    listed["result"]["tools"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

#[test]
fn t01_a_template_is_a_tool() {
    let house = house();
    house.configure("sandbox: { mode: best_effort }\n");
    for option in [
        "echo|\"echo {message}\"",
        "echo=echo {message}",
        "echo = echo {message:text}",
    ] {
        let mut pipe = house.stdio(&["--command", option]);
        let answer = pipe.call("echo", json!({"message": "hi"}));
        assert_eq!(stdout(&answer), "hi\n", "{option}: {answer}");
        let told = &answer["result"]["structuredContent"];
        assert_eq!(
            (&told["exit_code"], &told["timed_out"]),
            (&json!(0), &json!(false))
        );
    }
}

#[test]
fn a_tool_says_what_it_takes_and_by_its_tier_who_may() {
    let house = showing(
        "  size: 'SHOW {dir:path} {how:enum(all|some)}'\n  say:\n    run: SHOW {message:text}\n    description: Says it.\n    \
         tier: read\n    params: { message: { max: 5, description: What to say } }\n  wipe: { run: SHOW, tier: danger }\n",
    );
    let mut pipe = house.stdio(&[]);
    let tools = tools(&mut pipe);
    let tool = |name: &str| {
        let found = tools.iter().find(|tool| tool["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {tools:?}"))
    };
    let (size, say) = (tool("size"), tool("say"));
    assert_eq!(say["description"], "Says it.");
    assert!(
        size["description"]
            .as_str()
            .unwrap()
            .contains("{dir} {how}"),
        "{size}"
    );
    let schema = &say["inputSchema"];
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], json!(["message"]));
    assert_eq!(schema["properties"]["message"]["maxLength"], 5);
    assert_eq!(
        size["inputSchema"]["properties"]["how"]["enum"],
        json!(["all", "some"])
    );
    assert!(say["outputSchema"]["properties"]["exit_code"].is_object());
    assert_eq!(
        (
            &say["annotations"]["readOnlyHint"],
            &size["annotations"]["readOnlyHint"]
        ),
        (&json!(true), &json!(false))
    );
    // What can destroy is not a developer's.
    assert!(!tools.iter().any(|tool| tool["name"] == "wipe"));
    let check = house.run(&["check"]).ok();
    let line = |name: &str| {
        let found = check.stdout.lines().find(|line| line.starts_with(name));
        found.unwrap_or_default().to_owned()
    };
    assert!(line("say ").contains("reader"), "{}", check.stdout);
    assert!(
        line("size ").contains("operate") && !line("size ").contains("reader"),
        "{check:?}"
    );
    assert!(line("wipe ").contains("danger"), "{check:?}");
}

#[test]
fn t02_t05_t09_t11_an_untyped_place_is_strict() {
    let house = showing("  show: 'SHOW {x}'\n");
    let mut pipe = house.stdio(&[]);
    for value in [
        "hello world",
        "run tests",
        "everything",
        "write",
        "email@x.com",
        "+1",
        "http://x",
        "myexec",
    ] {
        let answer = pipe.call("show", json!({"x": value}));
        assert_eq!(argv(&answer), [value]);
    }
    let hostile = [
        "hello;rm",
        "a&b",
        "a|b",
        "a>b",
        "(x)",
        "`id`",
        "cmd1 | cmd2",
        ";rm",
        "--",
        "a\nb",
        "a\rb",
        "a\tb",
        "a\0b",
        "a\u{202e}b",
        "a\u{200b}b",
        "-h",
        "--version",
        "--files0-from=/etc/hostname",
        "-d/etc",
        "-1",
        "-exec rm -rf /",
        "--eval code",
        "system('rm -rf /')",
        "x -exec",
        "é -exec",
        "\" -exec",
    ];
    for value in hostile {
        let answer = pipe.call("show", json!({"x": value}));
        assert_eq!(refusal(&answer), "invalid_arguments", "{value:?}: {answer}");
        assert_eq!(
            answer["result"]["_meta"]["dev.durward/refusal"]["path"], "/x",
            "{answer}"
        );
    }
    let calls = house.run(&["audit", "query", "--json"]).ok().lines();
    let refused = calls
        .iter()
        .filter(|it| it["kind"] == "call" && it["code"] == "invalid_arguments");
    assert_eq!(refused.count(), hostile.len());
}

#[test]
fn t06_a_value_of_64_kib_is_taken_and_no_more() {
    let house = showing("  show: 'SHOW {x}'\n");
    let mut pipe = house.stdio(&[]);
    let most = "a".repeat(64 * 1024);
    assert_eq!(
        argv(&pipe.call("show", json!({"x": most}))),
        [most.as_str()]
    );
    assert_eq!(
        refusal(&pipe.call("show", json!({"x": format!("{most}a")}))),
        "invalid_arguments"
    );
}

#[test]
fn t07_t08_a_flag_is_one_that_is_listed() {
    let house = house();
    house.configure("sandbox: { mode: best_effort }\n");
    let show = shows_argv(&house);
    let theirs = format!("x|\"{show} {{arg}}\";y|\"{show} {{x_flag}}\"");
    let ours = format!("z={show} {{v:flag(-v|--long=x)}}");
    let mut pipe = house.stdio(&["--command", &theirs, "--command", &ours]);
    assert!(is_refused(&pipe.call("x", json!({"arg": "-h"}))));
    assert_eq!(argv(&pipe.call("y", json!({"x_flag": "-h"}))), ["-h"]);
    assert_eq!(
        argv(&pipe.call("z", json!({"v": "--long=x"}))),
        ["--long=x"]
    );
    for value in ["-x", "-v", "-e", "--exec", "h", ""] {
        assert!(
            is_refused(&pipe.call("y", json!({"x_flag": value}))),
            "{value}"
        );
    }
    assert!(is_refused(&pipe.call("z", json!({"v": "-h"}))));
}

#[test]
fn t12_t13_t15_words_are_the_template_s() {
    let house = showing(
        "  joined: 'SHOW user:{u}:id {a}_{b}'\n  quoted: \"SHOW 'hi there' a;b | {p:text}\"\n  behind: SHOW -- {p:text}\n",
    );
    let mut pipe = house.stdio(&[]);
    let answer = pipe.call("joined", json!({"u": "ann b", "a": "1", "b": "2 3"}));
    assert_eq!(argv(&answer), ["user:ann b:id", "1_2 3"]);
    let hostile = "a; rm -rf / && $(id) `id` | \"x\" 'y' *";
    let answer = pipe.call("quoted", json!({"p": hostile}));
    assert_eq!(argv(&answer), ["hi there", "a;b", "|", hostile]);
    assert!(is_refused(&pipe.call("quoted", json!({"p": "-rf"}))));
    assert_eq!(
        argv(&pipe.call("behind", json!({"p": "-rf"}))),
        ["--", "-rf"]
    );
    let check = house.run(&["check"]).ok();
    assert!(
        check.stderr.contains("no shell reads a template: `|`"),
        "{check:?}"
    );
}

#[test]
fn t14_what_is_no_command_stops_the_start_with_its_line() {
    let house = house();
    for (commands, line, said) in [
        ("  a: 'echo {x} {x}'\n", 4, "stands there twice"),
        ("  ok: uptime\n  b: ''\n", 5, "the template is empty"),
        (
            "  c: '{x} y'\n",
            4,
            "the program itself can't be a placeholder",
        ),
        (
            "  d:\n    run: echo {x:colour}\n",
            5,
            "`colour` is no type of `{x}`",
        ),
        (
            "  e:\n    run: echo {x}\n    params:\n      y: { max: 3 }\n",
            7,
            "no placeholder `{y}`",
        ),
        (
            "  f:\n    run: echo {x:int}\n    params:\n      x: { pattern: a }\n",
            7,
            "`pattern` says nothing about",
        ),
        ("  'echo!': uptime\n", 4, "only letters, digits"),
        ("  test cmd: uptime\n", 4, "only letters, digits"),
        ("  '': uptime\n", 4, "1 to 128 characters"),
        ("  g: uptime\n  g: uptime\n", 5, "twice"),
        ("  h: { rum: uptime }\n", 4, "rum"),
        ("  i: { run: uptime, timeout: 0s }\n", 4, "must be above 0"),
        (
            "  j: { run: 'uptime {x}', sandbox: { room: host, network: none } }\n",
            4,
            "has no walls",
        ),
    ] {
        with(&house, commands);
        let ran = house.run(&["check"]);
        assert_eq!(ran.code, 3, "{commands}{ran:?}");
        assert!(ran.stderr.contains(said), "{commands}{}", ran.stderr);
        assert!(
            ran.stderr.contains(&format!("test.yaml:{line}")),
            "{commands}{}",
            ran.stderr
        );
    }
    with(&house, "  ok: uptime\n");
    for (option, said) in [
        ("echo", "wants a name and a template"),
        ("=echo", "1 to 128 characters"),
        ("|\"echo\"", "without a name"),
        ("x|", "the template is empty"),
        ("x|\"\"", "the template is empty"),
        ("echo!|\"echo {x}\"", "only letters, digits"),
        ("x|\"echo\";x|\"echo\"", "there twice"),
        ("x|\"echo\";y", "is no command"),
        ("x|\"{a} b\"", "can't be a placeholder"),
    ] {
        let ran = house.run(&["serve", "--dry-run", "--listen", "off", "--command", option]);
        assert_eq!(ran.code, 3, "{option}: {ran:?}");
        assert!(ran.stderr.contains(said), "{option}: {}", ran.stderr);
    }
}

#[test]
fn t16_what_does_not_fit_the_schema_is_refused() {
    let house = showing("  none: SHOW\n  two: 'SHOW {a} {n:int}'\n");
    let mut pipe = house.stdio(&[]);
    for arguments in [
        json!({}),
        json!({"a": "x"}),
        json!({"a": 5, "n": 5}),
        json!({"a": "x", "n": "5"}),
        json!({"a": "x", "n": 5, "other": 1}),
        json!({"a": null, "n": 5}),
    ] {
        let answer = pipe.call("two", arguments.clone());
        assert_eq!(
            refusal(&answer),
            "invalid_arguments",
            "{arguments}: {answer}"
        );
    }
    assert_eq!(
        argv(&pipe.call("two", json!({"a": "x", "n": 5}))),
        ["x", "5"]
    );
    let none: [&str; 0] = [];
    let absent = pipe.modern("tools/call", json!({"name": "none"}));
    assert_eq!(stdout(&absent), "", "{absent}");
    assert_eq!(
        stdout(&pipe.call("none", json!({})))
            .split_terminator('\0')
            .collect::<Vec<_>>(),
        none
    );
}

#[test]
fn t17_t18_shells_and_what_destroys_run_only_where_that_is_said() {
    let house = house();
    fs::create_dir_all(house.path("bin")).unwrap();
    std::os::unix::fs::symlink("/bin/rm", house.path("bin/tidy")).unwrap();
    let tidy = house.path("bin/tidy").display().to_string();
    for run in [
        "rm {p}",
        "/bin/rm {p}",
        "RM {p}",
        &format!("{tidy} {{p}}"),
        "bash -c {p}",
        "python3.11 {p}",
        "env {p}",
    ] {
        with(&house, &format!("  x: '{run}'\n"));
        let ran = house.run(&["stdio", "--dry-run"]);
        assert_eq!(ran.code, 3, "{run}: {ran:?}");
        let started = house.run(&["stdio"]);
        assert_eq!(started.code, 3, "{run}: {started:?}");
        assert!(
            started.stderr.contains("dangerous: true"),
            "{run}: {}",
            started.stderr
        );
    }
    with(
        &house,
        &format!("  x: {{ run: '{tidy} {{p}}', dangerous: true }}\n"),
    );
    let mut pipe = house.stdio(&[]);
    let missing = pipe.call("x", json!({"p": "no-such-file"}));
    assert_eq!(
        missing["result"]["structuredContent"]["exit_code"], 1,
        "{missing}"
    );
    pipe.end(std::time::Duration::from_secs(10));
    assert!(
        pipe.log().contains("which is a program that deletes"),
        "{}",
        pipe.log()
    );
    let recorded = house.run(&["audit", "query", "--json"]).ok().lines();
    let reduced = recorded
        .iter()
        .find(|it| it["event"] == "protection_reduced");
    let reduced = reduced.unwrap_or_else(|| panic!("no event in {recorded:?}"));
    assert!(reduced.to_string().contains("commands.x"), "{reduced}");
}

#[test]
fn t19_a_program_that_is_missing_stops_the_start_or_only_its_own_calls() {
    let house = house();
    with(&house, "  ok: echo fine\n  x: no-such-program {a}\n");
    let ran = house.run(&["stdio"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(
        ran.stderr
            .contains("commands.x: there is no program `no-such-program`"),
        "{}",
        ran.stderr
    );
    with(
        &house,
        "  ok: echo fine\n  x: { run: 'no-such-program {a}', missing: warn }\n",
    );
    let mut pipe = house.stdio(&[]);
    assert_eq!(stdout(&pipe.call("ok", json!({}))), "fine\n");
    let answer = pipe.call("x", json!({"a": "b"}));
    assert_eq!(refusal(&answer), "unavailable");
    assert!(!answer.to_string().contains("/bin"), "{answer}");
    pipe.end(std::time::Duration::from_secs(10));
    assert!(
        pipe.log().contains("calls of it are refused"),
        "{}",
        pipe.log()
    );
}
