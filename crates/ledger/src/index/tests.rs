use std::{fs, time::Duration};

use durward_core::{Refusal, RefusalCode, Tier};

use super::*;
use crate::{
    Event, EventName, Format, Journal, Order, Tail, export,
    testing::{facts, journal, one_call, run, settings},
};

struct Fixture {
    folder: tempfile::TempDir,
    live: Journal,
}

impl Fixture {
    fn dir(&self) -> PathBuf {
        self.folder.path().join("audit")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("audit.db")
    }

    fn index(&self) -> Index {
        let mut index = Index::open(&self.file()).unwrap();
        index.refresh(&self.dir()).unwrap();
        index
    }
}

/// Three calls, a refusal, a call under way and an event.
fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    settings.segment_bytes = 3_000;
    let (live, clock) = journal(settings);
    for n in 1..=3 {
        clock.advance(Duration::from_secs(1));
        run(one_call(&live, n, Tier::Read));
    }
    let refusal = Refusal::new(RefusalCode::Denied, "not with these arguments").rule("deny[0]");
    run(live
        .enter()
        .unwrap()
        .refuse(facts(4, Tier::Operate), &refusal))
    .unwrap();
    live.event(
        Event::new(EventName::AUTH_FAILED)
            .why("unknown key")
            .remote([127, 0, 0, 1].into()),
    )
    .unwrap();
    Fixture { folder, live }
}

fn filter() -> Filter {
    Filter::default()
}

#[test]
fn a_call_is_one_entry() {
    let fixture = fixture();
    let index = fixture.index();
    let all = index
        .query(&Filter {
            order: Order::OldestFirst,
            ..filter()
        })
        .unwrap();
    assert_eq!(all.len(), 5);
    let first = &all[0];
    assert_eq!(first.status.as_deref(), Some("ok"));
    assert_eq!(first.caller.as_deref(), Some("key:ab12cd34"));
    assert_eq!(first.rule.as_deref(), Some("roles.dev"));
    assert!(first.us.is_some() && first.bytes == Some(2));
    assert_eq!(all[3].rule.as_deref(), Some("deny[0]"));
    assert_eq!(all[4].event.as_deref(), Some("auth_failed"));
}

#[test]
fn filters_narrow() {
    let fixture = fixture();
    let index = fixture.index();
    let text = |word: &str| Some(word.to_owned());
    let since = durward_core::Wall(1_800_000_002_000_000);
    for (filter, count) in [
        (
            Filter {
                decision: text("deny"),
                ..filter()
            },
            1,
        ),
        (
            Filter {
                status: text("ok"),
                ..filter()
            },
            3,
        ),
        (
            Filter {
                code: text("denied"),
                ..filter()
            },
            1,
        ),
        (
            Filter {
                code: text("auth_failed"),
                ..filter()
            },
            1,
        ),
        (
            Filter {
                caller: text("alice"),
                ..filter()
            },
            4,
        ),
        (
            Filter {
                target: text("fs.*"),
                ..filter()
            },
            4,
        ),
        (
            Filter {
                target: text("fs.?ead_file"),
                ..filter()
            },
            0,
        ),
        (
            Filter {
                text: text("WITH THESE"),
                ..filter()
            },
            1,
        ),
        (
            Filter {
                text: text("%"),
                ..filter()
            },
            0,
        ),
        (
            Filter {
                since: Some(since),
                ..filter()
            },
            4,
        ),
        (
            Filter {
                until: Some(since),
                ..filter()
            },
            1,
        ),
        (
            Filter {
                limit: Some(2),
                ..filter()
            },
            2,
        ),
        (
            Filter {
                call: Some(uuid::Uuid::from_u128(2).to_string()),
                ..filter()
            },
            1,
        ),
    ] {
        assert_eq!(index.query(&filter).unwrap().len(), count, "{filter:?}");
    }
}

#[test]
fn it_takes_in_only_what_is_new() {
    let fixture = fixture();
    let mut index = fixture.index();
    let mut seat = fixture.live.enter().unwrap();
    run(seat.intent(facts(9, Tier::Operate), crate::Durability::Written)).unwrap();
    index.refresh(&fixture.dir()).unwrap();
    let open = Filter {
        status: Some("open".to_owned()),
        ..filter()
    };
    assert_eq!(index.query(&open).unwrap().len(), 1);
    drop(seat);
    index.refresh(&fixture.dir()).unwrap();
    assert_eq!(index.query(&open).unwrap().len(), 0);
    assert_eq!(index.query(&filter()).unwrap().len(), 6);
    index.rebuild(&fixture.dir()).unwrap();
    assert_eq!(index.query(&filter()).unwrap().len(), 6);
}

#[test]
fn a_damaged_index_is_made_anew_and_a_newer_one_is_left() {
    let fixture = fixture();
    drop(fixture.index());
    fs::write(fixture.file(), vec![7; 20_000]).unwrap();
    assert_eq!(fixture.index().query(&filter()).unwrap().len(), 5);
    let raw = Connection::open(fixture.file()).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    assert!(matches!(
        Index::open(&fixture.file()),
        Err(LedgerError::NewerIndex { found: 99, .. })
    ));
}

#[test]
fn another_journal_under_the_same_name_is_read_anew() {
    let fixture = fixture();
    drop(fixture.index());
    let Fixture { folder, live } = fixture;
    drop(live);
    fs::remove_dir_all(folder.path().join("audit")).unwrap();
    let clock = std::sync::Arc::new(durward_core::SystemClock::new());
    let live = Journal::open(settings(folder.path()), clock).unwrap();
    run(one_call(&live, 1, Tier::Read));
    let fixture = Fixture { folder, live };
    assert_eq!(fixture.index().query(&filter()).unwrap().len(), 1);
}

#[test]
fn without_a_journal_there_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(&folder.path().join("audit.db")).unwrap();
    let refused = index.refresh(&folder.path().join("audit"));
    assert!(matches!(refused, Err(LedgerError::NoJournal { .. })));
}

#[test]
fn a_tail_gives_the_last_and_then_the_new() {
    let fixture = fixture();
    let mut tail = Tail::new(fixture.index(), &fixture.dir(), 2).unwrap();
    let last = tail.poll().unwrap();
    assert_eq!(
        last.iter()
            .map(|entry| entry.kind.as_str())
            .collect::<Vec<_>>(),
        ["call", "event"]
    );
    assert!(tail.poll().unwrap().is_empty());
    run(one_call(&fixture.live, 5, Tier::Danger));
    assert_eq!(tail.poll().unwrap().len(), 1);
}

#[test]
fn exports_hold_every_entry() {
    let fixture = fixture();
    let entries = fixture.index().query(&filter()).unwrap();
    for (format, lines) in [(Format::JsonLines, 5), (Format::Csv, 6), (Format::Ocsf, 5)] {
        let mut out = Vec::new();
        export(&entries, format, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), lines, "{text}");
        if format == Format::Ocsf {
            assert!(
                text.contains("\"class_uid\":6003") && !text.contains("null"),
                "{text}"
            );
        }
    }
}
