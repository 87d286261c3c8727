//! The built program, driven from outside: what it promises, by subject.

mod bench;
mod breaker;
mod bridge;
mod bridge_parked;
mod bridge_questions;
mod bridge_refusals;
mod bridge_results;
mod bridge_streams;
mod callers;
mod check;
mod commands;
mod commands_corpora;
mod commands_dry_run;
mod commands_paths;
mod commands_running;
mod config;
mod connect;
mod connect_life;
mod connect_proof;
mod corpora;
mod daemon;
mod docs;
mod doors_http;
mod files;
mod files_outside;
mod files_race;
mod floods;
mod framing_http;
mod house;
mod init;
mod init_desk;
mod init_faults;
mod init_undo;
mod ledger;
mod ledger_faults;
mod lifecycle;
mod limits;
mod migrate;
mod oauth;
mod oauth_renewal;
mod packaging;
mod plugins;
mod plugins_life;
mod plugins_walls;
mod processes;
mod protocol_legacy;
mod protocol_modern;
mod quick_start;
mod resources;
mod roots;
mod sandbox;
mod secret_commands;
mod secrets_changing;
mod servers;
mod servers_bad;
mod servers_chaos;
mod servers_clients;
mod servers_consent;
mod servers_faults;
mod servers_http_faults;
mod servers_hung;
mod servers_leaving;
mod servers_life;
mod servers_limits;
mod servers_lossless;
mod servers_names;
mod servers_sessions;
mod servers_tasks;
mod servers_tasks_legacy;
mod services;
mod shell;
mod shell_ends;
mod socket;
mod status;
mod stdio;
mod stdio_legacy;
mod web;
mod web_hostile;
mod web_hosts;
mod web_names;
mod web_redirects;
mod web_secrets;
mod writing;

use std::{thread, time::Duration};

use durward_testkit::House;

/// A place of its own for one test.
fn house() -> House {
    House::new(env!("CARGO_BIN_EXE_durward"))
}

/// How often a test repeats itself: few times, or as `./test --deep` says in the environment.
fn times(name: &str, quick: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(quick)
}

/// Waits until something holds.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..150 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("not within 3 s: {what}");
}
