//! `resources/subscribe` and `subscriptions/listen`: each resource takes the walk before anyone
//! hears of it.

use std::{collections::HashMap, sync::Arc};

use durward_core::{Answer, Cancel, Operation, RawJson};
use durward_wire::{encode as wire, scan::Request};

use crate::{
    encode::{self, Caching, Refused, Reply},
    gate::Gate,
    listen::{Filter, subscription_meta},
    methods::{calls, invalid},
    notifier::Outlet,
    request::{Origin, required},
    tasks::{self, Followed},
    updates::{Hearer, Spelled},
    walk::Ended,
};

impl Gate {
    /// `resources/subscribe` and `resources/unsubscribe` of a session.
    pub(crate) async fn subscription(
        &self,
        origin: &Origin,
        request: &Request,
        outlet: Option<&Outlet>,
        cancel: &Cancel,
    ) -> Reply {
        let id = &request.id;
        let uri = match required(&request.params, "uri") {
            Ok(uri) => uri,
            Err(error) => return encode::error(Some(id), origin.era(), &error),
        };
        let session = origin.session();
        if request.method.as_str() == "resources/unsubscribe" {
            if let Some(session) = session {
                session.unsubscribe(&uri);
            }
            let empty = RawJson::empty_object();
            return encode::result(id, origin.revision(), &empty, Caching::Unsaid);
        }
        let asked = calls::of_resource(
            &origin.standing,
            &origin.endpoint,
            &uri,
            Operation::Subscribe,
        );
        let mut ended = self.walk(origin, asked, outlet, cancel).await;
        if let (true, Some(session)) = (is_answered(&ended), session) {
            let hearer = Hearer::Session(Arc::downgrade(session));
            match self.watch(&origin.standing, &spelled(origin, &uri), hearer) {
                Ok(watch) => {
                    if !session.subscribe(&uri, watch) {
                        let full = invalid("too many subscriptions in this session");
                        return encode::error(Some(id), origin.era(), &full);
                    }
                }
                Err(refusal) => ended = Ended::Refused(refusal),
            }
        }
        let (revision, operation) = (origin.revision(), Operation::Subscribe);
        encode::ended(ended, id, revision, operation, Refused::Error)
    }

    /// `subscriptions/listen`: lasts until the client or the gate ends it.
    pub(crate) async fn listen(
        self: &Arc<Self>,
        origin: &Origin,
        request: &Request,
        outlet: Option<&Outlet>,
        cancel: &Cancel,
    ) -> Reply {
        let id = &request.id;
        let read = Filter::read(request.params.get("notifications").as_ref());
        let (mut filter, Some(outlet)) = (
            match read {
                Ok(filter) => filter,
                Err(error) => return encode::error(Some(id), origin.era(), &error),
            },
            outlet,
        ) else {
            let error = invalid("there is no way to send you notifications here");
            return encode::error(Some(id), origin.era(), &error);
        };
        let number = self.listeners.number();
        let mut watches = HashMap::new();
        for uri in std::mem::take(&mut filter.resource_subscriptions) {
            let asked = calls::of_resource(
                &origin.standing,
                &origin.endpoint,
                &uri,
                Operation::Subscribe,
            );
            let ended = self.walk(origin, asked, None, cancel).await;
            let watch = match is_answered(&ended) {
                true => {
                    let resource = spelled(origin, &uri);
                    self.watch(&origin.standing, &resource, Hearer::Listen(number))
                }
                false => continue,
            };
            // What can't be watched is not acknowledged.
            if let Ok(watch) = watch {
                watches.insert(uri.clone(), watch);
                filter.resource_subscriptions.push(uri);
            }
        }
        if !filter.task_ids.is_empty() && !tasks::are_declared(origin.client()) {
            return encode::error(Some(id), origin.era(), &tasks::undeclared());
        }
        let mut followed = Followed::default();
        for task in std::mem::take(&mut filter.task_ids) {
            // A task that is not there for this caller is not acknowledged.
            if followed.add(self, origin, &task, cancel).await {
                filter.task_ids.push(task);
            }
        }
        let caller = origin.standing.caller().id.clone();
        let whose = (caller, origin.endpoint.clone());
        let hears = (filter, watches);
        let listening = self
            .listeners
            .open(number, whose, id.clone(), hears, outlet.clone());
        tokio::select! {
            () = cancel.cancelled() => return Reply::Silent,
            () = self.draining().cancelled() => {}
            () = listening.ended.cancelled() => {}
            () = self.expiry(origin) => {}
            () = followed.tell(self, origin, id, outlet) => {}
        }
        if origin.door != durward_core::Door::Http {
            let ended = wire::object(&[("requestId", id.raw())]);
            outlet.send(wire::notification("notifications/cancelled", &ended));
        }
        let body = wire::object(&[("_meta", &subscription_meta(id))]);
        encode::result(id, origin.revision(), &body, Caching::Unsaid)
    }

    /// Ends when the caller's proof does.
    async fn expiry(&self, origin: &Origin) {
        loop {
            let Some(end) = origin.standing.caller().expires else {
                return std::future::pending().await;
            };
            let now = self.clock().wall();
            if now >= end {
                return;
            }
            let left = std::time::Duration::from_micros(end.0 - now.0);
            // In steps, since the time of day may jump.
            tokio::time::sleep(left.min(std::time::Duration::from_secs(60))).await;
        }
    }
}

fn spelled(origin: &Origin, uri: &str) -> Spelled {
    Spelled {
        endpoint: origin.endpoint.clone(),
        uri: uri.to_owned(),
    }
}

fn is_answered(ended: &Ended) -> bool {
    matches!(ended, Ended::Answered(Answer::Result(_) | Answer::Own(_)))
}
