//! The folders that a client says it shares (MCP 2025-11-25, client/roots): a session is asked for them
//! when they are first needed, and again once they have changed; a modern client, with each call.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use durward_core::{Client, ClientRoots, RawJson};
use durward_wire::{
    encode,
    scan::{RequestId, Response, ResponseOutcome},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;

/// How long a client may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most roots that are taken.
const MOST: usize = 64;
/// The longest URI of one.
const LONGEST: usize = 16 * 1024;

/// Why a client's roots are not known. What they would have allowed is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It did not answer.
    Silence,
    /// It answered with something else.
    Garbage,
}

/// What a client has said of its roots.
pub(crate) struct Roots {
    is_offered: bool,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    known: Option<Arc<ClientRoots>>,
    /// The question that is on its way.
    asked: Option<u64>,
    /// Answers that could not be read.
    garbage: u64,
}

/// Does a client say that it has roots to name? One that says it in a way that we can't read is held
/// to it.
pub(crate) fn are_offered(client: &Client) -> bool {
    #[derive(Deserialize)]
    struct Capabilities {
        roots: Option<serde_json::Value>,
    }
    let read = client.capabilities.parse::<Capabilities>();
    read.map_or(true, |it| it.roots.is_some())
}

/// The key of the question that modern clients get.
const KEY: &str = "durward.roots";

/// What a modern client is asked, as a result: which question under which key.
pub(crate) fn input_required() -> RawJson {
    RawJson::from_static(r#"{"inputRequests":{"durward.roots":{"method":"roots/list"}}}"#)
}

/// The roots among a modern client's answers; `None` where they are not there.
pub(crate) fn among(answers: Option<&RawJson>) -> Option<Result<ClientRoots, Unknown>> {
    let all: BTreeMap<String, Box<RawValue>> = answers?.parse().ok()?;
    let answer = RawJson::from_raw(all.get(KEY)?);
    Some(listed(&answer).ok_or(Unknown::Garbage))
}

impl Roots {
    pub(crate) fn of(client: &Client) -> Self {
        Self {
            is_offered: are_offered(client),
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Does the client have roots to name?
    pub(crate) fn is_offered(&self) -> bool {
        self.is_offered
    }

    /// Will the next call that touches files have to ask?
    pub(crate) fn is_unknown(&self) -> bool {
        self.is_offered && self.known().is_none()
    }

    /// The roots, if they are known.
    pub(crate) fn known(&self) -> Option<Arc<ClientRoots>> {
        self.lock().known.clone()
    }

    /// They have changed: what was known, or is being asked, counts no more.
    pub(crate) fn forget(&self) {
        let mut state = self.lock();
        state.known = None;
        state.asked = None;
        drop(state);
        self.changed.notify_waiters();
    }

    /// Something that waiters look at has changed.
    pub(crate) fn stir(&self) {
        self.changed.notify_waiters();
    }

    /// The question, unless one is on its way; `next_id` gives it an id.
    pub(crate) fn question(&self, next_id: impl FnOnce() -> u64) -> Option<Bytes> {
        let mut state = self.lock();
        if state.asked.is_some() || state.known.is_some() {
            return None;
        }
        let id = next_id();
        state.asked = Some(id);
        let id = RequestId::from(id);
        Some(encode::request(&id, "roots/list", &RawJson::empty_object()))
    }

    /// Waits until they are known. `ask` is called while no question is on its way; it puts one, where
    /// that can be done now.
    pub(crate) async fn wait(&self, ask: impl Fn()) -> Result<Arc<ClientRoots>, Unknown> {
        let before = self.lock().garbage;
        let known = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                if let Some(answer) = self.answer_since(before) {
                    return answer;
                }
                ask();
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, known)
            .await
            .unwrap_or_else(|_| {
                // Whoever waits still, or comes next, asks anew.
                self.lock().asked = None;
                self.changed.notify_waiters();
                Err(Unknown::Silence)
            })
    }

    fn answer_since(&self, garbage: u64) -> Option<Result<Arc<ClientRoots>, Unknown>> {
        let state = self.lock();
        match &state.known {
            Some(known) => Some(Ok(Arc::clone(known))),
            None if state.garbage != garbage => Some(Err(Unknown::Garbage)),
            None => None,
        }
    }

    /// Takes an answer; false where it is to no question of ours.
    pub(crate) fn answered(&self, response: &Response) -> bool {
        let mut state = self.lock();
        if state.asked.is_none() || response.id.as_u64() != state.asked {
            return false;
        }
        state.asked = None;
        match read(&response.outcome) {
            Some(roots) => state.known = Some(Arc::new(roots)),
            None => state.garbage += 1,
        }
        drop(state);
        self.changed.notify_waiters();
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(outcome: &ResponseOutcome) -> Option<ClientRoots> {
    match outcome {
        ResponseOutcome::Result(result) => listed(result),
        ResponseOutcome::Error(_) => None,
    }
}

/// Reads a `ListRootsResult`.
fn listed(result: &RawJson) -> Option<ClientRoots> {
    #[derive(Deserialize)]
    struct Listed {
        roots: Vec<Root>,
    }
    #[derive(Deserialize)]
    struct Root {
        uri: String,
    }
    let roots = result.parse::<Listed>().ok()?.roots;
    let fits = roots.len() <= MOST && roots.iter().all(|root| root.uri.len() <= LONGEST);
    fits.then(|| ClientRoots(roots.into_iter().map(|root| root.uri).collect()))
}
