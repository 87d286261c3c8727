//! The breakers of all tools, by name: they outlive a reload of the configuration.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use durward_core::{Monotonic, ToolName};
use durward_guard::breaker::{Breaker, Condition};

/// Most tools that have a breaker; where there are more, those that are closed begin anew.
const MOST: usize = 65_536;

/// The breakers of all tools. Whoever holds one need not come back here.
#[derive(Debug, Default)]
pub struct Breakers(Mutex<BTreeMap<ToolName, Arc<Breaker>>>);

impl Breakers {
    /// The breaker of this tool.
    pub fn of(&self, tool: &ToolName, now: Monotonic) -> Arc<Breaker> {
        let mut all = self.lock();
        if all.len() >= MOST {
            all.retain(|_, breaker| {
                Arc::strong_count(breaker) > 1 || breaker.condition(now) != Condition::Closed
            });
        }
        Arc::clone(all.entry(tool.clone()).or_default())
    }

    /// Those that are not closed, by tool.
    pub fn troubled(&self, now: Monotonic) -> Vec<(ToolName, Arc<Breaker>)> {
        let all = self.lock();
        let troubled = all
            .iter()
            .filter(|(_, breaker)| breaker.condition(now) != Condition::Closed);
        troubled
            .map(|(tool, breaker)| (tool.clone(), Arc::clone(breaker)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ToolName, Arc<Breaker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use durward_guard::breaker::{BreakerSettings, Ended, Pass};

    use super::*;

    #[test]
    fn a_tool_keeps_its_breaker_and_only_the_troubled_are_told() {
        let (breakers, settings) = (Breakers::default(), BreakerSettings::default());
        let [good, bad] = ["good", "bad"].map(|name| ToolName::new(name).unwrap());
        let now = Monotonic(0);
        breakers.of(&good, now);
        for _ in 0..settings.faults.get() {
            let breaker = breakers.of(&bad, now);
            breaker.ended(Pass::Usual, Ended::Fault, now, &settings);
        }
        let troubled = breakers.troubled(now);
        assert_eq!(troubled.len(), 1);
        assert_eq!(troubled[0].0, bad);
        assert_eq!(troubled[0].1.wait(now), settings.cool_down);
    }
}
