//! Secrets that a program prints: run at the start and at each reload, contained, and never shown.

use std::fs;

use durward_testkit::House;
use rustix::process::{Pid, test_kill_process};
use serde_json::json;

use crate::{eventually, house};

/// A durward that takes the key that this script prints.
fn configure(house: &House, script: &str) {
    house.configure(&format!(
        "secrets:\n  door:\n    command: [sh, -c, '{script}']\nidentity: {{ keys: {{ accept: [{{ key: \"${{secret:door}}\", \
         role: developer }}] }} }}\n"
    ));
}

fn opens(daemon: &durward_testkit::Daemon, key: &str) -> bool {
    let ask = daemon
        .plain("POST", "/mcp")
        .header("Authorization", &format!("Bearer {key}"));
    let ask = ask
        .header("Accept", "application/json, text/event-stream")
        .header("Content-Type", "application/json")
        .header("MCP-Protocol-Version", durward_testkit::MODERN)
        .header("Mcp-Method", "tools/list")
        .body(durward_testkit::modern(1, "tools/list", json!({})).to_string());
    daemon.ask(&ask).status == 200
}

#[test]
fn a_printed_secret_opens_the_door_and_is_read_again_at_a_reload() {
    let house = house();
    let first = "dw_first_secret_of_the_door_0123456789";
    let second = "dw_second_secret_of_the_door_012345678";
    let kept = house.path("kept");
    fs::write(&kept, format!("{first}\n")).unwrap();
    let script = format!("echo noise >&2; cat {}", kept.display());
    configure(&house, &script);
    let daemon = house.serve(&[]);
    assert!(opens(&daemon, first) && !opens(&daemon, second));
    fs::write(&kept, format!("{second}\n")).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    eventually("the new secret", || opens(&daemon, second));
    assert!(!opens(&daemon, first));
    // A command that fails changes nothing.
    fs::remove_file(&kept).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    eventually("its refusal", || {
        daemon.log().contains("the secret `door` could not be had")
    });
    assert!(opens(&daemon, second));
    let mut seen = house.bytes_below(&house.state());
    seen.extend(daemon.log().bytes());
    let seen = String::from_utf8_lossy(&seen);
    assert!(!seen.contains(first) && !seen.contains(second));
}

#[test]
fn a_command_that_fails_stops_the_start_and_says_what_to_do() {
    let house = house();
    configure(&house, "echo hun\"\"ter2 >&2; exit 3");
    let ran = house.run(&["check"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    for part in [
        "test.yaml:4:",
        "the secret `door`",
        "exit code 3",
        "run it yourself",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
}

#[test]
fn clients_are_served_while_a_command_takes_its_time() {
    let house = house();
    let (secret, slow) = ("dw_the_secret_of_the_door_0123456789", house.path("slow"));
    let script = format!(
        "echo $$ > {0}.pid; while [ -e {0} ]; do sleep 0.05; done; echo {secret}",
        slow.display()
    );
    configure(&house, &script);
    let mut daemon = house.serve(&[]);
    let pid = house.path("slow.pid");
    fs::write(&slow, "").unwrap();
    fs::remove_file(&pid).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    eventually("the command", || {
        fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'))
    });
    assert!(opens(&daemon, secret));
    // It goes with durward, however that goes.
    daemon.kill();
    let pid: i32 = fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    eventually("its end", || {
        test_kill_process(Pid::from_raw(pid).unwrap()).is_err()
    });
}

#[test]
fn nothing_of_a_command_is_left_and_a_quiet_durward_has_no_child() {
    let house = house();
    let mark = format!("98{}", std::process::id());
    let secret = "dw_the_secret_of_the_door_0123456789";
    configure(
        &house,
        &format!("setsid sleep {mark} & setsid sh -c \"sleep {mark} & exit\"; echo {secret}"),
    );
    let daemon = house.serve(&[]);
    assert!(opens(&daemon, secret));
    let children =
        fs::read_to_string(format!("/proc/{0}/task/{0}/children", daemon.pid())).unwrap();
    assert_eq!(children, "");
    let sleeps = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0)
            .any(|word| word == mark.as_bytes())
    });
    assert_eq!(sleeps.count(), 0);
    drop(daemon);
}
