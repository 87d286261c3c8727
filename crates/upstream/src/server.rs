//! One server of the configuration, as the gate meets it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use arc_swap::ArcSwap;
use durward_core::{
    Answer, BoxFuture, Call, CallerId, Cancel, ClientRoots, Clock, Freshness, Located, Offer,
    OnChange, PackName, Provider, Refusal, ServerName, Target, Watch, Witness,
};
use durward_store::{limits::MemoryLimits, servers::KnownServers};
use tokio::{sync::watch, time::Instant};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::{
    EraFound, Hears, Reach,
    given::Given,
    instances::{InUse, Instances, Key},
    known::Known,
    offered::{Offered, own_uri},
    questions::Questions,
    settings::{May, ServerSettings},
    slot::{Phase, Slot},
    subscriptions::Subscriptions,
    tending::{Signals, Tending},
    watched::Watched,
};

/// A server: its connections, and what is known of it.
pub struct Server {
    settings: Arc<ServerSettings>,
    slot: Slot,
    known: Mutex<Option<Known>>,
    offered: ArcSwap<Offered>,
    /// True once its lists were asked for, whether it answered or not.
    asked: watch::Sender<bool>,
    /// When its lists were last had from itself.
    fetched: Mutex<Option<Instant>>,
    /// Why its lists could not be had the last time.
    unlisted: Mutex<Option<String>>,
    changed: Mutex<Option<OnChange>>,
    subscriptions: Arc<Subscriptions>,
    watched_tasks: Arc<Watched>,
    watched_elicitations: Arc<Watched>,
    signals: Arc<Signals>,
    store: Option<KnownServers>,
    questions: Questions,
    given: Given,
    instances: Instances,
    clock: Arc<dyn Clock>,
    stop: Cancel,
    tasks: TaskTracker,
    weak: Weak<Self>,
}

/// A connection while a call uses it.
pub(crate) enum Held<'a> {
    Shared(&'a Slot),
    Own(InUse),
}

impl Held<'_> {
    pub(crate) fn slot(&self) -> &Slot {
        match self {
            Self::Shared(slot) => slot,
            Self::Own(held) => &held.0.slot,
        }
    }
}

impl Server {
    /// A server that nothing is asked of yet. What `store` kept of it is offered until it is asked itself.
    /// In `limits` is counted how often it asks clients' models.
    pub fn new(
        settings: ServerSettings,
        store: Option<KnownServers>,
        limits: Arc<MemoryLimits>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let (may, sampling) = (settings.may, settings.sampling);
        let name = settings.name.clone();
        let questions = Questions::new(name, may, sampling, limits, Arc::clone(&clock));
        let kept = store.as_ref().and_then(|store| {
            let loaded = store.load(&settings.name);
            loaded.unwrap_or_else(|error| {
                tracing::warn!(server = %settings.name, %error, "what was known of a server can't be read");
                None
            })
        });
        let known = kept.and_then(Known::read);
        let server = Arc::new_cyclic(|weak| Self {
            slot: Slot::new(Arc::clone(&clock)),
            offered: ArcSwap::default(),
            asked: watch::Sender::new(known.is_some()),
            known: Mutex::new(None),
            fetched: Mutex::default(),
            unlisted: Mutex::default(),
            changed: Mutex::default(),
            subscriptions: Arc::default(),
            watched_tasks: Arc::default(),
            watched_elicitations: Arc::default(),
            signals: Arc::default(),
            store,
            questions,
            given: Given::default(),
            instances: Instances::default(),
            clock,
            stop: Cancel::new(),
            tasks: TaskTracker::new(),
            settings: Arc::new(settings),
            weak: Weak::clone(weak),
        });
        if let Some(known) = known {
            server.offer_known(known);
        }
        server
    }

    /// Begins to serve it, on the runtime that this is called on: from here on it is connected to when it is
    /// needed, at once if its lists are not known or it is to be eager.
    pub fn start(self: &Arc<Self>) {
        let remembered = self.found();
        let server = Arc::clone(self);
        self.tasks.spawn(async move {
            let hears: Arc<dyn Hears> = Arc::new(Tending::hears(&server));
            let tending = Tending::new(Arc::clone(&server));
            let target = &server.settings.target;
            server
                .slot
                .run(target, &hears, remembered, &tending, &server.stop)
                .await;
        });
        if self.is_wanted() {
            self.slot.want();
        }
    }

    /// Ends its connections, and its process with all that it started.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Reach::Url(url) = &self.settings.target.reach
            && let Some(auth) = &url.auth
        {
            auth.settle().await;
        }
    }

    /// What it wants to see of us has changed, a login or a header: what failed for want of it is tried again
    /// at once.
    pub fn look_again(&self) {
        if let Reach::Url(url) = &self.settings.target.reach {
            if let Some(auth) = &url.auth {
                auth.look();
            }
            self.slot.hurry();
            self.instances.hurry();
            self.signals.look_again();
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &ServerName {
        &self.settings.name
    }

    pub(crate) fn may(&self) -> May {
        self.settings.may
    }

    pub(crate) fn offered(&self) -> Arc<Offered> {
        self.offered.load_full()
    }

    /// What its answers held, for those who ask for it as it stood there.
    pub(crate) fn given(&self) -> &Given {
        &self.given
    }

    pub(crate) fn questions(&self) -> &Questions {
        &self.questions
    }

    pub(crate) fn subscriptions(&self) -> &Arc<Subscriptions> {
        &self.subscriptions
    }

    pub(crate) fn watched_tasks(&self) -> &Arc<Watched> {
        &self.watched_tasks
    }

    pub(crate) fn watched_elicitations(&self) -> &Arc<Watched> {
        &self.watched_elicitations
    }

    /// Does something that no call waits for.
    pub(crate) fn later(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Where the runtime is ending, so is the server's connection.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.tasks.spawn(work);
        }
    }

    pub(crate) fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    /// The connection for this call; `None` where there are too many already.
    pub(crate) fn held(&self, call: &Call) -> Option<Held<'_>> {
        let Some(key) = Key::of(call, self.settings.instances) else {
            return Some(Held::Shared(&self.slot));
        };
        let (held, is_new) = self.instances.get(&key, &self.clock, &self.stop)?;
        if is_new {
            let (instance, server) = (Arc::clone(&held.0), self.weak.upgrade()?);
            self.tasks.spawn(async move {
                let hears: Arc<dyn Hears> = Arc::new(Tending::hears(&server));
                let (settings, found) = (Arc::clone(&server.settings), server.found());
                // It ends with its server, and must not keep it.
                drop(server);
                let target = &settings.target;
                instance
                    .slot
                    .run(target, &hears, found, &*instance, &instance.stop)
                    .await;
            });
        }
        Some(Held::Own(held))
    }

    pub(crate) fn instance_count(&self) -> usize {
        self.instances.count()
    }

    pub(crate) fn shared_slot(&self) -> &Slot {
        &self.slot
    }

    /// Takes what the server itself says of what it has. True if that is news.
    pub(crate) fn learn(&self, known: Known) {
        *lock(&self.unlisted) = None;
        *lock(&self.fetched) = Some(Instant::now());
        let is_news = self.known().as_ref() != Some(&known);
        if is_news {
            self.keep(&known);
            self.offer_known(known);
        }
        if is_news {
            self.tell();
        }
        // Whoever waits looks at the gate's lists, so these come first.
        self.asked.send_replace(true);
    }

    /// Writes it down for the next start, on another thread: a disk may be slow.
    fn keep(&self, known: &Known) {
        let (Some(store), Some(bytes)) = (self.store.clone(), known.write()) else {
            return;
        };
        let server = self.name().clone();
        self.tasks.spawn_blocking(move || {
            if let Err(error) = store.keep(&server, &bytes) {
                tracing::warn!(%server, %error, "what is known of a server can't be kept");
            }
        });
    }

    /// It was asked for its lists, in vain.
    pub(crate) fn has_no_lists(&self, why: String) {
        *lock(&self.unlisted) = Some(why);
        self.missed();
    }

    /// Why its lists could not be had, if so.
    pub(crate) fn unlisted(&self) -> Option<String> {
        lock(&self.unlisted).clone()
    }

    /// Is it to be up though no call wants it? What is not known is offered to nobody, so no call would.
    pub(crate) fn is_wanted(&self) -> bool {
        self.settings.eager || self.known().is_none()
    }

    /// It can't be asked now.
    pub(crate) fn missed(&self) {
        self.asked.send_replace(true);
    }

    /// Tells the gate that what is offered has changed.
    fn tell(&self) {
        let told = lock(&self.changed).clone();
        if let Some(told) = told {
            told();
        }
    }

    fn offer_known(&self, known: Known) {
        let offered = Offered::new(&self.settings, &known, known.has_header_params());
        for left_out in &offered.left_out {
            tracing::warn!(
                server = %self.name(), tool = left_out.what, why = left_out.why,
                "a tool is left out"
            );
        }
        self.offered.store(Arc::new(offered));
        *self.known() = Some(known);
    }

    /// What is remembered of its era and transport.
    pub(crate) fn found(&self) -> Option<EraFound> {
        self.known().as_ref().and_then(|known| known.found)
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        lock(&self.known)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Provider for Server {
    fn session_ended(&self, session: Uuid) {
        self.instances.end(&Key::Session(session));
    }

    fn name(&self) -> &PackName {
        self.settings.name.as_provider()
    }

    fn offer(&self) -> Offer {
        self.offered().offer.clone()
    }

    fn freshness(&self) -> Freshness {
        let fetched = *lock(&self.fetched);
        let left = |ttl: Duration| match fetched {
            Some(at) => ttl.saturating_sub(at.elapsed()),
            None => Duration::ZERO,
        };
        Freshness {
            // What was kept from before stands for it until it has spoken for itself.
            stale: match self.slot.phase() {
                Phase::Down(_) => true,
                Phase::Starting | Phase::Up => fetched.is_none(),
                Phase::Idle => fetched.is_none() && self.is_wanted(),
            },
            ttl: self.offered().ttl.map(left),
        }
    }

    fn room(&self, _target: &Target) -> Option<&'static str> {
        self.settings.room
    }

    fn server(&self) -> Option<&ServerName> {
        Some(&self.settings.name)
    }

    fn attend(&self, changed: OnChange) {
        *lock(&self.changed) = Some(changed);
    }

    fn gave(&self, caller: &CallerId, uri: &str) -> bool {
        self.given.has(caller, uri)
    }

    fn report_to(&self, witness: Arc<dyn Witness>) {
        self.questions.report_to(witness);
    }

    fn wanted(&self) {
        self.signals.want();
    }

    fn ready(&self) -> Option<BoxFuture<'_, ()>> {
        if *self.asked.borrow() {
            return None;
        }
        let mut asked = self.asked.subscribe();
        Some(Box::pin(async move {
            // It fails only where the server is gone, and then nothing will be known.
            let _ = asked.wait_for(|asked| *asked).await;
        }))
    }

    fn locate(&self, uri: &str, _: Option<&ClientRoots>) -> Option<Result<Located, Refusal>> {
        own_uri(self.name(), uri)?;
        Some(Ok(Located {
            uri: uri.into(),
            also: Vec::new(),
        }))
    }

    fn watch(&self, located: &Located, changed: OnChange) -> Result<Option<Watch>, Refusal> {
        let own = own_uri(self.name(), &located.uri);
        Ok(own.map(|own| self.subscriptions.watch(own, changed)))
    }

    fn watch_task(&self, own: &str, changed: OnChange) -> Option<Watch> {
        Some(self.watched_tasks.watch(own, changed))
    }

    fn watch_elicitation(&self, id: &str, done: OnChange) -> Option<Watch> {
        Some(self.watched_elicitations.watch(id, done))
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        Box::pin(self.make(call))
    }
}
