//! What was answered is recorded: through crashes, full disks and two writers.

use std::{
    collections::HashSet,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use durward_testkit::{Daemon, House, modern, refusal};
use serde_json::json;

use crate::{eventually, house, times};

#[test]
fn no_answered_call_is_lost_when_the_daemon_is_killed_under_load() {
    let house = house();
    house.configure("limits: { calls: 1000000/s }\n");
    let key = house.key("reader");
    let mut answered = HashSet::new();
    for round in 0..times("DURWARD_KILLS", 10) {
        let started = now();
        let mut daemon = house.serve(&[]).with_key(key.clone());
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "slow to start after a crash"
        );
        answered.extend(load_until_killed(&mut daemon, round));
        let ran = house.run(&["audit", "verify"]);
        assert_eq!(ran.code, 0, "after kill {round}: {ran:?}");
    }
    let recorded =
        String::from_utf8_lossy(&house.bytes_below(&house.state().join("audit"))).into_owned();
    let recorded: HashSet<&str> = recorded
        .split("\"path\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let lost: Vec<_> = answered
        .iter()
        .filter(|name| !recorded.contains(name.as_str()))
        .collect();
    assert!(!answered.is_empty());
    assert!(
        lost.is_empty(),
        "{} of {} lost: {lost:?}",
        lost.len(),
        answered.len()
    );
}

/// Calls on four connections until the daemon is killed; gives the paths that were answered for.
fn load_until_killed(daemon: &mut Daemon, round: usize) -> Vec<String> {
    let pid =
        rustix::process::Pid::from_raw(i32::try_from(daemon.pid()).expect("a pid")).expect("a pid");
    let daemon: &Daemon = daemon;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| scope.spawn(move || calls(daemon, round, worker)))
            .collect();
        thread::sleep(Duration::from_millis(20 + (round as u64 * 7) % 60));
        rustix::process::kill_process(pid, rustix::process::Signal::KILL)
            .expect("the daemon is there");
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a worker"))
            .collect()
    })
}

fn calls(daemon: &Daemon, round: usize, worker: usize) -> Vec<String> {
    let mut http = daemon.connect();
    let mut answered = Vec::new();
    for number in 0.. {
        let name = format!("r{round}w{worker}n{number}.x");
        let params = json!({"name": "fs_stat", "arguments": {"path": name}});
        http.send(
            &daemon
                .modern_post(&modern(number, "tools/call", params))
                .bytes(),
        );
        if http.answer().is_none() {
            break;
        }
        answered.push(name);
    }
    answered
}

#[test]
fn a_torn_last_record_is_cut_and_told_and_anything_else_refused() {
    let house = house();
    house.file("a.txt", "hello");
    let mut pipe = house.stdio(&[]);
    pipe.call("fs_read", json!({"path": "a.txt"}));
    pipe.kill();
    let segment = fs::read_dir(house.state().join("audit")).expect("the journal");
    let chain = segment
        .filter_map(Result::ok)
        .find(|entry| entry.path().is_dir())
        .expect("a chain")
        .path();
    let segment = chain.join("000001.dwj");
    let mut whole = fs::read(&segment).expect("the segment");
    whole.extend([200, 0, 0, 0, 1, 2, 3, 4, b'{']);
    fs::write(&segment, &whole).expect("a torn segment");
    let mut again = house.stdio(&[]);
    assert_eq!(
        refusal(&again.call("fs_read", json!({"path": "a.txt"}))),
        ""
    );
    again.end(Duration::from_secs(3));
    house.run(&["audit", "verify"]).ok();
    let mut spoilt = fs::read(&segment).expect("the segment");
    spoilt[20] ^= 1;
    fs::write(&segment, &spoilt).expect("a spoilt segment");
    let ran = house.run(&["serve", "--listen", "127.0.0.1:0", "--dry-run"]);
    let verify = house.run(&["audit", "verify"]);
    assert_eq!(verify.code, 1, "{ran:?} {verify:?}");
}

#[test]
fn when_the_trail_cannot_be_written_calls_are_refused_and_the_program_lives() {
    let house = house();
    house.file("a.txt", "hello");
    let daemon = limited(&house, &[]);
    let mut refused = 0;
    for _ in 0..2000 {
        let answer = daemon.call("fs_read", json!({"path": "a.txt"}));
        if !refusal(&answer).is_empty() || answer["error"].is_object() {
            refused += 1;
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "calls went on without a record");
    assert_eq!(daemon.ask(&daemon.plain("GET", "/healthz")).status, 200);
    assert_ne!(
        daemon.ask(&daemon.plain("GET", "/readyz")).status,
        200,
        "it says that it is ready"
    );
}

#[test]
fn with_degrade_calls_go_on_when_the_trail_cannot_be_written() {
    let house = house();
    house.file("a.txt", "hello");
    let daemon = limited(&house, &["--set", "audit.on_failure=degrade"]);
    for _ in 0..400 {
        assert_eq!(
            refusal(&daemon.call("fs_read", json!({"path": "a.txt"}))),
            ""
        );
    }
    assert!(
        daemon.log().contains("audit") || daemon.log().contains("journal"),
        "no word of it: {}",
        daemon.log()
    );
}

/// A daemon whose files may not grow beyond 96 KiB, as on a full disk.
fn limited(house: &House, options: &[&str]) -> Daemon {
    let mut arguments = vec![
        "serve",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--set",
        "limits.calls=1000000/s",
    ];
    arguments.extend(options);
    started_by(house, &arguments, "trap '' XFSZ; ulimit -f 96; exec \"$@\"")
}

fn started_by(house: &House, arguments: &[&str], script: &str) -> Daemon {
    let inner = house.command(arguments);
    let outer = shell(house.bare_command::<&str>(&[]), script, &inner);
    Daemon::from_command(outer).expect("the daemon starts")
}

/// The same on a disk that is really full: a file system of 512 KiB, most of it taken, which only this
/// daemon sees.
#[test]
fn a_full_disk_refuses_calls_until_there_is_room_again() {
    if !may_mount() {
        return;
    }
    let house = house();
    house.file("a.txt", "hello");
    let trail = house.state().join("audit");
    fs::create_dir_all(&trail).expect("a folder");
    for folder in [house.state(), trail.clone()] {
        fs::set_permissions(folder, Permissions::from_mode(0o700)).expect("a private folder");
    }
    let script = format!(
        "mount -t tmpfs -o size=512k,mode=700 none {0} && head -c 300K /dev/zero >{0}/taken && exec \"$@\"",
        trail.display()
    );
    let script =
        format!("exec unshare --user --map-root-user --mount bash -c '{script}' bash \"$@\"");
    let calls = ["--set", "limits.calls=1000000/s"];
    let arguments = [
        "serve",
        "--json",
        "--listen",
        "127.0.0.1:0",
        calls[0],
        calls[1],
    ];
    let daemon = started_by(&house, &arguments, &script);
    let read = || daemon.call("fs_read", json!({"path": "a.txt"}));
    let refused = (0..2000).find(|_| read()["result"]["isError"] != json!(null));
    assert!(refused.is_some_and(|before| before > 10), "{refused:?}");
    assert_ne!(daemon.ask(&daemon.plain("GET", "/readyz")).status, 200);
    assert_eq!(daemon.ask(&daemon.plain("GET", "/healthz")).status, 200);
    let seen = format!("/proc/{}/root{}", daemon.pid(), trail.display());
    fs::remove_file(Path::new(&seen).join("taken")).expect("room again");
    eventually("calls are served again", || {
        read()["result"]["isError"] == json!(null)
    });
    assert_eq!(daemon.ask(&daemon.plain("GET", "/readyz")).status, 200);
    let journal = Path::new(&seen).join("serve");
    let recorded = String::from_utf8_lossy(&house.bytes_below(&journal)).into_owned();
    assert!(
        recorded.contains("a.txt"),
        "the trail is not where this test thinks it is"
    );
}

/// Whether a user may have mounts of its own here. Some systems don't allow it; CI must.
#[expect(clippy::disallowed_methods, reason = "a test asks the system")]
pub(crate) fn may_mount() -> bool {
    let asked = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .status();
    let may = asked.is_ok_and(|status| status.success());
    assert!(may || std::env::var_os("CI").is_none(), "no mounts here");
    if !may {
        eprintln!("skipped: this system lets nobody but root mount");
    }
    may
}

/// `inner`, started by a shell that runs a script first.
#[expect(
    clippy::disallowed_methods,
    reason = "a test starts the program it tests"
)]
pub(crate) fn shell(
    like: std::process::Command,
    script: &str,
    inner: &std::process::Command,
) -> std::process::Command {
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", script, "bash"])
        .arg(inner.get_program())
        .args(inner.get_args());
    command.env_clear();
    for (name, value) in like.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    if let Some(folder) = like.get_current_dir() {
        command.current_dir(folder);
    }
    command
}

#[test]
fn a_second_daemon_on_one_state_folder_is_refused_and_the_first_goes_on() {
    let house = house();
    house.file("a.txt", "hello");
    let daemon = house.serve(&[]);
    let second = house.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_ne!(second.code, 0);
    assert!(
        second.stderr.contains(&daemon.pid().to_string()),
        "who holds it is not named: {}",
        second.stderr
    );
    assert_eq!(
        refusal(&daemon.call("fs_read", json!({"path": "a.txt"}))),
        ""
    );
}

#[expect(clippy::disallowed_methods, reason = "a test measures real time")]
fn now() -> Instant {
    Instant::now()
}
