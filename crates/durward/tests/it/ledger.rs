//! The trail: every call in it, no secret in it, and no change to it unseen.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use durward_testkit::{House, modern};
use serde_json::{Value, json};

use crate::house;

/// The segments of all chains of a house.
fn segments(house: &House) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![house.state().join("audit")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the journal") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|name| name == "dwj") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn entries(house: &House, options: &[&str]) -> Vec<Value> {
    let fixed = ["audit", "query", "--json"];
    let arguments: Vec<&str> = fixed.iter().chain(options).copied().collect();
    let mut entries = house.run(&arguments).ok().lines();
    // Starts, stops and the like are entries too.
    entries.retain(|entry| entry["kind"] == "call");
    entries
}

fn one_session(house: &House) {
    house.file("a.txt", "hello");
    let mut pipe = house.stdio(&[]);
    pipe.call("fs_read", json!({"path": "a.txt"}));
    pipe.call("fs_read", json!({"path": "missing.txt"}));
    pipe.call("fs_read", json!({"path": "../x"}));
    pipe.call("no_such_tool", json!({}));
    pipe.modern("resources/read", json!({"uri": "durward://guide"}));
    assert_eq!(pipe.end(std::time::Duration::from_secs(3)), Some(0));
}

#[test]
fn every_call_is_one_entry_with_who_what_and_how_it_ended() {
    let house = house();
    one_session(&house);
    let entries = entries(&house, &[]);
    assert_eq!(entries.len(), 5, "{entries:#?}");
    for entry in &entries {
        let text = entry.to_string();
        assert!(
            text.contains("os:0") || text.contains("\"os:"),
            "no caller in {entry}"
        );
        for member in ["target", "decision", "status", "us"] {
            assert!(entry.get(member).is_some(), "no `{member}` in {entry}");
        }
    }
    let decisions = |wanted: &str| {
        entries
            .iter()
            .filter(|entry| entry["decision"] == wanted)
            .count()
    };
    assert_eq!(decisions("allow") + decisions("deny"), 5);
    assert!(decisions("deny") >= 1, "the unknown tool");
    assert!(
        entries
            .iter()
            .any(|entry| entry.to_string().contains("path_outside_root"))
    );
}

#[test]
fn queries_select_by_tool_code_and_count() {
    let house = house();
    one_session(&house);
    assert_eq!(entries(&house, &["--target", "fs_read"]).len(), 3);
    assert_eq!(entries(&house, &["--code", "path_outside_root"]).len(), 1);
    let two = house
        .run(&["audit", "query", "--json", "--limit", "2"])
        .ok();
    assert_eq!(two.lines().len(), 2);
    assert_eq!(entries(&house, &["--last", "1h"]).len(), 5);
    assert_eq!(house.run(&["audit", "query", "--last", "5x"]).code, 2);
}

#[test]
fn the_trail_can_be_taken_out_in_three_forms() {
    let house = house();
    one_session(&house);
    for format in ["jsonl", "ocsf"] {
        let lines = house
            .run(&["audit", "export", "--format", format])
            .ok()
            .lines();
        assert!(lines.len() >= 5, "{format}: {lines:?}");
    }
    let csv = house
        .run(&["audit", "export", "--format", "csv"])
        .ok()
        .stdout;
    let calls = csv.lines().filter(|line| line.contains("Z,call,")).count();
    assert_eq!(calls, 5, "{csv}");
}

#[test]
fn before_anything_was_recorded_there_is_nothing_and_nothing_is_made() {
    let house = house();
    for command in [["audit", "query"], ["audit", "verify"], ["audit", "export"]] {
        let ran = house.run(&command);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(!ran.stderr.is_empty());
    }
    assert_eq!(
        fs::read_dir(house.state())
            .expect("the state folder")
            .count(),
        0
    );
}

#[test]
fn a_refused_credential_is_an_event_without_the_credential() {
    let house = house();
    let daemon = house.serve(&[]);
    let guess = "dw_guessed-by-somebody-who-does-not-know-it";
    let request = daemon.modern_post(&modern(1, "tools/list", json!({})));
    assert_eq!(
        daemon
            .ask(&request.with("Authorization", &format!("Bearer {guess}")))
            .status,
        401
    );
    drop(daemon);
    let kept =
        String::from_utf8_lossy(&house.bytes_below(&house.state().join("audit"))).into_owned();
    assert!(kept.contains("auth_failed"), "no event");
    assert!(!kept.contains("guessed-by-somebody"), "the guess is kept");
}

#[test]
fn no_secret_of_a_call_is_kept_in_any_file() {
    let house = house();
    let daemon = house.serve(&["--log", "trace"]);
    let secrets = [
        ("password=hunter2hunter2", "hunter2hunter2"),
        ("Bearer abcdefghijklmnop12345", "abcdefghijklmnop12345"),
        ("card 4111111111111111 x", "4111111111111111"),
        (
            "dw_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
            "abcdefghijklmnopqrstuvwxyz",
        ),
    ];
    for (path, _) in secrets {
        daemon.call("fs_read", json!({"path": path}));
    }
    let (log, key) = (daemon.log(), daemon.key.clone());
    drop(daemon);
    let kept =
        String::from_utf8_lossy(&house.bytes_below(&house.state().join("audit"))).into_owned();
    for (_, secret) in secrets {
        assert!(!kept.contains(secret), "{secret} is in the journal");
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(
        !kept.contains(&key) && !log.contains(&key),
        "the caller's key"
    );
}

#[test]
fn ordinary_words_are_not_taken_for_secrets() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    pipe.call("fs_read", json!({"path": "author/monkey.txt"}));
    pipe.end(std::time::Duration::from_secs(3));
    let kept =
        String::from_utf8_lossy(&house.bytes_below(&house.state().join("audit"))).into_owned();
    assert!(kept.contains("author/monkey.txt"));
}

#[test]
fn its_files_are_its_owners_alone() {
    let house = house();
    one_session(&house);
    for segment in segments(&house) {
        let mode = fs::metadata(&segment)
            .expect("the segment")
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{}", segment.display());
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let house = house();
    one_session(&house);
    house.run(&["audit", "verify"]).ok();
    for segment in segments(&house) {
        let whole = fs::read(&segment).expect("the segment");
        let step = (whole.len() / crate::times("DURWARD_FLIPS", 40)).max(1);
        for at in (0..whole.len()).step_by(step) {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 1;
            fs::write(&segment, &spoilt).expect("the spoilt segment");
            let ran = house.run(&["audit", "verify"]);
            // A length that now leads beyond the end looks like a crash, and is told as that.
            let told = ran.code == 1 || ran.stdout.contains("ends within a record");
            assert!(told, "byte {at} of {}: {ran:?}", segment.display());
        }
        fs::write(&segment, &whole).expect("the segment again");
    }
    house.run(&["audit", "verify"]).ok();
}

#[test]
fn pieces_cut_out_doubled_or_swapped_are_found() {
    let house = house();
    one_session(&house);
    let segment = segments(&house).pop().expect("a segment");
    let whole = fs::read(&segment).expect("its bytes");
    let frames = frames(&whole);
    assert!(frames.len() > 6, "{} records", frames.len());
    let without: Vec<u8> = [&frames[..2], &frames[3..]].concat().concat();
    let doubled: Vec<u8> = [&frames[..3], &frames[2..]].concat().concat();
    let mut swapped = frames.clone();
    swapped.swap(2, 3);
    for (what, bytes) in [
        ("cut", without),
        ("doubled", doubled),
        ("swapped", swapped.concat()),
    ] {
        fs::write(&segment, bytes).expect("the spoilt segment");
        let ran = house.run(&["audit", "verify"]);
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        assert!(
            (ran.stdout + &ran.stderr).contains(".dwj"),
            "the file is not named"
        );
    }
}

/// The records of a segment: a length of four bytes (little-endian), a CRC, and the record.
fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while bytes.len() >= 8 {
        let length = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize + 8;
        frames.push(bytes[..length].to_vec());
        bytes = &bytes[length..];
    }
    frames
}
