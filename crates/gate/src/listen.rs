//! `subscriptions/listen`: what a modern client hears that it did not ask for just now.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use durward_core::{CallerId, Cancel, ProtocolError, RawJson, Watch};
use durward_wire::{code, encode, scan::RequestId};
use serde::{Deserialize, Serialize};

use crate::{endpoint::Endpoint, notifier::Outlet, view::ListKind};

/// What something changed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topic {
    /// One of the lists.
    List(ListKind),
    /// One resource.
    Resource(String),
}

/// What a client wants to hear (schema.ts 2026-07-28, `SubscriptionFilter`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Filter {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tools_list_changed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) prompts_list_changed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) resources_list_changed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) resource_subscriptions: Vec<String>,
    /// Of the extension `io.modelcontextprotocol/tasks`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) task_ids: Vec<String>,
}

impl Filter {
    /// Most resources that one listen may name, and most tasks.
    const MOST: usize = 256;

    /// Reads `params.notifications`.
    pub(crate) fn read(params: Option<&RawJson>) -> Result<Self, ProtocolError> {
        let refuse = |message: String| ProtocolError {
            code: code::INVALID_PARAMS,
            message,
            data: None,
        };
        let raw = params
            .filter(|raw| raw.as_str().starts_with('{'))
            .ok_or_else(|| refuse("`notifications` must be an object".to_owned()))?;
        let filter: Self = raw
            .parse()
            .map_err(|error| refuse(format!("`notifications` does not fit: {error}")))?;
        if filter.resource_subscriptions.len() > Self::MOST {
            return Err(refuse(format!(
                "at most {} `resourceSubscriptions`",
                Self::MOST
            )));
        }
        if filter.task_ids.len() > Self::MOST {
            return Err(refuse(format!("at most {} `taskIds`", Self::MOST)));
        }
        Ok(filter)
    }

    fn wants(&self, topic: &Topic) -> bool {
        match topic {
            Topic::List(ListKind::Tools) => self.tools_list_changed,
            Topic::List(ListKind::Prompts) => self.prompts_list_changed,
            Topic::List(ListKind::Resources | ListKind::Templates) => self.resources_list_changed,
            Topic::Resource(uri) => self.resource_subscriptions.contains(uri),
        }
    }
}

struct Listener {
    number: u64,
    caller: CallerId,
    endpoint: Endpoint,
    id: RequestId,
    filter: Filter,
    outlet: Outlet,
    ended: Cancel,
    /// What watches its resources, by URI as the client spelled it.
    watches: HashMap<String, Option<Watch>>,
}

/// All open listens.
#[derive(Default)]
pub(crate) struct Listeners(Mutex<Open>);

#[derive(Default)]
struct Open {
    opened: u64,
    listeners: Vec<Listener>,
}

/// One listen's place; dropping it ends it.
pub(crate) struct Listening<'a> {
    all: &'a Listeners,
    number: u64,
    /// Its caller is none of ours any more.
    pub(crate) ended: Cancel,
}

impl Listeners {
    /// The number of a listen that is about to open.
    pub(crate) fn number(&self) -> u64 {
        let mut open = self.lock();
        open.opened += 1;
        open.opened
    }

    /// Takes a listener in, and tells it what it will hear.
    pub(crate) fn open(
        &self,
        number: u64,
        (caller, endpoint): (CallerId, Endpoint),
        id: RequestId,
        (filter, watches): (Filter, HashMap<String, Option<Watch>>),
        outlet: Outlet,
    ) -> Listening<'_> {
        let mut open = self.lock();
        if let Ok(honoured) = RawJson::of(&filter) {
            let params = encode::object(&[("notifications", &honoured)]);
            let params = tagged(&params, &id);
            outlet.send(encode::notification(
                "notifications/subscriptions/acknowledged",
                &params,
            ));
        }
        let ended = Cancel::new();
        open.listeners.push(Listener {
            number,
            caller,
            endpoint,
            id,
            filter,
            outlet,
            ended: ended.clone(),
            watches,
        });
        Listening {
            all: self,
            number,
            ended,
        }
    }

    /// Ends all that this caller listens to.
    pub(crate) fn end(&self, caller: &CallerId) {
        let open = self.lock();
        for listener in &open.listeners {
            if listener.caller == *caller {
                listener.ended.cancel();
            }
        }
    }

    /// Where this caller listens.
    pub(crate) fn endpoints(&self, caller: &CallerId) -> HashSet<Endpoint> {
        let open = self.lock();
        let of_caller = open.listeners.iter().filter(|it| it.caller == *caller);
        of_caller.map(|it| it.endpoint.clone()).collect()
    }

    /// Does any of this caller's listeners at this endpoint hear of this resource?
    pub(crate) fn hears(&self, caller: &CallerId, endpoint: &Endpoint, uri: &str) -> bool {
        let open = self.lock();
        open.listeners.iter().any(|it| {
            it.caller == *caller && it.endpoint == *endpoint && it.watches.contains_key(uri)
        })
    }

    /// Tells this caller's listeners at this endpoint of a change that they want to hear of.
    pub(crate) fn tell(
        &self,
        caller: &CallerId,
        endpoint: &Endpoint,
        topic: &Topic,
        method: &str,
        params: &RawJson,
    ) {
        let open = self.lock();
        for listener in &open.listeners {
            let is_meant = listener.caller == *caller && listener.endpoint == *endpoint;
            if is_meant && listener.filter.wants(topic) {
                let params = tagged(params, &listener.id);
                listener.outlet.send(encode::notification(method, &params));
            }
        }
    }

    /// The same for one listener alone.
    pub(crate) fn tell_one(&self, number: u64, topic: &Topic, method: &str, params: &RawJson) {
        let open = self.lock();
        let listener = open.listeners.iter().find(|it| it.number == number);
        if let Some(listener) = listener.filter(|it| it.filter.wants(topic)) {
            let params = tagged(params, &listener.id);
            listener.outlet.send(encode::notification(method, &params));
        }
    }

    /// What this caller's listeners want to hear of.
    pub(crate) fn subscribed(&self, caller: &CallerId) -> Vec<(u64, Endpoint, String)> {
        let open = self.lock();
        let of_caller = open.listeners.iter().filter(|it| it.caller == *caller);
        let named = |it: &Listener, uri: &String| (it.number, it.endpoint.clone(), uri.clone());
        of_caller
            .flat_map(|it| it.watches.keys().map(move |uri| named(it, uri)))
            .collect()
    }

    /// Puts another watch in the place of the one that a listener has.
    pub(crate) fn hold(&self, number: u64, uri: &str, watch: Option<Watch>) {
        let mut open = self.lock();
        let mut listeners = open.listeners.iter_mut();
        let held = listeners
            .find(|it| it.number == number)
            .and_then(|it| it.watches.get_mut(uri));
        let before = match held {
            Some(held) => std::mem::replace(held, watch),
            None => watch,
        };
        drop(open);
        drop(before);
    }

    /// A listener is not to hear of this resource any more.
    pub(crate) fn release(&self, number: u64, uri: &str) {
        let mut open = self.lock();
        let mut listeners = open.listeners.iter_mut();
        let before = listeners.find(|it| it.number == number).map(|it| {
            let all = &mut it.filter.resource_subscriptions;
            all.retain(|wanted| wanted != uri);
            it.watches.remove(uri)
        });
        drop(open);
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut open = self.all.lock();
        let mut listeners = open.listeners.iter();
        let place = listeners.position(|it| it.number == self.number);
        let ended = place.map(|place| open.listeners.remove(place));
        drop(open);
        drop(ended);
    }
}

/// The `_meta` that names the listen.
pub(crate) fn subscription_meta(id: &RequestId) -> RawJson {
    encode::object(&[("io.modelcontextprotocol/subscriptionId", id.raw())])
}

fn tagged(params: &RawJson, id: &RequestId) -> RawJson {
    let meta = subscription_meta(id);
    let mut members = vec![("_meta", meta)];
    members.extend(
        ["notifications", "uri"]
            .into_iter()
            .filter_map(|key| Some((key, member(params, key)?))),
    );
    let members: Vec<_> = members.iter().map(|(key, value)| (*key, value)).collect();
    encode::object(&members)
}

fn member(params: &RawJson, key: &str) -> Option<RawJson> {
    let all: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
        params.parse().ok()?;
    all.get(key).map(|value| RawJson::from_raw(value))
}
