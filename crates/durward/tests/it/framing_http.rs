//! HTTP/1.1 as attackers write it: odd frames, huge ones, slow ones.

use std::{thread, time::Duration};

use durward_testkit::{Daemon, Post, modern};
use serde_json::json;

use crate::house;

const SOON: Duration = Duration::from_secs(3);

fn good(daemon: &Daemon) -> Post {
    daemon.modern_post(&modern(1, "tools/list", json!({})))
}

/// Sends bytes, says no more, and gives the status of each answer until the server hangs up.
fn statuses(daemon: &Daemon, bytes: &[u8]) -> Vec<u16> {
    let mut http = daemon.connect();
    http.send(bytes);
    http.finish();
    std::iter::from_fn(|| http.answer())
        .map(|answer| answer.status)
        .collect()
}

pub(crate) fn head_of(daemon: &Daemon, extra: &str) -> String {
    let head = String::from_utf8(good(daemon).without("Content-Length").head()).unwrap();
    head.trim_end().to_owned() + "\r\n" + extra + "\r\n\r\n"
}

#[test]
fn ambiguous_lengths_are_refused_and_what_follows_is_never_read_as_a_request() {
    let house = house();
    let daemon = house.serve(&[]);
    let hidden = String::from_utf8(good(&daemon).bytes()).unwrap();
    let lengths = [
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4\r\nContent-Length: 4",
        "Content-Length: 4, 5",
        "Content-Length: +4",
        "Content-Length: -1",
        "Content-Length: 0x4",
        "Content-Length: 99999999999999999999999",
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:\u{b}chunked",
        "Transfer-Encoding: xchunked",
    ];
    for length in lengths {
        let found = statuses(
            &daemon,
            (head_of(&daemon, length) + "0\r\n\r\n" + &hidden).as_bytes(),
        );
        assert_eq!(found.len(), 1, "{length:?}: {found:?}");
        assert!([400, 413, 501].contains(&found[0]), "{length:?}: {found:?}");
    }
}

#[test]
fn sloppy_heads_are_refused() {
    let house = house();
    let daemon = house.serve(&[]);
    let good = String::from_utf8(good(&daemon).bytes()).unwrap();
    let sloppy = [
        ("bare line feeds", good.replacen("\r\n", "\n", 3)),
        (
            "a folded header",
            good.replacen("Accept: ", "Accept:\r\n ", 1),
        ),
        (
            "a space before the colon",
            good.replacen("Accept:", "Accept :", 1),
        ),
        ("a nameless header", good.replacen("Accept:", ":", 1)),
        (
            "a NUL in a value",
            good.replacen("application/json, ", "application/json\0, ", 1),
        ),
        (
            "a carriage return in a value",
            good.replacen("application/json, ", "application\r/json, ", 1),
        ),
        ("no version", good.replacen(" HTTP/1.1", "", 1)),
        (
            "a version to come",
            good.replacen("HTTP/1.1", "HTTP/3.0", 1),
        ),
        (
            "another protocol's preface",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ),
        (
            "TLS",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\r\n\r\n".to_owned(),
        ),
        (
            "a tunnel",
            good.replacen("POST /mcp", "CONNECT 127.0.0.1:22", 1),
        ),
    ];
    for (what, bytes) in sloppy {
        let found = statuses(&daemon, bytes.as_bytes());
        let refused = found.iter().all(|status| (400..=505).contains(status)) && found.len() <= 1;
        assert!(refused, "{what}: {found:?}");
    }
    assert_eq!(
        daemon.ask(&self::good(&daemon)).status,
        200,
        "others are served"
    );
}

#[test]
fn requests_in_one_segment_are_answered_in_their_order() {
    let house = house();
    let daemon = house.serve(&[]);
    let mut bytes = Vec::new();
    for id in 1..=20 {
        bytes.extend(
            daemon
                .modern_post(&modern(id, "tools/list", json!({})))
                .bytes(),
        );
    }
    let mut http = daemon.connect();
    http.send(&bytes);
    for id in 1..=20 {
        assert_eq!(http.answer().expect("an answer").json()["id"], id);
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_is_understood() {
    let house = house();
    let daemon = house.serve(&[]);
    let mut http = daemon.connect();
    for byte in good(&daemon).bytes() {
        http.send(&[byte]);
    }
    assert_eq!(http.answer().expect("an answer").status, 200);
}

#[test]
fn a_chunked_body_is_understood_and_a_broken_one_refused() {
    let house = house();
    let daemon = house.serve(&[]);
    let body = modern(1, "tools/list", json!({})).to_string();
    let (first, second) = body.split_at(10);
    let chunks = format!(
        "a;x=y\r\n{first}\r\n{:X}\r\n{second}\r\n0\r\nTrailer: t\r\n\r\n",
        second.len()
    );
    let head = head_of(&daemon, "Transfer-Encoding: chunked");
    assert_eq!(
        statuses(&daemon, (head.clone() + &chunks).as_bytes()),
        [200]
    );
    for broken in [
        "zz\r\n",
        "-1\r\n",
        "5\r\nabc",
        "3\r\nabcd\r\n0\r\n\r\n",
        "11111111111111111\r\n",
    ] {
        let found = statuses(&daemon, (head.clone() + broken).as_bytes());
        assert!(
            found.iter().all(|status| *status >= 400) && found.len() <= 1,
            "{broken:?}: {found:?}"
        );
    }
}

#[test]
fn who_waits_for_leave_to_send_is_given_it() {
    let house = house();
    let daemon = house.serve(&[]);
    let request = good(&daemon).header("Expect", "100-continue");
    let mut http = daemon.connect();
    http.send(&request.head());
    thread::sleep(Duration::from_millis(50));
    let all = request.bytes();
    http.send(&all[request.head().len()..]);
    assert_eq!(http.answer().expect("an answer").status, 200);
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_sent() {
    let house = house();
    let daemon = house.serve(&["--set", "listen.limits.body=64KiB"]);
    let mut http = daemon.connect();
    http.send(&good(&daemon).with("Content-Length", "60000000").head());
    assert_eq!(
        http.answer().expect("an answer without the body").status,
        413
    );
    let mut chunked = daemon.connect();
    chunked.send(head_of(&daemon, "Transfer-Encoding: chunked").as_bytes());
    for _ in 0..10 {
        chunked.send(format!("4000\r\n{}\r\n", " ".repeat(0x4000)).as_bytes());
    }
    assert_eq!(
        chunked.answer().expect("an answer before the end").status,
        413
    );
    let fits =
        good(&daemon).body(modern(1, "tools/list", json!({})).to_string() + &" ".repeat(60_000));
    assert_eq!(daemon.ask(&fits).status, 200);
}

#[test]
fn an_oversized_head_is_refused() {
    let house = house();
    let daemon = house.serve(&[]);
    let fat = good(&daemon).header("X-Fat", &"x".repeat(100_000));
    assert_eq!(daemon.ask(&fat).status, 431);
    let mut many = good(&daemon);
    for number in 0..2000 {
        many = many.header(&format!("X-{number}"), "y");
    }
    assert_eq!(daemon.ask(&many).status, 431);
    let long = good(&daemon).target(&format!("/mcp?{}", "x".repeat(100_000)));
    assert!([414, 431].contains(&daemon.ask(&long).status));
}

#[test]
fn clients_that_dawdle_are_hung_up_on_in_time() {
    let house = house();
    let daemon = house.serve(&[
        "--set",
        "listen.limits.header_timeout=300ms",
        "--set",
        "listen.limits.idle_timeout=600ms",
    ]);
    let silent = daemon.connect();
    let mut half_head = daemon.connect();
    half_head.send(b"POST /mcp HTTP/1.1\r\nHost: 127");
    let mut half_body = daemon.connect();
    let request = good(&daemon).bytes();
    half_body.send(&request[..request.len() - 5]);
    let mut idle = daemon.connect();
    assert_eq!(idle.ask(&good(&daemon)).status, 200);
    for (what, mut http) in [
        ("silent", silent),
        ("head", half_head),
        ("body", half_body),
        ("idle", idle),
    ] {
        assert!(
            http.closed_within(SOON).is_some(),
            "{what}: still open after {SOON:?}"
        );
    }
}

#[test]
fn a_dripping_head_ends_at_the_limit_however_it_drips() {
    let house = house();
    let daemon = house.serve(&["--set", "listen.limits.header_timeout=400ms"]);
    let mut http = daemon.connect();
    http.send(b"POST /mcp HTTP/1.1\r\n");
    let mut drips = 0;
    while http.closed_within(Duration::from_millis(50)).is_none() {
        http.send(b"X-Drip: 1\r\n");
        drips += 1;
        assert!(drips < 40, "still open after two seconds");
    }
}

#[test]
fn slow_clients_keep_nobody_else_waiting() {
    let house = house();
    let daemon = house.serve(&[]);
    let mut slow: Vec<_> = (0..200).map(|_| daemon.connect()).collect();
    for http in &mut slow {
        http.send(b"POST /mcp HTTP/1.1\r\nHost: ");
    }
    for _ in 0..50 {
        assert_eq!(daemon.ask(&good(&daemon)).status, 200);
    }
}

#[test]
fn more_connections_than_the_limit_are_turned_away_and_then_served_again() {
    let house = house();
    let daemon = house.serve(&["--set", "listen.limits.connections=4"]);
    let mut held: Vec<_> = (0..4).map(|_| daemon.connect()).collect();
    for http in &mut held {
        assert_eq!(http.ask(&good(&daemon)).status, 200);
    }
    let mut beyond = daemon.connect();
    beyond.send(&good(&daemon).bytes());
    let turned_away = beyond.answer().is_none_or(|answer| answer.status == 503);
    assert!(turned_away, "a fifth connection was served");
    drop(held);
    crate::eventually("served again", || {
        let mut http = daemon.connect();
        http.send(&good(&daemon).bytes());
        http.answer().is_some_and(|answer| answer.status == 200)
    });
}
