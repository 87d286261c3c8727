//! Limits, ends and faults of programs within walls.

use std::{os::unix::fs::symlink, path::Path};

use super::{
    walled::{said, walls, within},
    *,
};

const HELD: [Level; 2] = [Level::Light, Level::Full];

fn working_in(folder: &Path, level: Level) -> Walls {
    let mut walls = walls(level);
    walls.write.push(folder.into());
    walls
}

/// Names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_others_execute_later_is_closed_and_nothing_of_it_stays() {
    let work = tempfile::tempdir().unwrap();
    fs::create_dir(work.path().join(".vscode")).unwrap();
    fs::write(work.path().join(".vscode/tasks.json"), "{}").unwrap();
    let text = said(
        working_in(work.path(), Level::Full),
        &format!(
            "cd {}; echo x > .mcp.json; mkdir .git/hooks; echo x > .vscode/tasks.json; rm -rf .vscode; mv .vscode v; echo ok > file; cat file .vscode/tasks.json",
            work.path().display()
        ),
    )
    .await;
    assert!(text.ends_with("ok\n{}"), "{text}");
    assert_eq!(names(work.path()), [".vscode", "file"]);
}

/// Found when the configuration was read, and put aside since.
#[tokio::test]
async fn a_project_that_is_gone_leaves_nothing_to_close() {
    let work = tempfile::tempdir().unwrap();
    fs::create_dir(work.path().join("plain")).unwrap();
    let mut walls = working_in(work.path(), Level::Full);
    walls.deny_write = ["gone/.git/commondir", "gone/.vscode", "plain/.git/config"]
        .map(|name| work.path().join(name))
        .to_vec();
    let script = format!(
        "ls {0}; mkdir {0}/gone {0}/plain/.git",
        work.path().display()
    );
    assert_eq!(said(walls, &script).await, "plain\n");
    assert_eq!(names(&work.path().join("plain")), [".git"]);
}

#[tokio::test]
async fn a_link_among_what_was_said_is_named_too() {
    let work = tempfile::tempdir().unwrap();
    symlink("/tmp", work.path().join("own.yaml")).unwrap();
    let mut walls = working_in(work.path(), Level::Full);
    walls.deny_write = vec![work.path().join("own.yaml")];
    let plan = within(walls, "true");
    let fault = Launcher::new().spawn(&plan).await.unwrap_err();
    assert!(fault.to_string().contains("own.yaml` is a link"), "{fault}");
}

/// With each of them git would take its configuration and hooks from elsewhere (gitrepository-layout(5)).
#[tokio::test]
async fn a_repository_can_t_be_led_to_other_hooks() {
    let work = tempfile::tempdir().unwrap();
    for name in ["hooks", "objects", "refs"] {
        fs::create_dir_all(work.path().join(".git").join(name)).unwrap();
    }
    fs::write(work.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(work.path().join(".git/config"), "[core]\n").unwrap();
    let mut child = Launcher::new()
        .spawn(&within(
            working_in(work.path(), Level::Full),
            &format!(
                "cd {}/.git; echo; read x; echo ../evil > commondir; echo x > config.worktree; mkdir worktrees/x; \
                 cd ..; mv .git git; echo '*' > .git/description",
                work.path().display()
            ),
        ))
        .await
        .unwrap();
    child.stdout.read_u8().await.unwrap();
    // Whoever works outside meanwhile notices nothing.
    let git = git(work.path());
    assert!(git.status.success(), "{git:?}");
    drop(child.stdin);
    child.process.gone().await;
    assert_eq!(
        names(&work.path().join(".git")),
        ["HEAD", "config", "description", "hooks", "objects", "refs"]
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "what somebody does outside of the box"
)]
fn git(folder: &Path) -> std::process::Output {
    let mut git = std::process::Command::new("git");
    git.args(["-c", "safe.directory=*", "status"])
        .current_dir(folder);
    git.output().unwrap()
}

#[tokio::test]
async fn boxes_at_once_share_what_is_held_and_the_last_takes_it_away() {
    let work = tempfile::tempdir().unwrap();
    let launcher = Launcher::new();
    let waiting = within(
        working_in(work.path(), Level::Full),
        &format!(
            "echo; read x; echo y > {0}/.mcp.json; ls -A {0} | grep -c mcp",
            work.path().display()
        ),
    );
    let mut first = launcher.spawn(&waiting).await.unwrap();
    first.stdout.read_u8().await.unwrap();
    for _ in 0..5 {
        let mut other = launcher
            .spawn(&within(working_in(work.path(), Level::Full), "true"))
            .await
            .unwrap();
        assert_eq!(other.process.gone().await, Exit::Code(0));
    }
    drop(first.stdin);
    let mut text = String::new();
    first.stdout.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "1\n", "it is still there, and was not written");
    first.process.gone().await;
    assert_eq!(names(work.path()), [""; 0]);
}

#[tokio::test]
async fn who_is_outside_may_use_what_is_held() {
    let work = tempfile::tempdir().unwrap();
    let plan = within(working_in(work.path(), Level::Full), "echo; read x");
    let mut child = Launcher::new().spawn(&plan).await.unwrap();
    child.stdout.read_u8().await.unwrap();
    let agents = fs::read_to_string(work.path().join(".mcp.json")).unwrap();
    assert_eq!(agents, "{\"mcpServers\":{}}\n");
    fs::write(work.path().join(".mcp.json"), "{\"mcpServers\":{\"a\":{}}}").unwrap();
    fs::write(work.path().join(".vscode/settings.json"), "{}").unwrap();
    drop(child.stdin);
    child.process.gone().await;
    assert_eq!(names(work.path()), [".mcp.json", ".vscode"]);
    assert_eq!(names(&work.path().join(".vscode")), ["settings.json"]);
}

/// What is held there stays, for its keeper is killed.
async fn left_by_a_killed_keeper(folder: &Path) {
    let plan = within(working_in(folder, Level::Full), "echo; read x");
    let mut child = Launcher::new().spawn(&plan).await.unwrap();
    child.stdout.read_u8().await.unwrap();
    kill(parent(child.id()).unwrap(), Signal::KILL);
    child.process.gone().await;
    until_gone(child.id()).await;
    assert!(names(folder).contains(&".mcp.json".to_owned()));
}

#[tokio::test]
async fn what_a_killed_keeper_held_goes_with_the_next_box() {
    let work = tempfile::tempdir().unwrap();
    left_by_a_killed_keeper(work.path()).await;
    let next = within(working_in(work.path(), Level::Full), "true");
    assert_eq!(output(&next).await.1, Exit::Code(0));
    assert_eq!(names(work.path()), [""; 0]);
}

#[tokio::test]
async fn what_a_killed_keeper_held_goes_also_where_it_is_hidden_by_then() {
    let work = tempfile::tempdir().unwrap();
    left_by_a_killed_keeper(work.path()).await;
    let mut walls = working_in(work.path(), Level::Full);
    walls.hide = vec![work.path().join(".mcp.json"), work.path().join(".claude")];
    assert_eq!(output(&within(walls, "true")).await.1, Exit::Code(0));
    assert_eq!(names(work.path()), [""; 0]);
}

#[tokio::test]
async fn a_link_where_nothing_may_be_written_is_refused_and_nothing_stays_of_the_try() {
    let work = tempfile::tempdir().unwrap();
    let link = work.path().join(".zed");
    symlink("/tmp", &link).unwrap();
    let plan = within(working_in(work.path(), Level::Full), "true");
    let fault = Launcher::new().spawn(&plan).await.unwrap_err();
    let named = link.canonicalize().is_ok() && fault.to_string().contains(".zed` is a link");
    assert!(named, "{fault}");
    until_alone(work.path(), ".zed").await;
}

#[tokio::test]
async fn a_program_out_of_reach_leaves_nothing_where_it_would_have_run() {
    let work = tempfile::tempdir().unwrap();
    let mut walls = working_in(work.path(), Level::Full);
    walls.read.clear();
    let plan = within(walls, "true");
    let fault = Launcher::new().spawn(&plan).await.unwrap_err();
    assert!(matches!(fault, LaunchFault::OutOfReach(_)), "{fault}");
    until_alone(work.path(), "").await;
}

/// The keeper is told of before it has cleared up.
async fn until_alone(folder: &Path, name: &str) {
    let alone = async {
        while names(folder).iter().any(|there| there != name) {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, alone).await.unwrap();
}

#[tokio::test]
async fn more_can_be_closed_that_is_there_or_not() {
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("a"), "old").unwrap();
    let mut walls = working_in(work.path(), Level::Full);
    walls.deny_write = ["a", "b", "deep/c", "d/"]
        .map(|name| work.path().join(name))
        .to_vec();
    let script = format!(
        "cd {}; for f in a b deep/c d/e; do echo x > $f; done; mv a z; cat a",
        work.path().display()
    );
    let text = said(walls, &script).await;
    assert!(text.ends_with("old"), "{text}");
    assert_eq!(names(work.path()), ["a"]);
}

#[tokio::test]
async fn a_program_that_takes_too_much_memory_ends_and_nobody_else_does() {
    for level in HELD {
        let mut walls = walls(level);
        walls.limits.memory = 32 << 20;
        let launcher = Launcher::new();
        let mut other = launcher
            .spawn(&within(walls.clone(), "read x; exit 4"))
            .await
            .unwrap();
        // It holds all that it reads, for want of a line's end.
        let greedy = within(
            walls,
            "head -c 200000000 /dev/zero | tail -c 200000000 > /dev/null",
        );
        let mut child = launcher.spawn(&greedy).await.unwrap();
        let mut said = String::new();
        child.stderr.read_to_string(&mut said).await.unwrap();
        let exit = timeout(DEADLINE, child.exited()).await.unwrap();
        assert!(!exit.is_success(), "{level}: {exit} {said}");
        child.process.gone().await;
        drop(other.stdin);
        assert_eq!(other.process.exited().await, Exit::Code(4));
    }
}

#[tokio::test]
async fn a_program_that_forks_too_much_is_told_and_ends_as_fast_as_others() {
    let mut walls = walls(Level::Full);
    walls.limits.processes = 20;
    let script = "i=0; while [ $i -lt 60 ]; do sleep 100 & i=$((i+1)); done; echo all";
    let mut child = Launcher::new().spawn(&within(walls, script)).await.unwrap();
    let mut said = String::new();
    let exit = timeout(DEADLINE, child.exited()).await.unwrap();
    child.stderr.read_to_string(&mut said).await.unwrap();
    assert!(!exit.is_success() && said.contains("fork"), "{exit} {said}");
    assert_eq!(timeout(DEADLINE, child.process.gone()).await.unwrap(), exit);
}

#[tokio::test]
async fn a_program_that_takes_too_long_or_writes_too_much_ends() {
    for level in [Level::None, Level::Light, Level::Full] {
        let work = tempfile::tempdir().unwrap();
        let mut walls = working_in(work.path(), level);
        walls.limits.cpu = Duration::from_secs(1);
        walls.limits.file_size = Some(1 << 20);
        let busy = within(walls.clone(), "while :; do :; done");
        let (_, exit) = timeout(DEADLINE, output(&busy)).await.unwrap();
        assert!(matches!(exit, Exit::Signal(9 | 24)), "{level}: {exit}");
        let file = work.path().join("file");
        let script = format!("exec head -c 9000000 /dev/zero > {}", file.display());
        let (_, exit) = output(&within(walls, &script)).await;
        assert!(!exit.is_success(), "{level}: {exit}");
        assert_eq!(fs::metadata(file).unwrap().len(), 1 << 20);
    }
}

#[tokio::test]
async fn whoever_ignores_signals_or_stops_itself_is_ended_with_all_it_started() {
    for level in HELD {
        let mark = mark();
        let launcher = Launcher::new();
        for last in [
            "while :; do sleep 0.01; done",
            "while :; do kill -STOP $$; done",
        ] {
            let script = format!(
                "trap '' TERM HUP INT; sleep {mark} & setsid sh -c 'setsid sleep {mark} & exit' & echo; {last}"
            );
            let mut child = launcher
                .spawn(&within(walls(level), &script))
                .await
                .unwrap();
            child.stdout.read_u8().await.unwrap();
            until_marked(&mark, 2).await;
            assert_eq!(child.stop(Duration::from_millis(50)).await, Exit::Signal(9));
            assert_eq!(marked(&mark), [], "{level}");
        }
        let script = format!("setsid sh -c 'setsid sleep {mark} & exit' & echo; read x");
        let mut child = launcher
            .spawn(&within(walls(level), &script))
            .await
            .unwrap();
        child.stdout.read_u8().await.unwrap();
        until_marked(&mark, 1).await;
        // With the keeper the box ends; and with the spawner every keeper.
        kill(parent(child.id()).unwrap(), Signal::KILL);
        child.process.gone().await;
        until_marked(&mark, 0).await;
        let mut child = launcher
            .spawn(&within(walls(level), &script))
            .await
            .unwrap();
        child.stdout.read_u8().await.unwrap();
        kill(launcher.spawner().unwrap(), Signal::KILL);
        child.process.gone().await;
        until_marked(&mark, 0).await;
        let next = launcher.spawn(&within(walls(level), "true")).await;
        assert_eq!(next.unwrap().exited().await, Exit::Code(0));
    }
}

#[tokio::test]
async fn a_keeper_that_stands_by_may_be_killed() {
    let launcher = Launcher::new();
    let plan = within(walls(Level::Full), "true");
    launcher.spawn(&plan).await.unwrap().process.gone().await;
    let spawner = launcher.spawner().unwrap();
    let children = async || {
        let list = fs::read_to_string(format!("/proc/{spawner}/task/{spawner}/children"));
        let list = list.unwrap_or_default();
        list.split_whitespace()
            .map(|pid| pid.parse().unwrap())
            .collect::<Vec<u32>>()
    };
    let alone = async {
        while children().await.len() != 1 {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, alone).await.unwrap();
    let keeper = children().await[0];
    kill(keeper, Signal::KILL);
    until_gone(keeper).await;
    for _ in 0..3 {
        assert_eq!(output_by(&launcher, &plan).await, Exit::Code(0));
    }
}

async fn output_by(launcher: &Launcher, plan: &Plan) -> Exit {
    launcher.spawn(plan).await.unwrap().process.gone().await
}

/// `DURWARD_DEEP` has it kill ten thousand and start twenty-four thousand.
#[tokio::test]
async fn many_starts_and_kills_leave_nothing() {
    let deep = std::env::var_os("DURWARD_DEEP").is_some();
    let (kills, starts) = if deep { (10_000, 24_000) } else { (60, 120) };
    let launcher = Launcher::new();
    let mark = mark();
    let script = format!(
        "trap '' TERM; setsid sh -c 'setsid sleep {mark} & exit' & echo; read x; sleep {mark}"
    );
    for round in 0..kills {
        let level = HELD[round % 2];
        let mut child = launcher
            .spawn(&within(walls(level), &script))
            .await
            .unwrap();
        child.stdout.read_u8().await.unwrap();
        child.process.kill();
        child.process.gone().await;
    }
    assert_eq!(marked(&mark), []);
    let spawner = launcher.spawner().unwrap();
    let (mut first, plans) = (None, HELD.map(|level| within(walls(level), "exit 3")));
    for round in 0..starts {
        if round == starts / 4 {
            first = Some(used(spawner));
        }
        let mut child = launcher.spawn(&plans[round % 2]).await.unwrap();
        assert_eq!(child.process.gone().await, Exit::Code(3));
    }
    let (files, memory) = first.unwrap();
    let last = used(spawner);
    assert_eq!(last.0, files);
    assert!(last.1 <= memory + 64, "{memory} KiB became {}", last.1);
}

/// Descriptors of this process, and KiB of the spawner's own memory.
fn used(spawner: u32) -> (usize, u64) {
    let status = fs::read_to_string(format!("/proc/{spawner}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .unwrap();
    let memory = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (fs::read_dir("/proc/self/fd").unwrap().count(), memory)
}
