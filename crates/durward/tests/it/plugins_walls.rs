//! What a plugin may reach: what `sandbox` and its grants say, and no more (X07, F25).

use std::{fs, net::TcpListener};

use durward_testkit::{House, refusal, text};
use serde_json::json;

use crate::{
    house,
    plugins::{put, scripted},
    processes::marked,
};

/// Tries something in a shell, and says whether it went well.
fn tries(what: &str) -> String {
    format!(
        r#"if ({what}) >/dev/null 2>&1; then r=yes; else r=no; fi; printf '{{"content":"%s"}}' $r"#
    )
}

/// Does this machine hold boxes?
fn holds_boxes(house: &House) -> bool {
    let ran = house.run(&["check", "--json"]);
    let level = ran
        .lines()
        .iter()
        .find_map(|row| row["walls"].as_str().map(str::to_owned));
    let full = level.as_deref() == Some("full");
    assert!(full || ran.stderr.contains("needs walls"), "{ran:#?}");
    full
}

#[test]
fn a_plugin_reaches_what_it_is_granted_and_no_more() {
    let house = house();
    let secret = house.path("outside/secret");
    fs::create_dir_all(house.path("outside")).expect("a folder");
    fs::create_dir_all(house.path("granted")).expect("a folder");
    fs::write(&secret, "hunter2").expect("a file");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    house.configure(&format!(
        "plugins:\n  grants:\n    may: {{ read: [{outside}], write: [{granted}] }}\n    out: {{ network: host }}\n",
        outside = house.path("outside").display(),
        granted = house.path("granted").display(),
    ));
    let dial =
        format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)'");
    let read = format!("cat {}", secret.display());
    let write = format!("touch {}/mark", house.path("granted").display());
    let own = house.path("config/plugins");
    let plant = format!(
        "mkdir -p {0}/evil && touch {0}/evil/manifest.yaml",
        own.display()
    );
    for (name, what) in [
        ("read", read.as_str()),
        ("write", write.as_str()),
        ("plant", plant.as_str()),
        ("dial", dial.as_str()),
        ("spoil", "echo x >>run"),
        ("self", "cat manifest.yaml"),
    ] {
        scripted(&house, name, &tries(what), "");
    }
    scripted(&house, "may", &tries(&format!("{read} && {write}")), "");
    scripted(&house, "out", &tries(&dial), "");
    if !holds_boxes(&house) {
        return;
    }
    let mut pipe = house.stdio(&[]);
    for (name, wanted) in [
        ("read", "no"),
        ("write", "no"),
        ("dial", "no"),
        ("spoil", "no"),
        ("self", "yes"),
        ("may", "yes"),
        ("out", "yes"),
    ] {
        let answer = pipe.call(name, json!({}));
        assert_eq!(text(&answer), wanted, "{name}: {answer}");
    }
    assert!(house.path("granted/mark").exists());
    // What it makes in a folder that is its own alone is nobody's.
    pipe.call("plant", json!({}));
    assert!(!own.join("evil").exists());
    let trail = house.run(&["audit", "query", "--json"]).ok().stdout;
    assert!(
        trail.contains("full"),
        "the record says how it was held: {trail}"
    );
}

#[test]
fn a_fork_bomb_harms_nobody_else() {
    let house = house();
    house.configure("plugins:\n  grants: { bomb: { limits: { processes: 32 } }, bomb-stays: { limits: { processes: 32 } } }\n");
    let mark = format!("{}4", std::process::id() + 400_000);
    let bomb = format!("f() {{ sleep {mark} & f | f & }}; f; sleep {mark}");
    scripted(&house, "bomb", &bomb, "timeout: 2s");
    scripted(
        &house,
        "bomb-stays",
        &format!("read -r line; {bomb}"),
        "timeout: 2s\nmode: persistent",
    );
    scripted(&house, "good", r#"printf '{"content":"good"}'"#, "");
    if !holds_boxes(&house) {
        return;
    }
    let mut pipe = house.stdio(&[]);
    for name in ["bomb", "bomb-stays"] {
        let answer = pipe.call(name, json!({}));
        assert!(
            ["timeout", "unavailable", "too_large"].contains(&refusal(&answer)),
            "{answer}"
        );
        assert!(marked(&mark).len() < 200);
        assert_eq!(text(&pipe.call("good", json!({}))), "good");
    }
    crate::plugins::in_time("nothing is left", || marked(&mark).is_empty());
}

#[test]
fn a_plugin_that_is_refused_has_no_walls_and_the_check_calls_nothing_sound() {
    let house = house();
    house.configure(
        "sandbox: { mode: best_effort }\nplugins: { grants: { given: { network: none } } }\n",
    );
    for name in ["plain", "given"] {
        scripted(&house, name, "true", "");
    }
    let ran = house.run(&["check"]).ok();
    assert!(ran.stdout.contains("is sound"), "{ran:#?}");
    let keys = |ran: &durward_testkit::Ran| -> Vec<String> {
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        let items = ran
            .stdout
            .lines()
            .filter(|line| line.contains(" sandbox  "));
        items.filter_map(first).collect()
    };
    assert_eq!(keys(&ran), ["plugins.grants.given", "plugins.plain"]);
    let bad = "name: bad\nversion: 1\nexecutable: run\ntools: [{ name: bad, description: d, input_schema: { type: 7 } }]\n";
    scripted(&house, "bad", "true", "");
    put(&house, "bad", "manifest.yaml", bad, 0o644);
    let ran = house.run(&["check"]);
    assert_eq!(ran.code, 3, "{ran:#?}");
    assert!(ran.stderr.contains("a plugin is refused"), "{ran:#?}");
    assert!(!ran.stdout.contains("is sound"), "{ran:#?}");
    assert_eq!(keys(&ran), ["plugins.grants.given", "plugins.plain"]);
    let _daemon = house.serve(&[]);
    let status = house.run(&["status", "--json"]).ok().json();
    assert_eq!(status["walls"]["items"].as_array().map(Vec::len), Some(2));
}
