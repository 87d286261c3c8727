//! Looking after a connection while it is up: its lists, what is watched, and what the server tells.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use durward_core::{BoxFuture, Era, ProtocolError, RawJson};
use durward_wire::{bridge::tasks, encode, members};
use tokio::{sync::Notify, time::Instant};

use crate::{
    Hears, Link, LinkFault, Outcome, Own,
    exchange::nobody,
    known::Known,
    lists::{self, Capabilities, ListFault},
    server::Server,
    slot::Attends,
};

/// How long lists hold where the server says nothing, and where it tells of every change.
const POLL: Duration = Duration::from_secs(60);
const SELDOM: Duration = Duration::from_secs(600);
/// Lists are not asked for more often than this, whatever the server tells.
const CALM: Duration = Duration::from_millis(100);
/// The first pause before a refused listen is tried again, and the longest.
const LISTEN_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_LISTEN_PAUSE: Duration = Duration::from_secs(60);

/// What a server tells that belongs to no call.
#[derive(Default)]
pub(crate) struct Signals {
    /// A list has changed.
    lists: Notify,
    /// A client has looked at the lists.
    wanted: Notify,
    /// A listen has begun.
    acknowledged: Notify,
}

/// Tends a server's shared connection.
pub(crate) struct Tending {
    server: Arc<Server>,
}

impl Signals {
    /// A client has looked at the lists: they are asked for again if they have grown old.
    pub(crate) fn want(&self) {
        self.wanted.notify_one();
    }

    /// The lists may be had now that could not be: they are asked for again.
    pub(crate) fn look_again(&self) {
        self.lists.notify_one();
    }
}

/// Hears a server without keeping it.
struct Ears(Weak<Server>);

impl Hears for Ears {
    fn notified(&self, method: &str, params: &RawJson) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        match method {
            "notifications/tools/list_changed"
            | "notifications/prompts/list_changed"
            | "notifications/resources/list_changed" => server.signals().lists.notify_one(),
            "notifications/subscriptions/acknowledged" => {
                server.signals().acknowledged.notify_one();
            }
            "notifications/resources/updated" => {
                let all = members(params);
                let uri = all.iter().find(|(key, _)| key == "uri");
                if let Some(uri) = uri.and_then(|(_, uri)| uri.parse::<String>().ok()) {
                    server.subscriptions().updated(&uri);
                }
            }
            "notifications/elicitation/complete" => {
                let id = durward_wire::member(params, "elicitationId");
                if let Some(id) = id.and_then(|id| id.parse::<String>().ok()) {
                    server.watched_elicitations().told(&id);
                }
            }
            "notifications/tasks" | "notifications/tasks/status" => {
                if let Some(own) = tasks::id(params) {
                    server.watched_tasks().told(&own);
                }
            }
            _ => tracing::debug!(server = %server.name(), method, "nothing is known to do with it"),
        }
    }

    fn came_to_nothing(&self, method: &str, word: &'static str) {
        if let Some(server) = self.0.upgrade() {
            server.questions().came_to_nothing(None, method, word);
        }
    }

    fn asked(
        self: Arc<Self>,
        method: String,
        _: RawJson,
    ) -> BoxFuture<'static, Result<RawJson, ProtocolError>> {
        self.came_to_nothing(&method, "no_call");
        Box::pin(async { Err(nobody()) })
    }

    fn complained(&self, last_words: String) {
        if let Some(server) = self.0.upgrade() {
            server.shared_slot().complained(last_words);
        }
    }

    fn renewed(&self) {
        if let Some(server) = self.0.upgrade() {
            server.signals().lists.notify_one();
        }
    }
}

impl Attends for Tending {
    fn attend<'a>(&'a self, link: &'a Link) -> BoxFuture<'a, LinkFault> {
        Box::pin(async move {
            self.server.subscriptions().begin();
            tokio::select! {
                biased;
                fault = link.gone() => fault,
                () = self.keep_lists(link) => unreachable_fault(link),
                () = self.keep_subscriptions(link) => unreachable_fault(link),
            }
        })
    }

    fn missed(&self) -> bool {
        self.server.missed();
        self.server.is_wanted()
    }
}

/// Neither of what is kept ends by itself.
fn unreachable_fault(link: &Link) -> LinkFault {
    link.is_gone().unwrap_or(LinkFault {
        kind: crate::FaultKind::Closed,
        ran: false,
    })
}

impl Tending {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self { server }
    }

    pub(crate) fn hears(server: &Arc<Server>) -> impl Hears + use<> {
        Ears(Arc::downgrade(server))
    }

    /// Asks for the lists at once, when the server tells of a change, and when they have grown old and are
    /// looked at.
    async fn keep_lists(&self, link: &Link) {
        let has: Capabilities = link.hello().capabilities.parse().unwrap_or_default();
        loop {
            let asked = Instant::now();
            let ttl = match ask_for_lists(&self.server, link).await {
                Ok(ttl) => ttl,
                Err(fault) => {
                    tracing::warn!(server = %self.server.name(), %fault, "a server's lists can't be had");
                    self.server.has_no_lists(fault.to_string());
                    None
                }
            };
            let old = match (has.tells_of_changes(), ttl) {
                (true, _) => SELDOM,
                (false, Some(ttl)) => ttl.clamp(POLL / 12, SELDOM),
                (false, None) => POLL,
            };
            let signals = self.server.signals();
            let aged = async {
                tokio::time::sleep(old).await;
                signals.wanted.notified().await;
            };
            tokio::select! {
                () = signals.lists.notified() => {}
                () = aged => {}
            }
            tokio::time::sleep_until(asked + CALM).await;
        }
    }

    async fn keep_subscriptions(&self, link: &Link) {
        match link.hello().era() {
            Era::Legacy => self.subscribe(link).await,
            Era::Modern => self.listen(link).await,
        }
    }

    /// Tells a legacy server of each resource.
    async fn subscribe(&self, link: &Link) {
        loop {
            let due = self.server.subscriptions().due();
            let all = [
                ("resources/subscribe", due.subscribe),
                ("resources/unsubscribe", due.unsubscribe),
            ];
            for (method, uris) in all {
                for uri in uris {
                    let params = encode::object(&[("uri", &encode::string(&uri))]);
                    let told = link.call(method, &params, &Own::default()).await;
                    if !matches!(told, Ok(Outcome::Result(_))) {
                        tracing::warn!(server = %self.server.name(), method, "was refused");
                    }
                }
            }
            self.server.subscriptions().changed().await;
        }
    }

    /// Keeps one `subscriptions/listen` open at a modern server, and opens another before it lets the old
    /// one go.
    async fn listen(&self, link: &Link) {
        let has: Capabilities = link.hello().capabilities.parse().unwrap_or_default();
        let mut current: Option<BoxFuture<'_, ()>> = None;
        loop {
            let uris = self.server.subscriptions().uris();
            let tasks = self.server.watched_tasks().ids();
            let filter = filter(&has, &uris, &tasks);
            let mut next: Option<BoxFuture<'_, ()>> = filter.map(|filter| {
                let listening: BoxFuture<'_, ()> = Box::pin(self.listen_to(link, filter));
                listening
            });
            let acknowledged = self.server.signals().acknowledged.notified();
            tokio::pin!(acknowledged);
            // Until the new one has begun, the old one still tells of changes.
            if next.is_some() {
                tokio::select! {
                    () = ended(&mut next) => {}
                    () = ended(&mut current) => {}
                    () = &mut acknowledged => {}
                    () = tokio::time::sleep(LISTEN_PAUSE) => {}
                }
            }
            current = next;
            tokio::select! {
                () = ended(&mut current) => {}
                () = self.server.subscriptions().changed() => {}
                () = self.server.watched_tasks().changed() => {}
            }
        }
    }

    /// Lasts, and is opened again when the server ends it.
    async fn listen_to(&self, link: &Link, filter: RawJson) {
        let params = encode::object(&[("notifications", &filter)]);
        let mut pause = LISTEN_PAUSE;
        loop {
            let began = Instant::now();
            let ended = link
                .call("subscriptions/listen", &params, &Own::with_tasks())
                .await;
            if let Ok(Outcome::Error(error)) = &ended {
                tracing::warn!(
                    server = %self.server.name(), code = error.code,
                    "the server does not take `subscriptions/listen`"
                );
            }
            if began.elapsed() > LONGEST_LISTEN_PAUSE {
                pause = LISTEN_PAUSE;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_LISTEN_PAUSE);
            // What was told in between was missed.
            self.server.signals().lists.notify_one();
        }
    }
}

/// Asks a server for its lists, and takes them; for how long they hold, if it said so.
pub(crate) async fn ask_for_lists(
    server: &Server,
    link: &Link,
) -> Result<Option<Duration>, ListFault> {
    let lists = lists::fetch(link, server.may()).await?;
    let ttl = lists.ttl;
    let hello = link.hello();
    server.learn(Known {
        found: Some(hello.found()),
        capabilities: hello.capabilities.clone(),
        instructions: hello.instructions.clone(),
        lists,
    });
    Ok(ttl)
}

/// What a modern server is asked to tell of; `None` where it has nothing to tell.
fn filter(has: &Capabilities, uris: &[Box<str>], tasks: &[Box<str>]) -> Option<RawJson> {
    let yes = RawJson::from_static("true");
    let mut wanted = Vec::new();
    for (listed, name) in [
        (&has.tools, "toolsListChanged"),
        (&has.prompts, "promptsListChanged"),
        (&has.resources, "resourcesListChanged"),
    ] {
        if listed.as_ref().is_some_and(|listed| listed.list_changed) {
            wanted.push((name, &yes));
        }
    }
    let named = |names: &[Box<str>]| RawJson::of(names).ok().filter(|_| !names.is_empty());
    let (uris, tasks) = (named(uris), named(tasks));
    wanted.extend(uris.as_ref().map(|uris| ("resourceSubscriptions", uris)));
    wanted.extend(tasks.as_ref().map(|tasks| ("taskIds", tasks)));
    (!wanted.is_empty()).then(|| encode::object(&wanted))
}

/// Ends when this does; never, where there is none.
async fn ended(listening: &mut Option<BoxFuture<'_, ()>>) {
    match listening {
        Some(listening) => listening.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_only_for_what_it_tells_of() {
        let has = |text: &'static str| RawJson::from_static(text).parse().unwrap();
        let some = has(r#"{"tools":{"listChanged":true},"prompts":{},"x":{}}"#);
        assert_eq!(
            filter(&some, &[], &[]).unwrap().as_str(),
            r#"{"toolsListChanged":true}"#
        );
        let none = has("{}");
        assert_eq!(filter(&none, &[], &[]), None);
        let uris = ["a:1".into(), "a:2".into()];
        assert_eq!(
            filter(&none, &uris, &["t".into()]).unwrap().as_str(),
            r#"{"resourceSubscriptions":["a:1","a:2"],"taskIds":["t"]}"#
        );
    }
}
