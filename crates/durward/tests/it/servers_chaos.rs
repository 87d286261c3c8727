//! A program that is killed, hangs, and breaks off at random: each call is answered, and nothing is left.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use durward_testkit::{Daemon, text};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    eventually, house,
    processes::{descriptors, kill, marked, zombies_below},
    servers::raw_upstream,
    servers_faults::{ROOM, mark, serving},
    times,
};

const CLIENTS: usize = 8;
const SOON: Duration = Duration::from_secs(30);

/// The calls, in a circle.
fn call(daemon: &Daemon, number: usize) -> Value {
    let (tool, arguments) = match number % 11 {
        0 => ("half", json!({})),
        1 => ("garbage", json!({})),
        2 => ("sleep", json!({"ms": 20_000})),
        3 => ("big", json!({"bytes": 2 << 20})),
        4 => ("die", json!({})),
        5 => ("stray", json!({})),
        _ => ("sleep", json!({"ms": number % 50})),
    };
    daemon.call(&format!("raw__{tool}"), arguments)
}

/// Runs it all against a program that is started so.
fn each_call_is_answered(program: impl Fn(&str, &str) -> Vec<String>) {
    let house = house();
    let mark = mark(&house);
    let command = program(&raw_upstream().display().to_string(), &mark);
    let command = serde_json::to_string(&command).unwrap();
    house.configure(&format!(
        "servers:\n  raw: {{ command: {command}, sandbox: host, line: 1MiB, timeout: 1s }}\n{ROOM}"
    ));
    let mut daemon = serving(&house);
    assert_eq!(text(&daemon.call("raw__fail", json!({}))), "failed");
    let before = descriptors(daemon.pid());
    let calls = times("DURWARD_CHAOS", 400) / CLIENTS;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let mut chance = 1_usize;
            while !is_over.load(Ordering::Relaxed) {
                chance = chance
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let targets = marked(&mark);
                if let Some(pid) = targets.get((chance >> 33) % targets.len().max(1)) {
                    kill(*pid);
                }
                thread::sleep(Duration::from_millis(((chance >> 40) % 800) as u64));
            }
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let daemon = &daemon;
                scope.spawn(move || {
                    // That one comes at all is the promise; which one depends on the dice.
                    for number in 0..calls {
                        let answer = call(daemon, client + number);
                        assert!(answer["result"].is_object(), "{answer}");
                    }
                })
            })
            .collect();
        let ended: Vec<_> = clients
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        is_over.store(true, Ordering::Relaxed);
        killer.join().unwrap();
        assert!(ended.iter().all(Result::is_ok), "a call was not answered");
    });
    let is_back = (0..400).any(|_| {
        thread::sleep(Duration::from_millis(100));
        text(&daemon.call("raw__fail", json!({}))) == "failed"
    });
    assert!(is_back, "{}", daemon.log());
    eventually("no zombie is left", || {
        zombies_below(daemon.pid()).is_empty()
    });
    // Fewer are none left over: a connection of the beginning may have been counted.
    let is_even = (0..150).any(|_| {
        thread::sleep(Duration::from_millis(100));
        descriptors(daemon.pid()) <= before + 2
    });
    assert!(
        is_even,
        "{before} were open, {} are",
        descriptors(daemon.pid())
    );
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(SOON), Some(0), "{}", daemon.log());
    eventually("no process is left", || marked(&mark).is_empty());
}

#[test]
fn each_call_on_a_child_is_answered() {
    each_call_is_answered(|raw, mark| vec![raw.into(), "--mark".into(), mark.into()]);
}

#[test]
fn each_call_on_a_grandchild_is_answered() {
    each_call_is_answered(|raw, mark| {
        vec![
            "sh".into(),
            "-c".into(),
            format!("{raw} --mark {mark}; true"),
        ]
    });
}
