//! Telling clients, after a reload, of the lists and resources that changed for them.

use std::sync::Arc;

use durward_core::{CallerId, RawJson};
use durward_wire::encode;

use crate::{
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
        let changes = changes(before, now);
        if changes.is_empty() {
            return;
        }
        let caller = &before.caller().id;
        for session in self.sessions_of(caller) {
            for change in &changes {
                let wanted = match &change.topic {
                    Topic::List(_) => true,
                    Topic::Resource(uri) => session.is_subscribed(uri),
                };
                if wanted {
                    let message = encode::notification(change.method, &change.params);
                    session.tell(&change.kind(), self.clock().monotonic(), message);
                }
            }
        }
        for change in &changes {
            self.listeners
                .tell(caller, &change.topic, change.method, &change.params);
        }
    }

    /// Ends what lasts of a caller that is none of ours any more.
    pub(crate) fn expel(&self, caller: &CallerId) {
        for session in self.sessions_of(caller) {
            self.end_session(&session);
        }
        self.listeners.end(caller);
    }

    pub(crate) fn sessions_of(&self, caller: &CallerId) -> impl Iterator<Item = Arc<Session>> {
        let all = self.live_sessions().into_iter();
        all.filter(move |session| session.caller() == caller)
    }
}

fn changes(before: &Standing, now: &Standing) -> Vec<Change> {
    let mut changes = Vec::new();
    for (kind, method) in [
        (ListKind::Tools, "notifications/tools/list_changed"),
        (ListKind::Prompts, "notifications/prompts/list_changed"),
        (ListKind::Resources, "notifications/resources/list_changed"),
    ] {
        if before.view().differs(now.view(), kind) {
            let params = RawJson::empty_object();
            changes.push(Change {
                topic: Topic::List(kind),
                method,
                params,
            });
        }
    }
    if guide::write(before) != guide::write(now) {
        changes.push(Change {
            topic: Topic::Resource(guide::URI.to_owned()),
            method: UPDATED,
            params: about(guide::URI),
        });
    }
    changes
}
