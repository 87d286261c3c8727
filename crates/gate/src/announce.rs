//! Telling clients, after a reload or when an offer has changed, of the lists and resources that changed
//! for them.

use std::sync::Arc;

use durward_core::{CallerId, RawJson, Revision};
use durward_wire::encode;

use crate::{
    endpoint::Endpoint,
    gate::Gate,
    guide,
    listen::Topic,
    session::Session,
    standing::Standing,
    updates::{UPDATED, about},
    view::ListKind,
};

/// What changed for one caller, and the notification that says so.
struct Change {
    topic: Topic,
    method: &'static str,
    params: RawJson,
}

impl Change {
    /// What makes an older notification needless: the same list's, or the same resource's.
    fn kind(&self) -> String {
        match &self.topic {
            Topic::List(_) => self.method.to_owned(),
            Topic::Resource(uri) => format!("{} {uri}", self.method),
        }
    }
}

impl Gate {
    /// Compares what a caller saw with what it sees now, and tells whoever listens.
    pub(crate) fn announce(&self, before: &Standing, now: &Standing) {
        let caller = &before.caller().id;
        let sessions: Vec<_> = self.sessions_of(caller).collect();
        let mut endpoints = self.listeners.endpoints(caller);
        endpoints.extend(sessions.iter().map(|session| session.endpoint().clone()));
        for endpoint in endpoints {
            let here = |session: &&Arc<Session>| *session.endpoint() == endpoint;
            let mut changes = changes(before, now, &endpoint);
            // Written only for those who read it: it tells of every tool.
            let is_read = sessions
                .iter()
                .filter(here)
                .any(|it| it.is_subscribed(guide::URI))
                || self.listeners.hears(caller, &endpoint, guide::URI);
            if is_read && endpoint == Endpoint::Merged && guide::write(before) != guide::write(now)
            {
                changes.push(Change {
                    topic: Topic::Resource(guide::URI.to_owned()),
                    method: UPDATED,
                    params: about(guide::URI),
                });
            }
            for change in changes {
                for session in sessions.iter().filter(here) {
                    let wanted = match &change.topic {
                        Topic::List(_) => true,
                        Topic::Resource(uri) => session.is_subscribed(uri),
                    };
                    if wanted {
                        let message = encode::notification(change.method, &change.params);
                        session.tell(&change.kind(), self.clock().monotonic(), message);
                    }
                }
                let (topic, params) = (&change.topic, &change.params);
                self.listeners
                    .tell(caller, &endpoint, topic, change.method, params);
            }
        }
    }

    /// Ends what lasts of a caller that is none of ours any more.
    pub(crate) fn expel(&self, caller: &CallerId) {
        for session in self.sessions_of(caller) {
            self.end_session(&session);
        }
        self.listeners.end(caller);
        self.park.end_of(caller);
        self.holds.end_of(caller);
        self.kept.end_of(caller);
    }

    pub(crate) fn sessions_of(&self, caller: &CallerId) -> impl Iterator<Item = Arc<Session>> {
        let all = self.live_sessions().into_iter();
        all.filter(move |session| session.caller() == caller)
    }
}

fn changes(before: &Standing, now: &Standing, endpoint: &Endpoint) -> Vec<Change> {
    let mut changes = Vec::new();
    for (kinds, method) in [
        (&[ListKind::Tools][..], "notifications/tools/list_changed"),
        (&[ListKind::Prompts], "notifications/prompts/list_changed"),
        (
            &[ListKind::Resources, ListKind::Templates],
            "notifications/resources/list_changed",
        ),
    ] {
        if kinds
            .iter()
            .any(|kind| differs(before, now, endpoint, *kind))
        {
            let params = RawJson::empty_object();
            changes.push(Change {
                topic: Topic::List(kinds[0]),
                method,
                params,
            });
        }
    }
    changes
}

fn differs(before: &Standing, now: &Standing, endpoint: &Endpoint, kind: ListKind) -> bool {
    let list = |standing: &Standing| {
        let catalogue = &standing.house().catalogue;
        let view = standing.view();
        view.list(catalogue, endpoint, kind, Revision::V2026_07_28)
    };
    list(before).digest() != list(now).digest()
}
