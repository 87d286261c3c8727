//! A pipe: one client, line by line, both eras side by side.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use durward_core::{Body, Door, Era, ProtocolError};
use durward_wire::{
    code,
    era::{self, PipeEra},
    headers, meta,
    scan::{Message, Notification, Request, ScanLimits, scan},
};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    batch::array,
    encode::{self, Reply},
    endpoint::Endpoint,
    gate::Gate,
    methods::{invalid, opening},
    notifier::Outlet,
    post::{answered, cancelled_id, modern_client},
    request::{Origin, Speaking},
    session::{InFlight, Session, Unsolicited},
    standing::Standing,
};

/// Requests of one connection that may be under way. A client that takes no answers can have no more.
const MOST_RUNNING: usize = 1024;
/// How long the next one waits for one of them to end.
const PATIENCE: Duration = Duration::from_millis(100);

/// One connection of a pipe. Dropping it ends everything that it began.
pub struct Pipe {
    gate: Arc<Gate>,
    standing: Arc<Standing>,
    door: Door,
    endpoint: Endpoint,
    limits: ScanLimits,
    out: mpsc::Sender<Body>,
    session: Option<Arc<Session>>,
    in_flight: Arc<InFlight>,
    calls: JoinSet<()>,
    /// Where answers go instead while the members of a batch are taken in.
    batch: Option<mpsc::Sender<Body>>,
}

/// The caller of a pipe is no longer let in.
#[derive(Debug)]
pub struct Unwelcome;

impl Pipe {
    /// A pipe whose messages to the client go to `out`.
    pub fn new(
        gate: Arc<Gate>,
        standing: Arc<Standing>,
        door: Door,
        limits: ScanLimits,
        out: mpsc::Sender<Body>,
    ) -> Self {
        let (session, in_flight, calls) = (None, Arc::default(), JoinSet::new());
        Self {
            gate,
            standing,
            door,
            endpoint: Endpoint::Merged,
            limits,
            out,
            session,
            in_flight,
            calls,
            batch: None,
        }
    }

    /// The same at one server alone.
    #[must_use]
    pub fn at(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Takes one line.
    ///
    /// # Errors
    /// [`Unwelcome`] when the configuration in force knows the caller no more: the pipe is to close.
    pub async fn line(&mut self, line: Bytes) -> Result<(), Unwelcome> {
        self.standing = self.gate.refresh(&self.standing).ok_or(Unwelcome)?;
        match scan(&line, self.limits) {
            Ok(Message::Batch(members)) => {
                self.make_room().await;
                self.batch(members).await;
            }
            Ok(message) => {
                if matches!(message, Message::Request(_)) {
                    self.make_room().await;
                }
                if let Some(reply) = self.message(message) {
                    self.send(reply).await;
                }
            }
            Err(malformed) => {
                let reply =
                    encode::error(malformed.id.as_ref(), Era::Legacy, &malformed.to_error());
                self.send(reply).await;
            }
        }
        Ok(())
    }

    /// Says that a line was longer than `listen.limits.line`.
    pub async fn too_long(&self) {
        let error = code::error(
            code::INVALID_REQUEST,
            "the message is longer than the limit",
        );
        self.send(encode::error(None, Era::Legacy, &error)).await;
    }

    /// Ends when all calls under way have ended.
    pub async fn finish(&mut self) {
        while self.calls.join_next().await.is_some() {}
    }

    /// Forgets the calls that have ended; where too many go on, waits a moment for one to end, since
    /// a client may well write faster than it reads.
    async fn make_room(&mut self) {
        while self.calls.try_join_next().is_some() {}
        if self.calls.len() >= MOST_RUNNING {
            // Time is up: the request is refused.
            let _ = tokio::time::timeout(PATIENCE, self.calls.join_next()).await;
        }
    }

    fn message(&mut self, message: Message) -> Option<Reply> {
        let params = match &message {
            Message::Request(request) => Some(&request.params),
            Message::Notification(notification) => Some(&notification.params),
            Message::Response(_) | Message::Batch(_) => None,
        };
        let modern_meta = params.is_some_and(meta::is_modern);
        match (
            era::of_line(&message, modern_meta, self.session.is_some()),
            message,
        ) {
            (PipeEra::Modern, Message::Request(request)) => self.modern(request),
            (PipeEra::Modern, Message::Notification(told)) => self.cancelled(&told),
            (PipeEra::Open, Message::Request(request)) => Some(self.open(&request)),
            (PipeEra::Legacy, Message::Request(request)) => self.legacy(request),
            (PipeEra::Legacy, Message::Notification(told)) => {
                let session = self.session.as_ref()?;
                self.gate.notified(session, &told);
                // `cancelled` may also mean a modern request: both eras share the line.
                self.cancelled(&told)
            }
            (_, Message::Response(response)) => {
                answered(self.session.as_ref()?, &response);
                None
            }
            (PipeEra::Ping, Message::Request(request)) => {
                let empty = durward_core::RawJson::empty_object();
                let body = durward_wire::encode::result(&request.id, &empty, &[]).into();
                Some(Reply::Message { status: 200, body })
            }
            (_, Message::Request(request)) => {
                let error = invalid("send `initialize`, or a request with 2026-07-28 `_meta`");
                Some(encode::error(Some(&request.id), Era::Legacy, &error))
            }
            (_, Message::Notification(_) | Message::Batch(_)) => None,
        }
    }

    fn open(&mut self, request: &Request) -> Reply {
        let refuse = |error: &ProtocolError| encode::error(Some(&request.id), Era::Legacy, error);
        if self.session.is_some() {
            let twice = "this connection has been initialized";
            return refuse(&code::error(code::INVALID_REQUEST, twice));
        }
        let client = match opening::read(&request.params) {
            Ok(client) => client,
            Err(error) => return refuse(&error),
        };
        let body = match opening::initialized(&self.standing, &self.endpoint, client.revision, true)
        {
            Ok(body) => body,
            Err(error) => return refuse(&error),
        };
        let unsolicited = Unsolicited::Pipe(self.out.clone());
        let caller = self.standing.caller().id.clone();
        let session = Session::new(self.gate.new_session_id(), caller, client, unsolicited);
        let session = Arc::new(session.at(self.endpoint.clone()));
        self.gate.keep_session(&session);
        self.session = Some(session);
        let body = durward_wire::encode::result(&request.id, &body, &[]).into();
        Reply::Message { status: 200, body }
    }

    fn legacy(&mut self, request: Request) -> Option<Reply> {
        let session = Arc::clone(self.session.as_ref()?);
        let meta = match meta::read(&request.params) {
            Ok(meta) => meta,
            Err(error) => return Some(encode::error(Some(&request.id), Era::Legacy, &error)),
        };
        let speaking = Speaking::Legacy(session);
        self.run(
            Origin {
                standing: Arc::clone(&self.standing),
                endpoint: self.endpoint.clone(),
                door: self.door,
                speaking,
                meta,
                sent_params: None,
            },
            request,
        )
    }

    fn modern(&mut self, request: Request) -> Option<Reply> {
        let read = meta::read(&request.params).and_then(|meta| {
            let revision = headers::served(headers::required_meta(&meta)?)?;
            Ok((revision, meta))
        });
        let (revision, meta) = match read {
            Ok(read) => read,
            Err(error) => return Some(encode::error(Some(&request.id), Era::Modern, &error)),
        };
        let speaking = Speaking::Modern(Arc::new(modern_client(revision, &meta)));
        self.run(
            Origin {
                standing: Arc::clone(&self.standing),
                endpoint: self.endpoint.clone(),
                door: self.door,
                speaking,
                meta,
                sent_params: None,
            },
            request,
        )
    }

    fn run(&mut self, origin: Origin, request: Request) -> Option<Reply> {
        if self.calls.len() >= MOST_RUNNING {
            let error = code::error(429, "too many requests of this connection are under way");
            return Some(encode::error(Some(&request.id), origin.era(), &error));
        }
        let Some(ticket) = self.in_flight.enter(&request.id) else {
            let error = code::error(code::INVALID_REQUEST, "this id is already in use");
            return Some(encode::error(Some(&request.id), origin.era(), &error));
        };
        let gate = Arc::clone(&self.gate);
        let answers = self.batch.as_ref().unwrap_or(&self.out).clone();
        let outlet = origin
            .may_notify(request.method.as_str())
            .then(|| Outlet::Channel(self.out.clone()));
        self.calls.spawn(async move {
            let reply = gate
                .request(&origin, &request, outlet.as_ref(), ticket.cancel())
                .await;
            if let Some(body) = reply.into_body() {
                // Fails only when the pipe has ended, and then nobody waits for it.
                let _ = answers.send(body).await;
            }
        });
        None
    }

    fn cancelled(&self, told: &Notification) -> Option<Reply> {
        if told.method.as_str() == "notifications/cancelled"
            && let Some(id) = cancelled_id(&told.params)
        {
            self.in_flight.cancel(&id);
        }
        None
    }

    /// 2025-03-26 alone has batches. Each member walks alone; their answers come as one array.
    async fn batch(&mut self, members: Vec<Bytes>) {
        use durward_core::Revision;
        let session = self.session.as_ref();
        if session.is_none_or(|session| session.revision() != Revision::V2025_03_26) {
            let none = "this revision of the protocol has no batches";
            let error = code::error(code::INVALID_REQUEST, none);
            return self.send(encode::error(None, Era::Legacy, &error)).await;
        }
        let (sender, mut answers) = mpsc::channel(members.len().max(1));
        self.batch = Some(sender);
        let mut replies = Vec::new();
        for member in members {
            let reply = match scan(&member, self.limits) {
                Ok(Message::Request(request)) if request.method.as_str() == "initialize" => {
                    let error = code::error(code::INVALID_REQUEST, "`initialize` can't be batched");
                    Some(encode::error(Some(&request.id), Era::Legacy, &error))
                }
                Ok(message) => self.message(message),
                Err(malformed) => Some(encode::error(
                    malformed.id.as_ref(),
                    Era::Legacy,
                    &malformed.to_error(),
                )),
            };
            replies.extend(reply.and_then(Reply::into_body).map(Some));
        }
        // From here on the channel ends with the last call of the batch.
        self.batch = None;
        let line = self.out.clone();
        self.calls.spawn(async move {
            while let Some(answer) = answers.recv().await {
                replies.push(Some(answer));
            }
            if !replies.is_empty() {
                let _ = line.send(array(&replies)).await;
            }
        });
    }

    async fn send(&self, reply: Reply) {
        if let Some(body) = reply.into_body() {
            // Fails only when the pipe has ended, and then nobody waits for it.
            let _ = self.out.send(body).await;
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            self.gate.end_session(session);
        }
        self.in_flight.cancel_all();
    }
}
