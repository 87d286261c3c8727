use std::{sync::atomic::AtomicUsize, sync::atomic::Ordering, thread, time::Duration};

use durward_core::{Clock, ManualClock, Monotonic};
use durward_guard::limit::{Quota, Rate};

use super::*;
use crate::StoreError;

fn quota(rate: &str) -> Quota {
    rate.parse::<Rate>().unwrap().quota(None)
}

fn caller(uid: u32) -> LimitKey {
    LimitKey::Caller(CallerId::of_os_user(uid))
}

fn fresh() -> (MemoryLimits, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let shared: Arc<dyn Clock> = clock.clone();
    (MemoryLimits::new(shared), clock)
}

const START: Monotonic = Monotonic(0);

/// How many of so many calls at once are let through.
fn through(cell: &Cell, calls: usize, now: Monotonic, quota: &Quota) -> usize {
    (0..calls).filter(|_| cell.take(now, quota).is_ok()).count()
}

#[test]
fn one_key_is_one_budget_and_another_is_another() {
    let (limits, _) = fresh();
    let quota = quota("60/min");
    assert_eq!(through(&limits.cell(&caller(1)), 65, START, &quota), 60);
    assert_eq!(through(&limits.cell(&caller(1)), 5, START, &quota), 0);
    assert_eq!(through(&limits.cell(&caller(2)), 65, START, &quota), 60);
}

#[test]
fn a_refund_gives_one_call_back() {
    let cell = Cell::default();
    let quota = quota("10/min");
    assert_eq!(through(&cell, 10, START, &quota), 10);
    cell.refund(&quota);
    assert_eq!(through(&cell, 5, START, &quota), 1);
}

#[test]
fn a_refund_never_gives_more_than_there_was() {
    let cell = Cell::default();
    let quota = quota("10/min");
    cell.refund(&quota);
    assert_eq!(through(&cell, 20, START, &quota), 10);
}

#[test]
fn threads_share_a_budget_exactly() {
    let cell = Cell::default();
    let (quota, passed) = (quota("1000/h"), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| passed.fetch_add(through(&cell, 500, START, &quota), Ordering::Relaxed));
        }
    });
    assert_eq!(passed.into_inner(), 1_000);
}

#[test]
fn a_gauge_holds_its_cap_and_gives_places_back() {
    let (limits, _) = fresh();
    let gauge = limits.gauge(&caller(1), 2);
    let (one, two) = (gauge.enter().unwrap(), gauge.enter().unwrap());
    assert!(gauge.enter().is_none());
    drop(one);
    assert_eq!(gauge.running(), 1);
    let same = limits.gauge(&caller(1), 1);
    assert!(same.enter().is_none() && gauge.enter().is_none());
    drop(two);
    assert!(same.enter().is_some());
}

#[test]
fn invented_keys_are_bounded_and_spent_budgets_are_not_forgotten() {
    let (limits, _) = fresh();
    let quota = quota("1/day");
    let spent = limits.cell(&caller(0));
    assert!(spent.take(START, &quota).is_ok());
    drop(spent);
    for uid in 1..100_000 {
        limits.cell(&caller(uid));
    }
    let kept: usize = limits
        .shards
        .iter()
        .map(|shard| read(&shard.cells).iter().count())
        .sum();
    assert!(kept <= MOST, "{kept}");
    assert!(limits.cell(&caller(0)).take(START, &quota).is_err());
}

#[test]
fn where_nothing_can_be_forgotten_the_rest_share_one() {
    let (limits, _) = fresh();
    let quota = quota("1/day");
    let first = |key: &LimitKey| limits.cell(key).take(START, &quota).is_ok();
    let passed = (0..100_000).filter(|&uid| first(&caller(uid))).count();
    assert_eq!(passed, MOST + SHARDS);
}

#[test]
fn gauges_are_bounded_and_refuse_where_all_are_held() {
    let (limits, _) = fresh();
    let held: Vec<_> = (0..100_000)
        .map(|uid| limits.gauge(&caller(uid), 1))
        .collect();
    let open = held.iter().filter_map(Gauge::enter).count();
    assert_eq!(open, MOST);
    let kept: usize = limits
        .shards
        .iter()
        .map(|shard| read(&shard.gauges).iter().count())
        .sum();
    assert_eq!(kept, MOST);
}

#[test]
fn what_is_spent_outlives_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("state/limits.json");
    let quota = quota("60/min");
    let tool = ToolName::new("web_search").unwrap();
    let keys = [
        LimitKey::Total,
        caller(1),
        LimitKey::Session(Uuid::from_u128(7)),
        LimitKey::Tool(CallerId::of_os_user(1), tool),
    ];
    let (before, _) = fresh();
    for key in &keys {
        assert_eq!(through(&before.cell(key), 60, START, &quota), 60);
    }
    before.save(&path).unwrap();

    let (after, clock) = fresh();
    clock.advance(Duration::from_secs(3));
    after.load(&path).unwrap();
    let now = clock.monotonic();
    for key in &keys {
        assert_eq!(through(&after.cell(key), 60, now, &quota), 3, "{key:?}");
    }
    assert_eq!(through(&after.cell(&caller(2)), 60, now, &quota), 60);
}

#[test]
fn without_a_file_nothing_is_spent_and_a_broken_one_is_said() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("limits.json");
    let (limits, _) = fresh();
    limits.load(&path).unwrap();
    crate::file::replace(&path, b"[{}").unwrap();
    assert!(matches!(
        limits.load(&path),
        Err(StoreError::Malformed { .. })
    ));
}

#[test]
fn a_clock_that_jumped_costs_no_more_than_the_budget() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("limits.json");
    let far = br#"[{"caller":"os:1","until":9000000000000000000}]"#;
    crate::file::replace(&path, far).unwrap();
    let (limits, _) = fresh();
    limits.load(&path).unwrap();
    let (cell, quota) = (limits.cell(&caller(1)), quota("60/min"));
    let wait = cell.take(START, &quota).unwrap_err();
    assert_eq!(wait, Duration::from_secs(1));
    assert!(cell.take(Monotonic(1_000_000_000), &quota).is_ok());
}

#[test]
fn a_quota_that_was_widened_holds_at_once() {
    let cell = Cell::default();
    assert_eq!(through(&cell, 9, START, &quota("3/day")), 3);
    let wide = quota("60/min");
    assert!(cell.take(START, &wide).is_err());
    assert!(cell.take(Monotonic(1_000_000_000), &wide).is_ok());
}
