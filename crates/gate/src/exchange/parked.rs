//! One call that may ask a modern client: what it asks, who attends it, and how it ended.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use durward_core::{
    Answer, AskFault, CallerId, Cancel, Held, Notify as NotifyClient, Question, RawJson, Refusal,
};
use durward_wire::encode;
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};
use uuid::Uuid;

use super::{
    answers::{self, Answers},
    relay::Relay,
    request_state::invalid,
};
use crate::{declared::Declared, stopwatch::Stopwatch};

/// How long further questions are waited for before the client is told of the first.
const GRACE: Duration = Duration::from_millis(10);
/// Most questions that one call may have open.
const MOST: usize = 64;

/// One such call.
pub(crate) struct Parked {
    pub(super) id: Uuid,
    pub(super) caller: CallerId,
    pub(super) cancel: Cancel,
    pub(super) relay: Arc<Relay>,
    pub(super) stopwatch: Arc<Stopwatch>,
    /// How the program is held that works for it, for the request that its answer goes to.
    pub(super) held: Held,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    declared: Declared,
    /// How many questions there were: keys are never used again.
    asked: u64,
    open: BTreeMap<u64, Open>,
    round: u32,
    phase: Phase,
    outcome: Option<Result<Answer, Refusal>>,
}

struct Open {
    question: Question,
    params: RawJson,
    answer: oneshot::Sender<Result<RawJson, AskFault>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A request waits for it.
    Attended,
    /// Nobody does: its client is to come back.
    Waiting(Instant),
    /// Its answer was given.
    Answered(Instant),
    /// Nobody waits for it any more.
    Left(Instant),
}

fn key(number: u64) -> String {
    format!("q{number}")
}

impl Parked {
    pub(super) fn new(id: Uuid, caller: CallerId, declared: Declared, held: Held) -> Arc<Self> {
        let relay: Arc<Relay> = Arc::default();
        Arc::new(Self {
            id,
            caller,
            cancel: Cancel::new(),
            held,
            stopwatch: Stopwatch::new(Some(Arc::clone(&relay) as Arc<dyn NotifyClient>)),
            relay,
            state: Mutex::new(State {
                declared,
                asked: 0,
                open: BTreeMap::new(),
                round: 0,
                phase: Phase::Attended,
                outcome: None,
            }),
            changed: Notify::new(),
        })
    }

    /// Enters a question.
    pub(super) fn put(
        &self,
        question: Question,
        params: RawJson,
    ) -> Result<(u64, oneshot::Receiver<Result<RawJson, AskFault>>), AskFault> {
        let mut state = self.lock();
        state.declared.check(question, &params)?;
        if state.has_ended() || state.open.len() >= MOST {
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

    /// A question that nobody waits for any more.
    pub(super) fn withdraw(&self, number: u64) {
        self.lock().open.remove(&number);
    }

    /// Ends when there are questions, and no more come for a moment.
    pub(super) async fn asks(&self) {
        loop {
            self.until(|state| !state.open.is_empty()).await;
            tokio::time::sleep(GRACE).await;
            if !self.lock().open.is_empty() {
                return;
            }
        }
    }

    /// Waits for its client to come back: which round this is, and what is wanted.
    pub(super) fn wait(&self) -> (u32, RawJson) {
        let mut state = self.lock();
        state.round += 1;
        state.phase = Phase::Waiting(Instant::now());
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
        let round = state.round;
        drop(state);
        self.relay.park();
        self.changed.notify_waiters();
        (round, encode::object(&wanted))
    }

    /// How often its client has been told what is wanted.
    pub(super) fn round(&self) -> u32 {
        self.lock().round
    }

    /// Its client is back from this round. The first to come is taken, with all that it answers; what it
    /// does not declare any more counts as never declared.
    pub(super) fn claim(
        &self,
        round: u32,
        responses: Option<&RawJson>,
        declared: Declared,
        to: Option<Arc<dyn NotifyClient>>,
    ) -> Result<(), Refusal> {
        let answers = Answers::of(responses);
        let mut state = self.lock();
        match state.phase {
            Phase::Waiting(_) if state.round == round => {}
            Phase::Left(_) => return Err(ended()),
            _ => return Err(already_answered()),
        }
        let is_malformed = |(number, open): (&u64, &Open)| {
            answers
                .get(&key(*number))
                .is_some_and(|answer| !answers::fits(open.question, answer))
        };
        if state.open.iter().any(is_malformed) {
            return Err(answers::malformed());
        }
        state.declared = declared;
        state.phase = Phase::Attended;
        let mut told = Vec::new();
        for (number, open) in std::mem::take(&mut state.open) {
            let answer = match declared.check(open.question, &open.params) {
                Err(fault) => Err(fault),
                Ok(()) => match answers.get(&key(number)) {
                    Some(answer) => Ok(answer.clone()),
                    None => {
                        state.open.insert(number, open);
                        continue;
                    }
                },
            };
            told.push((open.answer, answer));
        }
        drop(state);
        self.relay.attach(to);
        for (waiting, answer) in told {
            // Fails only where the question was withdrawn meanwhile.
            let _ = waiting.send(answer);
        }
        self.changed.notify_waiters();
        Ok(())
    }

    /// It is done; whoever attends it, or comes back, is told.
    pub(super) fn finish(&self, outcome: Result<Answer, Refusal>) {
        self.lock().outcome = Some(outcome);
        self.changed.notify_waiters();
    }

    /// Its outcome, for the one who attends it.
    pub(super) async fn outcome(&self) -> Result<Answer, Refusal> {
        loop {
            self.until(|state| state.outcome.is_some()).await;
            let mut state = self.lock();
            if let Some(outcome) = state.outcome.take() {
                state.phase = Phase::Answered(Instant::now());
                drop(state);
                self.changed.notify_waiters();
                return outcome;
            }
        }
    }

    /// Nobody waits for it any more: it ends.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        if !state.has_ended() {
            state.phase = Phase::Left(Instant::now());
        }
        state.open.clear();
        state.outcome = None;
        drop(state);
        self.cancel.cancel();
        self.changed.notify_waiters();
    }

    /// Ends when its client did not come back for so long.
    pub(super) async fn deserted(&self, ttl: Duration) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let phase = self.lock().phase;
            match phase {
                Phase::Waiting(since) if since.elapsed() >= ttl => return,
                Phase::Waiting(since) => tokio::select! {
                    () = tokio::time::sleep_until(since + ttl) => {}
                    () = changed => {}
                },
                _ => changed.await,
            }
        }
    }

    /// Ends when it has been answered, or left.
    pub(super) async fn ended(&self) {
        self.until(State::has_ended).await;
    }

    /// Answers all that is open as where nobody came back.
    pub(super) fn desert(&self) {
        let open = std::mem::take(&mut self.lock().open);
        for open in open.into_values() {
            let _ = open.answer.send(answers::nobody(open.question));
        }
    }

    /// Is it under way, or waiting?
    pub(super) fn is_live(&self) -> bool {
        !self.lock().has_ended()
    }

    /// Has it ended so long ago that nobody will ask how?
    pub(super) fn is_forgotten(&self, ttl: Duration) -> bool {
        match self.lock().phase {
            Phase::Answered(at) | Phase::Left(at) => at.elapsed() >= ttl,
            Phase::Attended | Phase::Waiting(_) => false,
        }
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

impl State {
    fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Answered(_) | Phase::Left(_))
    }
}

/// A call that is gone, with what it knew.
pub(super) fn ended() -> Refusal {
    invalid(
        "exchange_ended",
        "The call that this `requestState` belongs to has ended. Call again without it.",
    )
}

fn already_answered() -> Refusal {
    invalid(
        "already_answered",
        "This `requestState` has been answered already. Each is good for one retry.",
    )
}
