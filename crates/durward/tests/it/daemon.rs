//! The daemon in the background: one a state folder, found, asked, reloaded and stopped by commands.

use std::{
    fs,
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::PathBuf,
};

use durward_testkit::{House, text};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{eventually, house, times};

/// A daemon that belongs to nobody; it is stopped when this is dropped.
pub(crate) struct Stopped<'a>(pub(crate) &'a House);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        let _ = self.0.run(&["stop"]);
    }
}

fn detached<'a>(house: &'a House, more: &[&str]) -> (Stopped<'a>, Value) {
    let all = [&["serve", "--detach", "--json", "--listen", "off"], more].concat();
    let ran = house.run(&all).ok();
    (Stopped(house), ran.json())
}

pub(crate) fn pid_of(house: &House) -> i32 {
    let content = fs::read_to_string(house.state().join("durward.pid")).expect("the lock");
    let first = content.lines().next().expect("a line");
    first.parse().expect("a process")
}

pub(crate) fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).expect("a process"), Signal::KILL).expect("it runs");
}

/// Kills the daemon, and waits until the system has taken back what it held.
pub(crate) fn crash(house: &House) {
    let lock = fs::File::open(house.state().join("durward.pid")).expect("the lock");
    kill(pid_of(house));
    eventually("it is dead", || lock.try_lock_shared().is_ok());
}

fn socket(house: &House) -> PathBuf {
    house.path("run/durward/durward.sock")
}

#[test]
fn detached_it_serves_when_the_command_ends() {
    let house = house();
    let (_stopped, facts) = detached(&house, &[]);
    let health = house.run(&["health", "--json"]).ok().json();
    assert_eq!(
        (&health["state"], &health["pid"]),
        (&json!("up"), &facts["pid"])
    );
    let status = house.run(&["status", "--json"]).ok().json();
    assert_eq!(status["pid"], facts["pid"]);
    let log = fs::metadata(house.state().join("serve.log")).expect("its log");
    assert_eq!(log.permissions().mode() & 0o777, 0o600);
}

#[test]
fn detached_it_survives_whoever_started_it() {
    let house = house();
    let (_stopped, facts) = detached(&house, &[]);
    let pid = facts["pid"].as_u64().expect("a process");
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .expect("fields")
        .split_whitespace()
        .collect();
    // The session is its own, and no terminal controls it (proc_pid_stat(5)).
    assert_eq!((fields[3], fields[4]), (pid.to_string().as_str(), "0"));
}

/// B19: `start -d` with a bad configuration.
#[test]
fn a_start_that_fails_says_why_also_detached() {
    let house = house();
    house.configure("listen: { htpp: off }\n");
    for more in [&["serve"][..], &["serve", "--detach"]] {
        let ran = house.run(more);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(
            ran.stderr.contains("htpp") && ran.stderr.contains("test.yaml:2"),
            "{ran:?}"
        );
        assert_eq!(ran.stdout, "");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    house.configure("");
    let ran = house.run(&["serve", "--detach", "--listen", &address]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains(&address), "{ran:?}");
    assert!(
        !house.state().join("durward.pid").exists(),
        "nothing is left of it"
    );
}

/// B18, F24: the second one is refused, whatever it was given, and the first keeps its socket.
#[test]
fn a_second_start_is_refused_and_the_first_serves_on() {
    let house = house();
    let (_stopped, facts) = detached(&house, &[]);
    for _ in 0..times("DURWARD_STARTS", 3) {
        let other = house.path("run/other.sock").display().to_string();
        let elsewhere = format!("listen.socket={other}");
        for more in [
            &["serve", "--listen", "off"][..],
            &["serve", "--detach", "--set", &elsewhere],
        ] {
            let ran = house.run(more);
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(
                ran.stderr.contains(&format!("process {}", facts["pid"])),
                "{ran:?}"
            );
        }
        let health = house.run(&["health", "--json"]).ok().json();
        assert_eq!(health["pid"], facts["pid"]);
    }
}

/// F24: another state folder, the same socket.
#[test]
fn a_socket_is_one_daemons_too() {
    let house = house();
    let (_stopped, facts) = detached(&house, &[]);
    let other = house.path("other").display().to_string();
    let ran = house.run_bare(&["serve", "--listen", "off", "--state", &other]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("durward.sock"), "{ran:?}");
    let health = house.run(&["health", "--json"]).ok().json();
    assert_eq!(health["pid"], facts["pid"]);
}

/// F13: what a killed daemon left is taken over, and nothing that was answered is lost.
#[test]
fn after_a_kill_the_next_one_takes_over() {
    let house = house();
    house.file("a.txt", "inside");
    let pid_file = house.path("run/pid").display().to_string();
    let rounds = times("DURWARD_STARTS", 3);
    for _ in 0..rounds {
        let _ = detached(&house, &["--pid-file", &pid_file]);
        let (stopped, facts) = detached(&house, &["--pid-file", &pid_file]);
        let written = fs::read_to_string(&pid_file).expect("the pid file");
        assert_eq!(written.trim(), facts["pid"].to_string());
        let read = house.run(&["status", "--json"]).ok().json();
        assert_eq!(read["pid"], facts["pid"]);
        crash(&house);
        assert!(socket(&house).exists(), "a crash leaves the socket");
        std::mem::forget(stopped);
    }
    let trail = house.run(&["audit", "query", "--target", "durward://status", "--json"]);
    assert_eq!(trail.ok().lines().len(), rounds);
    house.run(&["audit", "verify"]).ok();
}

/// B24.
#[test]
fn stopping_nothing_is_no_failure_and_removes_what_is_stale() {
    let house = house();
    let ran = house.run(&["stop"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "no durward runs here\n"),
        "{ran:?}"
    );
    let pid_file = house.path("run/pid");
    let (stopped, _) = detached(&house, &["--pid-file", &pid_file.display().to_string()]);
    crash(&house);
    let ran = house.run(&["stop"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "no durward runs here\n"),
        "{ran:?}"
    );
    assert!(!house.state().join("durward.pid").exists() && !pid_file.exists());
    std::mem::forget(stopped);
}

/// Of a dead daemon's number another process may be in use.
#[test]
fn a_stale_number_is_nobodys_end() {
    let house = house();
    let own = std::process::id();
    fs::write(house.state().join("durward.pid"), format!("{own}\n/none\n")).expect("a stale lock");
    assert_eq!(house.run(&["stop"]).ok().stdout, "no durward runs here\n");
}

/// F14, B23: a call in flight may end, the record is whole, and all files go.
#[test]
fn it_is_stopped_in_order() {
    let house = house();
    for _ in 0..times("DURWARD_STARTS", 3) {
        let pid_file = house.path("run/pid");
        let (_stopped, facts) = detached(&house, &["--pid-file", &pid_file.display().to_string()]);
        let ran = house.run(&["stop", "--json"]).ok().json();
        assert_eq!(ran["stopped"], facts["pid"]);
        for gone in [socket(&house), pid_file, house.state().join("durward.pid")] {
            assert!(!gone.exists(), "{gone:?}");
        }
        assert_eq!(house.run(&["health"]).code, 1);
    }
    house.run(&["audit", "verify"]).ok();
}

/// B25.
#[test]
fn health_tells_well_degraded_and_down_apart() {
    let house = house();
    assert_eq!(house.run(&["health"]).code, 1);
    house.configure("servers: { bad: { command: [\"false\"], sandbox: host, connect: eager } }\n");
    let (_stopped, _) = detached(&house, &[]);
    eventually("it is degraded", || house.run(&["health"]).code == 4);
    let ran = house.run(&["health"]);
    assert!(
        ran.stdout.starts_with("degraded") && ran.stderr.contains("`bad`"),
        "{ran:?}"
    );
    house.configure("");
    house.run(&["reload"]).ok();
    assert_eq!(house.run(&["health"]).ok().code, 0);
    let trail = house.run(&["audit", "query", "--json"]).ok();
    assert!(!trail.stdout.contains("health"), "it leaves no record");
}

/// A gate that lets nobody in is alive all the same.
#[test]
fn health_needs_no_role() {
    let house = house();
    house.configure("identity: { os_user: { roles: { self: [] } } }\n");
    let (_stopped, _) = detached(&house, &[]);
    house.run(&["health"]).ok();
    assert_eq!(house.run(&["status"]).code, 1);
}

#[test]
fn reload_says_what_came_of_it() {
    let house = house();
    house.configure("");
    let (_stopped, _) = detached(&house, &[]);
    house.run(&["reload"]).ok();
    house.configure("limits: { calls: nonsense }\n");
    let ran = house.run(&["reload"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("nonsense"), "{ran:?}");
    let status = house.run(&["status"]).ok().stdout;
    assert!(
        status.contains("is wrong") && status.contains("nonsense"),
        "{status}"
    );
    assert_eq!(house.run(&["health"]).code, 4);
    house.configure("");
    house.run(&["reload"]).ok();
    house.run(&["health"]).ok();
}

#[test]
fn it_is_found_where_it_says_that_it_is() {
    let house = house();
    let (_stopped, facts) = detached(&house, &[]);
    // Another environment, such as that of ssh or cron.
    let mut elsewhere = house.command(&["health", "--json"]);
    elsewhere.env_remove("XDG_RUNTIME_DIR");
    let output = elsewhere.output().expect("it runs");
    let health: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(health["pid"], facts["pid"]);
}

/// B28: whoever shows a wrong key is nobody, even where the user would do; a key of ours counts.
#[test]
fn a_key_on_the_socket_is_its_holder_or_nobody() {
    let house = house();
    let key = house.key("reader");
    house.file("a.txt", "inside");
    let _daemon = house.serve(&[]);
    let greet = |params: Value| {
        let hello =
            json!({"jsonrpc": "2.0", "id": 7, "method": "dev.durward/connect", "params": params});
        let mut client = crate::socket::Client::connect(&socket(&house));
        let answer = client.ask(&hello);
        (client, answer)
    };
    let (mut client, answer) = greet(json!({"key": "dw_wrong"}));
    assert_eq!(answer["error"]["code"], 401, "{answer}");
    assert!(!answer.to_string().contains("dw_wrong"));
    assert!(client.is_closed());
    let (mut client, answer) = greet(json!({"key": key}));
    assert!(answer["result"]["version"].is_string(), "{answer}");
    let read = json!({"name": "fs_read", "arguments": {"path": "a.txt"}});
    let answer = client.ask(&durward_testkit::modern(3, "tools/call", read));
    assert_eq!(text(&answer), "inside");
    let trail = house.run(&["audit", "query", "--target", "fs_read", "--json"]);
    assert!(trail.ok().lines()[0]["key"].is_string());
    let (mut client, answer) = greet(json!({"server": "none"}));
    assert_eq!(answer["error"]["code"], 404, "{answer}");
    assert!(client.is_closed());
    let (_, answer) = greet(json!({"key": 7}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert_eq!(
        house
            .run(&["audit", "query", "--json"])
            .ok()
            .stdout
            .matches("invalid_credential")
            .count(),
        1
    );
}

/// B28, B41.
#[test]
fn files_that_others_can_get_at_stop_the_start() {
    let house = house();
    house.key("reader");
    let chmod = |path: PathBuf, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
    };
    house.run(&["serve", "--listen", "off", "--dry-run"]).ok();
    {
        let (_stopped, _) = detached(&house, &[]);
    }
    for name in ["keys.json", "sealing.key", "audit.key", "limits.json"] {
        let file = house.state().join(name);
        assert!(file.exists(), "{name}");
        chmod(file.clone(), 0o644);
        let ran = house.run(&["serve", "--detach", "--listen", "off"]);
        assert!(
            ran.code != 0 && ran.stderr.contains(name),
            "{name}: {ran:?}"
        );
        chmod(file, 0o600);
    }
    chmod(house.state(), 0o777);
    let (_stopped, _) = detached(&house, &[]);
    let log = fs::read_to_string(house.state().join("serve.log")).expect("its log");
    assert!(log.contains("chmod o-w"), "{log}");
}

/// What stands at the socket's place and does not answer is no daemon.
#[test]
fn a_dead_socket_is_taken_over() {
    let house = house();
    fs::create_dir(house.path("run/durward")).expect("a folder");
    drop(UnixListener::bind(socket(&house)).expect("a socket"));
    let (_stopped, _) = detached(&house, &[]);
    UnixStream::connect(socket(&house)).expect("it listens");
}

#[test]
fn the_log_goes_where_the_configuration_says() {
    let house = house();
    let log = house.path("run/my.log");
    house.configure(&format!(
        "telemetry: {{ file: \"{}\", format: json }}\n",
        log.display()
    ));
    let (_stopped, _) = detached(&house, &[]);
    house.run(&["reload"]).ok();
    let text = fs::read_to_string(&log).expect("the log");
    assert!(
        text.lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
            && !text.is_empty()
    );
    assert!(!house.state().join("serve.log").exists());
}

#[test]
fn commands_of_predecessors_that_detach_get_a_hint() {
    let house = house();
    let ran = house.run_bare(&["start", "-d"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("durward serve --detach"), "{ran:?}");
}

/// O06 without a container: a read-only root, no new privileges, a user who is not root.
#[test]
fn it_runs_read_only_unprivileged_and_as_another_user() {
    let house = house();
    house.file("a.txt", "inside");
    let own = |path: PathBuf| std::os::unix::fs::chown(path, Some(12_345), Some(12_345)).is_ok();
    let folders = ["", "state", "run", "home", "root", "root/a.txt"];
    if !folders.iter().all(|name| own(house.path(name))) {
        // Only root can become somebody else.
        return;
    }
    let mut served = house.command(&["serve", "--json", "--listen", "127.0.0.1:0"]);
    let words: Vec<_> = served
        .get_args()
        .map(|it| it.to_string_lossy().into_owned())
        .collect();
    let program = served.get_program().to_string_lossy().into_owned();
    let script = format!(
        "mount --make-rprivate / && for f in state run home; do mount --bind {0}/$f {0}/$f || exit 77; done
         mount -o remount,ro,bind / || exit 77
         exec setpriv --reuid 12345 --regid 12345 --clear-groups --no-new-privs --bounding-set=-all \
           {program} {1}",
        house.path("").display(),
        words.join(" ")
    );
    served = house.bare_command::<&str>(&[]);
    let environment: Vec<_> = served
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    #[expect(
        clippy::disallowed_methods,
        reason = "it stands for a container's runtime"
    )]
    let mut contained = std::process::Command::new("unshare");
    contained.args(["--mount", "sh", "-c", &script]);
    contained
        .env_clear()
        .envs(environment)
        .current_dir(house.root());
    let daemon = match durward_testkit::Daemon::from_command(contained) {
        Ok(daemon) => daemon,
        // Where no mounts can be made, there is nothing to see.
        Err(why)
            if why.contains("unshare") || why.contains("mount:") || why.contains("setpriv") =>
        {
            return;
        }
        Err(why) => panic!("{why}"),
    };
    assert_eq!(
        text(&daemon.call("fs_read", json!({"path": "a.txt"}))),
        "inside"
    );
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("its status");
    for line in ["NoNewPrivs:\t1", "Uid:\t12345"] {
        assert!(status.contains(line), "{status}");
    }
}
