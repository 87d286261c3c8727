//! Sessions of the legacy revisions. The id is sealed and carries the facts, so that any replica can
//! serve it; what lives here is what can be lost with the replica: the level, the streams, the calls
//! in flight.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use durward_core::{
    Body, CallerId, Cancel, Client, LogLevel, Monotonic, RawJson, Revision, Wall, Watch,
};
use durward_store::seal::Sealer;
use durward_wire::scan::RequestId;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    declared::Declared,
    endpoint::Endpoint,
    notifier::Outlet,
    questions::Questions,
    roots::Roots,
    stream::{GET_STREAM, Streams},
};

/// How long a session id is good for.
pub const SESSION_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

const PURPOSE: &str = "session";
const LONGEST_FACTS: usize = 2048;

/// Calls in flight by the id that their client gave them.
#[derive(Default)]
pub struct InFlight(Mutex<HashMap<RequestId, Cancel>>);

impl InFlight {
    /// Enters a call; `None` where one of this id is already running.
    pub fn enter(self: &Arc<Self>, id: &RequestId) -> Option<Ticket> {
        let cancel = Cancel::new();
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains_key(id) {
            return None;
        }
        running.insert(id.clone(), cancel.clone());
        Some(Ticket {
            running: Arc::clone(self),
            id: id.clone(),
            cancel,
        })
    }

    /// Stops the call of this id, if there is one.
    pub fn cancel(&self, id: &RequestId) {
        if let Some(cancel) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
        {
            cancel.cancel();
        }
    }

    /// Stops all.
    pub fn cancel_all(&self) {
        for cancel in self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            cancel.cancel();
        }
    }
}

/// A call's place among those in flight; dropping it leaves.
pub struct Ticket {
    running: Arc<InFlight>,
    id: RequestId,
    cancel: Cancel,
}

impl Ticket {
    /// What stops the call.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.running
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}

/// Where a session hears what it did not ask for just now.
pub enum Unsolicited {
    /// The GET stream.
    Get,
    /// The pipe itself.
    Pipe(mpsc::Sender<Body>),
    /// Nowhere: a session-less client.
    Nowhere,
}

/// One legacy session, as this process holds it.
pub struct Session {
    id: Uuid,
    caller: CallerId,
    endpoint: Endpoint,
    client: Arc<Client>,
    level: Mutex<Option<LogLevel>>,
    initialized: AtomicBool,
    /// By URI as the client spelled it, with what watches it.
    subscriptions: Mutex<HashMap<String, Option<Watch>>>,
    unsolicited: Unsolicited,
    used: AtomicU64,
    declared: Declared,
    /// What the client is asked for calls of its.
    pub(crate) questions: Questions,
    /// The folders that the client says it shares.
    pub(crate) roots: Roots,
    /// Its event streams.
    pub streams: Arc<Streams>,
    /// Its calls in flight.
    pub in_flight: Arc<InFlight>,
}

impl Session {
    /// A session of this caller, with all servers together.
    pub fn new(id: Uuid, caller: CallerId, client: Client, unsolicited: Unsolicited) -> Self {
        Self {
            id,
            caller,
            endpoint: Endpoint::Merged,
            declared: Declared::by(&client),
            questions: Questions::of(id),
            roots: Roots::of(&client),
            client: Arc::new(client),
            level: Mutex::default(),
            initialized: AtomicBool::new(false),
            subscriptions: Mutex::default(),
            unsolicited,
            used: AtomicU64::new(0),
            streams: Arc::default(),
            in_flight: Arc::default(),
        }
    }

    /// The same at another endpoint, which it keeps to.
    #[must_use]
    pub(crate) fn at(self, endpoint: Endpoint) -> Self {
        Self { endpoint, ..self }
    }

    /// Where it was opened.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its name.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whose it is.
    pub fn caller(&self) -> &CallerId {
        &self.caller
    }

    /// The client, as `initialize` found it.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The revision agreed on.
    pub fn revision(&self) -> Revision {
        self.client.revision
    }

    /// True for one that `initialize` opened; false for a call without a session.
    pub fn is_lasting(&self) -> bool {
        !matches!(self.unsolicited, Unsolicited::Nowhere)
    }

    /// The least level of logs that it wants; none until it says.
    pub fn level(&self) -> Option<LogLevel> {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `logging/setLevel`.
    pub fn set_level(&self, level: LogLevel) {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    /// `notifications/initialized`: from here on it may be told what it did not ask for.
    pub fn set_initialized(&self) {
        self.initialized.store(true, Ordering::Relaxed);
        self.roots.stir();
    }

    /// `resources/subscribe`; false at the limit.
    pub(crate) fn subscribe(&self, uri: &str, watch: Option<Watch>) -> bool {
        const MOST: usize = 256;
        let mut all = self.subscriptions();
        if all.len() >= MOST && !all.contains_key(uri) {
            return false;
        }
        let before = all.insert(uri.to_owned(), watch);
        drop(all);
        drop(before);
        true
    }

    /// Puts another watch in the place of the one that a subscription has.
    pub(crate) fn hold(&self, uri: &str, watch: Option<Watch>) {
        let mut all = self.subscriptions();
        let before = match all.get_mut(uri) {
            Some(held) => std::mem::replace(held, watch),
            None => watch,
        };
        drop(all);
        drop(before);
    }

    /// `resources/unsubscribe`.
    pub(crate) fn unsubscribe(&self, uri: &str) {
        let before = self.subscriptions().remove(uri);
        drop(before);
    }

    /// Ends all subscriptions.
    pub(crate) fn unsubscribe_all(&self) {
        let before = std::mem::take(&mut *self.subscriptions());
        drop(before);
    }

    /// What it wants to hear of.
    pub(crate) fn subscribed(&self) -> Vec<String> {
        self.subscriptions().keys().cloned().collect()
    }

    /// Does it want to hear of this resource?
    pub(crate) fn is_subscribed(&self, uri: &str) -> bool {
        self.subscriptions().contains_key(uri)
    }

    fn subscriptions(&self) -> MutexGuard<'_, HashMap<String, Option<Watch>>> {
        self.subscriptions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells it what it did not ask for just now; `kind` names what makes an older one needless.
    pub fn tell(&self, kind: &str, now: Monotonic, message: Bytes) {
        if !self.initialized.load(Ordering::Relaxed) {
            return;
        }
        match &self.unsolicited {
            Unsolicited::Get => self.streams.push_merged(kind, now, message),
            Unsolicited::Pipe(sender) => {
                if sender.try_send(message.into()).is_err() {
                    tracing::debug!("a notification was dropped: the client is slow or gone");
                }
            }
            Unsolicited::Nowhere => {}
        }
    }

    /// Asks for the client's roots, unless that was done: on the stream of the call that needs them,
    /// or else where it hears what it did not ask for. Not before it has said `initialized`.
    pub(crate) fn ask_for_roots(&self, outlet: Option<&Outlet>, now: Monotonic) {
        if !self.initialized.load(Ordering::Relaxed) {
            return;
        }
        let Some(question) = self.roots.question(|| self.questions.next_id()) else {
            return;
        };
        match outlet {
            Some(outlet) => outlet.send(question),
            None => self.put(now, question),
        };
    }

    /// Sends a question where it hears what it did not ask for; false where there is no such place.
    pub(crate) fn put(&self, now: Monotonic, message: Bytes) -> bool {
        match &self.unsolicited {
            Unsolicited::Get => self.streams.push(GET_STREAM, now, message),
            Unsolicited::Pipe(sender) => return sender.try_send(message.into()).is_ok(),
            Unsolicited::Nowhere => return false,
        }
        true
    }

    /// What its client says that it can be asked.
    pub(crate) fn declared(&self) -> Declared {
        self.declared
    }

    /// Has it said `notifications/initialized`?
    pub(crate) fn is_initialized(&self) -> bool {
        self.initialized.load(Ordering::Relaxed)
    }

    /// `notifications/roots/list_changed`: asked anew at once where something is told by them, else
    /// with the next call that needs them.
    pub(crate) fn roots_changed(&self, now: Monotonic) {
        self.roots.forget();
        if self.roots.is_offered() && !self.subscriptions().is_empty() {
            self.ask_for_roots(None, now);
        }
    }

    /// Notes that it was used.
    pub(crate) fn touch(&self, now: Monotonic) {
        self.used.store(now.0, Ordering::Relaxed);
    }

    pub(crate) fn last_used(&self) -> Monotonic {
        Monotonic(self.used.load(Ordering::Relaxed))
    }
}

/// What the sealed id holds.
#[derive(Serialize, Deserialize)]
struct Facts {
    id: Uuid,
    caller: CallerId,
    endpoint: Endpoint,
    revision: String,
    capabilities: Box<serde_json::value::RawValue>,
    info: Option<Box<serde_json::value::RawValue>>,
    expires: Wall,
}

/// Makes the id of a session: its facts, sealed. `None` where the client says too much of itself.
pub(crate) fn seal(sealer: &Sealer, session: &Session, now: Wall) -> Option<String> {
    let raw = |json: &RawJson| serde_json::value::RawValue::from_string(json.as_str().to_owned());
    let client = &session.client;
    let facts = Facts {
        id: session.id,
        caller: session.caller.clone(),
        endpoint: session.endpoint.clone(),
        revision: client.revision.as_str().to_owned(),
        capabilities: raw(&client.capabilities).ok()?,
        info: client.info.as_ref().and_then(|info| raw(info).ok()),
        expires: now.after(SESSION_TTL),
    };
    let text = serde_json::to_vec(&facts).ok()?;
    if text.len() > LONGEST_FACTS {
        return None;
    }
    sealer.seal(PURPOSE, &text)
}

/// Opens an id. Unknown, forged, expired or another caller's: all alike `None`.
pub(crate) fn open(sealer: &Sealer, token: &str, caller: &CallerId, now: Wall) -> Option<Session> {
    if token.len() > 2 * LONGEST_FACTS {
        return None;
    }
    let facts: Facts = serde_json::from_slice(&sealer.open(PURPOSE, token)?).ok()?;
    if facts.caller != *caller || facts.expires <= now {
        return None;
    }
    let client = Client::new(
        Revision::parse(&facts.revision)?,
        RawJson::from_raw(&facts.capabilities),
        facts.info.as_deref().map(RawJson::from_raw),
    );
    let session = Session::new(facts.id, facts.caller, client, Unsolicited::Get).at(facts.endpoint);
    // After a restart it can't be known whether `notifications/initialized` came; the client does.
    session.set_initialized();
    Some(session)
}

#[cfg(test)]
mod tests {
    use durward_core::{Fingerprint, ManualClock};

    use super::*;

    fn caller(fingerprint: &str) -> CallerId {
        CallerId::of_key(&Fingerprint::try_from(fingerprint.to_owned()).unwrap())
    }

    fn sealed() -> (Sealer, String) {
        let sealer = Sealer::new(&[7; 32], Arc::new(ManualClock::new()));
        let client = Client::new(Revision::V2025_11_25, RawJson::empty_object(), None);
        let id = Uuid::from_u128(1);
        let session = Session::new(id, caller("00000001"), client, Unsolicited::Get);
        let token = seal(&sealer, &session, Wall(0)).unwrap();
        (sealer, token)
    }

    #[test]
    fn a_session_id_opens_for_its_caller_alone_and_not_for_ever() {
        let (sealer, token) = sealed();
        assert!(open(&sealer, &token, &caller("00000001"), Wall(1)).is_some());
        assert!(open(&sealer, &token, &caller("00000002"), Wall(1)).is_none());
        let late = Wall(0).after(SESSION_TTL);
        assert!(open(&sealer, &token, &caller("00000001"), late).is_none());
    }

    #[test]
    fn a_changed_id_opens_for_nobody() {
        let (sealer, token) = sealed();
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(
                open(&sealer, &forged, &caller("00000001"), Wall(1)).is_none(),
                "byte {at}"
            );
        }
    }

    #[test]
    fn two_calls_of_one_id_can_t_run_at_once() {
        let calls = Arc::new(InFlight::default());
        let id = RequestId::from(1);
        let ticket = calls.enter(&id).unwrap();
        assert!(calls.enter(&id).is_none());
        calls.cancel(&id);
        assert!(ticket.cancel().is_cancelled());
        drop(ticket);
        assert!(calls.enter(&id).is_some());
    }
}
