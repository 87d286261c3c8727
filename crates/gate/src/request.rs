//! One request of a client, in either era: which method it asks for, and what answers it.

use std::sync::Arc;

use durward_core::{
    Arguments, Call, CallId, Cancel, Client, Door, Era, Held, LogLevel, Notify, Operation,
    ProtocolError, RawJson, Revision, Target,
};
use durward_wire::{code, headers::SentParams, meta::RequestMeta, scan::Params, scan::Request};
use uuid::Uuid;

use crate::{
    encode::{self, Caching, Refused, Reply},
    endpoint::Endpoint,
    freshness::ListFreshness,
    gate::Gate,
    methods,
    notifier::{CallNotifier, Outlet, Reached},
    pipeline::{self, Stage},
    session::Session,
    standing::Standing,
    tasks::{self, Part},
    view::ListKind,
    walk::{Ended, Progress, Subject, Walk},
};

/// Which era a request is in, and what that brings along.
#[derive(Clone)]
pub enum Speaking {
    /// Within a session, or what stands for one.
    Legacy(Arc<Session>),
    /// Self-contained.
    Modern(Arc<Client>),
}

/// Where a request comes from.
#[derive(Clone)]
pub struct Origin {
    /// Who asks.
    pub standing: Arc<Standing>,
    /// At which endpoint.
    pub endpoint: Endpoint,
    /// By which door.
    pub door: Door,
    /// In which era.
    pub speaking: Speaking,
    /// The envelope's part of `_meta`.
    pub meta: RequestMeta,
    /// `Mcp-Param-*` of a modern request over HTTP; `None` where arguments are not repeated in headers.
    pub sent_params: Option<SentParams>,
}

impl Origin {
    pub(crate) fn client(&self) -> &Arc<Client> {
        match &self.speaking {
            Speaking::Legacy(session) => session.client(),
            Speaking::Modern(client) => client,
        }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.client().revision
    }

    pub(crate) fn era(&self) -> Era {
        self.revision().era()
    }

    pub(crate) fn session(&self) -> Option<&Arc<Session>> {
        match &self.speaking {
            Speaking::Legacy(session) => Some(session),
            Speaking::Modern(_) => None,
        }
    }

    fn level(&self) -> Option<LogLevel> {
        match &self.speaking {
            Speaking::Legacy(session) => session.level(),
            Speaking::Modern(_) => self.meta.log_level,
        }
    }

    /// True where the request may send messages before its answer.
    pub fn may_notify(&self, method: &str) -> bool {
        let is_call = matches!(
            method,
            "tools/call" | "resources/read" | "prompts/get" | "tasks/result"
        );
        let may_ask = is_call || matches!(method, "completion/complete" | "resources/subscribe");
        method == "subscriptions/listen"
            || is_call && (self.meta.progress_token.is_some() || self.level().is_some())
            || may_ask && self.session().is_some_and(|it| self.is_asked(it))
    }

    /// May the client of this session have to be asked something?
    fn is_asked(&self, session: &Session) -> bool {
        let has_servers = || !self.standing.house().catalogue.shelves().is_empty();
        session.roots.is_unknown() || session.declared().any() && has_servers()
    }

    fn notifier(&self, outlet: Option<&Outlet>) -> Option<Arc<dyn Notify>> {
        let (progress_token, level) = (self.meta.progress_token.clone(), self.level());
        if progress_token.is_none() && level.is_none() {
            return None;
        }
        let outlet = outlet?.clone();
        Some(Arc::new(CallNotifier {
            outlet,
            progress_token,
            level,
            reached: Reached::default(),
        }))
    }
}

/// A call's target, before it is a call.
pub(crate) struct Asked {
    pub(crate) operation: Operation,
    pub(crate) target: Target,
    pub(crate) subject: Subject,
    pub(crate) arguments: RawJson,
    /// `params` whole.
    pub(crate) params: RawJson,
    /// What the client called it, where that is another name of it.
    pub(crate) called: Option<Box<str>>,
    /// `inputResponses`: what a modern client answers to questions of an earlier round.
    pub(crate) answers: Option<RawJson>,
    /// `requestState`: what it was given to bring back with them.
    pub(crate) state: Option<String>,
    /// What it has to do with tasks.
    pub(crate) part: Part,
}

impl Gate {
    /// Answers one request. Dropping the future stops its work, and the ledger says so.
    pub async fn request(
        self: &Arc<Self>,
        origin: &Origin,
        request: &Request,
        outlet: Option<&Outlet>,
        cancel: &Cancel,
    ) -> Reply {
        let (method, params) = (request.method.as_str(), &request.params);
        let legacy = origin.era() == Era::Legacy;
        let plain = |body: Result<RawJson, ProtocolError>, caching| match body {
            Ok(body) => encode::result(&request.id, origin.revision(), &body, caching),
            Err(error) => encode::error(Some(&request.id), origin.era(), &error),
        };
        let list = async |kind| {
            let standing = self.with_newcomers(origin).await;
            let fresh = ListFreshness::of(&standing, &origin.endpoint);
            let page = methods::lists::page(&standing, origin, kind, params, &fresh);
            match page {
                // One that says what is stale has a `_meta`, into which more belongs.
                Ok(page) if fresh.stale.is_empty() => {
                    encode::page(&request.id, origin.revision(), &page, fresh.ttl)
                }
                page => plain(page, Caching::For(fresh.ttl)),
            }
        };
        match method {
            "tools/list" => list(ListKind::Tools).await,
            "resources/list" => list(ListKind::Resources).await,
            "resources/templates/list" => list(ListKind::Templates).await,
            "prompts/list" => list(ListKind::Prompts).await,
            "tools/call" | "resources/read" | "prompts/get" | "completion/complete" => {
                self.ask_for(origin, request, outlet, cancel).await
            }
            "tasks/get" | "tasks/cancel" => self.ask_for(origin, request, outlet, cancel).await,
            "tasks/update" if !legacy => self.ask_for(origin, request, outlet, cancel).await,
            "tasks/result" if legacy => self.ask_for(origin, request, outlet, cancel).await,
            "tasks/list" if tasks::legacy::are_for(origin) => {
                plain(Ok(self.list_tasks(origin)), Caching::Unsaid)
            }
            "ping" if legacy => plain(Ok(RawJson::empty_object()), Caching::Unsaid),
            "logging/setLevel" if legacy => {
                plain(methods::logging::set_level(origin, params), Caching::Unsaid)
            }
            "resources/subscribe" | "resources/unsubscribe" if legacy => {
                self.subscription(origin, request, outlet, cancel).await
            }
            "server/discover" if !legacy => {
                let discovered = methods::opening::discover(&origin.standing, &origin.endpoint);
                let fresh = ListFreshness::of(&origin.standing, &origin.endpoint);
                plain(discovered, Caching::For(fresh.ttl))
            }
            "subscriptions/listen" if !legacy => self.listen(origin, request, outlet, cancel).await,
            _ => {
                let unknown = methods::unknown_method(method);
                encode::error(Some(&request.id), origin.era(), &unknown)
            }
        }
    }

    /// Makes a call of a request. What nobody knows yet may be a server's that is about to say what it has.
    async fn ask_for(
        &self,
        origin: &Origin,
        request: &Request,
        outlet: Option<&Outlet>,
        cancel: &Cancel,
    ) -> Reply {
        let read = |origin: &Origin| match request.method.as_str() {
            "tasks/get" | "tasks/update" | "tasks/cancel" | "tasks/result" => {
                self.read_task(origin, request)
            }
            _ => {
                let mut asked = methods::calls::read(origin, request)?;
                if let Some(wanted) = tasks::legacy::wanted(origin, &asked)? {
                    asked.part = Part::Wants(wanted);
                }
                Ok(asked)
            }
        };
        let mut asked = read(origin);
        let mut later = None;
        if matches!(&asked, Ok(asked) if matches!(asked.subject, Subject::Unknown)) {
            let standing = self.with_newcomers(origin).await;
            if !Arc::ptr_eq(&standing, &origin.standing) {
                let origin = later.insert(Origin {
                    standing,
                    ..origin.clone()
                });
                asked = read(origin);
            }
        }
        let origin = later.as_ref().unwrap_or(origin);
        match asked {
            Ok(asked) => self.call(origin, request, asked, outlet, cancel).await,
            Err(error) => encode::error(Some(&request.id), origin.era(), &error),
        }
    }

    async fn call(
        &self,
        origin: &Origin,
        request: &Request,
        asked: Asked,
        outlet: Option<&Outlet>,
        cancel: &Cancel,
    ) -> Reply {
        let operation = asked.operation;
        let has_output_schema = match asked.subject {
            Subject::Tool(place) => origin
                .standing
                .house()
                .catalogue
                .tools()
                .get(place)
                .is_some_and(|entry| entry.tool.output_schema.is_some()),
            _ => false,
        };
        let is_for_model =
            operation == Operation::CallTool && !matches!(asked.part, Part::Wants(_));
        let ended = self.walk(origin, asked, outlet, cancel).await;
        let refused = match is_for_model {
            true => Refused::Result { has_output_schema },
            false => Refused::Error,
        };
        encode::ended(ended, &request.id, origin.revision(), operation, refused)
    }

    /// Takes one call along the walk.
    pub(crate) async fn walk(
        &self,
        origin: &Origin,
        asked: Asked,
        outlet: Option<&Outlet>,
        cancel: &Cancel,
    ) -> Ended {
        self.walk_along(pipeline::WALK, origin, asked, outlet, cancel)
            .await
    }

    /// Takes one call along these stages. Only tests know another list than the one of the walk.
    pub(crate) async fn walk_along(
        &self,
        stages: &[Stage],
        origin: &Origin,
        asked: Asked,
        outlet: Option<&Outlet>,
        cancel: &Cancel,
    ) -> Ended {
        let seat = match self.journal().enter() {
            Ok(seat) => seat,
            Err(error) => {
                tracing::error!(%error, "a call could not be recorded");
                return Ended::Refused(crate::stages::intent::unrecordable());
            }
        };
        let call = Call {
            id: self.new_call_id(),
            caller: Arc::clone(origin.standing.caller()),
            client: Arc::clone(origin.client()),
            door: origin.door,
            session: origin
                .session()
                .filter(|session| session.is_lasting())
                .map(|s| s.id()),
            operation: asked.operation,
            target: asked.target,
            arguments: Arguments::new(asked.arguments),
            params: asked.params,
            naming: origin.endpoint.naming(),
            meta: origin.meta.rest.clone(),
            started: self.clock().monotonic(),
            timeout: origin.standing.timeout,
            cancel: cancel.child(),
            notify: origin.notifier(outlet),
            level: origin.level(),
            wants_progress: origin.meta.progress_token.is_some(),
            ask: None,
            resumed: None,
            task: asked.part.own(),
            narrowed: None,
            held: Held::default(),
        };
        let mut walk = Walk {
            gate: self,
            standing: &origin.standing,
            endpoint: &origin.endpoint,
            session: origin.session(),
            outlet,
            sent_params: origin.sent_params.as_ref(),
            call,
            subject: asked.subject,
            permits: Vec::new(),
            admitted: None,
            rule: None,
            question: None,
            called: asked.called,
            answers: asked.answers,
            state: asked.state.filter(|_| origin.era() == Era::Modern),
            part: asked.part,
            seat: Some(seat),
            progress: Progress::In,
        };
        pipeline::run(stages, &mut walk).await
    }

    /// A UUID of version 7 (RFC 9562): calls sort by the time that they came.
    pub(crate) fn new_call_id(&self) -> CallId {
        let mut random = [0; 10];
        self.clock().random(&mut random);
        let millis = self.clock().wall().0 / 1000;
        CallId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// A random session name (RFC 9562, version 4): 122 bits that nobody can guess.
    pub(crate) fn new_session_id(&self) -> Uuid {
        let mut random = [0; 16];
        self.clock().random(&mut random);
        uuid::Builder::from_random_bytes(random).into_uuid()
    }
}

/// The string at `key`, which must be there.
pub(crate) fn required(params: &Params, key: &'static str) -> Result<String, ProtocolError> {
    let refuse = |message: String| ProtocolError {
        code: code::INVALID_PARAMS,
        message,
        data: None,
    };
    let text = params
        .string(key)
        .map_err(|_| refuse(format!("`{key}` must be a string")))?
        .ok_or_else(|| refuse(format!("`{key}` is missing")))?;
    if text.contains('\0') {
        return Err(refuse(format!("`{key}` may not contain U+0000")));
    }
    Ok(text)
}
