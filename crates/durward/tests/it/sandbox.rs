//! What the program of a server can reach in each room, and what people and the record are told of it.

use std::{fs, net::TcpListener, path::Path};

use durward_testkit::{House, Pipe, text};
use serde_json::{Value, json};

use crate::{house, servers::raw_upstream};

/// A person's home, with something to keep and something to show.
pub(crate) fn furnished(sandbox: &str) -> House {
    // Not below /tmp, where everyone writes.
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let house = House::within(place, env!("CARGO_BIN_EXE_durward"));
    for (path, content) in [
        ("home/notes.txt", "my notes"),
        ("home/.ssh/id_ed25519", "my key"),
        ("home/.aws/credentials", "my key"),
        ("home/.config/google-chrome/Default/Cookies", "my cookies"),
        ("home/project/.env", "MY=key"),
        ("home/project/readme.md", "my project"),
        ("home/.cache/some/thing", "cached"),
    ] {
        let path = house.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let command = serde_json::to_string(&[raw_upstream()]).unwrap();
    let folder = house.path("home/project");
    house.configure(&format!(
        "servers:\n  raw:\n    command: {command}\n    cwd: {}\n{sandbox}",
        folder.display()
    ));
    house
}

/// What the server says to this.
fn does(pipe: &mut Pipe, tool: &str, key: &str, what: impl AsRef<Path>) -> String {
    let what = what.as_ref().display().to_string();
    let answer = pipe.call(&format!("raw__{tool}"), json!({ key: what }));
    assert!(answer["result"].is_object(), "{answer}");
    text(&answer).to_owned()
}

fn reads(pipe: &mut Pipe, path: impl AsRef<Path>) -> String {
    does(pipe, "read", "path", path)
}

fn writes(pipe: &mut Pipe, path: impl AsRef<Path>) -> String {
    does(pipe, "write", "path", path)
}

/// The last record of a call of this tool.
fn record(house: &House, tool: &str) -> Value {
    let ran = house
        .run(&["audit", "query", "--json", "--target", tool])
        .ok();
    assert_eq!(
        ran.stderr, "",
        "a command that serves nobody says nothing of walls"
    );
    ran.lines().pop().expect("a record")
}

#[test]
fn at_home_a_server_reads_what_its_user_may_but_no_secret_and_writes_little() {
    let house = furnished("");
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    for (path, content) in [
        ("home/notes.txt", "my notes"),
        ("home/project/readme.md", "my project"),
        ("home/.cache/some/thing", "cached"),
    ] {
        assert_eq!(reads(&mut pipe, house.path(path)), content, "{path}");
    }
    for path in [
        "home/.ssh/id_ed25519",
        "home/.aws/credentials",
        "home/.config/google-chrome/Default/Cookies",
        "home/project/.env",
        "state/audit.key",
    ] {
        let read = reads(&mut pipe, house.path(path));
        assert!(read.starts_with("no: "), "{path}: {read}");
    }
    for path in ["home/project/new", "home/.cache/new"] {
        assert_eq!(writes(&mut pipe, house.path(path)), "written", "{path}");
    }
    for path in [
        "home/notes.txt",
        "home/new",
        "home/.ssh/authorized_keys",
        "home/.bashrc",
        "home/project/.git/hooks/pre-commit",
        "home/project/.mcp.json",
    ] {
        let file = house.path(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let wrote = writes(&mut pipe, &file);
        assert!(wrote.starts_with("no: "), "{path}: {wrote}");
    }
    let wrote = writes(&mut pipe, "/etc/durward-was-here");
    assert!(wrote.starts_with("no: "), "{wrote}");
    assert_eq!(fs::read(house.path("home/notes.txt")).unwrap(), b"my notes");
    // It keeps what servers have, and the network.
    let names = pipe.call("raw__variables", json!({}));
    assert!(
        text(&names).split(' ').any(|name| name == "HOME"),
        "{names}"
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    assert_eq!(does(&mut pipe, "connect", "address", address), "connected");
    drop(pipe);
    let record = record(&house, "raw__variables");
    assert_eq!(record["room"], "home", "{record}");
    assert!(
        ["light", "full"].contains(&record["level"].as_str().unwrap()),
        "{record}"
    );
    assert_eq!(house.run(&["audit", "verify"]).ok().code, 0);
}

#[test]
fn what_others_execute_later_is_closed_in_projects_further_below_too() {
    let house = furnished("");
    let inner = house.path("home/project/clients/one");
    for path in [
        ".git/hooks/post-checkout",
        ".git/config",
        ".mcp.json",
        "readme.md",
    ] {
        let file = inner.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "theirs").unwrap();
    }
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    for path in [".git/hooks/pre-commit", ".git/config", ".mcp.json"] {
        let wrote = writes(&mut pipe, inner.join(path));
        assert!(wrote.starts_with("no: "), "{path}: {wrote}");
    }
    for path in ["readme.md", ".git/HEAD", "new"] {
        assert_eq!(writes(&mut pipe, inner.join(path)), "written", "{path}");
    }
}

#[test]
fn a_link_that_can_t_be_closed_is_named_by_the_check() {
    let house = furnished("");
    let link = house.path("home/project/.vscode");
    std::os::unix::fs::symlink("/etc", &link).unwrap();
    let check = house.run(&["check"]);
    let told = format!("{}{}", check.stdout, check.stderr);
    assert!(told.contains("/home/project/.vscode` is a link"), "{told}");
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    let answer = pipe.call("raw__variables", json!({}));
    assert!(
        answer["result"]["isError"] == true || answer["error"].is_object(),
        "{answer}"
    );
    drop(pipe);
    let left: Vec<_> = fs::read_dir(house.path("home/project"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| ![".env", ".vscode", "readme.md"].contains(&name.as_str()))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn in_a_box_a_server_sees_nothing_of_home() {
    let house = furnished(&format!(
        "    sandbox: {{ room: box, read: [{}] }}\n",
        raw_upstream().display()
    ));
    house.file("shared.txt", "shared");
    house.file(".env", "MY=key");
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    assert_eq!(reads(&mut pipe, house.root().join("shared.txt")), "shared");
    let closed = [
        house.path("home/notes.txt"),
        house.path("home/.ssh/id_ed25519"),
        house.path("home/.cache/some/thing"),
        house.root().join(".env"),
        "/etc/hostname".into(),
    ];
    for path in closed {
        let read = reads(&mut pipe, &path);
        assert!(read.starts_with("no: "), "{}: {read}", path.display());
    }
    let open = [house.root().join("new"), house.path("home/project/new")];
    for path in open {
        let wrote = writes(&mut pipe, &path);
        assert!(wrote.starts_with("no: "), "{}: {wrote}", path.display());
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let connected = does(&mut pipe, "connect", "address", address);
    assert!(connected.starts_with("no: "), "{connected}");
    drop(pipe);
    let record = record(&house, "raw__connect");
    assert_eq!(
        (&record["room"], &record["level"]),
        (&json!("box"), &json!("full"))
    );
}

#[test]
fn a_host_has_no_walls_and_neither_has_anyone_where_they_are_off() {
    for (sandbox, word) in [
        ("    sandbox: host\n", "host"),
        ("sandbox: { mode: off }\n", "off"),
    ] {
        let house = furnished(sandbox);
        let mut pipe = house.stdio(&[]);
        pipe.initialize("2025-11-25");
        let key = reads(&mut pipe, house.path("home/.ssh/id_ed25519"));
        assert_eq!(key, "my key", "{word}");
        assert_eq!(writes(&mut pipe, house.path("home/new")), "written");
        drop(pipe);
        let record = record(&house, "raw__write");
        assert_eq!(
            (&record["room"], &record["level"]),
            (&json!(word), &json!("none"))
        );
        let reduced = house.run(&["audit", "query", "--json", "--code", "protection_reduced"]);
        let reduced = reduced.ok().lines().len();
        assert_eq!(reduced, usize::from(word == "off"), "{word}");
    }
}

#[test]
fn a_secret_that_the_server_s_own_entry_names_is_not_hidden() {
    let house = furnished("    sandbox: { read: [\"~/.aws\"], write: [\"~/notes.txt\"] }\n");
    let mut pipe = house.stdio(&[]);
    pipe.initialize("2025-11-25");
    assert_eq!(
        reads(&mut pipe, house.path("home/.aws/credentials")),
        "my key"
    );
    let read = reads(&mut pipe, house.path("home/.ssh/id_ed25519"));
    assert!(read.starts_with("no: "), "{read}");
    assert_eq!(writes(&mut pipe, house.path("home/notes.txt")), "written");
    let wrote = writes(&mut pipe, house.path("home/new"));
    assert!(wrote.starts_with("no: "), "{wrote}");
}

#[test]
fn the_check_the_status_and_the_start_say_what_holds() {
    let house = furnished("  open: { command: [cat], sandbox: host }\n");
    let rows = house.run(&["check", "--json"]).ok().lines();
    let server = |name: &str| rows.iter().find(|row| row["server"] == name).unwrap();
    assert_eq!(server("raw")["sandbox"], "home");
    assert_eq!(server("open")["sandbox"], "host");
    assert_eq!(server("open")["level"], "none");
    let level = server("raw")["level"].as_str().unwrap();
    let walls = rows.iter().find(|row| row["walls"].is_string()).unwrap();
    assert_eq!(walls["walls"], level);
    let daemon = house.serve(&[]);
    let status = house.run(&["status", "--json"]).ok().json();
    let raw = status["servers"].as_array().unwrap();
    let raw = raw.iter().find(|it| it["name"] == "raw").unwrap();
    assert_eq!(
        (&raw["room"], &raw["level"]),
        (&json!("home"), &json!(level))
    );
    let shown = house.run(&["status"]).ok().stdout;
    assert!(shown.contains(&format!("home, {level}")), "{shown}");
    drop(daemon);
}

#[test]
fn a_client_of_a_container_engine_is_told_what_it_needs() {
    let house = house();
    let docker = house.path("docker");
    fs::write(&docker, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&docker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let entry = |more: &str| {
        format!(
            "servers: {{ hub: {{ command: [{}]{more} }} }}\n",
            docker.display()
        )
    };
    house.configure(&entry(""));
    let said = house.run(&["check"]).ok().stderr;
    assert!(
        said.contains("`sandbox: host`") && said.contains("`docker`"),
        "{said}"
    );
    house.configure(&entry(", sandbox: host"));
    let said = house.run(&["check"]).ok().stderr;
    assert!(!said.contains("`docker`"), "{said}");
}
