//! `durward status`, and the resource behind it.

use durward_testkit::{modern, text};
use serde_json::{Value, json};

use crate::{
    house,
    plugins::{in_time, scripted},
    servers::raw_upstream,
};

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

/// What runs in what, as `status` says and as `check` does.
fn items(house: &durward_testkit::House) -> (Vec<Value>, Vec<Value>) {
    let told = house.run(&["status", "--json"]).ok().json()["walls"]["items"].clone();
    let mut told = told.as_array().expect("items").clone();
    let mut checked: Vec<_> = house.run(&["check", "--json"]).ok().lines();
    checked.retain(|row| !row["sandbox"].is_null());
    for row in &mut checked {
        // A server's row says more than its walls.
        if let Some(server) = row["server"].as_str() {
            *row = json!({
                "item": format!("servers.{server}"), "sandbox": row["sandbox"], "level": row["level"]
            });
        }
    }
    for rows in [&mut told, &mut checked] {
        rows.sort_by_key(|row| row["item"].to_string());
    }
    (told, checked)
}

#[test]
fn it_says_what_the_machine_holds_and_what_runs_in_what() {
    let house = house();
    let raw = json!([raw_upstream()]);
    let all = |more: &str| {
        format!(
            "sandbox: {{ mode: best_effort }}\npacks: {{ shell: {{ enabled: true, allow: [ls] }} }}\nplugins: {{}}\n\
             servers: {{ raw: {{ command: {raw} }} }}\ncommands:\n  up: uptime\n  {more}\n"
        )
    };
    house.configure(&all(""));
    scripted(&house, "hash", "true", "");
    let _daemon = house.serve(&[]);
    let status = house.run(&["status", "--json"]).ok().json();
    let checked = house.run(&["check", "--json"]).ok().lines();
    let machine = checked.iter().find(|row| row["walls"].is_string());
    let machine = machine.expect("the machine's level");
    assert_eq!(status["walls"]["level"], machine["walls"]);
    assert_eq!(status["walls"]["lacks"], machine["lacks"]);
    assert_eq!(status["walls"]["mode"], "best_effort");
    let (told, checked) = items(&house);
    assert_eq!((told.len(), &told), (4, &checked));
    // It follows the configuration, and what has not changed is told of still.
    house.configure(&all("free: { run: uptime, sandbox: host }"));
    house.run(&["reload"]).ok();
    let (told, checked) = items(&house);
    assert_eq!((told.len(), &told), (5, &checked));
    let shown = house.run(&["status"]).ok().stdout;
    for line in ["sandbox.mode best_effort", "packs.shell", "host, none"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    // And the folder of plugins.
    scripted(&house, "later", "true", "");
    in_time("the new plugin is told of", || items(&house).0.len() == 6);
    let (told, checked) = items(&house);
    assert_eq!(told, checked);
}

#[test]
fn without_walls_it_says_that() {
    let house = house();
    house.configure("sandbox: { mode: off }\ncommands: { up: uptime }\n");
    let _daemon = house.serve(&[]);
    let walls = house.run(&["status", "--json"]).ok().json()["walls"].clone();
    assert_eq!(
        (&walls["level"], &walls["mode"]),
        (&Value::Null, &json!("off"))
    );
    let item = json!({"item": "commands.up", "sandbox": "off", "level": "none"});
    assert_eq!(walls["items"], json!([item]));
}
