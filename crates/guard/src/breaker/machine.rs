//! The state machine itself, for one at a time.

use std::{collections::VecDeque, time::Duration};

use durward_core::Monotonic;

use super::{BreakerSettings, Condition, Ended, Pass};
use crate::limit::Retry;

/// Where a breaker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Machine {
    /// All go through. The last faults in a row, oldest first: fewer than open it.
    Closed(VecDeque<Monotonic>),
    /// None does before this time; then one is tried.
    Open { until: Monotonic },
    /// One is being tried; another may be from this time on, should nothing be heard of it.
    Probing { until: Monotonic },
}

impl Default for Machine {
    fn default() -> Self {
        Self::Closed(VecDeque::new())
    }
}

impl Machine {
    /// Closed, with no fault to remember?
    pub(super) fn is_clean(&self) -> bool {
        matches!(self, Self::Closed(faults) if faults.is_empty())
    }

    pub(super) fn admit(
        &mut self,
        now: Monotonic,
        settings: &BreakerSettings,
    ) -> Result<Pass, Retry> {
        match *self {
            Self::Closed(_) => Ok(Pass::Usual),
            Self::Open { until } | Self::Probing { until } if now < until => {
                Err(Retry(until.since(now)))
            }
            Self::Open { .. } | Self::Probing { .. } => {
                *self = Self::Probing {
                    until: after(now, settings.cool_down),
                };
                Ok(Pass::Probe)
            }
        }
    }

    pub(super) fn ended(
        &mut self,
        pass: Pass,
        how: Ended,
        now: Monotonic,
        settings: &BreakerSettings,
    ) {
        let open = Self::Open {
            until: after(now, settings.cool_down),
        };
        match (pass, how) {
            // A call from before it opened says nothing new, and a probe decides once.
            (Pass::Usual, _) | (Pass::Probe, Ended::Fault) if matches!(self, Self::Closed(_)) => {
                if self.saw(how, now, settings) {
                    *self = open;
                }
            }
            (Pass::Usual, _) => {}
            (Pass::Probe, Ended::Answered) => *self = Self::default(),
            (Pass::Probe, Ended::Fault) => *self = open,
            // Nothing was learnt: the next call is the probe.
            (Pass::Probe, Ended::Neither) => {
                if matches!(self, Self::Probing { .. }) {
                    *self = Self::Open { until: now };
                }
            }
        }
    }

    /// What a closed breaker makes of a call's end; true where it has to open.
    fn saw(&mut self, how: Ended, now: Monotonic, settings: &BreakerSettings) -> bool {
        let Self::Closed(faults) = self else {
            return false;
        };
        match how {
            Ended::Neither => false,
            Ended::Answered => {
                faults.clear();
                false
            }
            Ended::Fault => {
                faults.push_back(now);
                while faults
                    .front()
                    .is_some_and(|first| now.since(*first) > settings.window)
                {
                    faults.pop_front();
                }
                let most = settings.faults.get().min(BreakerSettings::MOST);
                faults.len() as u64 >= u64::from(most)
            }
        }
    }

    /// How long it refuses all calls from now on.
    pub(super) fn wait(&self, now: Monotonic) -> Duration {
        match *self {
            Self::Closed(_) => Duration::ZERO,
            Self::Open { until } | Self::Probing { until } => until.since(now),
        }
    }

    pub(super) fn condition(&self, now: Monotonic) -> Condition {
        match *self {
            Self::Closed(_) => Condition::Closed,
            Self::Open { until } if now < until => Condition::Open,
            Self::Open { .. } | Self::Probing { .. } => Condition::HalfOpen,
        }
    }
}

fn after(now: Monotonic, span: Duration) -> Monotonic {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    Monotonic(now.0.saturating_add(nanos))
}
