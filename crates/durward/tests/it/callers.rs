//! Who is calling: keys, users, and what each may see.

use std::{fs, os::unix::fs::PermissionsExt};

use durward_testkit::{Daemon, House, modern};
use serde_json::{Value, json};

use crate::{eventually, house};

fn status(daemon: &Daemon, key: &str) -> u16 {
    let request = daemon.modern_post(&modern(1, "tools/list", json!({})));
    daemon
        .ask(&request.with("Authorization", &format!("Bearer {key}")))
        .status
}

fn fingerprint(house: &House, label: &str) -> String {
    let keys = house.run(&["keys", "list", "--json"]).ok().lines();
    let found = keys
        .iter()
        .find(|key| key["label"] == label)
        .expect("the key is listed");
    found["fingerprint"]
        .as_str()
        .expect("a fingerprint")
        .to_owned()
}

#[test]
fn a_new_key_is_long_shown_once_and_kept_as_a_digest() {
    let house = house();
    let made = house
        .run(&["keys", "new", "--role", "reader", "--label", "ci", "--json"])
        .ok()
        .json();
    let key = made["key"].as_str().expect("a key");
    assert!(
        key.starts_with("dw_") && key.len() >= 46,
        "256 bits and a prefix"
    );
    let fingerprint = made["fingerprint"].as_str().expect("a fingerprint");
    assert_eq!(fingerprint.len(), 8);
    assert!(fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let kept = house.bytes_below(&house.state());
    assert!(!contains(&kept, &key[3..]), "the key itself is kept");
    assert!(contains(&kept, fingerprint));
    let mode = fs::metadata(house.state().join("keys.json"))
        .expect("the key file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let listed = house.run(&["keys", "list", "--json"]).ok();
    assert!(!listed.stdout.contains(&key[3..]), "{}", listed.stdout);
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn a_key_file_that_others_can_read_stops_the_start() {
    let house = house();
    house.key("reader");
    let file = house.state().join("keys.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("chmod");
    let ran = house.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("keys.json"), "{}", ran.stderr);
}

#[test]
fn each_key_works_alone_and_a_running_daemon_learns_of_new_and_revoked_ones() {
    let house = house();
    let first = house.key_with(&["--role", "reader", "--label", "first"]);
    let daemon = house.serve(&[]);
    assert_eq!(status(&daemon, &first), 200);
    let second = house.key_with(&["--role", "reader", "--label", "second"]);
    eventually("the second key works", || status(&daemon, &second) == 200);
    house
        .run(&["keys", "revoke", &fingerprint(&house, "first")])
        .ok();
    eventually("the first key is refused", || {
        status(&daemon, &first) == 401
    });
    assert_eq!(status(&daemon, &second), 200);
}

#[test]
fn a_revoked_key_ends_on_connections_that_were_open_before() {
    let house = house();
    let key = house.key_with(&["--role", "reader", "--label", "old"]);
    let daemon = house.serve(&[]).with_key(key);
    let mut http = daemon.connect();
    let request = daemon.modern_post(&modern(1, "tools/list", json!({})));
    assert_eq!(http.ask(&request).status, 200);
    house
        .run(&["keys", "revoke", &fingerprint(&house, "old")])
        .ok();
    eventually("refused on the same connection", || {
        http.ask(&request).status == 401
    });
}

#[test]
fn a_rotated_key_works_on_for_its_grace_and_the_new_one_at_once() {
    let house = house();
    let old = house.key_with(&["--role", "reader", "--label", "ci"]);
    let daemon = house.serve(&[]);
    let made = house
        .run(&[
            "keys",
            "rotate",
            &fingerprint(&house, "ci"),
            "--grace",
            "2s",
            "--json",
        ])
        .ok()
        .json();
    let new = made["key"].as_str().expect("a key").to_owned();
    eventually("the new key works", || status(&daemon, &new) == 200);
    eventually("the old key has ended", || status(&daemon, &old) == 401);
    assert_eq!(status(&daemon, &new), 200);
}

#[test]
fn an_expired_key_is_refused() {
    let house = house();
    let key = house.key_with(&["--role", "reader", "--expires", "1s"]);
    let daemon = house.serve(&[]);
    eventually("the key has expired", || status(&daemon, &key) == 401);
}

#[test]
fn a_token_of_odd_bytes_is_refused_like_any_other() {
    let house = house();
    let daemon = house.serve(&[]);
    for length in 1..=64 {
        let mut request = daemon.plain("POST", "/mcp").head();
        request.truncate(request.len() - 2);
        request.extend(b"Accept: */*\r\nContent-Type: application/json\r\nContent-Length: 2\r\nAuthorization: Bearer ");
        request.extend((0..length).map(|byte| 0x80 | u8::wrapping_mul(byte, 7)));
        request.extend(b"\r\n\r\n{}");
        let mut http = daemon.connect();
        http.send(&request);
        assert_eq!(
            http.answer().expect("an answer").status,
            401,
            "{length} bytes"
        );
    }
}

#[test]
fn a_key_that_exists_already_is_accepted_from_a_secret() {
    let house = house();
    fs::write(house.path("old-key"), "legacy-key-of-theirs\n").expect("the secret");
    fs::set_permissions(house.path("old-key"), fs::Permissions::from_mode(0o600)).expect("chmod");
    let secret = house.path("old-key").display().to_string();
    house.configure(&format!(
        "secrets: {{ old: {{ file: {secret} }} }}\nidentity: {{ keys: {{ accept: [ {{ key: \"${{secret:old}}\", role: reader }} ] }} }}\n"
    ));
    let daemon = house.serve(&[]);
    assert_eq!(status(&daemon, "legacy-key-of-theirs"), 200);
    assert_eq!(status(&daemon, "legacy-key-of-them"), 401);
    let shown = house.run(&["config", "show"]).ok();
    assert!(
        !shown.stdout.contains("legacy-key-of-theirs"),
        "{}",
        shown.stdout
    );
}

#[test]
fn what_is_listed_is_exactly_what_can_be_called() {
    let house = house();
    house.file("a.txt", "hello");
    house.configure("roles: { narrow: { allow: [\"tool:fs_*\"], deny: [\"tool:fs_read\", \"tool:fs_search\"] } }\n");
    let key = house.key("narrow");
    let daemon = house.serve(&[]).with_key(key);
    let tools = daemon.modern("tools/list", json!({})).json()["result"]["tools"].clone();
    let listed: Vec<&str> = tools
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert_eq!(listed, ["fs_list", "fs_stat", "fs_tree"]);
    let arguments = json!({"path": "a.txt", "pattern": "x"});
    for hidden in ["fs_read", "fs_search", "fs.read"] {
        let answer = daemon.call(hidden, arguments.clone());
        assert_eq!(answer["error"]["code"], -32602, "{hidden}: {answer}");
        let unknown = daemon.call("never_was", arguments.clone());
        let blank =
            |answer: &Value, name: &str| answer["error"]["message"].to_string().replace(name, "X");
        assert_eq!(
            blank(&answer, hidden),
            blank(&unknown, "never_was"),
            "{hidden} can be told from unknown"
        );
    }
    assert!(daemon.call("fs_stat", json!({"path": "a.txt"}))["result"].is_object());
}

#[test]
fn a_role_that_nobody_defined_grants_nothing() {
    let house = house();
    let made = house.run(&["keys", "new", "--role", "nobody", "--json"]);
    if made.code == 0 {
        let key = made.json()["key"].as_str().unwrap().to_owned();
        let daemon = house.serve(&[]).with_key(key);
        let tools = daemon.modern("tools/list", json!({})).json();
        assert_eq!(tools["result"]["tools"], json!([]), "{tools}");
    } else {
        assert!(made.stderr.contains("nobody"), "{}", made.stderr);
    }
}

#[test]
fn the_os_user_of_a_pipe_gets_the_role_of_self() {
    let house = house();
    house.configure("identity: { os_user: { roles: { self: [lister] } } }\nroles: { lister: { allow: [\"tool:fs_list\"] } }\n");
    let mut pipe = house.stdio(&[]);
    let tools = pipe.modern("tools/list", json!({}))["result"]["tools"].clone();
    assert_eq!(tools.as_array().map(Vec::len), Some(1), "{tools}");
}

#[test]
fn the_dotted_names_are_taken_and_never_listed() {
    let house = house();
    house.file("a.txt", "hello");
    let mut pipe = house.stdio(&[]);
    assert!(pipe.call("fs.read", json!({"path": "a.txt"}))["result"].is_object());
    assert!(
        pipe.call("fs_read", json!({"file_path": "a.txt"}))["result"]["isError"] != json!(true)
    );
    let tools = pipe.modern("tools/list", json!({})).to_string();
    assert!(
        !tools.contains("\"fs.read\"") && !tools.contains("file_path"),
        "{tools}"
    );
}

#[test]
fn no_way_to_listen_beyond_loopback_without_a_key_and_a_public_url() {
    let house = house();
    for options in [
        vec!["--listen", "0.0.0.0:0"],
        vec![
            "--listen",
            "0.0.0.0:0",
            "--set",
            "listen.public_url=https://mcp.example.com",
        ],
        vec!["--listen", "[::]:0"],
    ] {
        let mut all = vec!["serve"];
        all.extend(&options);
        let ran = house.run(&all);
        assert_eq!(ran.code, 3, "{options:?}: {}", ran.stderr);
    }
}

#[test]
fn the_command_line_shows_what_a_caller_would_see() {
    let house = house();
    house.file("a.txt", "hello");
    house.configure("roles: { narrow: { allow: [\"tool:fs_stat\"] } }\n");
    let listed = house
        .run(&["tools", "list", "--as", "narrow", "--json"])
        .ok()
        .lines();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["name"], "fs_stat");
    let called = house
        .run(&["tools", "call", "fs_read", r#"{"path":"a.txt"}"#])
        .ok();
    assert!(called.stdout.contains("hello"), "{called:?}");
    let refused = house.run(&["tools", "call", "fs_read", r#"{"path":"../x"}"#]);
    assert_eq!(refused.code, 1, "{refused:?}");
}
