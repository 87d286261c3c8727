//! Opening a server over Streamable HTTP: which era does it speak? (protocol, section 5)

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use durward_core::{RawJson, Revision};
use durward_wire::{RequestId, encode};
use tokio::time::timeout;

use super::{
    Http, Listening, Shared,
    call::Lines,
    came::{Came, Refused},
    client::{Asked, Client},
    session::{ACCEPT, JSON, Session, id_of},
};
use crate::{
    envelope,
    exchange::{Hears, Outcome, Own},
    fault::{FaultKind, LinkFault, protocol},
    hello::{
        EraFound, Hello, Verdict, initialize_params, is_modern_error, judge_discover,
        judge_initialize,
    },
    said::{Said, hear},
    switchboard::Switchboard,
    target::{EraPin, Target, Transport, Url},
};

/// Why a server could not be opened.
pub(crate) enum Closed {
    /// There is no Streamable HTTP at this URL; perhaps it is one of HTTP+SSE.
    Elsewhere(LinkFault),
    /// Anything else.
    Fault(LinkFault),
}

impl From<LinkFault> for Closed {
    fn from(fault: LinkFault) -> Self {
        Self::Fault(fault)
    }
}

/// Opens the server.
pub(crate) async fn open(
    url: &Url,
    target: &Target,
    board: &Arc<Switchboard>,
    hears: &Arc<dyn Hears>,
    remembered: Option<EraFound>,
) -> Result<(Http, Arc<ArcSwap<Hello>>), Closed> {
    let client = Client::new(url, target.limits);
    let asking = Asking {
        client: &client,
        board,
    };
    let (hello, session) = asking.open(target, remembered).await?;
    let session = Session::new(&client, &hello, session.as_deref(), 0);
    let hello = Arc::new(ArcSwap::from_pointee(hello));
    let (board, hears) = (Arc::clone(board), Arc::clone(hears));
    let listening = match session.listens {
        true => Listening::Session,
        false => Listening::Not,
    };
    let own = Arc::clone(&hello);
    let shared = Shared::new(client, target.clone(), board, hears, own, session);
    let http = Http::new(shared, listening);
    Ok((http, hello))
}

/// A server that was opened, and the session that this made.
type Opened = (Hello, Option<String>);

/// Requests that have no call around them.
struct Asking<'a> {
    client: &'a Client,
    board: &'a Arc<Switchboard>,
}

/// What came for one.
enum Heard {
    Answer(Outcome, Option<String>),
    Refused(Refused, u64),
}

/// How `initialize` was refused.
enum Unopened {
    /// As by a server that knows no such method.
    AsModern(LinkFault),
    /// With a status that says that there is no such endpoint.
    Elsewhere(LinkFault),
    Fault(LinkFault),
}

impl From<LinkFault> for Unopened {
    fn from(fault: LinkFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Unopened> for LinkFault {
    fn from(unopened: Unopened) -> Self {
        match unopened {
            Unopened::AsModern(fault) | Unopened::Elsewhere(fault) | Unopened::Fault(fault) => {
                fault
            }
        }
    }
}

impl From<Unopened> for Closed {
    fn from(unopened: Unopened) -> Self {
        match unopened {
            Unopened::Elsewhere(fault) => Self::Elsewhere(fault),
            Unopened::AsModern(fault) | Unopened::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl Asking<'_> {
    async fn open(&self, target: &Target, remembered: Option<EraFound>) -> Result<Opened, Closed> {
        let legacy_first = match target.era {
            EraPin::Legacy => true,
            EraPin::Modern => false,
            EraPin::Auto => remembered.is_some_and(|found| !found.modern),
        };
        if legacy_first {
            match self.initialize(target).await {
                Ok(opened) => return Ok(opened),
                // What it was remembered to be it is no more.
                Err(Unopened::AsModern(_)) if target.era == EraPin::Auto => {}
                Err(unopened) => return Err(unopened.into()),
            }
        }
        let legacy_too = target.era == EraPin::Auto && !legacy_first;
        let head = self.client.head(
            "POST",
            self.client.target(),
            &[
                JSON,
                ACCEPT,
                ("mcp-protocol-version", Revision::V2026_07_28.as_str()),
            ],
        );
        let mut again = false;
        loop {
            let none = RawJson::empty_object();
            let verdict = match self.ask(&head, "server/discover", &none, true).await? {
                Heard::Answer(answer, _) => {
                    judge_discover(&answer, Transport::StreamableHttp, again)
                }
                Heard::Refused(refused, number) => match refused.error(number) {
                    Some(error) if is_modern_error(error) => {
                        let answer = Outcome::Error(error.clone());
                        judge_discover(&answer, Transport::StreamableHttp, again)
                    }
                    _ if refused.is_beside_the_point() => Verdict::Fault(refused.fault()),
                    _ => Verdict::Legacy,
                },
            };
            match verdict {
                Verdict::Modern(hello) => return Ok((hello, None)),
                Verdict::Again => again = true,
                Verdict::Fault(fault) => return Err(fault.into()),
                Verdict::Legacy if legacy_too => return Ok(self.initialize(target).await?),
                Verdict::Legacy => {
                    return Err(protocol("it does not speak 2026-07-28").before().into());
                }
            }
        }
    }

    /// Opens a legacy session and says that it is open.
    async fn initialize(&self, target: &Target) -> Result<Opened, Unopened> {
        let head = self
            .client
            .head("POST", self.client.target(), &[JSON, ACCEPT]);
        let params = initialize_params(&target.capabilities);
        let (answer, session) = match self.ask(&head, "initialize", &params, false).await? {
            Heard::Answer(answer, session) => (answer, session),
            Heard::Refused(refused, number) => {
                let fault = refused.fault();
                return Err(match refused.error(number) {
                    Some(error) if is_modern_error(error) => Unopened::AsModern(fault),
                    _ if refused.is_beside_the_point() => fault.into(),
                    _ => Unopened::Elsewhere(fault),
                });
            }
        };
        if let Outcome::Error(error) = &answer
            && (is_modern_error(error) || error.code == durward_wire::code::METHOD_NOT_FOUND)
        {
            return Err(Unopened::AsModern(
                protocol("it does not initialise").before(),
            ));
        }
        let hello = judge_initialize(answer, Transport::StreamableHttp)?;
        let opened = Session::new(self.client, &hello, session.as_deref(), 0);
        let initialized =
            encode::notification("notifications/initialized", &RawJson::empty_object());
        let asked = Asked {
            head: &opened.post,
            lines: &[],
            body: Some(&[initialized]),
            is_safe: true,
        };
        // Servers that refuse it are known, and work.
        let (_, _) = self.client.ask(&asked).await?;
        Ok((hello, session))
    }

    /// Sends a request and waits for its answer, on a stream too.
    async fn ask(
        &self,
        head: &Bytes,
        method: &str,
        params: &RawJson,
        modern: bool,
    ) -> Result<Heard, LinkFault> {
        let own = Own::default();
        let seat = self.board.enter(None, method, params)?;
        let message =
            envelope::request(&RequestId::from(seat.number), method, params, &own, modern);
        let lines = if modern {
            Lines::of(method, params, &own)
        } else {
            Lines::default()
        };
        let lines: Vec<_> = lines.iter().collect();
        let asked = Asked {
            head,
            lines: &lines,
            body: Some(message.parts()),
            is_safe: true,
        };
        let (came, head) = self.client.ask(&asked).await?;
        let session = id_of(&head).map_err(FaultKind::before)?;
        let mut answer = None;
        match came {
            Came::Refused(refused) => return Ok(Heard::Refused(refused, seat.number)),
            Came::Nothing => {}
            Came::Message(bytes) => answer = answer_in(&bytes, seat.number),
            Came::Stream(mut events) => {
                while answer.is_none() {
                    let event = events.next().await;
                    match event.map_err(|broken| self.client.fault(broken))? {
                        Some(event) => answer = answer_in(&event.data, seat.number),
                        None => break,
                    }
                }
                events.finish();
            }
        }
        let answer = answer.ok_or_else(|| {
            protocol(format!(
                "`{method}` was not answered with a JSON-RPC response"
            ))
            .before()
        })?;
        Ok(Heard::Answer(answer, session))
    }
}

/// The answer to this request, if it is among what was said.
fn answer_in(bytes: &Bytes, number: u64) -> Option<Outcome> {
    let mut found = None;
    hear(bytes, |said| {
        if let Ok(Said::Answer(id, outcome)) = said
            && id.as_u64() == Some(number)
        {
            found = Some(outcome);
        }
    });
    found
}

impl Shared {
    /// Opens a legacy session anew, unless somebody has done so meanwhile, and says again what stands.
    ///
    /// # Errors
    /// It can't be opened. Where that is for good, the link is of no more use.
    pub(super) async fn renew(&self, generation: u64) -> Result<(), LinkFault> {
        let limit = self.target.limits.initialise;
        // An asynchronous lock: who waits for it waits for a session that others open for all.
        let _turn = self.renewing.lock().await;
        if self.session.load().generation != generation {
            return Ok(());
        }
        let asking = Asking {
            client: &self.client,
            board: &self.board,
        };
        let opened = timeout(limit, Box::pin(asking.initialize(&self.target))).await;
        let (hello, id) = match opened {
            Err(_) => return Err(FaultKind::Timeout("initialise").before()),
            Ok(Ok(opened)) => opened,
            Ok(Err(Unopened::Fault(fault))) => return Err(fault),
            Ok(Err(Unopened::AsModern(_))) => {
                self.end(&FaultKind::OtherEra);
                return Err(FaultKind::OtherEra.before());
            }
            Ok(Err(Unopened::Elsewhere(fault))) => {
                self.end(&fault.kind);
                return Err(fault);
            }
        };
        let session = Session::new(&self.client, &hello, id.as_deref(), generation + 1);
        let standing = self.with_standing(|standing| standing.requests());
        for (method, params) in standing {
            match asking.ask(&session.post, method, &params, false).await? {
                Heard::Answer(Outcome::Result(_), _) => {}
                Heard::Answer(Outcome::Error(_), _) | Heard::Refused(..) => {
                    tracing::warn!(
                        method,
                        "a server that lost its session did not take it again"
                    );
                }
            }
        }
        self.hello.store(Arc::new(hello));
        self.session.store(Arc::new(session));
        self.hears.renewed();
        Ok(())
    }
}
