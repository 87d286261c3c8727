//! What tasks of legacy servers ask: their questions come while `tasks/result` is held open, and wait here
//! until a modern client looks at the task and brings the answers by `tasks/update`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use durward_core::{
    Ask, AskFault, BoxFuture, Call, CallerId, Cancel, Operation, Provider, Question, RawJson,
    Refusal, RefusalCode, ToolName,
};
use durward_wire::encode;
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use crate::{
    declared::Declared,
    exchange::answers::{self, Answers},
    gate::Gate,
    house::ExchangeLimits,
    stages::provider::caught,
};

/// How long a look waits for the first question of a task that says it has one.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long further questions are waited for.
const GRACE: Duration = Duration::from_millis(10);
/// Most questions that one task may have open.
const MOST: usize = 64;
/// How long a server may take to take in that nobody came back.
const FAREWELL: Duration = Duration::from_millis(100);

/// A task, by its caller, its tool and the server's own id.
pub(super) type Key = (CallerId, ToolName, Box<str>);

/// All tasks that are held.
#[derive(Default)]
pub(crate) struct Holds(Mutex<HashMap<Key, Arc<Held>>>);

/// One of them.
pub(super) struct Held {
    key: Key,
    cancel: Cancel,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    declared: Declared,
    /// How many questions there were: keys are never used again.
    asked: u64,
    open: BTreeMap<u64, Open>,
    /// When its client last came by.
    seen: Instant,
    has_ended: bool,
}

struct Open {
    question: Question,
    params: RawJson,
    answer: oneshot::Sender<Result<RawJson, AskFault>>,
}

fn key(number: u64) -> String {
    format!("q{number}")
}

impl Holds {
    pub(super) fn find(&self, key: &Key) -> Option<Arc<Held>> {
        self.lock().get(key).cloned()
    }

    /// Takes it in, unless the task is held already: then that one is given back.
    fn enter(&self, held: &Arc<Held>, limits: &ExchangeLimits) -> Result<Arc<Held>, Refusal> {
        let mut all = self.lock();
        if let Some(earlier) = all.get(&held.key) {
            return Ok(Arc::clone(earlier));
        }
        let of_caller = all.keys().filter(|key| key.0 == held.key.0).count();
        if all.len() >= limits.all || of_caller >= limits.each_caller {
            let sentence = "Too many tasks wait for an answer of yours. Answer one of them first.";
            return Err(
                Refusal::new(RefusalCode::RateLimited, sentence).detail("too_many_exchanges")
            );
        }
        all.insert(held.key.clone(), Arc::clone(held));
        Ok(Arc::clone(held))
    }

    /// Ends all that this caller has here.
    pub(crate) fn end_of(&self, caller: &CallerId) {
        self.end(|key| key.0 == *caller);
    }

    /// Ends all.
    pub(crate) fn end_all(&self) {
        self.end(|_| true);
    }

    fn end(&self, which: impl Fn(&Key) -> bool) {
        for (key, held) in self.lock().iter() {
            if which(key) {
                held.cancel.cancel();
            }
        }
    }

    fn leave(&self, held: &Arc<Held>) {
        let mut all = self.lock();
        if all.get(&held.key).is_some_and(|it| Arc::ptr_eq(it, held)) {
            all.remove(&held.key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Held>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds the task of this call, unless it is held already.
pub(super) fn hold(
    gate: &Gate,
    key: Key,
    call: &Call,
    provider: Arc<dyn Provider>,
    limits: &ExchangeLimits,
) -> Result<Arc<Held>, Refusal> {
    let declared = Declared::by(&call.client);
    let held = Arc::new(Held {
        key,
        cancel: Cancel::new(),
        state: Mutex::new(State {
            declared,
            asked: 0,
            open: BTreeMap::new(),
            seen: Instant::now(),
            has_ended: false,
        }),
        changed: Notify::new(),
    });
    let entered = gate.holds.enter(&held, limits)?;
    if !Arc::ptr_eq(&entered, &held) {
        entered.seen_by(declared);
        return Ok(entered);
    }
    let call = Call {
        operation: Operation::AwaitTask,
        ask: Some(Arc::clone(&held) as Arc<dyn Ask>),
        notify: None,
        cancel: held.cancel.clone(),
        ..call.clone()
    };
    let (weak, ttl) = (gate.weak.clone(), limits.ttl);
    let driven = Arc::clone(&held);
    gate.tasks.spawn(async move {
        let mut work = Box::pin(caught(async { provider.call(&call).await }));
        tokio::select! {
            biased;
            () = driven.cancel.cancelled() => {}
            // How it ended is asked for anew.
            _ = &mut work => {}
            () = driven.deserted(ttl) => {
                driven.desert();
                let _ = tokio::time::timeout(FAREWELL, &mut work).await;
            }
        }
        drop(work);
        driven.end();
        if let Some(gate) = weak.upgrade() {
            gate.holds.leave(&driven);
        }
    });
    Ok(held)
}

impl Held {
    /// What is wanted of its client, as `inputRequests`; nothing where it asks nothing, or not yet.
    pub(super) async fn wanted(&self) -> Option<RawJson> {
        let first = self.until(|state| !state.open.is_empty() || state.has_ended);
        // It may be that the server asks only later.
        let _ = tokio::time::timeout(PATIENCE, first).await;
        tokio::time::sleep(GRACE).await;
        let state = self.lock();
        let wanted: Vec<_> = state
            .open
            .iter()
            .map(|(number, open)| {
                let method = encode::string(open.question.method());
                let request = encode::object(&[("method", &method), ("params", &open.params)]);
                (key(*number), request)
            })
            .collect();
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(key, request)| (key.as_str(), request))
            .collect();
        (!wanted.is_empty()).then(|| encode::object(&wanted))
    }

    /// Its client answers; what is to no question of it is passed over.
    pub(super) fn answer(&self, responses: &RawJson, declared: Declared) -> Result<(), Refusal> {
        let answers = Answers::of(Some(responses));
        self.seen_by(declared);
        let mut state = self.lock();
        let is_malformed = |(number, open): (&u64, &Open)| {
            answers
                .get(&key(*number))
                .is_some_and(|answer| !answers::fits(open.question, answer))
        };
        if state.open.iter().any(is_malformed) {
            return Err(answers::malformed());
        }
        let mut told = Vec::new();
        for (number, open) in std::mem::take(&mut state.open) {
            match answers.get(&key(number)) {
                Some(answer) => told.push((open.answer, answer.clone())),
                None => {
                    state.open.insert(number, open);
                }
            }
        }
        drop(state);
        for (waiting, answer) in told {
            // Fails only where the question was withdrawn meanwhile.
            let _ = waiting.send(Ok(answer));
        }
        self.changed.notify_waiters();
        Ok(())
    }

    /// Nobody is to be asked any more.
    pub(super) fn cancel(&self) {
        self.cancel.cancel();
    }

    fn seen_by(&self, declared: Declared) {
        let mut state = self.lock();
        state.seen = Instant::now();
        state.declared = declared;
    }

    fn put(
        &self,
        question: Question,
        params: RawJson,
    ) -> Result<(u64, oneshot::Receiver<Result<RawJson, AskFault>>), AskFault> {
        let mut state = self.lock();
        state.declared.check(question, &params)?;
        if state.has_ended || state.open.len() >= MOST {
            return Err(AskFault::Gone);
        }
        state.asked += 1;
        let number = state.asked;
        let (answer, receiver) = oneshot::channel();
        let open = Open {
            question,
            params,
            answer,
        };
        state.open.insert(number, open);
        drop(state);
        self.changed.notify_waiters();
        Ok((number, receiver))
    }

    /// Ends when nobody came by for so long.
    async fn deserted(&self, ttl: Duration) {
        loop {
            let seen = self.lock().seen;
            if seen.elapsed() >= ttl {
                return;
            }
            tokio::time::sleep_until(seen + ttl).await;
        }
    }

    /// Answers all that is open as where nobody came back.
    fn desert(&self) {
        let open = std::mem::take(&mut self.lock().open);
        for open in open.into_values() {
            let _ = open.answer.send(answers::nobody(open.question));
        }
    }

    fn end(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        state.open.clear();
        drop(state);
        self.changed.notify_waiters();
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if holds(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ask for Held {
    fn ask<'a>(
        &'a self,
        question: Question,
        params: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, AskFault>> {
        Box::pin(async move {
            let (number, answer) = self.put(question, params)?;
            let _withdrawn = Withdraw { held: self, number };
            answer.await.unwrap_or(Err(AskFault::Gone))
        })
    }
}

struct Withdraw<'a> {
    held: &'a Held,
    number: u64,
}

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        self.held.lock().open.remove(&self.number);
    }
}
