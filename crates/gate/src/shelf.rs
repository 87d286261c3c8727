//! What one server offers, under its own names and in its own order: what its endpoint shows.

use std::{collections::HashMap, sync::Arc};

use durward_core::{Era, Given, Offer, Provider, RawJson, Shown};
use durward_wire::bridge::tasks;

use crate::view::ListKind;

/// One server's part of the catalogue.
pub(crate) struct Shelf {
    pub(crate) provider: Arc<dyn Provider>,
    /// What the server says that it can do, where that is known.
    pub(crate) capabilities: Option<RawJson>,
    /// Whether it has tasks, and of which era.
    pub(crate) tasks: Option<Era>,
    /// What it tells a model of itself.
    pub(crate) instructions: Option<String>,
    lists: [OwnNames; 4],
}

/// The names of one list, in the server's order.
#[derive(Default)]
struct OwnNames {
    /// Each by the name that all servers' things go by.
    exposed: Vec<Arc<str>>,
    by_own: HashMap<Box<str>, Arc<str>>,
}

fn tasks_in(capabilities: &RawJson) -> Option<Era> {
    match (
        tasks::has_extension(capabilities),
        tasks::has_legacy(capabilities),
    ) {
        (true, _) => Some(Era::Modern),
        (false, true) => Some(Era::Legacy),
        (false, false) => None,
    }
}

impl Shelf {
    pub(crate) fn of(provider: &Arc<dyn Provider>, offer: &Offer) -> Self {
        Self {
            provider: Arc::clone(provider),
            tasks: offer.capabilities.as_ref().and_then(tasks_in),
            capabilities: offer.capabilities.clone(),
            instructions: offer.instructions.clone(),
            lists: Default::default(),
        }
    }

    /// Takes one thing in. What is not given by a server has one name only.
    pub(crate) fn put<T>(&mut self, kind: ListKind, exposed: &str, shown: &Shown<T>) {
        let own = match shown {
            Shown::Given(Given { name, .. }) => name.as_ref(),
            Shown::Own(_) => exposed,
        };
        let list = &mut self.lists[kind as usize];
        if !list.by_own.contains_key(own) {
            let exposed: Arc<str> = exposed.into();
            list.by_own.insert(own.into(), Arc::clone(&exposed));
            list.exposed.push(exposed);
        }
    }

    /// What something of this own name is called among all servers.
    pub(crate) fn exposed(&self, kind: ListKind, own: &str) -> Option<&Arc<str>> {
        self.lists[kind as usize].by_own.get(own)
    }

    /// All of a list, by their names among all servers, in the server's order.
    pub(crate) fn listed(&self, kind: ListKind) -> &[Arc<str>] {
        &self.lists[kind as usize].exposed
    }

    /// Is there nothing at all?
    pub(crate) fn is_empty(&self) -> bool {
        self.lists.iter().all(|list| list.exposed.is_empty())
    }
}
