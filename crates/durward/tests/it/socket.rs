//! The UNIX socket: the operating system says who is at the other end.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::PathBuf,
    time::Duration,
};

use durward_testkit::{House, legacy, modern, text};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::house;

/// A client on the socket.
pub(crate) struct Client(BufReader<UnixStream>);

impl Client {
    pub(crate) fn connect(path: &PathBuf) -> Self {
        let stream = UnixStream::connect(path).expect("the socket");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout");
        Self(BufReader::new(stream))
    }

    /// Did the other end hang up?
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut line = String::new();
        self.0.read_line(&mut line).is_ok_and(|count| count == 0)
    }

    pub(crate) fn ask(&mut self, message: &Value) -> Value {
        let line = format!("{message}\n");
        self.0
            .get_mut()
            .write_all(line.as_bytes())
            .expect("a way in");
        let mut answer = String::new();
        self.0.read_line(&mut answer).expect("an answer");
        serde_json::from_str(&answer).expect("JSON")
    }
}

fn socket(house: &House) -> PathBuf {
    house.path("run/durward/durward.sock")
}

#[test]
fn both_eras_are_served_side_by_side_and_the_user_is_the_identity() {
    let house = house();
    house.file("a.txt", "inside");
    let _daemon = house.serve(&[]);
    let mut client = Client::connect(&socket(&house));
    let read = json!({"name": "fs_read", "arguments": {"path": "a.txt"}});
    let opening = json!({"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let opened = client.ask(&legacy(1, "initialize", opening));
    assert_eq!(opened["result"]["protocolVersion"], "2024-11-05");
    assert_eq!(
        text(&client.ask(&legacy(2, "tools/call", read.clone()))),
        "inside"
    );
    assert_eq!(text(&client.ask(&modern(3, "tools/call", read))), "inside");
    let trail = house.run(&["audit", "query", "--target", "fs_read", "--json"]);
    let entries = trail.ok().lines();
    assert_eq!(entries.len(), 2);
    for entry in entries {
        assert_eq!(entry["door"], "socket");
        let uid = u64::from(rustix::process::geteuid().as_raw());
        assert_eq!(entry["uid"], uid);
    }
}

#[test]
fn a_user_without_a_role_is_not_let_in() {
    let house = house();
    house.configure("identity: { os_user: { roles: { \"*\": [] } } }\n");
    let _daemon = house.serve(&[]);
    let mut client = Client::connect(&socket(&house));
    let _ = client.0.get_mut().write_all(b"{}\n");
    let mut answer = String::new();
    let read = client.0.read_line(&mut answer);
    assert!(read.is_err() || answer.is_empty(), "{answer}");
    let trail = house.run(&["audit", "query", "--json"]).ok();
    assert!(trail.stdout.contains("unknown_user"), "{}", trail.stdout);
}

#[test]
fn the_socket_is_its_owners_alone_and_goes_with_the_daemon() {
    let house = house();
    let mut daemon = house.serve(&[]);
    let path = socket(&house);
    let mode = |path: &PathBuf| {
        let found = fs::metadata(path).expect("it is there");
        found.permissions().mode() & 0o777
    };
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.parent().expect("its folder").to_owned()), 0o700);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(Duration::from_secs(10)), Some(0));
    assert!(!path.exists());
}
