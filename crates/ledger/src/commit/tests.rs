use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use durward_core::{ManualClock, Tier};

use crate::{
    Durability, Journal, JournalSettings, LedgerFault, OnFailure, folder,
    testing::{Breakable, Plan, done, facts, kinds, one_call, put, records, run, settings},
    verify,
};

fn breakable(
    change: impl FnOnce(&mut JournalSettings),
) -> (tempfile::TempDir, Journal, Arc<ManualClock>, Arc<Plan>) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    change(&mut settings);
    let held = folder::hold(&settings.dir, &settings.chain).unwrap();
    let (disk, plan) = Breakable::new(held.dir.clone());
    let clock = Arc::new(ManualClock::new());
    let journal = Journal::open_on(disk, held, settings, clock.clone()).unwrap();
    (folder, journal, clock, plan)
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let (folder, journal, clock, plan) = breakable(|_| {});
    run(one_call(&journal, 1, Tier::Read));
    let mut seat = journal.enter().unwrap();
    run(seat.intent(facts(2, Tier::Read), Durability::WithOutcome)).unwrap();
    plan.full.store(true, Ordering::SeqCst);
    assert!(matches!(
        run(seat.close(done())),
        Err(LedgerFault::Failed { .. })
    ));
    assert!(matches!(journal.enter(), Err(LedgerFault::Failed { .. })));
    assert!(!journal.health().ok);
    plan.full.store(false, Ordering::SeqCst);
    assert!(
        journal.enter().is_err(),
        "it is not tried more often than every 250 ms"
    );
    clock.advance(Duration::from_millis(251));
    run(one_call(&journal, 3, Tier::Operate));
    assert!(journal.health().ok && journal.health().last_error.is_none());
    journal.close().unwrap();
    let chain = folder.path().join("audit/serve");
    assert_eq!(
        kinds(&chain)
            .iter()
            .filter(|kind| *kind == "outcome")
            .count(),
        3,
        "nothing is lost"
    );
    assert!(
        verify(&folder.path().join("audit"), None)
            .unwrap()
            .is_intact()
    );
}

#[test]
fn a_degraded_journal_counts_what_it_drops() {
    let (folder, journal, clock, plan) =
        breakable(|settings| settings.on_failure = OnFailure::Degrade);
    plan.full.store(true, Ordering::SeqCst);
    let large = "x".repeat(60_000);
    let mut n = 0;
    while journal.health().dropped == 0 {
        n += 1;
        let mut facts = facts(n, Tier::Read);
        facts.arguments = Some(durward_core::RawJson::of(&large).unwrap());
        let mut seat = journal.enter().unwrap();
        run(seat.intent(facts, Durability::WithOutcome)).unwrap();
        run(seat.close(done())).unwrap();
    }
    assert!(!journal.health().ok);
    plan.full.store(false, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1));
    run(one_call(&journal, n + 1, Tier::Read));
    journal.close().unwrap();
    let all = records(&folder.path().join("audit/serve"));
    let dropped = all
        .iter()
        .find(|record| record["kind"] == "dropped")
        .unwrap();
    assert_eq!(dropped["records"], journal.health().dropped);
    assert!(
        verify(&folder.path().join("audit"), None)
            .unwrap()
            .is_intact()
    );
}

#[test]
fn a_danger_call_runs_after_a_sync() {
    let (_folder, journal, _, plan) = breakable(|_| {});
    let mut seat = journal.enter().unwrap();
    let before = plan.syncs.load(Ordering::SeqCst);
    run(seat.intent(facts(1, Tier::Danger), Durability::Synced)).unwrap();
    assert!(plan.syncs.load(Ordering::SeqCst) > before);
}

#[test]
fn a_failed_sync_is_not_trusted() {
    let (folder, journal, clock, plan) = breakable(|_| {});
    plan.no_sync.store(true, Ordering::SeqCst);
    let mut seat = journal.enter().unwrap();
    let refused = run(seat.intent(facts(1, Tier::Danger), Durability::Synced));
    assert!(matches!(refused, Err(LedgerFault::Failed { .. })));
    drop(seat);
    assert!(journal.enter().is_err());
    plan.no_sync.store(false, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1));
    run(one_call(&journal, 2, Tier::Danger));
    journal.close().unwrap();
    assert!(
        verify(&folder.path().join("audit"), None)
            .unwrap()
            .is_intact()
    );
}

#[test]
fn names_are_synced_once_unless_the_last_process_died() {
    let folder = tempfile::tempdir().unwrap();
    let synced = || {
        let settings = settings(folder.path());
        let held = folder::hold(&settings.dir, &settings.chain).unwrap();
        let (disk, plan) = Breakable::new(held.dir.clone());
        let journal = Journal::open_on(disk, held, settings, Arc::new(ManualClock::new())).unwrap();
        run(one_call(&journal, 1, Tier::Read));
        journal.close().unwrap();
        plan.name_syncs.load(Ordering::SeqCst)
    };
    assert_eq!((synced(), synced()), (1, 0));
    put(&folder.path().join("audit/serve/lock"), b"4711\n");
    assert_eq!((synced(), synced()), (1, 0));
}
