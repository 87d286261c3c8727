//! Telling whoever subscribed to a resource that it has changed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use durward_core::{CallerId, ClientRoots, RawJson, Refusal, RefusalCode, Watch};
use durward_guard::policy::Decision;
use durward_wire::encode;

use crate::{
    catalogue::Covered, endpoint::Endpoint, gate::Gate, listen::Topic, methods::calls,
    session::Session, standing::Standing, view::judge_place,
};

/// Most resources that are watched for one caller.
const MOST_EACH: usize = 512;

pub(crate) const UPDATED: &str = "notifications/resources/updated";

/// Who is told.
#[derive(Clone)]
pub(crate) enum Hearer {
    /// A session.
    Session(Weak<Session>),
    /// A listen, by its number.
    Listen(u64),
}

/// A resource as its client spells it, at the client's endpoint.
#[derive(Clone)]
pub(crate) struct Spelled {
    pub(crate) endpoint: Endpoint,
    pub(crate) uri: String,
}

impl Spelled {
    /// Where it leads, as this caller may spell it.
    fn place(&self, standing: &Standing, within: Option<&ClientRoots>) -> Option<Covered> {
        let exposed = calls::exposed_uri(standing, &self.endpoint, &self.uri);
        standing.house().catalogue.place(&exposed, within)
    }
}

/// What one who subscribed may now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum May {
    Hear,
    /// Hear nothing until its own roots are known again.
    Wait,
    Not,
}

/// How many resources are watched for each caller.
#[derive(Clone, Default)]
pub(crate) struct Watches(Arc<Mutex<HashMap<CallerId, usize>>>);

/// One of them; dropping it gives it back.
pub(crate) struct Counted {
    all: Watches,
    caller: CallerId,
}

impl Watches {
    fn enter(&self, caller: &CallerId, most: usize) -> Option<Counted> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(caller.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Counted {
            all: self.clone(),
            caller: caller.clone(),
        })
    }

    /// Counts something else that is watched for this caller; `None` where that is too much.
    pub(crate) fn count_one(&self, caller: &CallerId) -> Option<Counted> {
        self.enter(caller, MOST_EACH)
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().values().sum()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.caller);
            }
        }
    }
}

impl Gate {
    /// Watches what this URI stands for, on behalf of one who may read it; `None` where nothing needs
    /// to be watched, or nothing can be.
    pub(crate) fn watch(
        &self,
        standing: &Standing,
        resource: &Spelled,
        hearer: Hearer,
    ) -> Result<Option<Watch>, Refusal> {
        let watch = || self.watch_up_to(MOST_EACH, standing, resource, hearer.clone());
        watch().or_else(|_| {
            // Clients come back in a new session and never end the old one.
            self.let_go_idle();
            watch()
        })
    }

    fn watch_up_to(
        &self,
        most: usize,
        standing: &Standing,
        resource: &Spelled,
        hearer: Hearer,
    ) -> Result<Option<Watch>, Refusal> {
        let Some(Covered {
            provider,
            place: Ok(place),
        }) = resource.place(standing, None)
        else {
            return Ok(None);
        };
        let caller = standing.caller().id.clone();
        let counted = self.watches.enter(&caller, most).ok_or_else(|| {
            Refusal::new(
                RefusalCode::RateLimited,
                "You watch too many resources; unsubscribe from some.",
            )
            .detail("too_many_watches")
        })?;
        let (gate, resource) = (self.weak.clone(), resource.clone());
        let changed = move || {
            if let Some(gate) = gate.upgrade() {
                gate.updated(&caller, &resource, &hearer);
            }
        };
        let watch = provider.watch(&place, Arc::new(changed))?;
        Ok(watch.map(|watch| Watch::of((watch, counted))))
    }

    /// Tells one hearer, if it may still hear it; if not, it is not told of it any more.
    fn updated(&self, caller: &CallerId, resource: &Spelled, hearer: &Hearer) {
        let uri = resource.uri.as_str();
        match hearer {
            Hearer::Session(session) => {
                let Some(session) = session.upgrade() else {
                    return;
                };
                match self.may_hear(caller, resource, Some(&session)) {
                    May::Hear if session.is_subscribed(uri) => {
                        let message = encode::notification(UPDATED, &about(uri));
                        let kind = format!("{UPDATED} {uri}");
                        session.tell(&kind, self.clock().monotonic(), message);
                    }
                    May::Hear | May::Wait => {}
                    May::Not => session.unsubscribe(uri),
                }
            }
            Hearer::Listen(number) => match self.may_hear(caller, resource, None) {
                May::Hear | May::Wait => {
                    let topic = Topic::Resource(uri.to_owned());
                    self.listeners
                        .tell_one(*number, &topic, UPDATED, &about(uri));
                }
                May::Not => self.listeners.release(*number, uri),
            },
        }
    }

    /// Could this caller read it now?
    fn may_hear(&self, caller: &CallerId, resource: &Spelled, session: Option<&Session>) -> May {
        let Some(standing) = self.standing_of(caller) else {
            return May::Not;
        };
        let now = self.clock().wall();
        if standing.caller().expires.is_some_and(|end| end <= now) {
            return May::Not;
        }
        let house = standing.house();
        let Some(Covered { provider, place }) = resource.place(&standing, None) else {
            return May::Not;
        };
        let roots = session.map(|session| &session.roots);
        let place = match roots.filter(|it| it.is_offered() && provider.heeds_roots()) {
            None => place,
            Some(roots) => match roots.known() {
                None => return May::Wait,
                Some(known) => match resource.place(&standing, Some(&known)) {
                    Some(covered) => covered.place,
                    None => return May::Not,
                },
            },
        };
        let roles = &standing.caller().roles;
        let decision = place
            .map(|place| judge_place(&house.settings.policy, roles, provider.as_ref(), &place));
        match decision {
            Ok(Decision::Allow { .. }) => May::Hear,
            Ok(Decision::Confirm { .. } | Decision::Deny { .. }) | Err(_) => May::Not,
        }
    }

    /// After a reload: what a caller subscribed to is watched by those who offer it now.
    pub(crate) fn watch_anew(&self, now: &Standing) {
        let caller = &now.caller().id;
        // A change that only the old watch has seen may not have been told yet when it goes. So each is told
        // of once, changed or not: reading once too often does no harm.
        let anew = |resource: &Spelled, hearer| {
            let is_placed = resource.place(now, None).is_some();
            let may = !is_placed || self.may_hear(caller, resource, None) != May::Not;
            let watch = || self.watch_up_to(MOST_EACH + 1, now, resource, hearer).ok();
            may.then(watch).flatten()
        };
        for session in self.sessions_of(caller) {
            for uri in session.subscribed() {
                let endpoint = session.endpoint().clone();
                let resource = Spelled { endpoint, uri };
                let (uri, hearer) = (&resource.uri, Hearer::Session(Arc::downgrade(&session)));
                match anew(&resource, hearer.clone()) {
                    Some(None) => session.hold(uri, None),
                    Some(watch) => {
                        session.hold(uri, watch);
                        self.updated(caller, &resource, &hearer);
                    }
                    None => session.unsubscribe(uri),
                }
            }
        }
        for (number, endpoint, uri) in self.listeners.subscribed(caller) {
            let resource = Spelled { endpoint, uri };
            let (uri, hearer) = (&resource.uri, Hearer::Listen(number));
            match anew(&resource, hearer.clone()) {
                Some(None) => self.listeners.hold(number, uri, None),
                Some(watch) => {
                    self.listeners.hold(number, uri, watch);
                    self.updated(caller, &resource, &hearer);
                }
                None => self.listeners.release(number, uri),
            }
        }
    }
}

/// `params` that name a resource.
pub(crate) fn about(uri: &str) -> RawJson {
    encode::object(&[("uri", &encode::string(uri))])
}
