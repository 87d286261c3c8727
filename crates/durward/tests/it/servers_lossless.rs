//! What durward has no reason to change reaches the other side byte for byte, whatever eras meet.

use std::time::Duration;

use durward_testkit::{Pipe, modern_meta};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{servers::guarding, servers_faults::ROOM, times};

const SOON: Duration = Duration::from_secs(20);

/// Numbers that a parser would spell anew.
const NUMBERS: [&str; 10] = [
    "1e400",
    "-1E-400",
    "1.50",
    "-0",
    "-0.0",
    "12345678901234567890",
    "123456789012345678901234567890.5",
    "1e2",
    "0.1e+1",
    "9007199254740993",
];

/// Pieces of strings, as they are spelled.
const PIECES: [&str; 14] = [
    "a",
    "\\u0061",
    "\\/",
    "/",
    "\\n",
    "\\u0000",
    "\\\"",
    "\\\\",
    "é",
    "\\u00e9",
    "\\ud83d\\ude00",
    "😀",
    "\u{2028}",
    " ",
];

fn string() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..6);
    pieces.prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// An object whose keys differ also when their escapes are read.
fn object(members: Vec<(String, String)>) -> String {
    let members = members
        .into_iter()
        .enumerate()
        .map(|(at, (key, value))| match at {
            0 if key == "\"\"" => format!("\"\":{value}"),
            _ => format!("\"{at}{}:{value}", &key[1..]),
        });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// A value, as it is spelled.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(&NUMBERS[..]).prop_map(ToOwned::to_owned),
        prop::sample::select(&["null", "true", "false", "[]", "{}"][..])
            .prop_map(ToOwned::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        string(),
        // Deep, in one go.
        (1_usize..80).prop_map(|depth| format!("{}1.0{}", "[".repeat(depth), "]".repeat(depth))),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((string(), inner), 0..6).prop_map(object),
        ]
    })
}

fn members() -> impl Strategy<Value = [String; 4]> {
    let arguments = prop::collection::vec((string(), value()), 0..6).prop_map(object);
    (value(), arguments, value(), value()).prop_map(|(a, b, c, d)| [a, b, c, d])
}

/// Sends it, and compares what the server got and sent back with what was sent.
fn unchanged(pipe: &mut Pipe, is_modern: bool, [one, arguments, two, own]: &[String; 4]) {
    let sent = |name: &str| {
        format!(r#""x-one":{one},"name":"{name}","arguments":{arguments},"x.two/":{two}"#)
    };
    let mut meta = format!(r#""example.org/x":{own}"#);
    if is_modern {
        let theirs = modern_meta().to_string();
        meta = format!("{meta},{}", &theirs[1..theirs.len() - 1]);
    }
    let sent_meta = format!(r#""_meta":{{{meta}}}"#);
    let line = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{},{sent_meta}}}}}"#,
        sent("raw__echo")
    );
    pipe.raw(format!("{line}\n").as_bytes());
    let answer = loop {
        let line = pipe.line(SOON).unwrap_or_default();
        if !line.contains("list_changed") {
            break line;
        }
    };
    for kept in [
        sent("echo"),
        format!(r#""example.org/x":{own}"#),
        r#""unknown":{"n":1.50}"#.into(),
    ] {
        assert!(
            answer.contains(&kept),
            "sent {line}\nbut {kept}\nis not in {answer}"
        );
    }
}

fn nothing_is_lost(server: &str, is_modern: bool) {
    let house = guarding(&["--era", server], ROOM);
    let mut pipe = house.stdio(&[]);
    if !is_modern {
        pipe.initialize("2025-11-25");
    }
    let cases = times("DURWARD_LOSSLESS", 300);
    let mut runner = TestRunner::new(Config {
        cases: u32::try_from(cases).expect("a number of cases"),
        failure_persistence: None,
        ..Config::default()
    });
    let pipe = std::cell::RefCell::new(pipe);
    let ran = runner.run(&members(), |members| {
        unchanged(&mut pipe.borrow_mut(), is_modern, &members);
        Ok(())
    });
    ran.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn nothing_is_lost_between_a_legacy_client_and_a_legacy_server() {
    nothing_is_lost("legacy", false);
}

#[test]
fn nothing_is_lost_between_a_legacy_client_and_a_modern_server() {
    nothing_is_lost("modern", false);
}

#[test]
fn nothing_is_lost_between_a_modern_client_and_a_legacy_server() {
    nothing_is_lost("legacy", true);
}

#[test]
fn nothing_is_lost_between_a_modern_client_and_a_modern_server() {
    nothing_is_lost("modern", true);
}
