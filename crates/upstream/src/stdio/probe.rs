//! Opening a program: which era does it speak? (protocol, section 5)

use std::{pin::pin, sync::Arc};

use durward_core::RawJson;
use durward_wire::{RequestId, encode};
use tokio::time::timeout;

use super::{OnDrop, Pipe};
use crate::{
    envelope,
    exchange::{Hears, Outcome, Own},
    fault::{FaultKind, LinkFault, protocol},
    hello::{
        EraFound, Hello, Verdict, initialize_params, is_modern_error, judge_discover,
        judge_initialize,
    },
    start::Starts,
    switchboard::Switchboard,
    target::{EraPin, Target, Transport},
};

/// Starts the program and opens it.
///
/// # Errors
/// Whatever keeps it from being spoken with; then nothing of it is left.
pub(crate) async fn open(
    starts: &dyn Starts,
    target: &Target,
    board: &Arc<Switchboard>,
    hears: &Arc<dyn Hears>,
    remembered: Option<EraFound>,
) -> Result<(Pipe, Hello), LinkFault> {
    let legacy_first = match target.era {
        EraPin::Legacy => true,
        EraPin::Modern => false,
        EraPin::Auto => remembered.is_some_and(|found| !found.modern),
    };
    let opening = Opening {
        starts,
        target,
        board,
        hears,
    };
    let mut pipe = opening.start().await?;
    let limit = target.limits.initialise;
    let opened = timeout(limit, opening.open(&mut pipe, legacy_first)).await;
    match opened.unwrap_or_else(|_| Err(FaultKind::Timeout("initialise").before())) {
        Ok(hello) => Ok((pipe, hello)),
        Err(fault) => {
            pipe.close().await;
            hears.complained(pipe.stderr_tail());
            Err(fault)
        }
    }
}

struct Opening<'a> {
    starts: &'a dyn Starts,
    target: &'a Target,
    board: &'a Arc<Switchboard>,
    hears: &'a Arc<dyn Hears>,
}

impl Opening<'_> {
    async fn start(&self) -> Result<Pipe, LinkFault> {
        let limit = self.target.limits.initialise;
        let running = match timeout(limit, self.starts.start()).await {
            Err(_) => return Err(FaultKind::Timeout("start").before()),
            Ok(Err(why)) => return Err(FaultKind::NotStarted(why).before()),
            Ok(Ok(running)) => running,
        };
        let (board, hears) = (Arc::clone(self.board), Arc::clone(self.hears));
        Ok(Pipe::new(running, board, hears, self.target.limits))
    }

    async fn open(&self, pipe: &mut Pipe, legacy_first: bool) -> Result<Hello, LinkFault> {
        if legacy_first {
            match initialize(pipe, self.target).await {
                Ok(hello) => return Ok(hello),
                // What it was remembered to be it is no more.
                Err(Refused::AsModern) if self.target.era == EraPin::Auto => {}
                Err(refused) => return Err(refused.into()),
            }
        }
        let legacy_too = self.target.era == EraPin::Auto && !legacy_first;
        let mut again = false;
        loop {
            let answer = match self.discover(pipe, legacy_too).await {
                Found::Hello(hello) => return Ok(*hello),
                Found::Answer(answer) => answer,
                Found::Fault(fault) => match fault.kind {
                    // It died of the question.
                    FaultKind::Died(_) if legacy_too => {
                        pipe.close().await;
                        self.board.reopen();
                        *pipe = self.start().await?;
                        return Ok(initialize(pipe, self.target).await?);
                    }
                    _ => return Err(fault),
                },
            };
            match judge_discover(&answer, Transport::Stdio, again) {
                Verdict::Modern(hello) => return Ok(hello),
                Verdict::Again => again = true,
                Verdict::Fault(fault) => return Err(fault),
                Verdict::Legacy if legacy_too => return Ok(initialize(pipe, self.target).await?),
                Verdict::Legacy => {
                    return Err(protocol("it does not speak 2026-07-28").before());
                }
            }
        }
    }

    /// Asks for the era. A server that is silent may be one that knows nothing of the question, or one
    /// that is still being installed: it is asked to initialise too, and the first good answer wins.
    async fn discover(&self, pipe: &Pipe, legacy_too: bool) -> Found {
        let none = RawJson::empty_object();
        let mut discover = pin!(ask(pipe, "server/discover", &none, true));
        if !legacy_too {
            return Found::of(discover.await);
        }
        if let Ok(answered) = timeout(self.target.limits.probe, &mut discover).await {
            return Found::of(answered);
        }
        let mut initialize = pin!(initialize(pipe, self.target));
        tokio::select! {
            biased;
            answered = &mut discover => match answered {
                Ok(answer) => match judge_discover(&answer, Transport::Stdio, false) {
                    Verdict::Modern(_) | Verdict::Again => Found::Answer(answer),
                    Verdict::Legacy | Verdict::Fault(_) => Found::initialized(initialize.await),
                },
                Err(fault) => Found::Fault(fault),
            },
            initialized = &mut initialize => match initialized {
                Err(Refused::AsModern | Refused::Otherwise(_)) => Found::of(discover.await),
                done => Found::initialized(done),
            },
        }
    }
}

enum Found {
    Hello(Box<Hello>),
    Answer(Outcome),
    Fault(LinkFault),
}

impl Found {
    fn of(answered: Result<Outcome, LinkFault>) -> Self {
        match answered {
            Ok(answer) => Self::Answer(answer),
            Err(fault) => Self::Fault(fault),
        }
    }

    fn initialized(done: Result<Hello, Refused>) -> Self {
        match done {
            Ok(hello) => Self::Hello(Box::new(hello)),
            Err(refused) => Self::Fault(refused.into()),
        }
    }
}

/// Why a server does not initialise.
enum Refused {
    /// It says so as a modern one does, or does not know the method.
    AsModern,
    /// It answers with another error, or what is no answer.
    Otherwise(LinkFault),
    /// It can't be asked.
    Fault(LinkFault),
}

impl From<Refused> for LinkFault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::AsModern => protocol("it does not initialise").before(),
            Refused::Otherwise(fault) | Refused::Fault(fault) => fault,
        }
    }
}

async fn initialize(pipe: &Pipe, target: &Target) -> Result<Hello, Refused> {
    let params = initialize_params(&target.capabilities);
    let answer = ask(pipe, "initialize", &params, false).await;
    let answer = answer.map_err(Refused::Fault)?;
    if let Outcome::Error(error) = &answer
        && (is_modern_error(error) || error.code == durward_wire::code::METHOD_NOT_FOUND)
    {
        return Err(Refused::AsModern);
    }
    let hello = judge_initialize(answer, Transport::Stdio).map_err(Refused::Otherwise)?;
    pipe.notify("notifications/initialized", &RawJson::empty_object());
    Ok(hello)
}

/// A request of the opening, which is never cancelled.
async fn ask(
    pipe: &Pipe,
    method: &str,
    params: &RawJson,
    modern: bool,
) -> Result<Outcome, LinkFault> {
    let own = Own::default();
    let seat = pipe.board.enter(None, method, params)?;
    let id = RequestId::from(seat.number);
    let message: encode::Pieces = envelope::request(&id, method, params, &own, modern);
    pipe.call(seat, message, &own, OnDrop::Quiet).await
}
