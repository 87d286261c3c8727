use std::num::NonZeroU32;

use durward_core::{OwnResult, ProtocolError, RawJson};
use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Monotonic {
    Monotonic(seconds * SECOND)
}

fn settings(faults: u32) -> BreakerSettings {
    BreakerSettings {
        faults: NonZeroU32::new(faults).unwrap(),
        ..BreakerSettings::default()
    }
}

/// One call from its start to its end; `None` where it was refused.
fn call(breaker: &Breaker, seconds: u64, how: Ended, settings: &BreakerSettings) -> Option<Pass> {
    let pass = breaker.admit(at(seconds), settings).ok()?;
    breaker.ended(pass, how, at(seconds), settings);
    Some(pass)
}

fn opened(settings: &BreakerSettings) -> Breaker {
    let breaker = Breaker::new();
    for _ in 0..settings.faults.get() {
        assert_eq!(call(&breaker, 0, Ended::Fault, settings), Some(Pass::Usual));
    }
    assert_eq!(breaker.condition(at(0)), Condition::Open);
    breaker
}

#[test]
fn so_many_faults_in_a_row_open_it() {
    let settings = settings(3);
    let breaker = opened(&settings);
    let Retry(wait) = breaker.admit(at(10), &settings).unwrap_err();
    assert_eq!(wait, Duration::from_secs(20));
}

#[test]
fn an_answer_resets_the_count_and_what_says_nothing_does_not() {
    let settings = settings(3);
    let breaker = Breaker::new();
    for how in [
        Ended::Fault,
        Ended::Fault,
        Ended::Answered,
        Ended::Fault,
        Ended::Fault,
    ] {
        call(&breaker, 0, how, &settings).unwrap();
    }
    for _ in 0..100 {
        call(&breaker, 1, Ended::Neither, &settings).unwrap();
    }
    assert_eq!(breaker.condition(at(1)), Condition::Closed);
    call(&breaker, 2, Ended::Fault, &settings).unwrap();
    assert_eq!(breaker.condition(at(2)), Condition::Open);
}

#[test]
fn faults_count_that_came_within_the_window() {
    let settings = settings(3);
    let breaker = Breaker::new();
    for seconds in [0, 30, 61] {
        call(&breaker, seconds, Ended::Fault, &settings).unwrap();
    }
    assert_eq!(breaker.condition(at(61)), Condition::Closed);
    // 30, 61 and 90 are within one minute.
    call(&breaker, 90, Ended::Fault, &settings).unwrap();
    assert_eq!(breaker.condition(at(90)), Condition::Open);
}

#[test]
fn one_probe_decides() {
    let settings = settings(2);
    for (how, then) in [
        (Ended::Answered, Condition::Closed),
        (Ended::Fault, Condition::Open),
    ] {
        let breaker = opened(&settings);
        assert!(breaker.admit(at(29), &settings).is_err());
        assert_eq!(breaker.condition(at(30)), Condition::HalfOpen);
        let probe = breaker.admit(at(30), &settings).unwrap();
        assert_eq!(probe, Pass::Probe);
        assert!(breaker.admit(at(31), &settings).is_err());
        breaker.ended(probe, how, at(32), &settings);
        assert_eq!(breaker.condition(at(32)), then);
        assert_eq!(
            breaker.admit(at(61), &settings).is_ok(),
            how == Ended::Answered
        );
        assert!(breaker.admit(at(62), &settings).is_ok());
    }
}

#[test]
fn after_it_closed_the_count_begins_anew() {
    let settings = settings(2);
    let breaker = opened(&settings);
    call(&breaker, 30, Ended::Answered, &settings).unwrap();
    call(&breaker, 31, Ended::Fault, &settings).unwrap();
    assert_eq!(breaker.condition(at(31)), Condition::Closed);
}

#[test]
fn a_probe_that_says_nothing_makes_way_for_the_next() {
    let settings = settings(2);
    let breaker = opened(&settings);
    assert_eq!(
        call(&breaker, 30, Ended::Neither, &settings),
        Some(Pass::Probe)
    );
    assert_eq!(
        call(&breaker, 30, Ended::Answered, &settings),
        Some(Pass::Probe)
    );
    assert_eq!(breaker.condition(at(30)), Condition::Closed);
}

#[test]
fn a_probe_that_is_never_heard_of_again_is_not_waited_for_forever() {
    let settings = settings(2);
    let breaker = opened(&settings);
    let lost = breaker.admit(at(30), &settings).unwrap();
    assert!(breaker.admit(at(59), &settings).is_err());
    assert_eq!(
        call(&breaker, 60, Ended::Answered, &settings),
        Some(Pass::Probe)
    );
    // Its fault is one fault, now that the breaker is closed.
    breaker.ended(lost, Ended::Fault, at(61), &settings);
    assert_eq!(breaker.condition(at(61)), Condition::Closed);
    call(&breaker, 62, Ended::Fault, &settings).unwrap();
    assert_eq!(breaker.condition(at(62)), Condition::Open);
}

#[test]
fn calls_from_before_it_opened_neither_close_nor_prolong_it() {
    let settings = settings(2);
    let breaker = Breaker::new();
    let early = [(); 4].map(|()| breaker.admit(at(0), &settings).unwrap());
    breaker.ended(early[0], Ended::Fault, at(1), &settings);
    breaker.ended(early[1], Ended::Fault, at(1), &settings);
    breaker.ended(early[2], Ended::Fault, at(20), &settings);
    breaker.ended(early[3], Ended::Answered, at(20), &settings);
    assert_eq!(breaker.condition(at(20)), Condition::Open);
    assert_eq!(breaker.admit(at(31), &settings), Ok(Pass::Probe));
}

#[test]
fn only_execution_faults_count() {
    let refused = |code| Ended::of(&Err(Refusal::new(code, "")));
    for code in [
        RefusalCode::Unavailable,
        RefusalCode::Timeout,
        RefusalCode::Internal,
    ] {
        assert_eq!(refused(code), Ended::Fault, "{code:?}");
    }
    for code in [
        RefusalCode::Denied,
        RefusalCode::NeedsApproval,
        RefusalCode::RateLimited,
        RefusalCode::InvalidArguments,
        RefusalCode::TooLarge,
        RefusalCode::NotFound,
        RefusalCode::Cancelled,
        RefusalCode::Conflict,
        RefusalCode::BlockedContent,
    ] {
        assert_eq!(refused(code), Ended::Neither, "{code:?}");
    }
    let login = Refusal::new(RefusalCode::Unavailable, "").detail(Refusal::LOGIN_NEEDED);
    assert_eq!(Ended::of(&Err(login)), Ended::Neither);
    let late = Refusal::new(RefusalCode::Timeout, "").detail(Refusal::NOT_BEGUN);
    assert_eq!(Ended::of(&Err(late)), Ended::Neither);
    let own = || OwnResult::of_tool("", &()).unwrap().failed();
    assert_eq!(Ended::of(&Ok(Answer::Own(own()))), Ended::Answered);
    let late = own().out_of_time();
    assert_eq!(Ended::of(&Ok(Answer::Own(late))), Ended::Fault);
    let error = |code| {
        let message = String::new();
        Ended::of(&Ok(Answer::Error(ProtocolError {
            code,
            message,
            data: None,
        })))
    };
    assert_eq!(error(-32603), Ended::Fault);
    assert_eq!(error(-32602), Ended::Answered);
    let is_error = RawJson::from_static(r#"{"content":[],"isError":true}"#);
    assert_eq!(Ended::of(&Ok(Answer::Result(is_error))), Ended::Answered);
}

#[test]
fn of_many_at_once_one_is_the_probe() {
    let settings = settings(2);
    let breaker = opened(&settings);
    let probes: usize = std::thread::scope(|scope| {
        let tries = [(); 8].map(|()| {
            scope.spawn(|| {
                (0..100)
                    .filter(|_| breaker.admit(at(30), &settings).is_ok())
                    .count()
            })
        });
        tries.into_iter().map(|tried| tried.join().unwrap()).sum()
    });
    assert_eq!(probes, 1);
}

/// What happens to a breaker, one thing a step.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Begin,
    End(usize, Ended),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ended = prop::sample::select(vec![
        Ended::Answered,
        Ended::Fault,
        Ended::Fault,
        Ended::Neither,
    ]);
    let step = prop_oneof![
        (0..20u64).prop_map(Step::Wait),
        Just(Step::Begin),
        (0..4usize, ended).prop_map(|(which, how)| Step::End(which, how)),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    /// Whatever happens in whatever order: it opens exactly when the last faults in a row fill the
    /// window, an open breaker lets at most one call a cool-down through, and no refusal lasts longer.
    #[test]
    fn it_keeps_its_promises(steps in steps(), faults in 1u32..4) {
        let settings = settings(faults);
        let breaker = Breaker::new();
        let (mut now, mut running, mut row, mut last_probe) = (0, Vec::new(), Vec::new(), None);
        for step in steps {
            let before = breaker.condition(at(now));
            match step {
                Step::Wait(seconds) => now += seconds,
                Step::Begin => match breaker.admit(at(now), &settings) {
                    Ok(Pass::Usual) => {
                        prop_assert_eq!(before, Condition::Closed);
                        running.push(Pass::Usual);
                    }
                    Ok(Pass::Probe) => {
                        prop_assert_eq!(before, Condition::HalfOpen);
                        last_probe = Some(now);
                        running.push(Pass::Probe);
                    }
                    Err(Retry(wait)) => {
                        prop_assert_ne!(before, Condition::Closed);
                        prop_assert!(wait > Duration::ZERO && wait <= settings.cool_down);
                        prop_assert!(before == Condition::Open || last_probe.is_some_and(|at| now - at < 30));
                    }
                },
                Step::End(which, how) if which < running.len() => {
                    let pass = running.swap_remove(which);
                    breaker.ended(pass, how, at(now), &settings);
                    let after = breaker.condition(at(now));
                    if before == Condition::Closed {
                        match how {
                            Ended::Answered => row.clear(),
                            Ended::Fault => row.push(now),
                            Ended::Neither => {}
                        }
                        row.retain(|fault| now - fault <= 60);
                        let full = row.len() >= faults as usize;
                        prop_assert_eq!(after, if full { Condition::Open } else { Condition::Closed });
                    } else if pass == Pass::Usual {
                        prop_assert_eq!(after, before);
                    } else {
                        prop_assert_eq!(after == Condition::Closed, how == Ended::Answered);
                    }
                    if after != before || after != Condition::Closed {
                        row.clear();
                    }
                }
                Step::End(..) => {}
            }
        }
        // However it was left, it comes back.
        let later = at(now + 30);
        let pass = breaker.admit(later, &settings);
        prop_assert!(pass.is_ok());
        breaker.ended(pass.unwrap(), Ended::Answered, later, &settings);
        prop_assert_eq!(breaker.condition(later), Condition::Closed);
    }

    #[test]
    fn no_time_panics(times in prop::collection::vec((any::<u64>(), 0..3u8), 1..40), cool_down: u64) {
        let settings = BreakerSettings { cool_down: Duration::from_nanos(cool_down), ..settings(2) };
        let breaker = Breaker::new();
        for (now, how) in times {
            let how = [Ended::Answered, Ended::Fault, Ended::Neither][usize::from(how)];
            if let Ok(pass) = breaker.admit(Monotonic(now), &settings) {
                breaker.ended(pass, how, Monotonic(now), &settings);
            }
        }
    }
}
