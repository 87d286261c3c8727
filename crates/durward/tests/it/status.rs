//! `durward status`, and the resource behind it.

use durward_testkit::{modern, text};
use serde_json::{Value, json};

use crate::house;

#[test]
fn where_no_daemon_answers_it_says_how_to_start_one() {
    let house = house();
    let ran = house.run(&["status"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(ran.stderr.contains("no durward answers"), "{ran:?}");
    assert!(ran.stderr.contains("durward serve"), "{ran:?}");
}

#[test]
fn it_is_read_by_the_daemons_socket_like_any_resource() {
    let house = house();
    let daemon = house.serve(&[]);
    let status = house.run(&["status", "--json"]).ok().json();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["pid"], daemon.pid());
    assert_eq!(status["sessions"], 0);
    assert_eq!(
        (&status["servers"], &status["breakers"]),
        (&json!([]), &json!([]))
    );
    let shown = house.run(&["status"]).ok().stdout;
    assert!(shown.starts_with("durward "), "{shown}");
    assert!(
        shown.contains(&format!("process {}", daemon.pid())),
        "{shown}"
    );
    let trail = house.run(&["audit", "query", "--target", "durward://status", "--json"]);
    let entries = trail.ok().lines();
    assert_eq!(entries.len(), 2);
    assert!(
        entries.iter().all(|entry| entry["door"] == "socket"),
        "{entries:?}"
    );
}

#[test]
fn a_key_learns_that_durward_is_up_and_no_more() {
    let house = house();
    let key = house.key("reader");
    let daemon = house.serve(&[]).with_key(key);
    let read = modern(1, "resources/read", json!({"uri": "durward://status"}));
    let answer = daemon.ask(&daemon.modern_post(&read)).json();
    let said = answer["result"]["contents"][0]["text"]
        .as_str()
        .expect("a text");
    let said: Value = serde_json::from_str(said).expect("JSON");
    let mut keys: Vec<_> = said.as_object().expect("an object").keys().collect();
    keys.sort();
    assert_eq!(keys, ["started", "version"]);
}

#[test]
fn a_role_may_be_kept_from_it() {
    let house = house();
    house.configure(
        "roles: { developer: { allow: [\"tier:read\"], deny: [\"resource:durward://status\"] } }\n",
    );
    let _daemon = house.serve(&[]);
    let ran = house.run(&["status"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(!ran.stderr.contains("no durward answers"), "{ran:?}");
}

#[test]
fn a_durward_of_one_client_has_none() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    let listed = pipe.modern("resources/list", json!({})).to_string();
    assert!(
        listed.contains("durward://guide") && !listed.contains("durward://status"),
        "{listed}"
    );
    let read = pipe.ask("resources/read", json!({"uri": "durward://status"}));
    assert!(read["error"].is_object(), "{}", text(&read));
}
