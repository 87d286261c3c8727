//! Who is at the other end of a bridge: both sides ask the system.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    thread,
    time::Duration,
};

use durward_testkit::{Pipe, refusal, text};
use serde_json::json;

use crate::{
    connect::{LEGACY, connect, upstream},
    daemon::{Stopped, pid_of},
    eventually, house,
};

const SOON: Duration = Duration::from_secs(5);

/// F27: a stranger that listens where the daemon should is sent nothing.
#[test]
fn a_socket_of_another_user_is_not_spoken_to() {
    if !rustix::process::geteuid().is_root() {
        // Only root can listen as another user.
        return;
    }
    let house = house();
    let folder = house.path("run/durward");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("its mode");
    fs::set_permissions(house.path("run"), fs::Permissions::from_mode(0o777)).expect("its mode");
    let above = house.path("");
    fs::set_permissions(above, fs::Permissions::from_mode(0o777)).expect("its mode");
    let socket = folder.join("durward.sock");
    let heard = thread::spawn(move || {
        // The thread alone is somebody else.
        let other = rustix::process::Uid::from_raw(12_345);
        rustix::thread::set_thread_uid(other).expect("another user");
        let listener = UnixListener::bind(&socket).expect("a socket");
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).expect("its mode");
        let (stream, _) = listener.accept().expect("somebody");
        let mut line = String::new();
        let _ = BufReader::new(stream).read_line(&mut line);
        line
    });
    eventually("it listens", || {
        house.path("run/durward/durward.sock").exists()
    });
    thread::sleep(Duration::from_millis(50));
    let mut command = house.command(&["connect"]);
    command.env("DURWARD_KEY", "dw_secret");
    let mut client = Pipe::of(command);
    client.send(&durward_testkit::initialize(LEGACY));
    let answer = client.message();
    assert!(
        answer["error"]["message"]
            .as_str()
            .expect("why")
            .contains("12345"),
        "{answer}"
    );
    assert_eq!(client.wait(SOON), Some(1));
    assert_eq!(heard.join().expect("the stranger"), "", "it heard nothing");
}

/// F27: what listens there and is no durward that knows bridges.
#[test]
fn what_does_not_greet_as_durward_does_is_not_believed() {
    let house = house();
    fs::create_dir(house.path("run/durward")).expect("a folder");
    let listener = UnixListener::bind(house.path("run/durward/durward.sock")).expect("a socket");
    let said = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a bridge");
        let mut line = String::new();
        let mut lines = BufReader::new(stream.try_clone().expect("a handle"));
        lines.read_line(&mut line).expect("its greeting");
        let refused = json!({"jsonrpc": "2.0", "id": "durward-bridge",
            "error": {"code": -32602, "message": "send `initialize`"}});
        let _ = writeln!(stream, "{refused}");
        let mut more = String::new();
        let _ = lines.read_line(&mut more);
        more
    });
    let mut client = connect(&house, &[]);
    client.send(&durward_testkit::initialize(LEGACY));
    let answer = client.message();
    assert!(
        answer["error"]["message"]
            .as_str()
            .expect("why")
            .contains("does not let"),
        "{answer}"
    );
    assert_eq!(client.wait(SOON), Some(1));
    assert_eq!(
        said.join().expect("the other end"),
        "",
        "it heard no message"
    );
}

/// B28, B29, B38: the key decides, and goes no further than the gate.
#[test]
fn the_key_of_the_environment_is_shown_to_the_gate_alone() {
    let house = house();
    let record = house.path("record");
    house.configure(&format!(
        "identity: {{ os_user: {{ roles: {{ self: [] }} }} }}\nroles: {{ hands: {{ allow: [\"*\"] }} }}\nservers:\n{}",
        upstream("raw", &record, "")
    ));
    let (key, other) = (house.key("hands"), house.key("reader"));
    let with_key = |key: &str| {
        let mut command = house.command(&["connect"]);
        command.env("DURWARD_KEY", key);
        Pipe::of(command)
    };
    let _stopped = Stopped(&house);
    let mut client = with_key(&key);
    client.initialize(LEGACY);
    eventually("its tools are known", || {
        client
            .ask("tools/list", json!({}))
            .to_string()
            .contains("raw__echo")
    });
    let called = client.ask("tools/call", json!({"name": "raw__echo", "arguments": {}}));
    assert_eq!(text(&called), "echo", "{called}");
    let mut reader = with_key(&other);
    reader.initialize(LEGACY);
    let refused = reader.ask("tools/call", json!({"name": "raw__echo", "arguments": {}}));
    assert!(
        refused["error"].is_object() || !refusal(&refused).is_empty(),
        "{refused}"
    );
    for (wrong, why) in [(Some("dw_wrong"), "not valid"), (None, "no role")] {
        let mut command = house.command(&["connect"]);
        wrong.map(|key| command.env("DURWARD_KEY", key));
        let mut nobody = Pipe::of(command);
        nobody.send(&durward_testkit::initialize(LEGACY));
        let answer = nobody.message();
        assert!(
            answer["error"]["message"]
                .as_str()
                .expect("why")
                .contains(why),
            "{answer}"
        );
        assert_eq!(nobody.wait(SOON), Some(1));
    }
    drop((client, reader));
    let seen = fs::read_to_string(&record).expect("what the server got");
    assert!(!seen.contains(&key) && !seen.contains("dw_"), "{seen}");
    let daemon = fs::read(format!("/proc/{}/environ", pid_of(&house))).expect("its environment");
    assert!(
        !String::from_utf8_lossy(&daemon).contains(&key),
        "it inherits no key"
    );
    let kept = house.bytes_below(&house.state());
    assert!(!String::from_utf8_lossy(&kept).contains(&key));
}

/// What runs behind the gate as its user is not let in by it as its user.
#[test]
fn a_server_behind_the_gate_is_no_caller() {
    let house = house();
    let (program, state) = (env!("CARGO_BIN_EXE_durward"), house.state());
    house.configure(&format!(
        "servers: {{ loop: {{ command: [\"{program}\", connect, --state, \"{}\"], sandbox: host, connect: eager }} }}\n",
        state.display()
    ));
    let _stopped = Stopped(&house);
    house.run(&["serve", "--detach", "--listen", "off"]).ok();
    eventually("it is refused", || {
        let trail = house.run(&["audit", "query", "--json"]).ok();
        trail.stdout.contains("unknown_user")
    });
    let status = house.run(&["status", "--json"]).ok().json();
    assert_ne!(status["servers"][0]["state"], "ready", "{status}");
}
