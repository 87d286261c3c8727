//! Questions to the client of a legacy session: requests of ours, on the stream of the call that needs
//! them (MCP 2025-11-25, client/elicitation, client/sampling, client/roots).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use durward_core::{Ask, AskFault, BoxFuture, Clock, ProtocolError, Provider, Question, RawJson};
use durward_wire::{
    code, encode,
    scan::{RequestId, Response, ResponseOutcome},
};
use serde::Deserialize;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{gate::Gate, notifier::Outlet, opened, session::Session, stopwatch::Stopwatch};

/// Most questions that a session may have open at once.
const MOST: usize = 256;

/// Those of one session that wait for an answer. An id is used once.
pub(crate) struct Questions(Mutex<Open>);

#[derive(Default)]
struct Open {
    asked: u64,
    waiting: HashMap<u64, oneshot::Sender<ResponseOutcome>>,
    is_closed: bool,
}

impl Questions {
    /// Those of this session. Their ids begin where no other session's do: a client that is taken to
    /// another one by a bridge may still answer a question of the session before.
    pub(crate) fn of(session: Uuid) -> Self {
        let (_, low) = session.as_u64_pair();
        let open = Open {
            // Readers of JSON are at home below 2^53.
            asked: low & ((1 << 52) - 1),
            ..Open::default()
        };
        Self(Mutex::new(open))
    }

    /// An id that no question of this session has had.
    pub(crate) fn next_id(&self) -> u64 {
        let mut open = self.lock();
        open.asked += 1;
        open.asked
    }

    /// Enters a question; `None` where no more can be asked.
    fn enter(&self) -> Option<(u64, oneshot::Receiver<ResponseOutcome>)> {
        let mut open = self.lock();
        if open.is_closed || open.waiting.len() >= MOST {
            return None;
        }
        open.asked += 1;
        let id = open.asked;
        let (sender, receiver) = oneshot::channel();
        open.waiting.insert(id, sender);
        Some((id, receiver))
    }

    /// Takes an answer; false where it is to no question that waits.
    pub(crate) fn answered(&self, response: &Response) -> bool {
        let id = response.id.as_u64();
        let waiting = id.and_then(|id| self.lock().waiting.remove(&id));
        waiting.is_some_and(|waiting| waiting.send(response.outcome.clone()).is_ok())
    }

    /// The session ends: nobody answers any more.
    pub(crate) fn close(&self) {
        let mut open = self.lock();
        open.is_closed = true;
        open.waiting.clear();
    }

    /// True where the question had no answer yet.
    fn leave(&self, id: u64) -> bool {
        self.lock().waiting.remove(&id).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the client of one call.
pub(crate) struct SessionAsk {
    pub(crate) session: Arc<Session>,
    /// The stream of the call; without one, where the session hears what it did not ask for.
    pub(crate) outlet: Option<Outlet>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stopwatch: Arc<Stopwatch>,
    /// How long a person may take.
    pub(crate) patience: Duration,
    /// Who asks, and by which gate: a URL that was opened is told of later.
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) gate: Weak<Gate>,
}

impl Ask for SessionAsk {
    fn ask<'a>(
        &'a self,
        question: Question,
        params: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, AskFault>> {
        Box::pin(async move {
            self.session.declared().check(question, &params)?;
            // Our requests come after `notifications/initialized`.
            if !self.session.is_initialized() {
                return Err(AskFault::Gone);
            }
            let (id, answer) = self.session.questions.enter().ok_or(AskFault::Gone)?;
            let _withdrawn = Withdraw { asked: self, id };
            if let (Question::Elicit, Some(gate)) = (question, self.gate.upgrade()) {
                let provider = self.provider.as_ref();
                opened::follow(&gate, &self.session, provider, &params, self.patience);
            }
            let request = encode::request(&RequestId::from(id), question.method(), &params);
            if !self.send(request) {
                return Err(AskFault::Gone);
            }
            // No person stands between a client and its roots.
            let _held = (question != Question::Roots).then(|| self.stopwatch.hold());
            match tokio::time::timeout(self.patience, answer).await {
                Ok(Ok(ResponseOutcome::Result(result))) => Ok(result),
                Ok(Ok(ResponseOutcome::Error(error))) => Err(AskFault::Refused(read(&error))),
                Ok(Err(_)) => Err(AskFault::Gone),
                Err(_) => Err(AskFault::Silent),
            }
        })
    }

    fn completed(&self, elicitation: &str) {
        let params = encode::object(&[("elicitationId", &encode::string(elicitation))]);
        self.send(encode::notification(
            "notifications/elicitation/complete",
            &params,
        ));
    }

    fn held(&self) -> Option<Box<dyn Send>> {
        Some(Box::new(self.stopwatch.hold()))
    }

    fn new_elicitation(&self) -> Option<String> {
        let mut bytes = [0; 16];
        self.clock.random(&mut bytes);
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        Some(id.to_string())
    }
}

impl SessionAsk {
    fn send(&self, message: bytes::Bytes) -> bool {
        match &self.outlet {
            Some(outlet) => outlet.send(message),
            None => self.session.put(self.clock.monotonic(), message),
        }
    }
}

/// Takes a question back that nobody waits for any more.
struct Withdraw<'a> {
    asked: &'a SessionAsk,
    id: u64,
}

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        if self.asked.session.questions.leave(self.id) {
            let params = encode::object(&[("requestId", RequestId::from(self.id).raw())]);
            self.asked
                .send(encode::notification("notifications/cancelled", &params));
        }
    }
}

/// Reads an error object of a client's.
fn read(error: &RawJson) -> ProtocolError {
    #[derive(Deserialize)]
    struct Said {
        code: i64,
        #[serde(default)]
        message: String,
        data: Option<Box<serde_json::value::RawValue>>,
    }
    match error.parse::<Said>() {
        Ok(said) => ProtocolError {
            code: said.code,
            message: said.message,
            data: said.data.map(|data| RawJson::from_raw(&data)),
        },
        Err(_) => code::error(code::INTERNAL_ERROR, "the client's error can't be read"),
    }
}
