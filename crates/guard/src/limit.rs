//! Rates and the one formula that judges them (GCRA, ITU-T I.371 annex A), on integers.

mod settings;

use std::{fmt, str::FromStr, time::Duration};

pub use settings::{Bounds, LimitsSettings, ToolLimits, ToolTable};

use crate::GuardError;

/// So many calls in so much time, as in `600/min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u32,
    per: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Unit {
    const ALL: [(Self, &'static [&'static str], u64); 4] = [
        (Self::Second, &["s", "sec", "second"], 1),
        (Self::Minute, &["min", "m", "minute"], 60),
        (Self::Hour, &["h", "hour"], 3_600),
        (Self::Day, &["day", "d"], 86_400),
    ];

    fn nanos(self) -> u64 {
        Self::ALL[self as usize].2 * 1_000_000_000
    }

    fn word(self) -> &'static str {
        Self::ALL[self as usize].1[0]
    }
}

impl Rate {
    /// How many calls.
    pub fn count(self) -> u32 {
        self.count
    }

    /// In how much time.
    pub fn per(self) -> Duration {
        Duration::from_nanos(self.per.nanos())
    }

    /// The quota of this rate; the burst is the rate's own count, unless said.
    pub fn quota(self, burst: Option<u32>) -> Quota {
        // Rounded up, so that no window ever holds more than the rate says.
        let period = self.per.nanos().div_ceil(u64::from(self.count));
        Quota {
            period,
            burst: burst.unwrap_or(self.count).max(1),
        }
    }
}

impl FromStr for Rate {
    type Err = GuardError;

    fn from_str(text: &str) -> Result<Self, GuardError> {
        let fault = |why| GuardError::Rate {
            rate: text.chars().take(60).collect(),
            why,
        };
        let (count, unit) = text
            .split_once('/')
            .ok_or_else(|| fault("it has no time"))?;
        let (count, unit) = (count.trim(), unit.trim());
        if count.is_empty() || !count.bytes().all(|b| b.is_ascii_digit()) {
            return Err(fault("the number is not a whole number"));
        }
        let count: u32 = count
            .parse()
            .map_err(|_| fault("the number is above 4294967295"))?;
        if count == 0 {
            return Err(fault("a rate of 0 would refuse every call"));
        }
        let (per, ..) = Unit::ALL
            .into_iter()
            .find(|(_, words, _)| words.contains(&unit))
            .ok_or_else(|| fault("the time is none of s, min, h and day"))?;
        Ok(Self { count, per })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.per.word())
    }
}

/// A rate in the form that the formula needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    period: u64,
    burst: u32,
}

impl Quota {
    /// Nanoseconds in which one call comes back.
    pub fn period(&self) -> u64 {
        self.period
    }

    /// How many calls may come at once.
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// One quota that allows no more than either of the two does; `None` is no bound.
    pub fn strictest(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Self {
                period: one.period.max(other.period),
                burst: one.burst.min(other.burst),
            }),
            (one, other) => one.or(other),
        }
    }

    /// The theoretical arrival time of a budget that is spent at `now`.
    pub fn spent_at(&self, now: u64) -> u64 {
        now.saturating_add(self.period.saturating_mul(u64::from(self.burst)))
    }
}

/// Too fast: how long to wait until one call is allowed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry(pub Duration);

/// May one more call come at `now`? `tat` is the theoretical arrival time of the next call, 0 in a
/// fresh cell; what comes back is the one to keep. Both are nanoseconds of one clock.
///
/// From a fresh cell exactly `burst` calls may come at once, and in any window of length t at most
/// `burst + t / period`. A `tat` further ahead than the quota can have put it (the quota was
/// changed) counts as a budget that is spent, no more.
pub fn decide(tat: u64, now: u64, quota: &Quota) -> Result<u64, Retry> {
    let full = quota.spent_at(now);
    let next = tat.clamp(now, full).saturating_add(quota.period);
    if next <= full {
        Ok(next)
    } else {
        Err(Retry(Duration::from_nanos(next - full)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn quota(rate: &str) -> Quota {
        rate.parse::<Rate>().unwrap().quota(None)
    }

    /// How many calls of those that come at these times are let through.
    fn allowed(times: impl IntoIterator<Item = u64>, quota: &Quota) -> usize {
        let mut tat = 0;
        times
            .into_iter()
            .filter(|&now| decide(tat, now, quota).map(|next| tat = next).is_ok())
            .count()
    }

    #[test]
    fn a_burst_is_exactly_the_count() {
        for (rate, sent, through) in [("60/min", 65, 60), ("10/min", 12, 10), ("20/min", 22, 20)] {
            for start in [0, 1, 17 * SECOND] {
                assert_eq!(allowed(vec![start; sent], &quota(rate)), through, "{rate}");
            }
        }
    }

    #[test]
    fn hammering_for_twenty_seconds_lets_eighty_through() {
        let hammer = (0..20_000).map(|i| SECOND + i * SECOND / 1_000);
        let through = allowed(hammer, &quota("60/min"));
        assert!((78..=80).contains(&through), "{through}");
        let five_a_second = (0..100).map(|i| SECOND + i * SECOND / 5);
        let through = allowed(five_a_second, &quota("60/min"));
        assert!((79..=80).contains(&through), "{through}");
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_then_it_works() {
        let quota = "2/s".parse::<Rate>().unwrap().quota(Some(3));
        let mut tat = 0;
        for _ in 0..3 {
            tat = decide(tat, 0, &quota).unwrap();
        }
        let Retry(wait) = decide(tat, 0, &quota).unwrap_err();
        assert_eq!(wait, Duration::from_millis(500));
        let later = u64::try_from(wait.as_nanos()).unwrap();
        assert!(decide(tat, later - 1, &quota).is_err());
        assert!(decide(tat, later, &quota).is_ok());
    }

    #[test]
    fn a_budget_spent_under_another_quota_is_spent_and_no_worse() {
        let Retry(wait) = decide(u64::MAX, 5 * SECOND, &quota("60/min")).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
    }

    #[test]
    fn rates_are_read_and_shown() {
        for (text, shown) in [
            ("600/min", "600/min"),
            ("20/sec", "20/s"),
            ("1/second", "1/s"),
            ("5 / minute", "5/min"),
            ("1000/hour", "1000/h"),
            ("3/day", "3/day"),
        ] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "20",
            "0/s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "/s",
            "5/",
            "5/week",
            "",
            "9999999999/s",
        ] {
            let error = text.parse::<Rate>().unwrap_err().to_string();
            assert!(
                error.contains("is not a rate") && error.contains("600/min"),
                "{error}"
            );
        }
    }

    proptest! {
        /// The promise of the formula: in no window more than the burst and what the rate adds.
        #[test]
        fn no_window_holds_more_than_burst_and_rate(
            count in 1u32..2_000,
            unit in prop::sample::select(vec!["s", "min", "h", "day"]),
            burst in prop::option::of(1u32..100),
            gaps in prop::collection::vec(0u64..5 * SECOND, 1..200),
        ) {
            let rate: Rate = format!("{count}/{unit}").parse().unwrap();
            let quota = rate.quota(burst);
            let (mut tat, mut now, mut passed) = (0, 0, Vec::new());
            for gap in gaps {
                now += gap;
                if let Ok(next) = decide(tat, now, &quota) {
                    tat = next;
                    passed.push(now);
                }
            }
            let per = rate.per().as_nanos();
            for (i, first) in passed.iter().enumerate() {
                for (j, last) in passed.iter().enumerate().skip(i) {
                    let calls = (j - i + 1) as u128;
                    let added = u128::from(last - first) * u128::from(count) / per;
                    prop_assert!(calls <= u128::from(quota.burst()) + added);
                }
            }
        }

        #[test]
        fn never_panics_and_waits_are_finite(tat: u64, now: u64, count in 1u32.., burst in 1u32..) {
            let quota = format!("{count}/day").parse::<Rate>().unwrap().quota(Some(burst));
            if let Err(Retry(wait)) = decide(tat, now, &quota) {
                prop_assert!(wait <= Duration::from_nanos(quota.period()));
            }
        }

        #[test]
        fn any_text_is_judged(text in "\\PC{0,20}") {
            let _ = text.parse::<Rate>();
        }
    }
}
