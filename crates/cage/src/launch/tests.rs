//! The launcher at work: real programs, real signals.

use std::{fs, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

use super::*;

mod begins;
mod chaos;
mod ends;
mod escapes;
mod kept_in;
mod many;
mod walled;

/// What must happen, happens long before this.
const DEADLINE: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Plan {
    Plan::new(["sh", "-c", script]).env("PATH", "/usr/bin:/bin")
}

/// All that a program prints, and how it ended.
async fn output(plan: &Plan) -> (String, Exit) {
    let mut child = Launcher::new().spawn(plan).await.unwrap();
    drop(child.stdin);
    let mut text = String::new();
    child.stdout.read_to_string(&mut text).await.unwrap();
    (text, child.process.gone().await)
}

/// A length of sleep that no other test has, by which its sleepers are known.
fn mark() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}{next:03}", std::process::id() + 100_000)
}

/// The processes with this word among their arguments, zombies aside, which have none.
fn marked(mark: &str) -> Vec<Pid> {
    let processes = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let has = line
                .split(|byte| *byte == 0)
                .any(|word| word == mark.as_bytes());
            has.then_some(pid).and_then(Pid::from_raw)
        });
    processes.collect()
}

/// Waits until there are as many.
async fn until_marked(mark: &str, number: usize) {
    let wait = async {
        while marked(mark).len() != number {
            sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = timeout(DEADLINE, wait).await;
    assert!(waited.is_ok(), "{} and not {number}", marked(mark).len());
}

/// Waits until a process is gone, its zombie too.
async fn until_gone(pid: u32) {
    let wait = async {
        while fs::exists(format!("/proc/{pid}")).unwrap() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(
        timeout(DEADLINE, wait).await.is_ok(),
        "{pid} is still there"
    );
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// A process's parent, if it is there.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}
