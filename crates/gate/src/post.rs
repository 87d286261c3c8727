//! What a POST means: which era it is in, whose session, and what is to run for it.

use std::sync::Arc;

use bytes::Bytes;
use durward_core::{Body, BoxFuture, Cancel, Client, Door, Era, ProtocolError, RawJson, Revision};
use durward_store::StoreError;
use durward_wire::{
    RequestMeta, code,
    era::{self, PostEra},
    headers::{self, SentParams},
    http1::Headers,
    meta,
    scan::{Message, Notification, Params, Request, Response, ScanLimits, scan},
};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    encode::{self, Reply},
    endpoint::Endpoint,
    gate::Gate,
    methods::{invalid, opening},
    notifier::Outlet,
    request::{Origin, Speaking},
    session::{Session, Unsolicited},
    standing::Standing,
    stream::Streams,
};

/// Messages that may wait for a slow client before an answer.
const WAITING: usize = 256;

/// What is to be sent for a POST.
pub enum Posted {
    /// This, now.
    Now(Reply),
    /// 202, empty.
    Accepted,
    /// 404: no such session for this caller.
    NoSession,
    /// What this comes to.
    Running(Running),
}

/// Work for a POST that is under way.
pub struct Running {
    /// Ends in the reply. A client of 2026-07-28 that leaves cancels it by dropping it; one of an
    /// earlier revision does not, see [`Gate::keep_running`].
    pub work: BoxFuture<'static, Reply>,
    /// What comes before the reply.
    pub messages: Messages,
    /// Which era it is in.
    pub era: Era,
}

/// How a request came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    /// In a POST of its own.
    Alone,
    /// As a member of a batch: nothing can come before its answer.
    InBatch,
}

/// Messages before a reply.
pub enum Messages {
    /// There will be none.
    None,
    /// One after the other; gone with the connection.
    Channel(mpsc::Receiver<Body>),
    /// A stream that can be resumed. Its reply goes there too once it has begun.
    Stream {
        /// The session's streams.
        streams: Arc<Streams>,
        /// The stream of this POST.
        id: u64,
        /// 2025-11-25 begins a stream with an event that has an id and no data.
        primed: bool,
    },
}

impl Gate {
    /// Takes one POST of an authenticated caller at an endpoint that is served.
    pub fn post(
        self: &Arc<Self>,
        standing: &Arc<Standing>,
        endpoint: &Endpoint,
        headers: &Headers,
        body: &Bytes,
        limits: ScanLimits,
    ) -> Posted {
        let message = match scan(body, limits) {
            Ok(message) => message,
            Err(malformed) => {
                let error = malformed.to_error();
                return Posted::Now(encode::error(malformed.id.as_ref(), Era::Legacy, &error));
            }
        };
        // Where the headers have said it, the body need not be looked into twice.
        let modern_meta =
            era::has_modern_version(headers) || params(&message).is_some_and(meta::is_modern);
        match era::of_post(&message, modern_meta, headers) {
            PostEra::Modern => self.post_modern(standing, endpoint, headers, message),
            PostEra::Open => self.post_open(standing, endpoint, message),
            PostEra::Session => self.post_session(standing, endpoint, headers, message, limits),
            PostEra::Neither if self.is_stateless() => {
                self.post_without_session(standing, endpoint, headers, message, limits)
            }
            PostEra::Neither => {
                let error = invalid("send `initialize`, or a request with 2026-07-28 `_meta`");
                Posted::Now(refused(message_id(&message), &error))
            }
        }
    }

    fn post_modern(
        self: &Arc<Self>,
        standing: &Arc<Standing>,
        endpoint: &Endpoint,
        headers: &Headers,
        message: Message,
    ) -> Posted {
        let request = match message {
            Message::Request(request) => request,
            // The only one that there is, `cancelled`, is for pipes: here closing the stream cancels.
            Message::Notification(_) => return Posted::Accepted,
            Message::Response(_) | Message::Batch(_) => {
                let error = code::error(code::INVALID_REQUEST, "a request is wanted here");
                return Posted::Now(refused(None, &error));
            }
        };
        let read = headers::read_modern(headers, request.method.as_str(), &request.params);
        let (revision, meta) = match read {
            Ok(read) => read,
            Err(error) => return Posted::Now(refused(Some(&request), &error)),
        };
        let client = Arc::new(modern_client(revision, &meta));
        let speaking = Speaking::Modern(client);
        let origin = Origin {
            standing: Arc::clone(standing),
            endpoint: endpoint.clone(),
            door: Door::Http,
            speaking,
            meta,
            sent_params: Some(SentParams::of(headers)),
        };
        let (outlet, messages) = if origin.may_notify(request.method.as_str()) {
            let (sender, receiver) = mpsc::channel(WAITING);
            (Some(Outlet::Channel(sender)), Messages::Channel(receiver))
        } else {
            (None, Messages::None)
        };
        let gate = Arc::clone(self);
        let work = Box::pin(async move {
            gate.request(&origin, &request, outlet.as_ref(), &Cancel::new())
                .await
        });
        Posted::Running(Running {
            work,
            messages,
            era: Era::Modern,
        })
    }

    fn post_open(
        self: &Arc<Self>,
        standing: &Arc<Standing>,
        endpoint: &Endpoint,
        message: Message,
    ) -> Posted {
        let Message::Request(request) = message else {
            return Posted::Accepted;
        };
        let client = match opening::read(&request.params) {
            Ok(client) => client,
            Err(error) => {
                return Posted::Now(encode::error(Some(&request.id), Era::Legacy, &error));
            }
        };
        let lasting = !self.is_stateless();
        let body = match opening::initialized(standing, endpoint, client.revision, lasting) {
            Ok(body) => durward_wire::encode::result(&request.id, &body, &[]).into(),
            Err(error) => {
                return Posted::Now(encode::error(Some(&request.id), Era::Legacy, &error));
            }
        };
        if !lasting {
            return Posted::Now(Reply::Message { status: 200, body });
        }
        let id = self.new_session_id();
        let open = |client: Client| {
            let caller = standing.caller().id.clone();
            Session::new(id, caller, client, Unsolicited::Get).at(endpoint.clone())
        };
        let shortened = opening::shortened(&client);
        let token = self
            .seal_session(&open(client))
            .or_else(|| self.seal_session(&open(shortened)));
        Posted::Now(match token {
            Some(session) => Reply::Opened { body, session },
            None => {
                let error = code::error(code::INTERNAL_ERROR, "the session can't be opened");
                encode::error(Some(&request.id), Era::Legacy, &error)
            }
        })
    }

    fn post_session(
        self: &Arc<Self>,
        standing: &Arc<Standing>,
        endpoint: &Endpoint,
        headers: &Headers,
        message: Message,
        limits: ScanLimits,
    ) -> Posted {
        match self.session_of(standing, endpoint, headers) {
            Some(session) => self.post_legacy(standing, &session, message, limits),
            None => Posted::NoSession,
        }
    }

    /// The session that the headers name, if it is this caller's at this endpoint.
    pub fn session_of(
        &self,
        standing: &Standing,
        endpoint: &Endpoint,
        headers: &Headers,
    ) -> Option<Arc<Session>> {
        let token = headers.only(headers::SESSION_ID).ok().flatten()?;
        let token = std::str::from_utf8(token).ok()?;
        self.session(token, &standing.caller().id, endpoint)
    }

    /// A legacy request of a server that keeps no sessions: each stands alone.
    fn post_without_session(
        self: &Arc<Self>,
        standing: &Arc<Standing>,
        endpoint: &Endpoint,
        headers: &Headers,
        message: Message,
        limits: ScanLimits,
    ) -> Posted {
        let revision = headers
            .get(headers::PROTOCOL_VERSION)
            .and_then(|date| Revision::parse(std::str::from_utf8(date).ok()?))
            // What a client that names none speaks (2025-06-18, basic/transports).
            .unwrap_or(Revision::V2025_03_26);
        let client = Client::new(revision, RawJson::empty_object(), None);
        let caller = standing.caller().id.clone();
        let session = Session::new(Uuid::nil(), caller, client, Unsolicited::Nowhere);
        let session = Arc::new(session.at(endpoint.clone()));
        self.post_legacy(standing, &session, message, limits)
    }

    fn post_legacy(
        self: &Arc<Self>,
        standing: &Arc<Standing>,
        session: &Arc<Session>,
        message: Message,
        limits: ScanLimits,
    ) -> Posted {
        match message {
            Message::Request(request) => {
                match self.legacy(standing, session, request, Carried::Alone) {
                    Ok(running) => Posted::Running(running),
                    Err(reply) => Posted::Now(reply),
                }
            }
            Message::Notification(notification) => {
                self.notified(session, &notification);
                Posted::Accepted
            }
            Message::Response(response) => {
                answered(session, &response);
                Posted::Accepted
            }
            Message::Batch(members) if session.revision() == Revision::V2025_03_26 => {
                self.batch(standing, session, members, limits)
            }
            Message::Batch(_) => {
                let error = code::error(
                    code::INVALID_REQUEST,
                    "this revision of the protocol has no batches",
                );
                Posted::Now(encode::error(None, Era::Legacy, &error))
            }
        }
    }

    /// Makes one request of a session ready to run.
    pub(crate) fn legacy(
        self: &Arc<Self>,
        standing: &Arc<Standing>,
        session: &Arc<Session>,
        request: Request,
        carried: Carried,
    ) -> Result<Running, Reply> {
        let meta = meta::read(&request.params)
            .map_err(|error| encode::error(Some(&request.id), Era::Legacy, &error))?;
        let Some(ticket) = session.in_flight.enter(&request.id) else {
            let error = code::error(code::INVALID_REQUEST, "this id is already in use");
            return Err(encode::error(Some(&request.id), Era::Legacy, &error));
        };
        let speaking = Speaking::Legacy(Arc::clone(session));
        let origin = Origin {
            standing: Arc::clone(standing),
            endpoint: session.endpoint().clone(),
            door: Door::Http,
            speaking,
            meta,
            sent_params: None,
        };
        let has_stream = carried == Carried::Alone && origin.may_notify(request.method.as_str());
        let (outlet, messages) = match has_stream {
            true if session.is_lasting() => self.resumable(session),
            true => {
                let (sender, receiver) = mpsc::channel(WAITING);
                (Some(Outlet::Channel(sender)), Messages::Channel(receiver))
            }
            false => (None, Messages::None),
        };
        let gate = Arc::clone(self);
        let work = Box::pin(async move {
            let reply = gate
                .request(&origin, &request, outlet.as_ref(), ticket.cancel())
                .await;
            if let Some(Outlet::Stream { streams, id, clock }) = &outlet {
                // Once the stream has begun the answer belongs on it, so that it can be resumed.
                if streams.has_begun(*id)
                    && let Reply::Message { body, .. } = &reply
                {
                    streams.push(*id, clock.monotonic(), body.clone().into_bytes());
                }
                streams.finish(*id);
            }
            reply
        });
        Ok(Running {
            work,
            messages,
            era: Era::Legacy,
        })
    }

    fn resumable(&self, session: &Arc<Session>) -> (Option<Outlet>, Messages) {
        let (streams, id) = (Arc::clone(&session.streams), session.streams.open());
        let clock = Arc::clone(self.clock());
        let primed = session.revision() >= Revision::V2025_11_25;
        let messages = Messages::Stream {
            streams: Arc::clone(&streams),
            id,
            primed,
        };
        (Some(Outlet::Stream { streams, id, clock }), messages)
    }

    /// A lost connection is no cancellation before 2026-07-28: the call goes on without it.
    pub fn keep_running(&self, work: BoxFuture<'static, Reply>) {
        self.tasks.spawn(work);
    }

    /// What a legacy client tells us.
    pub(crate) fn notified(&self, session: &Session, told: &Notification) {
        match told.method.as_str() {
            "notifications/initialized" => session.set_initialized(),
            "notifications/cancelled" => {
                if let Some(id) = cancelled_id(&told.params) {
                    session.in_flight.cancel(&id);
                }
            }
            "notifications/roots/list_changed" => session.roots_changed(self.clock().monotonic()),
            // `progress` concerns questions of ours that take long; there are none.
            _ => {}
        }
    }

    /// DELETE: ends the session for good.
    ///
    /// # Errors
    /// Where that can't be remembered: the session lives on.
    pub fn end(&self, session: &Session) -> Result<(), StoreError> {
        self.revoke_session(session)
    }
}

/// The client of a self-contained request.
pub(crate) fn modern_client(revision: Revision, meta: &RequestMeta) -> Client {
    let capabilities = meta
        .capabilities
        .clone()
        .unwrap_or_else(RawJson::empty_object);
    Client::new(revision, capabilities, meta.client_info.clone())
}

/// The request that `notifications/cancelled` names.
pub(crate) fn cancelled_id(params: &Params) -> Option<durward_wire::RequestId> {
    params.get("requestId")?.try_into().ok()
}

/// An answer to a question of ours; any other is dropped.
pub(crate) fn answered(session: &Session, response: &Response) {
    if !session.roots.answered(response) && !session.questions.answered(response) {
        tracing::debug!("an answer came to a question that nobody asked");
    }
}

fn params(message: &Message) -> Option<&Params> {
    match message {
        Message::Request(request) => Some(&request.params),
        Message::Notification(notification) => Some(&notification.params),
        Message::Response(_) | Message::Batch(_) => None,
    }
}

fn message_id(message: &Message) -> Option<&Request> {
    match message {
        Message::Request(request) => Some(request),
        _ => None,
    }
}

/// What the envelope decided, before the method was looked at: a 400.
fn refused(request: Option<&Request>, error: &ProtocolError) -> Reply {
    let id = request.map(|request| &request.id);
    Reply::Message {
        status: code::http_status_of_envelope(error.code, Era::Modern),
        body: durward_wire::encode::error(id, error).into(),
    }
}
