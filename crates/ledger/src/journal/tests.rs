use std::{fs, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use durward_core::{ManualClock, Refusal, RefusalCode};

use super::*;
use crate::{
    EventName, JsonlCopy, Outcome, Status,
    testing::{self, done, facts, journal, kinds, one_call, put, records, run, settings},
    verify,
};

#[test]
fn a_call_is_an_intent_and_an_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = journal(settings(folder.path()));
    for tier in [Tier::Read, Tier::Operate, Tier::Danger] {
        run(one_call(&journal, 7, tier));
    }
    journal.close().unwrap();
    let chain = folder.path().join("audit/serve");
    let records = records(&chain);
    for pair in records
        .iter()
        .skip_while(|record| record["kind"] != "intent")
        .collect::<Vec<_>>()
        .chunks_exact(2)
    {
        assert_eq!(pair[0]["kind"], "intent");
        assert_eq!(pair[0]["caller"], "key:ab12cd34");
        assert_eq!(pair[0]["key"], "ab12cd34");
        assert_eq!(pair[0]["target"], "fs.read_file");
        assert_eq!(pair[0]["args"]["path"], "a.txt");
        assert_eq!(pair[1]["kind"], "outcome");
        assert_eq!(pair[1]["intent"], pair[0]["seq"]);
        assert_eq!(
            (&pair[1]["status"], &pair[1]["bytes"]),
            (&"ok".into(), &2.into())
        );
    }
    assert_eq!(records.len(), 2 + 6 + 1);
    let file = chain.join("000001.dwj");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::metadata(&chain).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn a_read_call_is_not_written_before_its_end_and_an_operate_call_is() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = journal(settings(folder.path()));
    let chain = folder.path().join("audit/serve");
    let mut read = journal.enter().unwrap();
    run(read.intent(facts(1, Tier::Read), Durability::WithOutcome)).unwrap();
    assert_eq!(kinds(&chain), ["genesis", "checkpoint"]);
    let mut operate = journal.enter().unwrap();
    run(operate.intent(facts(2, Tier::Operate), Durability::Written)).unwrap();
    assert_eq!(kinds(&chain), ["genesis", "checkpoint", "intent"]);
    run(read.close(done())).unwrap();
    assert_eq!(kinds(&chain)[3..], ["intent", "outcome"]);
}

#[test]
fn a_refusal_is_one_record() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, clock) = journal(settings(folder.path()));
    let seat = journal.enter().unwrap();
    clock.advance(Duration::from_micros(40));
    let refusal = Refusal::new(RefusalCode::Denied, "no")
        .rule("deny[2]")
        .detail("null_byte");
    run(seat.refuse(facts(1, Tier::Read), &refusal)).unwrap();
    let all = records(&folder.path().join("audit/serve"));
    let record = all.last().unwrap();
    assert_eq!(all.len(), 3);
    for (key, value) in [
        ("kind", "refusal"),
        ("decision", "deny"),
        ("code", "denied"),
        ("denied_by", "deny[2]"),
    ] {
        assert_eq!(record[key], value);
    }
    assert_eq!(record["us"], 40);
}

#[test]
fn a_dropped_seat_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = journal(settings(folder.path()));
    let chain = folder.path().join("audit/serve");
    for (durability, n) in [(Durability::WithOutcome, 1), (Durability::Written, 2)] {
        let mut seat = journal.enter().unwrap();
        run(seat.intent(facts(n, Tier::Operate), durability)).unwrap();
        drop(seat);
        let record = records(&chain).pop().unwrap();
        assert_eq!(
            (&record["kind"], &record["status"]),
            (&"outcome".into(), &"cancelled".into())
        );
    }
    let mut seat = journal.enter().unwrap();
    seat.describe(facts(3, Tier::Read));
    drop(seat);
    let record = records(&chain).pop().unwrap();
    assert_eq!(
        (&record["kind"], &record["status"]),
        (&"refusal".into(), &"cancelled".into())
    );
    let before = records(&chain).len();
    drop(journal.enter().unwrap());
    assert_eq!(records(&chain).len(), before);
    assert_eq!(journal.health().open, 0);
}

#[test]
fn a_panic_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = journal(settings(folder.path()));
    let mut seat = journal.enter().unwrap();
    run(seat.intent(facts(1, Tier::Read), Durability::WithOutcome)).unwrap();
    let thread = std::thread::spawn(move || {
        let _seat = seat;
        panic!("on purpose");
    });
    assert!(thread.join().is_err());
    assert_eq!(
        records(&folder.path().join("audit/serve")).pop().unwrap()["status"],
        "panicked"
    );
}

#[test]
fn an_answer_leaves_after_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = journal(settings(folder.path()));
    let journal = Arc::new(journal);
    let chain = folder.path().join("audit/serve");
    run(tokio::task::LocalSet::new().run_until(async {
        let calls = (0..64).map(|n| {
            let (journal, chain) = (journal.clone(), chain.clone());
            tokio::task::spawn_local(async move {
                one_call(&journal, n, Tier::Read).await;
                let id = uuid::Uuid::from_u128(u128::from(n)).to_string();
                let ends = |record: &serde_json::Value| {
                    record["call"] == *id && record["kind"] == "outcome"
                };
                assert_eq!(
                    records(&chain).iter().filter(|record| ends(record)).count(),
                    1
                );
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
    }));
    assert_eq!(records(&chain).len(), 2 + 128);
}

#[test]
fn many_threads_write_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    settings.segment_bytes = 20_000;
    let dir = settings.dir.clone();
    let (journal, _) = journal(settings);
    let journal = Arc::new(journal);
    let threads = (0..4u64).map(|thread| {
        let journal = journal.clone();
        std::thread::spawn(move || {
            run(async {
                for n in 0..50 {
                    let tier = [Tier::Read, Tier::Operate, Tier::Danger][(n % 25 / 12) as usize];
                    one_call(&journal, thread * 1000 + n, tier).await;
                }
            });
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
    journal.close().unwrap();
    let report = verify(&dir, Some(journal.public_key())).unwrap();
    assert!(report.is_intact(), "{report:#?}");
    assert!(report.chains[0].segments > 3);
    assert_eq!(
        kinds(&dir.join("serve"))
            .iter()
            .filter(|kind| *kind == "outcome")
            .count(),
        200
    );
}

#[test]
fn the_chain_goes_on_after_a_restart_and_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    let segment = dir.join("serve/000001.dwj");
    for round in 0..3 {
        let (journal, _) = journal(settings(folder.path()));
        run(one_call(&journal, round, Tier::Read));
        drop(journal);
        let mut bytes = fs::read(&segment).unwrap();
        bytes.extend_from_slice(&[200, 0, 0, 0, 9, 9]);
        fs::write(&segment, bytes).unwrap();
        let report = verify(&dir, None).unwrap();
        assert!(report.is_intact(), "{report:#?}");
        assert_eq!(report.chains[0].torn.as_ref().unwrap().bytes, 6);
    }
    drop(journal(settings(folder.path())));
    let report = verify(&dir, None).unwrap();
    assert!(
        report.is_intact() && report.chains[0].torn.is_none(),
        "{report:#?}"
    );
    assert_eq!(report.chains[0].unsigned_tail, 0);
    let found = records(&dir.join("serve"));
    assert_eq!(
        found
            .iter()
            .filter(|record| record["cut_bytes"] == 6)
            .count(),
        3
    );
}

#[test]
fn a_crash_at_any_byte_costs_the_last_record_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = journal(settings(folder.path()));
    run(one_call(&first, 1, Tier::Read));
    drop(first);
    let segment = folder.path().join("audit/serve/000001.dwj");
    let whole = fs::read(&segment).unwrap();
    for length in (0..whole.len()).step_by(29) {
        put(&segment, &whole[..length]);
        drop(journal(settings(folder.path())));
        let report = verify(&folder.path().join("audit"), None).unwrap();
        assert!(report.is_intact(), "{length}: {report:#?}");
    }
}

#[test]
fn a_damaged_chain_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = journal(settings(folder.path()));
    run(one_call(&first, 1, Tier::Read));
    drop(first);
    let segment = folder.path().join("audit/serve/000001.dwj");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[900] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let refused = Journal::open(settings(folder.path()), Arc::new(ManualClock::new()));
    let Err(LedgerError::Damaged { file, offset, .. }) = refused else {
        panic!("it was opened")
    };
    assert!(file == segment && offset <= 900);
    assert_eq!(fs::read(&segment).unwrap(), bytes);
}

#[test]
fn two_writers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_first, _) = journal(settings(folder.path()));
    let second = Journal::open(settings(folder.path()), Arc::new(ManualClock::new()));
    assert!(matches!(second, Err(LedgerError::Held { by: Some(_), .. })));
}

#[test]
fn places_are_limited() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    settings.max_open = 2;
    let (journal, _) = journal(settings);
    let seats = [journal.enter().unwrap(), journal.enter().unwrap()];
    assert!(matches!(
        journal.enter(),
        Err(LedgerFault::Full { most: 2 })
    ));
    drop(seats);
    let seat = journal.enter().unwrap();
    journal.close().unwrap();
    assert!(matches!(journal.enter(), Err(LedgerFault::Closed)));
    run(seat.close(Outcome::of(Status::Ok))).unwrap();
}

#[test]
fn checkpoints_come_with_time_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, clock) = journal(settings(folder.path()));
    let chain = folder.path().join("audit/serve");
    run(one_call(&journal, 1, Tier::Read));
    assert_eq!(kinds(&chain).pop().unwrap(), "outcome");
    clock.advance(Duration::from_secs(1));
    run(one_call(&journal, 2, Tier::Read));
    assert_eq!(kinds(&chain).pop().unwrap(), "checkpoint");
    journal.event(Event::new(EventName::STOPPED)).unwrap();
    journal.close().unwrap();
    assert_eq!(
        kinds(&chain)[kinds(&chain).len() - 2..],
        ["event", "checkpoint"]
    );
}

#[test]
fn old_segments_go_and_the_chain_holds() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    settings.segment_bytes = 4_000;
    let (journal, clock) = journal(settings);
    let dir = folder.path().join("audit");
    for n in 0..20 {
        run(one_call(&journal, n, Tier::Read));
    }
    clock.advance(Duration::from_secs(3 * 86_400));
    run(one_call(&journal, 99, Tier::Read));
    let none = journal
        .prune(&Retention {
            days: Some(4),
            bytes: None,
        })
        .unwrap();
    assert_eq!(none.segments, 0);
    let aged = journal
        .prune(&Retention {
            days: Some(2),
            bytes: None,
        })
        .unwrap();
    assert!(aged.segments > 0);
    for n in 100..120 {
        run(one_call(&journal, n, Tier::Read));
    }
    journal.close().unwrap();
    let report = verify(&dir, None).unwrap();
    assert!(report.is_intact(), "{report:#?}");
    assert_eq!(report.chains[0].pruned, aged.segments);
    let first = folder::segments(&dir.join("serve")).unwrap()[0];
    fs::remove_file(folder::segment(&dir.join("serve"), first)).unwrap();
    assert!(
        !verify(&dir, None).unwrap().is_intact(),
        "one more than was recorded is gone"
    );
}

#[test]
fn the_copy_has_a_line_a_record_and_is_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    let file = folder.path().join("copy.jsonl");
    settings.copy = Some(JsonlCopy {
        file: file.clone(),
        rotate_bytes: 3_000,
        keep: 2,
    });
    let (journal, _) = journal(settings);
    for n in 0..20 {
        run(one_call(&journal, n, Tier::Read));
    }
    for name in ["copy.jsonl", "copy.jsonl.1", "copy.jsonl.2"] {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(
            text.lines()
                .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
        );
        assert!(text.len() < 5_000);
    }
    assert!(!folder.path().join("copy.jsonl.3").exists());
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(journal.health().copy_error, None);
}

#[test]
fn the_futures_may_move_between_threads() {
    fn check<T: Send>(_: &T) {}
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = testing::journal(settings(folder.path()));
    let mut seat = journal.enter().unwrap();
    check(&seat.intent(facts(1, Tier::Read), Durability::Synced));
    check(&seat.close(done()));
}
