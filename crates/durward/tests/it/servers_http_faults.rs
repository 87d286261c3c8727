//! What goes wrong with a server over HTTP: its caller hears of it in time and by its name, nobody else feels it,
//! and nothing is left open.

use std::{
    io::Write,
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use durward_testkit::{Asked, Daemon, House, Network, Site, refusal, say, text};
use serde_json::{Value, json};

use crate::{
    eventually, house,
    processes::descriptors,
    servers_faults::{ROOM, serving},
    times,
};

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn event(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes());
}

fn json_says(stream: &mut TcpStream, body: &Value) {
    let headers = [
        ("Content-Type", "application/json"),
        ("Mcp-Session-Id", "s"),
    ];
    say(stream, "200 OK", &headers, body.to_string());
}

/// A legacy server whose tools are the ways in which it fails.
fn failing() -> Site {
    Site::serving(|asked: &Asked, stream: &mut TcpStream| {
        let message: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let id = &message["id"];
        let result = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
        let done = result(json!({"content": [{"type": "text", "text": "done"}]}));
        match (
            asked.method.as_str(),
            message["method"].as_str().unwrap_or_default(),
        ) {
            ("GET", _) if asked.header("last-event-id") == Some("e1") => {
                let _ = stream.write_all(EVENTS.as_bytes());
                // What is resumed is the call that was cut: its id is the number that its event had.
                let id = asked.header("last-event-id").map_or(0, |_| CUT.load(ORDER));
                let done = json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": "resumed"}]}});
                event(stream, &format!("id: e2\ndata: {done}\n\n"));
                event(stream, "");
            }
            ("GET" | "DELETE", _) => say(stream, "405 Method Not Allowed", &[], ""),
            (_, "server/discover") => say(stream, "400 Bad Request", &[], ""),
            (_, "initialize") => json_says(
                stream,
                &result(json!({
                    "protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "f", "version": "1"}
                })),
            ),
            (_, "tools/list") => {
                let tools: Vec<_> = WAYS
                    .iter()
                    .map(|(name, ..)| *name)
                    .chain(["good", "cut_resumable"])
                    .map(|name| json!({"name": name, "inputSchema": {"type": "object"}}))
                    .collect();
                json_says(stream, &result(json!({"tools": tools})));
            }
            (_, "tools/call") => fail(
                message["params"]["name"].as_str().unwrap_or_default(),
                stream,
                &done,
            ),
            _ => say(stream, "202 Accepted", &[], ""),
        }
    })
}

static CUT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
const ORDER: std::sync::atomic::Ordering = std::sync::atomic::Ordering::SeqCst;

/// How it fails, and what the caller hears.
const WAYS: [(&str, &str); 9] = [
    ("reset", "unavailable"),
    ("status_500", "unavailable"),
    ("redirect", "unavailable"),
    ("silent", "timeout"),
    ("half_a_head", "unavailable"),
    ("half_a_body", "unavailable"),
    ("cut", "unavailable"),
    ("no_json", "unavailable"),
    ("other_id", "unavailable"),
];

fn fail(way: &str, stream: &mut TcpStream, done: &Value) {
    let text = done.to_string();
    let close = |stream: &mut TcpStream| drop(stream.shutdown(Shutdown::Both));
    match way {
        "good" => json_says(stream, done),
        "reset" => close(stream),
        "status_500" => say(stream, "500 Internal Server Error", &[], "oops"),
        "redirect" => say(
            stream,
            "307 Temporary Redirect",
            &[("Location", "http://127.0.0.1:9/")],
            "",
        ),
        "silent" => thread::sleep(Duration::from_secs(4)),
        "half_a_head" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Ty");
            close(stream);
        }
        "half_a_body" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{");
            close(stream);
        }
        "cut" => {
            let _ = stream.write_all(EVENTS.as_bytes());
            event(stream, "data: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n");
            close(stream);
        }
        "cut_resumable" => {
            CUT.store(done["id"].as_u64().unwrap_or_default(), ORDER);
            let _ = stream.write_all(EVENTS.as_bytes());
            event(stream, "id: e1\nretry: 10\ndata:\n\n");
            close(stream);
        }
        "no_json" => say(
            stream,
            "200 OK",
            &[("Content-Type", "application/json")],
            &text[..text.len() - 1],
        ),
        _ => json_says(
            stream,
            &json!({"jsonrpc": "2.0", "id": 999_999, "result": {}}),
        ),
    }
}

fn behind(site: &Site) -> House {
    let house = house();
    house.configure(&servers(site));
    house
}

fn servers(site: &Site) -> String {
    format!(
        "servers:\n  bad: {{ url: \"{}\", timeout: 1s }}\n{}",
        site.url("/mcp"),
        ROOM.replace("limits: {", "limits: { breaker: { faults: 1000 },")
    )
}

fn good(daemon: &Daemon) -> bool {
    text(&daemon.call("bad__good", json!({}))) == "done"
}

#[test]
fn each_way_to_fail_is_told_by_the_server_s_name_and_leaves_nothing() {
    let site = failing();
    let house = behind(&site);
    let daemon = serving(&house);
    assert!(good(&daemon), "{}", daemon.log());
    let mut before = descriptors(daemon.pid());
    for round in 0..times("DURWARD_FAULTS", 2) {
        for (way, wanted) in WAYS {
            let got = daemon.call(&format!("bad__{way}"), json!({}));
            assert_eq!(refusal(&got), wanted, "{way}: {got}");
            assert!(text(&got).contains("`bad`"), "{way}: {got}");
            assert!(good(&daemon), "after {way}: {}", daemon.log());
        }
        if round == 0 {
            before = descriptors(daemon.pid());
        }
    }
    eventually("nothing is left open", || {
        descriptors(daemon.pid()) <= before + 2
    });
    // Not one was made twice.
    let calls = site
        .asked()
        .iter()
        .filter(|asked| String::from_utf8_lossy(&asked.body).contains("\"name\":\"reset\""))
        .count();
    assert_eq!(calls, times("DURWARD_FAULTS", 2));
}

#[test]
fn a_stream_that_was_cut_is_resumed_behind_its_last_event() {
    let site = failing();
    let house = behind(&site);
    let daemon = serving(&house);
    for _ in 0..times("DURWARD_FAULTS", 2) {
        let got = daemon.call("bad__cut_resumable", json!({}));
        assert_eq!(text(&got), "resumed", "{got} {}", daemon.log());
    }
}

#[test]
fn a_server_whose_packets_are_lost_costs_each_call_its_own_time_and_is_back_with_them() {
    const NAME: &str = "servers_http_faults::a_server_whose_packets_are_lost_costs_each_call_its_own_time_and_is_back_with_them";
    Network::alone(NAME, || {
        let site = failing();
        let raw = crate::servers::raw_upstream();
        let house = house();
        house.configure(&format!(
            "servers:\n  other: {{ command: [{raw:?}], sandbox: host }}\n{}",
            servers(&site).trim_start_matches("servers:\n")
        ));
        let mut pipe = house.stdio(&[]);
        pipe.initialize("2025-11-25");
        let mut call = |tool: &str| pipe.call(tool, json!({}));
        assert_eq!(text(&call("bad__good")), "done");
        for _ in 0..times("DURWARD_FAULTS", 2) {
            Network::cut(true);
            // The first goes out on a connection that nobody has closed.
            let lost = call("bad__good");
            assert_eq!(refusal(&lost), "timeout", "{lost}");
            let unreached = call("bad__good");
            assert!(text(&unreached).contains("`bad`"), "{unreached}");
            assert_eq!(text(&call("other__fail")), "failed");
            Network::cut(false);
            eventually("it is back", || text(&call("bad__good")) == "done");
        }
    });
}

#[test]
fn a_server_that_speaks_no_tls_is_named() {
    let site = failing();
    let house = house();
    house.configure(&format!(
        "servers:\n  bad: {{ url: \"{}\" }}\n",
        site.url("/mcp").replace("http:", "https:")
    ));
    let daemon = serving(&house);
    daemon.call("bad__good", json!({}));
    eventually("it is named", || {
        let status = crate::servers_faults::status(&house, "bad");
        status["error"]
            .as_str()
            .is_some_and(|error| error.to_lowercase().contains("tls"))
    });
}
