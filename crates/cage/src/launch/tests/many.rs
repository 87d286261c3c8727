//! The same, often.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use super::*;

/// Descriptors, and children with zombies.
fn own() -> (usize, usize) {
    let children = fs::read_dir("/proc/self/task")
        .unwrap()
        .flatten()
        .map(|task| {
            let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            list.split_whitespace().count()
        });
    (
        fs::read_dir("/proc/self/fd").unwrap().count(),
        children.sum(),
    )
}

fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect()
}

/// Its own memory, for anyone to read (proc_pid_status(5)).
fn memory_kib(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Runs one of the ignored tests below in a process of its own.
fn alone(test: &str) -> std::process::Command {
    #[expect(clippy::disallowed_methods, reason = "it stands for durward itself")]
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let test = format!("launch::tests::many::{test}");
    command.args(["--exact", &test, "--ignored", "--nocapture"]);
    command
}

#[test]
fn a_thousand_starts_leave_descriptors_processes_and_memory_as_before() {
    let ran = alone("thousand").stdout(Stdio::null()).status();
    assert!(ran.unwrap().success());
}

/// Other tests have descriptors and children as well, where they share its process.
#[tokio::test]
#[ignore = "it has to be alone"]
async fn thousand() {
    let launcher = Launcher::new();
    let first = launcher.spawn(&Plan::new(["true"])).await;
    first.unwrap().process.gone().await;
    let spawner = launcher.spawner().unwrap();
    let (before, memory) = (own(), memory_kib(spawner));
    for round in 0..1000 {
        let mut child = launcher.spawn(&Plan::new(["true"])).await.unwrap();
        match round % 3 {
            0 => assert_eq!(child.process.gone().await, Exit::Code(0)),
            1 => drop(child),
            _ => assert_eq!(child.exited().await, Exit::Code(0)),
        }
    }
    let quiet = async {
        while !children(spawner).is_empty() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, quiet).await.unwrap();
    assert_eq!(own(), before);
    // Only root may look: it can't be traced.
    if let Ok(open) = fs::read_dir(format!("/proc/{spawner}/fd")) {
        assert_eq!(open.count(), 8);
    }
    let grown = memory_kib(spawner).saturating_sub(memory);
    assert!(grown <= 64, "{grown} KiB");
    assert!(memory_kib(spawner) <= 2048);
    drop(launcher);
    assert!(!fs::exists(format!("/proc/{spawner}")).unwrap());
}

#[tokio::test]
async fn many_at_once_are_told_apart() {
    let launcher = Launcher::new();
    let mut all = Vec::new();
    for number in 0..100 {
        let launcher = launcher.clone();
        all.push(tokio::spawn(async move {
            let mut child = launcher
                .spawn(&shell(&format!("cat; exit {number}")))
                .await
                .unwrap();
            child
                .stdin
                .write_all(format!("{number}").as_bytes())
                .await
                .unwrap();
            drop(child.stdin);
            let mut text = String::new();
            child.stdout.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, number.to_string());
            assert_eq!(child.process.exited().await, Exit::Code(number));
        }));
    }
    for one in all {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn ten_thousand_full_pipes_of_stderr_go_through() {
    const PIPE: u64 = 64 * 1024;
    let script = format!("head -c {} /dev/zero >&2; echo done", 10_000 * PIPE);
    let mut child = Launcher::new().spawn(&shell(&script)).await.unwrap();
    let mut sink = tokio::io::sink();
    let flood = tokio::io::copy(&mut child.stderr, &mut sink).await.unwrap();
    assert_eq!(flood, 10_000 * PIPE);
    let mut text = String::new();
    child.stdout.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "done\n");
    assert_eq!(child.process.gone().await, Exit::Code(0));
}

#[tokio::test]
async fn a_thousand_descendants_in_sessions_of_their_own_are_ended() {
    let mark = mark();
    let script =
        format!("i=0; while [ $i -lt 1000 ]; do setsid sleep {mark} & i=$((i+1)); done; wait");
    let mut child = Launcher::new().spawn(&shell(&script)).await.unwrap();
    until_marked(&mark, 1000).await;
    child.process.kill();
    child.process.gone().await;
    assert_eq!(marked(&mark), []);
}

/// Not a test but the program that the next one kills.
#[tokio::test]
#[ignore = "it waits to be killed"]
async fn victim() {
    let mark = std::env::var("VICTIM").unwrap();
    let launcher = Launcher::new();
    let mut children = Vec::new();
    for _ in 0..3 {
        let script = format!(
            "trap '' TERM HUP; setsid sh -c 'sleep {mark} & ' & sleep {mark} & echo; while :; do sleep 0.05; done"
        );
        let mut child = launcher.spawn(&shell(&script)).await.unwrap();
        child.stdout.read_u8().await.unwrap();
        children.push(child);
    }
    eprintln!("spawner {}", launcher.spawner().unwrap());
    std::future::pending::<()>().await;
}

fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Runs the victim in a process of its own; the spawner of it.
fn run_victim(mark: &str) -> (std::process::Child, u32) {
    let mut victim = alone("victim")
        .env("VICTIM", mark)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stderr.take().unwrap()).lines();
    let spawner = lines.map_while(Result::ok).find_map(|line| {
        let (_, pid) = line.split_once("spawner ")?;
        pid.trim().parse().ok()
    });
    (victim, spawner.unwrap())
}

#[tokio::test]
async fn a_durward_that_is_killed_leaves_nothing() {
    let rounds = std::env::var("DURWARD_KILLS").map_or(50, |text| text.parse().unwrap());
    for _ in 0..rounds {
        let mark = mark();
        let (mut victim, spawner) = run_victim(&mark);
        until_marked(&mark, 6).await;
        victim.kill().unwrap();
        victim.wait().unwrap();
        until_marked(&mark, 0).await;
        // It ends last, when it has no children; who waits for it is init's affair.
        let ended = async {
            while state(spawner).is_some_and(|state| state != 'Z') {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(DEADLINE, ended).await.unwrap();
    }
}
