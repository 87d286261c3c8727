//! Which level each item asks for, and what it is given.

use durward_cage::launch::Lack;

use super::*;
use crate::config::{Sources, load};

/// A machine that holds this level.
fn machine(level: Level) -> Sandboxes {
    let sandboxes = Sandboxes::new();
    let lack = Lack {
        level: Level::Full,
        what: "this user may make no namespaces".to_owned(),
        remedy: "`sudo sysctl some.key=0` lets it",
    };
    let host = Host {
        level,
        lacks: vec![lack],
    };
    sandboxes.0.host.set(host).unwrap();
    sandboxes
}

fn config(yaml: &str) -> (tempfile::TempDir, Config) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("test.yaml");
    std::fs::write(&file, format!("version: 1\n{yaml}")).unwrap();
    let sources = Sources {
        file: Some(file),
        home: Some(dir.path().to_owned()),
        cwd: dir.path().to_owned(),
        ..Sources::default()
    };
    let config = load(&sources).unwrap().config;
    (dir, config)
}

/// What an item gets whose `sandbox` says this, and whose room is this one where it says nothing.
fn enclosed(level: Level, mode: &str, usual: Room, said: &str) -> Result<Enclosure, SandboxError> {
    let own = match said {
        "" => String::new(),
        said => format!(", sandbox: {said}"),
    };
    let (_dir, config) = config(&format!(
        "sandbox: {{ mode: {mode} }}\nservers: {{ a: {{ command: [x]{own} }} }}\n"
    ));
    let crate::config::Reach::Program(program) = &config.servers["a"].reach else {
        unreachable!("it has a command");
    };
    machine(level).builder(&config).enclose(&Item {
        key: "servers.a",
        said: program.sandbox.as_ref(),
        usual,
        folder: None,
        shows: &[],
    })
}

#[test]
fn enforce_runs_nothing_below_what_it_asks_for() {
    use Level::{Full, Light};
    let none = Level::None;
    for (room, said, lowest) in [
        (Room::Box, "", Full),
        (Room::Home, "", Light),
        (Room::Home, "box", Full),
        (Room::Home, "{ network: none }", Light),
        (Room::Home, "{ egress: { hosts: [a.example] } }", Full),
        (Room::Box, "home", Light),
        (Room::Box, "host", none),
        (Room::Box, "{ mode: off }", none),
    ] {
        for level in [none, Light, Full] {
            let got = enclosed(level, "enforce", room, said);
            let is_open = lowest == none;
            match got {
                Ok(got) if is_open => assert_eq!(got.walls.level, none, "{said}"),
                Ok(got) => assert_eq!((got.level, got.walls.level), (level, level), "{said}"),
                Err(ref why) => assert!(level < lowest, "{said} at {level}: {why}"),
            }
            assert!(enclosed(level, "off", room, said).unwrap().level == none);
        }
    }
}

#[test]
fn best_effort_runs_with_what_there_is_but_reaches_no_more() {
    let got = enclosed(Level::Light, "best_effort", Room::Box, "").unwrap();
    assert_eq!((got.level, got.word), (Level::Light, "box"));
    assert!(matches!(got.walls.network, Network::None));
    let out = enclosed(
        Level::Light,
        "best_effort",
        Room::Home,
        "{ network: egress }",
    );
    assert!(matches!(out, Err(SandboxError::Below { .. })));
}

#[test]
fn what_is_missing_is_said_with_what_helps() {
    let why = enclosed(Level::Light, "enforce", Room::Box, "").unwrap_err();
    assert_eq!(
        why.to_string(),
        "`servers.a` asks for a `box`, which needs walls of the level full, and this machine holds the level light: \
         this user may make no namespaces; `sudo sysctl some.key=0` lets it. Or say `sandbox: { mode: best_effort }`: \
         then it runs with what there is."
    );
}

#[test]
fn an_item_s_own_words_come_over_those_of_its_room() {
    let said = "{ room: box, read: [/opt], write: [/srv], network: egress, limits: { memory: 1GiB, cpu: 1ms }, env: [TZ] }";
    let got = enclosed(Level::Full, "enforce", Room::Home, said).unwrap();
    assert!(got.walls.read.contains(&"/opt".into()) && got.walls.read.contains(&"/usr".into()));
    assert_eq!(got.walls.write, [PathBuf::from("/srv")]);
    assert!(matches!(got.walls.network, Network::Egress(_)));
    assert!(got.env.iter().any(|(name, _)| name == "HTTPS_PROXY"));
    assert_eq!(got.inherit, ["PATH", "LANG", "TZ"]);
    let limits = got.walls.limits;
    assert_eq!(
        (limits.memory, limits.cpu),
        (1 << 30, Duration::from_secs(1))
    );
    assert_eq!(limits.processes, 64);
}

#[test]
fn all_shared_folders_are_in_a_box_and_no_other() {
    let (dir, config) = config("files: { roots: { a: { path: /srv/a }, b: { path: /srv/b } } }\n");
    let sandboxes = machine(Level::Full);
    let got = sandboxes.builder(&config).enclose(&Item {
        key: "packs.shell",
        said: None,
        usual: Room::Box,
        folder: None,
        shows: &[],
    });
    let read = &got.unwrap().walls.read;
    assert!(read.contains(&"/srv/a".into()) && read.contains(&"/srv/b".into()));
    assert!(
        !read
            .iter()
            .any(|path| path == &whole(Path::new(".")) || dir.path().starts_with(path))
    );
}
