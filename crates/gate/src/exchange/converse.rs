//! Letting a server work for a call, and asking the call's client what the server wants to know.

use std::{collections::BTreeMap, sync::Arc};

use durward_core::{
    Answer, Ask, Call, Era, Notify, Operation, Provider, Question, RawJson, Refusal, RefusalCode,
    Resumed,
};
use durward_ledger::Facts;
use durward_wire::{code, encode};
use serde_json::value::RawValue;

use super::{
    drive::{Terms, Work, drive},
    parked::{Parked, ended},
    request_state::{self, Bound, Place},
};
use crate::{
    declared::Declared,
    opened,
    questions::SessionAsk,
    stages::provider::{bounded, cancelled, caught, took_too_long},
    stopwatch::Stopwatch,
    tasks::{self, Part, legacy::AskForTask},
    walk::Walk,
};

/// Does what the call asks for, as far as the client's answers lead.
pub(crate) async fn converse(
    walk: &mut Walk<'_>,
    provider: Arc<dyn Provider>,
) -> Result<Answer, Refusal> {
    match std::mem::take(&mut walk.part) {
        Part::Of(place) => {
            walk.part = Part::Of(place.clone());
            return tasks::look(walk, provider, place).await;
        }
        Part::Wants(wanted) => return tasks::legacy::begin(walk, provider, &wanted).await,
        Part::None => {}
    }
    if walk.call.client.revision.era() == Era::Legacy {
        return in_session(walk, &provider).await;
    }
    let place = match walk.state.take() {
        Some(state) => Some(open(walk, &state)?),
        None => None,
    };
    let round = place.as_ref().map_or(0, |place| place.round);
    let answer = match place {
        Some(Place {
            parked: Some((replica, id)),
            ..
        }) => {
            let here = walk.gate.park.replica == replica;
            let found = here.then(|| walk.gate.park.find(id)).flatten();
            return match go_on(walk, found.ok_or_else(ended)?, round).await? {
                Answer::Task(task) => tasks::given(walk, &task).map(Answer::Task),
                answer => Ok(answer),
            };
        }
        place => {
            let state = place.and_then(|place| place.of_server);
            walk.call.resumed = resumed(walk, state.as_deref());
            begin(walk, provider).await?
        }
    };
    match answer {
        Begun::Ended(Answer::Asks(wanted)) => wrapped(walk, wanted, round).map(Answer::Asks),
        Begun::Ended(Answer::Task(task)) => tasks::given(walk, &task).map(Answer::Task),
        Begun::Ended(answer) => Ok(answer),
        Begun::Parked(parked) => told(walk, &parked),
    }
}

/// A legacy client is asked while it waits.
pub(crate) async fn in_session(
    walk: &mut Walk<'_>,
    provider: &Arc<dyn Provider>,
) -> Result<Answer, Refusal> {
    let stopwatch = timed(walk);
    let session = walk
        .session
        .filter(|session| session.is_lasting() && session.declared().any());
    let of_task = walk
        .called
        .clone()
        .filter(|_| walk.call.operation == Operation::AwaitTask);
    walk.call.ask = session.map(|session| -> Arc<dyn Ask> {
        let ask = Arc::new(SessionAsk {
            session: Arc::clone(session),
            outlet: walk.outlet.cloned(),
            clock: Arc::clone(walk.gate.clock()),
            stopwatch: Arc::clone(&stopwatch),
            patience: walk.standing.house().settings.exchange.ttl,
            provider: Arc::clone(provider),
            gate: walk.gate.weak.clone(),
        });
        match of_task {
            Some(id) => Arc::new(AskForTask { ask, id }),
            None => ask,
        }
    });
    let (cancel, timeout) = (walk.call.cancel.clone(), walk.call.timeout);
    let work = async { provider.call(&walk.call).await };
    let answer = bounded(work, &cancel, timeout, stopwatch.run_out(timeout)).await;
    if let (Ok(Answer::Error(error)), Some(session)) = (&answer, walk.session)
        && let (code::URL_ELICITATION_REQUIRED, Some(data)) = (error.code, &error.data)
    {
        let patience = walk.standing.house().settings.exchange.ttl;
        opened::follow(walk.gate, session, provider.as_ref(), data, patience);
    }
    answer
}

/// Counts the time of a call by what its server tells on the way to the client.
fn timed(walk: &mut Walk<'_>) -> Arc<Stopwatch> {
    let stopwatch = Stopwatch::new(walk.call.notify.take());
    walk.call.notify = Some(Arc::clone(&stopwatch) as Arc<dyn Notify>);
    stopwatch
}

enum Begun {
    Ended(Answer),
    Parked(Arc<Parked>),
}

/// The first round: the request itself waits, until there is something to ask.
async fn begin(walk: &mut Walk<'_>, provider: Arc<dyn Provider>) -> Result<Begun, Refusal> {
    let (cancel, timeout) = (walk.call.cancel.clone(), walk.call.timeout);
    let declared = Declared::by(&walk.call.client);
    if !(may_ask(walk.call.operation) && declared.any()) {
        let work = async { provider.call(&walk.call).await };
        let asleep = tokio::time::sleep(timeout);
        return bounded(work, &cancel, timeout, asleep)
            .await
            .map(Begun::Ended);
    }
    let caller = walk.call.caller.id.clone();
    let held = walk.call.held.clone();
    let parked = Parked::new(walk.gate.new_session_id(), caller, declared, held);
    parked.relay.attach(walk.call.notify.take());
    let call = Call {
        ask: Some(Arc::clone(&parked) as Arc<dyn Ask>),
        notify: Some(Arc::clone(&parked.stopwatch) as Arc<dyn Notify>),
        cancel: parked.cancel.clone(),
        ..walk.call.clone()
    };
    let mut work: Work = Box::pin(caught(async move { provider.call(&call).await }));
    let mut left = Left(Some(Arc::clone(&parked)));
    tokio::select! {
        biased;
        result = &mut work => return result.map(Begun::Ended),
        () = cancel.cancelled() => return Err(cancelled()),
        () = parked.stopwatch.run_out(timeout) => return Err(took_too_long(timeout)),
        () = parked.asks() => {}
    }
    let limits = walk.standing.house().settings.exchange;
    walk.gate.park.enter(&parked, &limits)?;
    let gate = walk.gate.weak.upgrade().ok_or_else(ended)?;
    let facts = Facts {
        call: walk.gate.new_call_id(),
        ..walk.facts()
    };
    let terms = Terms {
        timeout,
        ttl: limits.ttl,
        facts,
    };
    walk.gate
        .tasks
        .spawn(drive(gate, Arc::clone(&parked), work, terms));
    left.0 = None;
    Ok(Begun::Parked(parked))
}

/// A further round: the client is back, and this request waits in place of the one before.
async fn go_on(walk: &mut Walk<'_>, parked: Arc<Parked>, round: u32) -> Result<Answer, Refusal> {
    let declared = Declared::by(&walk.call.client);
    let notify = walk.call.notify.take();
    parked.claim(round, walk.answers.as_ref(), declared, notify)?;
    walk.call.held = parked.held.clone();
    let mut left = Left(Some(Arc::clone(&parked)));
    let cancel = walk.call.cancel.clone();
    tokio::select! {
        biased;
        outcome = parked.outcome() => {
            left.0 = None;
            outcome
        }
        () = cancel.cancelled() => Err(cancelled()),
        () = parked.cancel.cancelled() => Err(ended()),
        () = parked.asks() => {
            let most = walk.standing.house().settings.exchange.rounds;
            if parked.round() >= most {
                return Err(too_many_rounds(most));
            }
            left.0 = None;
            told(walk, &parked)
        }
    }
}

/// Ends a call that nobody waits for any more.
struct Left(Option<Arc<Parked>>);

impl Drop for Left {
    fn drop(&mut self) {
        if let Some(parked) = &self.0 {
            parked.leave();
        }
    }
}

/// What the client of a parked call is told.
fn told(walk: &Walk<'_>, parked: &Parked) -> Result<Answer, Refusal> {
    let (round, wanted) = parked.wait();
    let place = Place {
        round,
        parked: Some((walk.gate.park.replica, parked.id)),
        of_server: None,
    };
    let Some(state) = seal(walk, place) else {
        parked.leave();
        return Err(too_long());
    };
    let told = [("inputRequests", &wanted), ("requestState", &state)];
    let told = encode::object(&told);
    if told.len() > walk.standing.house().settings.limits.result_bytes {
        // Its client will not hear of it: the next stage refuses what is too large.
        parked.leave();
    }
    Ok(Answer::Asks(told))
}

/// A modern server's questions go to a modern client as they are; its state is sealed, since the server may
/// see all callers as one.
fn wrapped(walk: &Walk<'_>, wanted: RawJson, round: u32) -> Result<RawJson, Refusal> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wanted {
        request_state: Option<Box<RawValue>>,
        #[serde(default)]
        input_requests: BTreeMap<String, Asked>,
    }
    #[derive(serde::Deserialize)]
    struct Asked {
        method: String,
        params: Option<Box<RawValue>>,
    }
    if !may_ask(walk.call.operation) {
        let sentence = "The server asked something where the protocol has no questions.";
        return Err(Refusal::new(RefusalCode::Unavailable, sentence).detail("unbridged"));
    }
    let Ok(asked) = wanted.parse::<Wanted>() else {
        return Err(asks_amiss());
    };
    let declared = Declared::by(&walk.call.client);
    for question in asked.input_requests.values() {
        let kind = Question::of_method(&question.method);
        let params = question.params.as_deref().map(RawJson::from_raw);
        let params = params.unwrap_or_else(RawJson::empty_object);
        if kind.is_none_or(|kind| declared.check(kind, &params).is_err()) {
            return Err(asks_amiss());
        }
    }
    let Some(state) = asked.request_state else {
        return Ok(wanted);
    };
    let most = walk.standing.house().settings.exchange.rounds;
    if round >= most {
        return Err(too_many_rounds(most));
    }
    let place = Place {
        round: round + 1,
        parked: None,
        of_server: Some(state),
    };
    let state = seal(walk, place).ok_or_else(too_long)?;
    Ok(encode::replaced(&wanted, "requestState", &state))
}

/// What the client brings back for a server that asked in the modern way.
fn resumed(walk: &mut Walk<'_>, state: Option<&RawValue>) -> Option<Resumed> {
    let resumed = Resumed {
        responses: walk.answers.take(),
        state: state.map(RawJson::from_raw),
    };
    (resumed.responses.is_some() || resumed.state.is_some()).then_some(resumed)
}

/// Only these can be answered with a question (MCP 2026-07-28, basic/patterns/mrtr).
fn may_ask(operation: Operation) -> bool {
    match operation {
        Operation::CallTool | Operation::ReadResource | Operation::GetPrompt => true,
        Operation::Complete
        | Operation::Subscribe
        | Operation::GetTask
        | Operation::UpdateTask
        | Operation::CancelTask
        | Operation::AwaitTask => false,
    }
}

fn seal(walk: &Walk<'_>, place: Place) -> Option<RawJson> {
    let ttl = walk.standing.house().settings.exchange.ttl;
    let expires = walk.gate.clock().wall().after(ttl);
    request_state::seal(walk.gate.sealer(), Bound::to(walk), place, expires)
}

fn open(walk: &Walk<'_>, state: &str) -> Result<Place, Refusal> {
    let now = walk.gate.clock().wall();
    request_state::open(walk.gate.sealer(), state, &Bound::to(walk), now)
}

/// A question that its client can't be asked, or none at all: the server was told what it can be asked.
fn asks_amiss() -> Refusal {
    let sentence = "The server asked what this client can't be asked, so the call was ended.";
    Refusal::new(RefusalCode::Unavailable, sentence).detail("question_refused")
}

fn too_many_rounds(most: u32) -> Refusal {
    let sentence = format!("The server asked more than {most} times, so the call was ended.");
    Refusal::new(RefusalCode::RateLimited, sentence).detail("too_many_rounds")
}

fn too_long() -> Refusal {
    let sentence = "What the server wants to be brought back is too long.";
    Refusal::new(RefusalCode::Unavailable, sentence).detail("state_too_long")
}
