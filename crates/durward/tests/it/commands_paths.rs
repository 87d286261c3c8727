//! Paths of commands: what they may name, and which file the program then finds.

use std::{fs, os::unix::fs::symlink};

use durward_testkit::{House, Pipe, refusal};
use serde_json::{Value, json};

use crate::{
    commands::{argv, is_refused, program, showing, shows_argv, stdout, with},
    house,
};

/// A house whose tool `cat` prints a file below the root, and runs elsewhere.
fn reading() -> House {
    let house = house();
    house.file("d/ok.txt", "inside");
    fs::write(house.path("outside"), "secret").unwrap();
    house.configure(&format!(
        "sandbox: {{ mode: best_effort }}\nfiles: {{ root: {} }}\ncommands:\n  cat: 'cat -- {{f:path}}'\n  \
         cat2: 'cat {{source:path}}'\n  make: 'mkdir -p {{d:path}}'\n",
        house.root().display()
    ));
    house
}

fn cat(pipe: &mut Pipe, path: &str) -> Value {
    pipe.call("cat", json!({"f": path}))
}

#[test]
fn t21_t22_a_relative_path_begins_in_the_root_whatever_folder_durward_runs_in() {
    let house = reading();
    fs::write(house.path("home/passwd"), "of the wrong folder").unwrap();
    let mut command = house.command(&["stdio"]);
    command.current_dir(house.path("home"));
    let mut pipe = Pipe::of(command);
    assert_eq!(stdout(&cat(&mut pipe, "d/ok.txt")), "inside");
    assert_eq!(stdout(&cat(&mut pipe, "d/../d/./ok.txt")), "inside");
    let whole = house.root().join("d/ok.txt").display().to_string();
    assert_eq!(stdout(&cat(&mut pipe, &whole)), "inside");
    let none = cat(&mut pipe, "passwd");
    assert_eq!(none["result"]["isError"], true, "{none}");
    assert_eq!(stdout(&none), "");
}

#[test]
fn t23_t24_t27_what_leads_out_is_refused_before_anything_runs() {
    let house = reading();
    symlink(house.path(""), house.root().join("lnk")).unwrap();
    symlink(house.path("outside"), house.root().join("file-link")).unwrap();
    symlink("/", house.root().join("top")).unwrap();
    house.file(".env", "KEY=1");
    house.file(".ssh/id_rsa", "key");
    let mut pipe = house.stdio(&[]);
    for path in [
        "/etc/passwd",
        "../x",
        "../outside",
        "lnk/outside",
        "file-link",
        "top/etc/passwd",
        "etc//passwd",
        "file;rm -rf /",
        "..%2Fetc%2Fpasswd",
        "%2e%2e/x",
        "%252e%252e%252f",
        "%2fetc%2fpasswd",
        "a\0b",
        "a\nb",
        "",
        ".env",
        ".ssh/id_rsa",
        "%2eenv",
        "lnk/new/deep",
    ] {
        for (tool, argument) in [("cat", "f"), ("cat2", "source"), ("make", "d")] {
            let answer = pipe.call(tool, json!({argument: path}));
            assert!(is_refused(&answer), "{tool} {path:?}: {answer}");
            assert!(!answer.to_string().contains("secret"), "{answer}");
        }
    }
    assert_eq!(refusal(&cat(&mut pipe, "lnk/outside")), "path_outside_root");
    assert_eq!(refusal(&cat(&mut pipe, ".env")), "denylist_hit");
    let state = house.state().join("audit.key").display().to_string();
    assert!(is_refused(&cat(&mut pipe, &state)));
}

#[test]
fn t26_nothing_is_made_outside() {
    let house = house();
    let root = house.root();
    symlink(house.path("home"), root.join("lnk")).unwrap();
    symlink(house.path("home/not-yet"), root.join("dangling")).unwrap();
    symlink("inner/not-yet", root.join("within")).unwrap();
    house.configure(
        "sandbox: { mode: best_effort, write: [\"${files.root}\"] }\ncommands:\n  make: 'mkdir -p {d:path}'\n",
    );
    let mut pipe = house.stdio(&[]);
    for path in ["lnk/new/deep", "lnk", "dangling", "dangling/deep"] {
        let answer = pipe.call("make", json!({"d": path}));
        assert_eq!(refusal(&answer), "path_outside_root", "{path}: {answer}");
    }
    let entries = fs::read_dir(house.path("home")).unwrap();
    assert!(entries.flatten().all(|entry| entry.file_name() == "state"));
    let made = pipe.call("make", json!({"d": "new/deep"}));
    assert_eq!(
        made["result"]["structuredContent"]["exit_code"], 0,
        "{made}"
    );
    assert!(root.join("new/deep").is_dir());
}

#[test]
fn t25_where_nothing_is_shared_only_whole_paths_are_taken() {
    let house = house();
    let show = shows_argv(&house);
    house.configure(&format!(
        "sandbox: {{ mode: best_effort }}\npacks: {{ fs: {{ enabled: false }} }}\ncommands:\n  show: '{show} {{p:path}}'\n"
    ));
    let mut pipe = house.stdio(&[]);
    assert_eq!(
        argv(&pipe.call("show", json!({"p": "/usr/bin/test"}))).len(),
        1
    );
    for path in [
        "d/ok.txt",
        "passwd",
        "",
        ".",
        "../x",
        "/proc/self/environ",
        "/home/x/.ssh/id_rsa",
        "/etc/passwd",
    ] {
        let answer = pipe.call("show", json!({"p": path}));
        assert!(is_refused(&answer), "{path}: {answer}");
    }
}

#[test]
fn t28_names_of_files_are_taken_as_they_are() {
    let house = reading();
    let mut pipe = house.stdio(&[]);
    for name in [
        "Copy (1).txt",
        "a..b.txt",
        "..foo",
        "caf\u{e9}",
        "cafe\u{301}",
        "it's",
        "100%",
        "a%20b",
        "-x",
        "%41",
    ] {
        house.file(name, name);
        assert_eq!(stdout(&cat(&mut pipe, name)), name);
    }
}

#[test]
fn a_program_is_given_the_whole_path_that_links_lead_to() {
    let house = showing("  show: 'SHOW {p:path} --in={q:path}'\n");
    house.file("real/file", "x");
    symlink("real", house.root().join("link")).unwrap();
    let mut pipe = house.stdio(&[]);
    let answer = pipe.call("show", json!({"p": "link/file", "q": "link/new"}));
    let root = house.root().canonicalize().unwrap();
    let below = |path: &str| root.join(path).display().to_string();
    assert_eq!(
        argv(&answer),
        [below("real/file"), format!("--in={}", below("real/new"))]
    );
}

#[test]
fn named_roots_and_the_folder_of_a_command() {
    let house = house();
    let show = shows_argv(&house);
    let pwd = program(&house, "where", "pwd");
    for folder in ["a/sub", "b"] {
        fs::create_dir_all(house.path(folder)).unwrap();
    }
    fs::write(house.path("b/x"), "").unwrap();
    let roots = format!(
        "sandbox: {{ mode: best_effort }}\nfiles: {{ roots: {{ a: {{ path: {} }}, b: {{ path: {} }} }} }}\n",
        house.path("a").display(),
        house.path("b").display()
    );
    let commands = format!(
        "commands:\n  show: '{show} {{p:path}}'\n  here: {{ run: {pwd}, cwd: 'a:sub' }}\n  first: {pwd}\n"
    );
    house.configure(&format!("{roots}{commands}"));
    let mut pipe = house.stdio(&[]);
    let real = |path: &str| {
        house
            .path(path)
            .canonicalize()
            .unwrap()
            .display()
            .to_string()
    };
    assert_eq!(argv(&pipe.call("show", json!({"p": "b:x"}))), [real("b/x")]);
    assert!(is_refused(&pipe.call("show", json!({"p": "x"}))));
    assert_eq!(
        stdout(&pipe.call("here", json!({}))).trim_end(),
        real("a/sub")
    );
    assert_eq!(stdout(&pipe.call("first", json!({}))).trim_end(), real("a"));
    for cwd in ["a:none", "a:../b", "/etc", "b:x"] {
        let wrong = format!("commands:\n  here: {{ run: {pwd}, cwd: '{cwd}' }}\n");
        house.configure(&format!("{roots}{wrong}"));
        let ran = house.run(&["stdio"]);
        assert_eq!(ran.code, 3, "{cwd}: {ran:?}");
        assert!(
            ran.stderr.contains("commands.here"),
            "{cwd}: {}",
            ran.stderr
        );
    }
}

#[test]
fn a_client_s_own_roots_narrow_the_paths() {
    let house = house();
    let show = shows_argv(&house);
    with(&house, &format!("  show: '{show} {{p:path}}'\n"));
    house.file("mine/x", "");
    house.file("other/x", "");
    let mut pipe = house.stdio(&[]);
    pipe.send(&durward_testkit::initialize_with(
        "2025-11-25",
        json!({"roots": {}}),
    ));
    assert!(pipe.message()["result"].is_object());
    pipe.send(&durward_testkit::notification(
        "notifications/initialized",
        json!({}),
    ));
    let uri = format!(
        "file://{}/mine",
        house.root().canonicalize().unwrap().display()
    );
    // Whoever can't tell of changes is asked each time.
    let mut show = |path: &str| {
        let call = json!({"name": "show", "arguments": {"p": path}});
        pipe.send(&durward_testkit::legacy(1, "tools/call", call));
        loop {
            let message = pipe.message();
            if message["method"] != "roots/list" {
                return message;
            }
            let roots = json!({"roots": [{"uri": uri}]});
            pipe.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": roots}));
        }
    };
    assert_eq!(argv(&show("mine/x")).len(), 1);
    assert_eq!(refusal(&show("other/x")), "path_outside_root");
}
