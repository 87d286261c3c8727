//! Offers that change while clients are served: the catalogue is merged anew under the same configuration,
//! and whoever listens is told.

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard, PoisonError, Weak},
};

use durward_core::{CallerId, Provider};

use crate::{
    catalogue::LeftOut, endpoint::Endpoint, gate::Gate, house::House, standing::Standing,
    witness::Record,
};

impl Gate {
    /// Lets these providers tell when what they offer changes, and keeps the record of what they ask.
    pub(crate) fn attend(&self, providers: &[Arc<dyn Provider>]) {
        for provider in providers {
            provider.report_to(Arc::new(Record(Weak::clone(&self.weak))));
            let gate = Weak::clone(&self.weak);
            provider.attend(Arc::new(move || {
                if let Some(gate) = gate.upgrade() {
                    gate.offers_changed();
                }
            }));
        }
    }

    /// Merges anew what is offered now.
    pub(crate) fn offers_changed(&self) {
        let _alone = self.one_at_a_time();
        let house = self.house().merged_anew();
        for (old, now) in self.put_in_force(house) {
            self.announce(&old, &now);
        }
    }

    /// Puts a house in force. Gives the standings that were and are, of callers that it knows; those of
    /// others end.
    pub(crate) fn put_in_force(&self, house: House) -> Vec<(Arc<Standing>, Arc<Standing>)> {
        // Taken before: a caller who comes in between has nothing to be told.
        let before: Vec<_> = self.standings().values().cloned().collect();
        self.take_house(house);
        let mut changed = Vec::new();
        for old in before {
            match self.refresh(&old) {
                Some(now) => changed.push((old, now)),
                None => {
                    self.standings().remove(&old.caller().id);
                    self.expel(&old.caller().id);
                }
            }
        }
        changed
    }

    /// Houses follow each other: no two are built on the same one.
    pub(crate) fn one_at_a_time(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with what is offered now: what is left out for its name, and tools whose schemas turned
    /// out to be none.
    pub fn flaws(&self) -> Vec<LeftOut> {
        let house = self.house();
        let tools = house.catalogue.tools().iter();
        let unusable = tools.filter_map(|entry| {
            let cause = entry.unusable()?;
            Some(LeftOut {
                provider: entry.provider.name().clone(),
                why: format!("the schema of the tool `{}`: {cause}", entry.tool.name),
            })
        });
        let left_out = house.catalogue.left_out().iter().cloned();
        left_out.chain(unusable).collect()
    }

    /// Is there such a server?
    pub fn serves(&self, endpoint: &Endpoint) -> bool {
        let house = self.house();
        endpoint
            .server()
            .is_none_or(|server| house.catalogue.shelves().contains_key(server))
    }
}

/// The standings of callers, by their names.
pub(crate) type Standings = HashMap<CallerId, Arc<Standing>>;
