//! How a program ends, and all that it started.

use super::*;

/// Sleepers of every kind: a child, a grandchild in another session, and one whose parents are gone.
fn family(mark: &str) -> String {
    format!(
        "sleep {mark} & setsid sh -c 'sleep {mark}; true' & setsid sh -c 'setsid sleep {mark} & exit' & "
    )
}

/// The sleepers, and the shells of theirs that stay.
async fn started(mark: &str) {
    let wait = async {
        while marked(mark).len() < 3 {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, wait).await.unwrap();
}

#[tokio::test]
async fn its_end_is_told_as_it_was() {
    assert_eq!(output(&shell("exit 3")).await.1, Exit::Code(3));
    assert_eq!(output(&shell("kill -9 $$")).await.1, Exit::Signal(9));
}

#[tokio::test]
async fn what_it_leaves_behind_is_ended_with_it() {
    let mark = mark();
    let mut child = Launcher::new()
        .spawn(&shell(&format!("{} read x", family(&mark))))
        .await
        .unwrap();
    started(&mark).await;
    drop(child.stdin);
    assert_eq!(child.process.gone().await, Exit::Code(1));
    assert_eq!(marked(&mark), []);
}

#[tokio::test]
async fn dropping_it_ends_its_whole_tree() {
    let mark = mark();
    let launcher = Launcher::new();
    let child = launcher
        .spawn(&shell(&format!("{} wait", family(&mark))))
        .await
        .unwrap();
    let other = launcher
        .spawn(&Plan::new(["sleep", &format!("{mark}.5")]))
        .await
        .unwrap();
    started(&mark).await;
    let (id, keeper) = (child.id(), parent(child.id()).unwrap());
    drop(child);
    until_marked(&mark, 0).await;
    until_gone(id).await;
    until_gone(keeper).await;
    // And no other's.
    until_marked(&format!("{mark}.5"), 1).await;
    drop(other);
}

#[tokio::test]
async fn one_that_ends_at_the_end_of_its_input_is_not_signalled() {
    let plan = shell("trap 'exit 9' TERM; cat; exit 4");
    let child = Launcher::new().spawn(&plan).await.unwrap();
    assert_eq!(child.stop(DEADLINE).await, Exit::Code(4));
}

#[tokio::test]
async fn one_that_ignores_the_end_of_its_input_is_asked_to_end() {
    let plan = shell("trap 'exit 5' TERM; echo; while :; do sleep 0.01; done");
    let mut child = Launcher::new().spawn(&plan).await.unwrap();
    child.stdout.read_u8().await.unwrap();
    assert_eq!(child.stop(Duration::from_millis(400)).await, Exit::Code(5));
}

#[tokio::test]
async fn one_that_ignores_everything_is_killed_with_its_tree() {
    let mark = mark();
    let script = format!(
        "trap '' TERM HUP INT; {} echo; while :; do sleep 0.01; done",
        family(&mark)
    );
    let mut child = Launcher::new().spawn(&shell(&script)).await.unwrap();
    child.stdout.read_u8().await.unwrap();
    started(&mark).await;
    assert_eq!(child.stop(Duration::from_millis(50)).await, Exit::Signal(9));
    assert_eq!(marked(&mark), []);
}

#[tokio::test]
async fn one_that_is_stopped_hears_that_it_shall_end_or_is_killed() {
    let launcher = Launcher::new();
    let mut asked = launcher
        .spawn(&shell(
            "trap 'exit 6' TERM; echo; while :; do sleep 0.01; done",
        ))
        .await
        .unwrap();
    asked.stdout.read_u8().await.unwrap();
    kill(asked.id(), Signal::STOP);
    assert_eq!(asked.stop(Duration::from_millis(400)).await, Exit::Code(6));
    let killed = launcher
        .spawn(&shell("kill -STOP $$; exit 7"))
        .await
        .unwrap();
    let id = killed.id();
    drop(killed);
    until_gone(id).await;
}

#[tokio::test]
async fn one_that_floods_its_output_can_be_stopped() {
    let child = Launcher::new()
        .spawn(&shell("yes >&2 & yes"))
        .await
        .unwrap();
    let exit = child.stop(Duration::from_millis(100)).await;
    assert!(matches!(exit, Exit::Signal(15 | 13 | 9)), "{exit}");
}

#[tokio::test]
async fn those_that_hop_from_process_to_process_are_caught() {
    let folder = tempfile::tempdir().unwrap();
    let (mark, hopper) = (mark(), folder.path().join("hopper"));
    fs::write(&hopper, "setsid sh \"$0\" \"$1\" & exit\n").unwrap();
    let script = format!(
        "for i in 1 2 3 4 5 6 7 8; do sh {} {mark} & done; wait; read x",
        hopper.display()
    );
    let mut child = Launcher::new().spawn(&shell(&script)).await.unwrap();
    let hopping = async {
        while marked(&mark).len() < 4 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(DEADLINE, hopping).await.unwrap();
    child.process.kill();
    let gone = timeout(DEADLINE, child.process.gone()).await;
    assert_eq!(gone, Ok(Exit::Signal(9)));
    assert_eq!(marked(&mark), []);
}

#[tokio::test]
async fn with_the_spawner_its_children_end_and_the_next_start_makes_a_new_one() {
    let mark = mark();
    let launcher = Launcher::new();
    let mut child = launcher
        .spawn(&shell(&format!("{} wait", family(&mark))))
        .await
        .unwrap();
    started(&mark).await;
    let spawner = launcher.spawner().unwrap();
    kill(spawner, Signal::KILL);
    assert_eq!(child.process.gone().await, Exit::Signal(9));
    assert_eq!(marked(&mark), []);
    let mut next = launcher.spawn(&Plan::new(["true"])).await.unwrap();
    assert_eq!(next.exited().await, Exit::Code(0));
    assert_ne!(launcher.spawner().unwrap(), spawner);
    assert!(!fs::exists(format!("/proc/{spawner}")).unwrap());
}

#[tokio::test]
async fn with_its_keeper_a_program_and_all_its_descendants_end() {
    let mark = mark();
    let launcher = Launcher::new();
    let mut child = launcher
        .spawn(&shell(&format!("{} wait", family(&mark))))
        .await
        .unwrap();
    let mut other = launcher.spawn(&Plan::new(["cat"])).await.unwrap();
    started(&mark).await;
    kill(parent(child.id()).unwrap(), Signal::KILL);
    assert_eq!(child.exited().await, Exit::Lost);
    until_marked(&mark, 0).await;
    until_gone(child.id()).await;
    // The spawner and the others are as they were.
    drop(other.stdin);
    assert_eq!(other.process.exited().await, Exit::Code(0));
}

#[tokio::test]
async fn a_spawner_that_hangs_is_replaced() {
    let launcher = Launcher::new();
    launcher
        .spawn(&Plan::new(["true"]))
        .await
        .unwrap()
        .exited()
        .await;
    let spawner = launcher.spawner().unwrap();
    kill(spawner, Signal::STOP);
    tokio::time::pause();
    let fault = launcher.spawn(&Plan::new(["true"])).await.unwrap_err();
    tokio::time::resume();
    assert!(matches!(fault, LaunchFault::LauncherSilent(_)) && fault.started());
    let mut next = launcher.spawn(&Plan::new(["true"])).await.unwrap();
    assert_eq!(next.exited().await, Exit::Code(0));
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    let mark = mark();
    let launcher = Launcher::new();
    launcher
        .spawn(&Plan::new(["true"]))
        .await
        .unwrap()
        .exited()
        .await;
    let plan = Plan::new(["sleep", &mark]);
    for wait in 0..40 {
        let _ = timeout(Duration::from_micros(wait * 50), launcher.spawn(&plan)).await;
    }
    until_marked(&mark, 0).await;
}

#[tokio::test]
async fn a_keeper_that_someone_stopped_holds_nothing_up() {
    let mark = mark();
    let launcher = Launcher::new();
    let script = format!("{} wait", family(&mark));
    let child = launcher.spawn(&shell(&script)).await.unwrap();
    started(&mark).await;
    let keeper = parent(child.id()).unwrap();
    kill(keeper, Signal::STOP);
    tokio::time::pause();
    assert_eq!(child.stop(Duration::ZERO).await, Exit::Lost);
    tokio::time::resume();
    until_marked(&mark, 0).await;
    until_gone(keeper).await;
}
