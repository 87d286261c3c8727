//! `limits:` of the configuration, and what of it applies.

use std::{collections::BTreeMap, time::Duration};

use durward_core::ServerName;

use super::{Quota, Rate, Unit};
use crate::{
    GuardError,
    breaker::BreakerSettings,
    glob::{Glob, Span},
};

/// `limits:` of the configuration.
#[derive(Debug, Clone)]
pub struct LimitsSettings {
    /// Of each caller.
    pub calls: Option<Rate>,
    /// Of all callers together.
    pub total: Option<Rate>,
    /// Of each session.
    pub session: Option<Rate>,
    /// How many calls may come at once, under each of the three; a rate's own count, unless said.
    pub burst: Option<u32>,
    /// How many calls of one caller may run at once.
    pub concurrency: Option<u32>,
    /// Of each tool; counted for each caller and tool.
    pub tools: ToolTable,
    /// Of each caller at one server, whatever is called there.
    pub servers: BTreeMap<ServerName, ToolLimits>,
    /// How long a call may take, unless its tool or server says otherwise.
    pub timeout: Duration,
    /// The largest result in bytes.
    pub result_bytes: usize,
    /// When a tool that keeps failing is left alone.
    pub breaker: BreakerSettings,
}

impl Default for LimitsSettings {
    fn default() -> Self {
        Self {
            calls: Some(Rate {
                count: 600,
                per: Unit::Minute,
            }),
            total: None,
            session: None,
            burst: None,
            concurrency: Some(64),
            tools: ToolTable::default(),
            servers: BTreeMap::new(),
            timeout: Duration::from_secs(30),
            result_bytes: 16 << 20,
            breaker: BreakerSettings::default(),
        }
    }
}

impl LimitsSettings {
    /// How fast each caller may be; a role may only narrow it.
    pub fn calls_quota(&self) -> Option<Quota> {
        self.calls.map(|rate| rate.quota(self.burst))
    }

    /// How fast all callers together may be.
    pub fn total_quota(&self) -> Option<Quota> {
        self.total.map(|rate| rate.quota(self.burst))
    }

    /// How fast each session may be.
    pub fn session_quota(&self) -> Option<Quota> {
        self.session.map(|rate| rate.quota(self.burst))
    }

    /// What holds for a tool, beside what holds for all: the strictest of the entries that match.
    pub fn tool(&self, name: &str) -> Bounds {
        self.tools.of(name)
    }

    /// How long a call may take; `None` is a call of no tool. A tool's own word is the last.
    pub fn timeout_of(&self, tool: Option<&str>) -> Duration {
        tool.and_then(|name| self.tools.of(name).timeout)
            .unwrap_or(self.timeout)
    }
}

/// What one entry of `limits.tools` or a role's `limits` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ToolLimits {
    /// Of each caller.
    pub calls: Option<Rate>,
    /// How many calls may come at once; the rate's own count, unless said.
    pub burst: Option<u32>,
    /// How many calls of one caller may run at once.
    pub concurrency: Option<u32>,
    /// How long a call may take.
    pub timeout: Option<Duration>,
}

impl ToolLimits {
    /// The same, in the form that is enforced. A burst without a rate bounds nothing.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            quota: self.calls.map(|rate| rate.quota(self.burst)),
            concurrency: self.concurrency,
            timeout: self.timeout,
        }
    }
}

/// Bounds that apply together; `None` is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// How fast.
    pub quota: Option<Quota>,
    /// How many at once.
    pub concurrency: Option<u32>,
    /// How long.
    pub timeout: Option<Duration>,
}

impl Bounds {
    /// The stricter of each.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            quota: Quota::strictest(self.quota, other.quota),
            concurrency: smaller(self.concurrency, other.concurrency),
            timeout: smaller(self.timeout, other.timeout),
        }
    }
}

fn smaller<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    [one, other].into_iter().flatten().min()
}

/// `limits.tools`, compiled.
#[derive(Debug, Clone, Default)]
pub struct ToolTable(Vec<(Glob, Bounds)>);

impl ToolTable {
    /// Compiles the entries; a key is a tool's name or a glob over names.
    pub fn build(tools: &BTreeMap<String, ToolLimits>) -> Result<Self, GuardError> {
        tools
            .iter()
            .map(|(glob, limits)| Ok((Glob::new(glob, Span::Name)?, limits.bounds())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// What applies to a tool: the strictest of all entries that match its name.
    pub fn of(&self, tool: &str) -> Bounds {
        self.0
            .iter()
            .filter(|(glob, _)| glob.matches(tool))
            .fold(Bounds::default(), |strictest, (_, bounds)| {
                strictest.strictest(*bounds)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(calls: &str, concurrency: Option<u32>) -> ToolLimits {
        ToolLimits {
            calls: Some(calls.parse().unwrap()),
            concurrency,
            ..ToolLimits::default()
        }
    }

    #[test]
    fn the_strictest_entry_that_matches_wins() {
        let tools = BTreeMap::from([
            ("web_*".to_owned(), limits("20/min", Some(4))),
            ("web_search".to_owned(), limits("1000/h", Some(9))),
        ]);
        let table = ToolTable::build(&tools).unwrap();
        let bounds = table.of("web_search");
        let quota = bounds.quota.unwrap();
        assert_eq!((quota.period(), quota.burst()), (3_600_000_000, 20));
        assert_eq!(bounds.concurrency, Some(4));
        assert_eq!(table.of("fs_read"), Bounds::default());
    }

    #[test]
    fn a_role_narrows_what_holds_for_all_and_never_widens_it() {
        let everyone = LimitsSettings::default().calls_quota();
        let wide = limits("9000/min", None).bounds().quota;
        assert_eq!(Quota::strictest(everyone, wide), everyone);
        let narrow = limits("60/min", None).bounds().quota;
        assert_eq!(Quota::strictest(everyone, narrow), narrow);
        assert_eq!(Quota::strictest(None, narrow), narrow);
    }

    #[test]
    fn a_tool_has_the_last_word_on_its_timeout() {
        let slow = ToolLimits {
            timeout: Some(Duration::from_secs(600)),
            ..ToolLimits::default()
        };
        let tools = ToolTable::build(&BTreeMap::from([("slow_*".to_owned(), slow)])).unwrap();
        let settings = LimitsSettings {
            tools,
            ..LimitsSettings::default()
        };
        assert_eq!(
            settings.timeout_of(Some("slow_job")),
            Duration::from_secs(600)
        );
        assert_eq!(
            settings.timeout_of(Some("fs_read")),
            Duration::from_secs(30)
        );
        assert_eq!(settings.timeout_of(None), Duration::from_secs(30));
    }
}
