//! Starting, draining, ending, and what the exit code says.

use std::{net::TcpListener, thread, time::Duration};

use durward_testkit::{Daemon, modern, refusal, text};
use rustix::process::Signal;
use serde_json::json;

use crate::house;

const SOON: Duration = Duration::from_secs(3);

#[test]
fn with_no_configuration_it_shares_a_folder_read_only_on_loopback() {
    let house = house();
    house.file("a.txt", "hello");
    let daemon = house.serve(&[]);
    assert!(daemon.address.ip().is_loopback());
    assert_eq!(
        text(&daemon.call("fs_read", json!({"path": "a.txt"}))),
        "hello"
    );
    assert!(!daemon.key.is_empty());
}

#[test]
fn off_a_terminal_the_key_goes_into_a_file_of_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let house = house();
    let daemon = house.serve(&[]);
    assert!(!daemon.log().contains(&daemon.key), "the key is in the log");
    let files: Vec<_> = files_with(&house.state(), &daemon.key);
    assert_eq!(files.len(), 1, "{files:?}");
    let mode = std::fs::metadata(&files[0])
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn files_with(folder: &std::path::Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(Result::ok)
    {
        if entry.path().is_dir() {
            found.extend(files_with(&entry.path(), text));
        } else if std::fs::read_to_string(entry.path()).is_ok_and(|content| content.contains(text))
        {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn another_root_is_named_on_the_command_line() {
    let house = house();
    std::fs::create_dir(house.path("elsewhere")).expect("a folder");
    std::fs::write(house.path("elsewhere/b.txt"), "there").expect("a file");
    let root = house.path("elsewhere").display().to_string();
    let daemon = house.serve(&["--root", &root]);
    assert_eq!(
        text(&daemon.call("fs_read", json!({"path": "b.txt"}))),
        "there"
    );
}

#[test]
fn a_signal_ends_it_in_order() {
    let house = house();
    let key = house.key("reader");
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = house.serve(&[]).with_key(key.clone());
        let mut idle = daemon.connect();
        assert_eq!(
            idle.ask(&daemon.modern_post(&modern(1, "tools/list", json!({}))))
                .status,
            200
        );
        daemon.signal(signal);
        assert_eq!(daemon.wait(SOON), Some(0), "{signal:?}");
        house.run(&["audit", "verify"]).ok();
    }
}

#[test]
fn a_call_in_flight_is_finished_before_the_end() {
    let house = house();
    for number in 0..4000 {
        house.file(&format!("d{}/{number}", number % 40), "x".repeat(4000));
    }
    let mut daemon = house.serve(&[]);
    let mut http = daemon.connect();
    let search = json!({"name": "fs_search", "arguments": {"pattern": "needle"}});
    http.send(&daemon.modern_post(&modern(1, "tools/call", search)).bytes());
    thread::sleep(Duration::from_millis(15));
    daemon.signal(Signal::TERM);
    let answer = http.answer().expect("the answer of the call in flight");
    assert_eq!(refusal(&answer.json()), "");
    assert_eq!(daemon.wait(SOON), Some(0));
}

#[test]
fn open_streams_do_not_hold_up_the_end() {
    let house = house();
    let mut daemon = house.serve(&[]);
    let mut http = daemon.connect();
    let listen = modern(
        1,
        "subscriptions/listen",
        json!({"notifications": {"toolsListChanged": true}}),
    );
    http.send(&daemon.modern_post(&listen).bytes());
    assert_eq!(http.opening().expect("an answer").status, 200);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(SOON), Some(0));
    let mut last = String::new();
    while let Some(event) = http.event(Duration::from_millis(500)) {
        last = event.data;
    }
    assert!(
        last.contains("\"result\""),
        "the stream ends with a result: {last}"
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let house = house();
    let mut daemon = house.serve(&["--set", "listen.limits.drain=30s"]);
    let mut half = daemon.connect();
    half.send(b"POST /mcp HTTP/1.1\r\nHost: 127");
    thread::sleep(Duration::from_millis(50));
    daemon.signal(Signal::TERM);
    thread::sleep(Duration::from_millis(50));
    if daemon.wait(Duration::ZERO).is_none() {
        let _ =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| daemon.signal(Signal::TERM)));
    }
    assert!(daemon.wait(SOON).is_some());
}

#[test]
fn a_taken_port_is_told_in_one_line() {
    let house = house();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let ran = house.run(&["serve", "--listen", &address]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains(&address), "{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

#[test]
fn roots_that_are_missing_or_dangerous_stop_the_start() {
    let house = house();
    let file = house.file("a.txt", "x").display().to_string();
    for root in [
        "/",
        "/proc",
        "/sys",
        "/dev",
        "/no/such/folder",
        file.as_str(),
    ] {
        let ran = house.run(&["serve", "--listen", "127.0.0.1:0", "--root", root]);
        assert!([1, 3].contains(&ran.code), "{root}: {ran:?}");
        assert!(
            ran.stderr.contains(root),
            "{root} is not named: {}",
            ran.stderr
        );
    }
}

#[test]
fn exit_codes_tell_done_failed_misused_and_misconfigured_apart() {
    let house = house();
    assert_eq!(house.run_bare(&["--version"]).code, 0);
    assert!(
        house
            .run_bare(&["--version"])
            .stdout
            .contains(env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(house.run_bare(&["--help"]).code, 0);
    for wrong in [
        vec!["--no-such-flag"],
        vec!["no-such-command"],
        vec!["serve", "--listen"],
        vec!["keys", "paint"],
    ] {
        let ran = house.run_bare(&wrong);
        assert_eq!(ran.code, 2, "{wrong:?}: {ran:?}");
    }
    assert_eq!(
        house
            .run(&["serve", "--set", "no.such=1", "--dry-run"])
            .code,
        3
    );
    let unreadable = house.run(&["serve", "--listen", "nonsense"]);
    assert!([2, 3].contains(&unreadable.code), "{unreadable:?}");
}

#[test]
fn alone_it_prints_a_short_help() {
    let house = house();
    let ran = house.run_bare::<&str>(&[]);
    let said = ran.stdout + &ran.stderr;
    for word in ["serve", "stdio"] {
        assert!(said.contains(word), "{said}");
    }
    assert!(said.lines().count() < 40, "{said}");
}

#[test]
fn commands_of_its_predecessors_get_a_hint() {
    let house = house();
    for (theirs, ours) in [
        ("start", "serve"),
        ("validate", "check"),
        ("logs", "audit"),
        ("keygen", "keys"),
    ] {
        let ran = house.run_bare(&[theirs]);
        assert_eq!(ran.code, 2, "{theirs}");
        assert!(ran.stderr.contains(ours), "{theirs}: {}", ran.stderr);
    }
}

#[test]
fn a_dry_run_checks_and_starts_nothing() {
    let house = house();
    let ran = house.run(&["serve", "--listen", "127.0.0.1:0", "--dry-run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!house.state().join("audit").exists(), "a journal was begun");
}

#[test]
fn a_listening_name_works_as_an_address() {
    let house = house();
    let command = house.command(&["serve", "--json", "--listen", "localhost:0"]);
    let daemon = Daemon::from_command(command).expect("the daemon starts");
    assert_eq!(daemon.ask(&daemon.plain("GET", "/healthz")).status, 200);
}

#[test]
fn after_a_crash_it_serves_again_within_a_second() {
    let house = house();
    for _ in 0..3 {
        let mut daemon = house.serve(&[]);
        assert_eq!(daemon.ask(&daemon.plain("GET", "/readyz")).status, 200);
        daemon.kill();
    }
}

/// A client's own durward must share what this one does: the file's rules, not only its root.
#[test]
fn what_is_pasted_into_a_client_that_starts_its_own_has_the_same_rules() {
    let house = house();
    house.configure("files: { write: ['**'] }\n");
    let mut command = house.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut served = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = std::io::BufReader::new(served.stdout.take().expect("its stdout"));
    let pasted: Vec<serde_json::Value> = std::io::BufRead::lines(lines)
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str(&line).ok())
        .take(3)
        // Nobody reads on, which ends nothing.
        .collect();
    let said = |at: usize| -> Vec<&str> {
        let arguments = pasted[at]["mcpServers"]["durward"]["args"].as_array();
        let all = arguments.expect("arguments").iter();
        all.map(|it| it.as_str().expect("text")).collect()
    };
    let wrote = |own: &mut durward_testkit::Pipe, path: &str| {
        let wrote = own.call("fs_write", json!({"path": path, "content": "x"}));
        assert_eq!(durward_testkit::refusal(&wrote), "", "{wrote}");
        assert!(house.root().join(path).exists());
    };
    let mut bridge = durward_testkit::Pipe::of(house.bare_command(&said(0)));
    wrote(&mut bridge, "by-the-bridge");
    assert_eq!(bridge.end(SOON), Some(0));
    served.kill().expect("it runs");
    served.wait().expect("its end");
    let mut own = durward_testkit::Pipe::of(house.bare_command(&said(1)));
    wrote(&mut own, "by-its-own");
    // What ssh would hand to a shell.
    let command = said(2)[2];
    let mut shell = house.bare_command::<&str>(&[]);
    shell.env("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22");
    let environment: Vec<_> = shell
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    #[expect(clippy::disallowed_methods, reason = "a shell stands for sshd's")]
    let mut remote = std::process::Command::new("sh");
    remote.args(["-c", command]).env_clear().envs(environment);
    let mut remote = durward_testkit::Pipe::of(remote);
    wrote(&mut remote, "by-ssh");
    let trail = house.run(&["audit", "query", "--target", "fs_write", "--json"]);
    let mut doors: Vec<_> = trail
        .ok()
        .lines()
        .iter()
        .map(|it| it["door"].to_string())
        .collect();
    doors.sort();
    doors.dedup();
    assert_eq!(doors, ["\"socket\"", "\"ssh\"", "\"stdio\""]);
}
