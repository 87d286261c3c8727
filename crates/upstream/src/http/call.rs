//! One call over HTTP.

use std::{borrow::Cow, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use durward_core::RawJson;
use durward_wire::{
    Malformed, RequestId,
    edit::Change,
    encode,
    headers::{encoded, named_member},
    member,
};
use tokio::time::sleep;

use super::{
    Http,
    came::{Came, Refused},
    client::Asked,
    conn::Broken,
    session::Session,
    stream::Events,
};
use crate::{
    envelope,
    exchange::{Exchange, Outcome},
    fault::{FaultKind, LinkFault, protocol},
    said::{Said, hear},
    standing::Standing,
    switchboard::Seat,
    talk::{self, Talk},
};

/// How often a stream that broke off is resumed without having said anything.
const RESUMES: u32 = 5;
/// How long is waited before that, if the server does not say.
const PAUSE: Duration = Duration::from_millis(500);

/// How a request ended, short of a fault of the link.
enum Ended {
    Answered(Outcome),
    /// The server does not know the session any more: nothing ran.
    Lost,
    Fault(LinkFault),
}

impl From<LinkFault> for Ended {
    fn from(fault: LinkFault) -> Self {
        Self::Fault(fault)
    }
}

impl Http {
    /// Sends a request and waits for its answer. A session that is lost is opened anew, once.
    pub(crate) async fn call(
        &self,
        method: &str,
        params: &RawJson,
        exchange: &dyn Exchange,
    ) -> Result<Outcome, LinkFault> {
        let session = self.shared.session.load_full();
        let mut ended = self.attempt(&session, method, params, exchange).await;
        if matches!(ended, Ended::Lost) {
            Box::pin(self.shared.renew(session.generation)).await?;
            let session = self.shared.session.load_full();
            ended = Box::pin(self.attempt(&session, method, params, exchange)).await;
        }
        match ended {
            Ended::Answered(outcome) => {
                if Standing::matters(method) && matches!(outcome, Outcome::Result(_)) {
                    self.shared
                        .with_standing(|standing| standing.granted(method, params));
                }
                Ok(outcome)
            }
            Ended::Lost => Err(FaultKind::SessionLost.before()),
            Ended::Fault(fault) => Err(fault),
        }
    }

    async fn attempt(
        &self,
        session: &Arc<Session>,
        method: &str,
        params: &RawJson,
        exchange: &dyn Exchange,
    ) -> Ended {
        let shared = &*self.shared;
        let seat = match shared.board.enter(exchange.caller(), method, params) {
            Ok(seat) => seat,
            Err(fault) => return fault.into(),
        };
        let modern = shared.is_modern();
        let id = RequestId::from(seat.number);
        let message = envelope::request(&id, method, params, exchange, modern);
        if message.len() > shared.client.limits.message {
            let limit = shared.client.limits.message;
            return FaultKind::RequestTooLong { limit }.before().into();
        }
        let lines = match modern {
            true => Lines::of(method, params, exchange),
            false => Lines::default(),
        };
        let mut call = Calling {
            http: self,
            seat,
            session,
            modern,
            is_done: false,
        };
        call.seat.mailbox.set_written();
        let ended = call
            .run(message.parts(), &lines, is_safe(method), exchange)
            .await;
        call.is_done = true;
        if matches!(ended, Ended::Answered(_)) {
            session.has_worked();
        }
        ended
    }
}

/// How long an answer waits for the logs of its call, where the client wants any: servers send them just
/// before it, but on the session's own stream, which another thread may be reading.
const LATE: Duration = Duration::from_millis(25);

/// A call on its way. Dropping it before it is done cancels it.
struct Calling<'a> {
    http: &'a Http,
    seat: Seat,
    session: &'a Arc<Session>,
    modern: bool,
    is_done: bool,
}

impl Calling<'_> {
    async fn run(
        &self,
        body: &[Bytes],
        lines: &Lines<'_>,
        is_safe: bool,
        exchange: &dyn Exchange,
    ) -> Ended {
        let lines: Vec<_> = lines.iter().collect();
        let asked = Asked {
            head: &self.session.post,
            lines: &lines,
            body: Some(body),
            is_safe,
        };
        let mut talk = Talk::new(exchange, &self.http.shared.board, self.http);
        let ended = self.converse(&asked, &mut talk).await;
        if self.session.listens && exchange.log_level().is_some() {
            sleep(LATE).await;
            talk.catch_up(&self.seat.mailbox);
        }
        ended
    }

    async fn converse(&self, asked: &Asked<'_>, talk: &mut Talk<'_>) -> Ended {
        let mailbox = &self.seat.mailbox;
        let came = {
            let mut posting = pin!(self.http.shared.client.ask(asked));
            tokio::select! {
                biased;
                came = &mut posting => came,
                answer = talk.until_answered(mailbox) => return from(answer),
            }
        };
        match came {
            Err(fault) => fault.into(),
            Ok((Came::Message(_) | Came::Nothing | Came::Stream(_), _))
                if self.session.is_answered_elsewhere =>
            {
                from(talk.until_answered(mailbox).await)
            }
            Ok((Came::Message(bytes), _)) => {
                let answer = self.take(&bytes, talk);
                answer.unwrap_or_else(|| {
                    protocol("its answer does not answer the request")
                        .after()
                        .into()
                })
            }
            Ok((Came::Nothing, _)) => protocol("it answered a request with nothing")
                .after()
                .into(),
            Ok((Came::Refused(refused), _)) => self.refused(&refused),
            Ok((Came::Stream(events), _)) => {
                // Only the first message shows what this is; a plain answer needs no more room.
                Box::pin(self.follow(events, talk)).await
            }
        }
    }

    /// Follows the call's own stream to its answer, and resumes it where it breaks off.
    async fn follow<'a>(&'a self, mut events: Box<Events<'a>>, talk: &mut Talk<'_>) -> Ended {
        let mailbox = &self.seat.mailbox;
        let (mut last_id, mut pause): (Option<String>, _) = (None, PAUSE);
        let mut attempts = 0;
        loop {
            let broken = loop {
                let event = tokio::select! {
                    biased;
                    event = events.next() => event,
                    answer = talk.until_answered(mailbox) => return from(answer),
                };
                match event {
                    Ok(Some(event)) => {
                        attempts = 0;
                        if let Some(ended) = self.take(&event.data, talk) {
                            events.finish();
                            return ended;
                        }
                    }
                    Ok(None) => break None,
                    Err(broken) => break Some(broken),
                }
            };
            let (id, retry) = events.position();
            last_id = id.map(str::to_owned).or(last_id);
            pause = retry.unwrap_or(pause);
            drop(events);
            let fault = match broken {
                None => FaultKind::Died("its stream ended without an answer".to_owned()).after(),
                Some(Broken::CutOff | Broken::Silent) => {
                    FaultKind::Died("its stream broke off".to_owned()).after()
                }
                Some(broken) => return self.http.shared.client.fault(broken).into(),
            };
            let Some(id) = last_id.as_deref().filter(|_| !self.modern) else {
                return fault.into();
            };
            events = loop {
                attempts += 1;
                if attempts > RESUMES {
                    return fault.into();
                }
                tokio::select! {
                    () = sleep(pause * attempts) => {}
                    answer = talk.until_answered(mailbox) => return from(answer),
                }
                match self.resume(id).await {
                    Ok(Some(events)) => break events,
                    Ok(None) => {}
                    Err(()) => return fault.into(),
                }
            };
        }
    }

    /// Asks for what followed an event. `None` where it may be asked again.
    async fn resume(&self, last_id: &str) -> Result<Option<Box<Events<'_>>>, ()> {
        let asked = Asked {
            head: &self.session.get,
            lines: &[("last-event-id", last_id.as_bytes())],
            body: None,
            is_safe: true,
        };
        match self.http.shared.client.ask(&asked).await {
            Ok((Came::Stream(events), _)) => Ok(Some(events)),
            Ok((Came::Refused(refused), _)) if refused.status < 500 => Err(()),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Takes one message of the call's own stream, or a batch. The end, if it was among it.
    fn take(&self, bytes: &Bytes, talk: &mut Talk<'_>) -> Option<Ended> {
        let mut ended = None;
        hear(bytes, |said| {
            if let Some(end) = self.one(said, bytes.len(), talk) {
                ended.get_or_insert(end);
            }
        });
        ended
    }

    fn one(
        &self,
        said: Result<Said, Malformed>,
        bytes: usize,
        talk: &mut Talk<'_>,
    ) -> Option<Ended> {
        let shared = &*self.http.shared;
        match said {
            Ok(Said::Answer(id, outcome)) => {
                if id.as_u64() == Some(self.seat.number) {
                    return Some(Ended::Answered(outcome));
                }
                shared.board.tally.stray();
                None
            }
            Ok(Said::Told(told)) => {
                if !talk.told(&told) {
                    shared
                        .hears
                        .notified(told.method.as_str(), told.params.raw());
                }
                None
            }
            Ok(Said::Question(_)) if self.modern => {
                let fault = protocol("it asks by a request, which 2026-07-28 does not have");
                Some(fault.after().into())
            }
            Ok(Said::Question(question)) => {
                // Where the id is taken or too many wait, it can't be withdrawn elsewhere, and that is all.
                shared.board.expect(&question.id, self.seat.number);
                talk.asked(question);
                None
            }
            Err(bad) => {
                shared.board.tally.garbage(bytes);
                let fault = protocol(format!("its answer can't be read: {}", bad.reason));
                Some(fault.after().into())
            }
        }
    }

    fn refused(&self, refused: &Refused) -> Ended {
        if let Some(error) = refused.answers(self.seat.number) {
            return Ended::Answered(Outcome::Error(error.clone()));
        }
        if refused.is_beside_the_point() {
            return refused.fault().into();
        }
        if !self.modern {
            return match self.session.is_lost(refused.status) {
                true => Ended::Lost,
                false => match refused.error(self.seat.number) {
                    Some(error) => Ended::Answered(Outcome::Error(error.clone())),
                    None => refused.fault().into(),
                },
            };
        }
        match refused.error(self.seat.number) {
            Some(error) => Ended::Answered(Outcome::Error(error.clone())),
            // So answers a legacy server that is asked without a session.
            None if matches!(refused.status, 400 | 404 | 405 | 406) => {
                let fault = FaultKind::OtherEra;
                self.http.shared.end(&fault);
                fault.before().into()
            }
            None => refused.fault().into(),
        }
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        talk::leave_unanswered(&self.seat, self.http);
        // A modern server is told by the end of the connection.
        if !self.is_done && !self.modern && !self.seat.mailbox.is_answered() {
            self.http.shared.board.leave(self.seat.number);
            let id = RequestId::from(self.seat.number);
            let params = encode::object(&[("requestId", id.raw())]);
            self.http.notify("notifications/cancelled", &params);
        }
    }
}

fn from(answer: Result<Outcome, LinkFault>) -> Ended {
    match answer {
        Ok(outcome) => Ended::Answered(outcome),
        Err(fault) => Ended::Fault(fault),
    }
}

/// Requests that change nothing, so that they may be sent again.
fn is_safe(method: &str) -> bool {
    method.ends_with("/list")
        || matches!(
            method,
            "ping" | "server/discover" | "resources/read" | "prompts/get" | "completion/complete"
        )
}

/// The headers of one modern request.
#[derive(Default)]
pub(super) struct Lines<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Lines<'a> {
    /// As the request's own content has them (2026-07-28, `basic/transports/streamable-http`).
    pub(super) fn of(method: &'a str, params: &RawJson, exchange: &'a dyn Exchange) -> Self {
        let get = |key: &str| {
            let change = exchange.changes().iter().find(|(name, _)| *name == key);
            match change {
                Some((_, Change::Set(value))) => Some((*value).clone()),
                Some((_, Change::Drop)) => None,
                None => member(params, key),
            }
        };
        let mut lines = Vec::with_capacity(2);
        lines.push(("mcp-method", encoded(method)));
        if let Some(name) =
            named_member(method).and_then(|member| get(member)?.parse::<String>().ok())
        {
            let name = encoded(&name).into_owned();
            lines.push(("mcp-name", name.into()));
        }
        if let Some(header_params) = exchange.header_params()
            && let Some(arguments) = get("arguments")
        {
            let own = header_params.lines(&arguments);
            lines.extend(own.into_iter().map(|(name, value)| (name, value.into())));
        }
        Self(lines)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (*name, value.as_bytes()))
    }
}
