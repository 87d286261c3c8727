//! Sessions on servers: opened once, however many call, and what is shown while a server can't be had.

use std::{fs, thread};

use durward_testkit::{House, text};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    bridge::{KINDS, SOON, Stage},
    eventually, house,
    servers::raw_upstream,
    servers_faults::{ROOM, serving},
};

const CALLERS: usize = 20;
const CALLS: usize = 50;

#[test]
fn a_session_is_opened_once_for_a_thousand_calls_and_many_that_come_first() {
    let script = json!({"answers": {"tools/call quick": [{"result": {"content": [{"type": "text", "text": "x"}]}}]}});
    let mut stage = Stage::playing(script, "");
    // Its lists are known from now on, so that the first call after the next start is what opens it.
    for server in KINDS {
        let mut client = stage.client(KINDS[3], "", json!({}));
        assert_eq!(text(&client.call(server, "quick", json!({})).answer), "x");
    }
    stage.restart();
    for server in KINDS {
        assert!(
            stage.record(server).is_empty(),
            "{server:?} was asked before it was needed"
        );
        thread::scope(|scope| {
            for number in 0..CALLERS {
                let stage = &stage;
                scope.spawn(move || {
                    let kind = if number % 2 == 0 { KINDS[1] } else { KINDS[3] };
                    let mut client = stage.client(kind, "2025-11-25", json!({}));
                    for _ in 0..CALLS {
                        assert_eq!(text(&client.call(server, "quick", json!({})).answer), "x");
                    }
                });
            }
        });
        let opened = stage.got(server, "initialize").len();
        let discovered = stage.got(server, "server/discover").len();
        assert_eq!(stage.got(server, "tools/call").len(), CALLERS * CALLS);
        // What it speaks is remembered.
        let wanted = if server.is_modern { (0, 1) } else { (1, 0) };
        assert_eq!((opened, discovered), wanted, "{server:?}");
    }
}

#[test]
fn a_session_that_a_server_forgot_is_opened_anew_and_no_client_notices() {
    let script = json!({
        "forget_after": 40,
        "answers": {"tools/call quick": [{"result": {"content": [{"type": "text", "text": "x"}]}}]},
    });
    let stage = Stage::playing(script, "");
    let server = KINDS[1];
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = stage.client(KINDS[3], "", json!({}));
                for _ in 0..50 {
                    let got = client.call(server, "quick", json!({})).answer;
                    assert_eq!(text(&got), "x", "{got}");
                }
            });
        }
    });
    let opened = stage.got(server, "initialize").len();
    assert!((5..20).contains(&opened), "{opened}");
}

/// Twenty servers, the last four of which are started with these options.
fn configure(house: &House, bad: [&[&str]; 4]) {
    let raw = raw_upstream().display().to_string();
    let mut sections = String::new();
    for number in 0..20_usize {
        let mut command = vec![raw.as_str()];
        if let Some(options) = number.checked_sub(16).map(|at| bad[at]) {
            command.extend(options);
        }
        let command = serde_json::to_string(&command).unwrap();
        sections.push_str(&format!(
            "  s{number:02}: {{ command: {command}, sandbox: host, connect: eager }}\n"
        ));
    }
    house.configure(&format!("servers:\n{sections}{ROOM}"));
}

#[test]
fn of_twenty_servers_four_that_can_t_be_had_are_shown_as_last_known_and_marked() {
    let house = house();
    configure(&house, [&[], &[], &[], &[]]);
    let mut daemon = serving(&house);
    let all = |list: &Value| {
        let tools = list["result"]["tools"].as_array().expect("tools").iter();
        let names: Vec<_> = tools
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect();
        (0..20)
            .filter(|number| names.contains(&format!("s{number:02}__echo")))
            .count()
    };
    eventually("all are listed", || {
        all(&daemon.modern("tools/list", json!({})).json()) == 20
    });
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(SOON), Some(0));
    let key = daemon.key.clone();

    let rubbish = house.file(
        "rubbish.sh",
        "while :; do echo this is no JSON; sleep 0.2; done\n",
    );
    configure(
        &house,
        [&["--die"], &["--hang"], &["--delay-ms", "30000"], &[]],
    );
    let config = fs::read_to_string(house.config()).unwrap();
    let raw = raw_upstream();
    let (before, last) = config.split_at(config.find("  s19:").expect("the last"));
    let last = last.replace(&format!("[{raw:?}]"), &format!("[sh, {rubbish:?}]"));
    house.configure_exactly(&format!("{before}{last}"));
    let daemon = house.serve(&[]).with_key(key);
    for _ in 0..3 {
        let list = daemon.modern("tools/list", json!({})).json();
        assert_eq!(all(&list), 20, "what was last known is shown");
        let stale = &list["result"]["_meta"]["dev.durward/stale"];
        let stale: Vec<_> = stale.as_array().into_iter().flatten().collect();
        for bad in ["s16", "s17", "s18", "s19"] {
            assert!(stale.contains(&&json!(bad)), "{bad}: {stale:?}");
        }
        assert!(
            list["result"]["ttlMs"].as_u64().expect("a time") <= 5000,
            "{}",
            list["result"]["ttlMs"]
        );
        let discovered = daemon.modern("server/discover", json!({})).json();
        assert!(
            discovered["result"]["instructions"]
                .as_str()
                .unwrap()
                .contains("s19")
        );
        let session = daemon.session("2025-11-25");
        let prompts = session.ask("prompts/list", json!({}));
        assert_eq!(
            prompts["result"]["prompts"].as_array().map(Vec::len),
            Some(20),
            "{prompts}"
        );
        for good in ["s00", "s15"] {
            assert_eq!(
                text(&daemon.call(&format!("{good}__fail"), json!({}))),
                "failed"
            );
        }
    }
    eventually("the good ones have spoken for themselves", || {
        let list = daemon.modern("tools/list", json!({})).json();
        list["result"]["_meta"]["dev.durward/stale"] == json!(["s16", "s17", "s18", "s19"])
    });
}
