//! What a server asks of clients: whether it may, in which words, and the record of what came of it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use durward_core::{
    AskEnd, AskFault, Asked, Call, Clock, Era, Naming, ProtocolError, Question, RawJson,
    ServerName, Witness,
};
use durward_guard::limit::Rate;
use durward_store::limits::{Cell, LimitKey, MemoryLimits};
use durward_wire::{
    bridge::{
        questions::{NoWords, to_client},
        tasks::unrelated,
    },
    code,
    edit::{self, Change},
    encode, members,
};

use crate::settings::{May, Sampling};

/// So many questions that come to nothing are recorded one by one; beyond, they are counted.
const BLOCKED: &str = "600/min";

/// The questions of one server.
pub(crate) struct Questions {
    server: ServerName,
    may: May,
    sampling: Sampling,
    limits: Arc<MemoryLimits>,
    clock: Arc<dyn Clock>,
    witness: Mutex<Option<Arc<dyn Witness>>>,
    recorded: Cell,
    unrecorded: AtomicU64,
}

/// Why a question is put to no client.
struct Blocked {
    word: &'static str,
    error: ProtocolError,
}

impl Blocked {
    fn new(word: &'static str, error: ProtocolError) -> Self {
        Self { word, error }
    }
}

impl Questions {
    pub(crate) fn new(
        server: ServerName,
        may: May,
        sampling: Sampling,
        limits: Arc<MemoryLimits>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            server,
            may,
            sampling,
            limits,
            clock,
            witness: Mutex::default(),
            recorded: Cell::default(),
            unrecorded: AtomicU64::new(0),
        }
    }

    /// Who keeps the record.
    pub(crate) fn report_to(&self, witness: Arc<dyn Witness>) {
        *self.witness.lock().unwrap_or_else(PoisonError::into_inner) = Some(witness);
    }

    /// Puts a question to the client of a call, if the server may ask that, and records what came of it.
    pub(crate) async fn put(
        &self,
        call: &Call,
        method: &str,
        params: RawJson,
    ) -> Result<RawJson, ProtocolError> {
        let judged = self.judge(call, method, &params, true);
        let (question, params) =
            judged.map_err(|blocked| self.block(Some(call), method, blocked))?;
        let Some(ask) = &call.ask else {
            return Err(self.block(Some(call), method, undeclared(method)));
        };
        let mut open = Open {
            questions: self,
            call,
            method,
            is_open: true,
        };
        let answer = ask.ask(question, params).await;
        open.is_open = false;
        let end = match &answer {
            Ok(answer) => AskEnd::Answered(word(question, answer)),
            Err(AskFault::Undeclared) => {
                return Err(self.block(Some(call), method, undeclared(method)));
            }
            Err(AskFault::ModeUndeclared) => {
                return Err(self.block(Some(call), method, mode_undeclared()));
            }
            Err(AskFault::Refused(error)) => AskEnd::Refused(error.code),
            Err(AskFault::Silent | AskFault::Gone) => AskEnd::Unanswered,
        };
        if !self.saw(Some(call), method, end) {
            let sentence = "the answer could not be recorded";
            return Err(code::error(code::INTERNAL_ERROR, sentence));
        }
        match answer {
            Ok(answer) => Ok(answer),
            Err(AskFault::Refused(error)) => Err(error),
            Err(_) => nobody(question),
        }
    }

    /// The questions of a modern server as its modern client gets them.
    ///
    /// # Errors
    /// What it asks and may not. A legacy client comes here only if it can't be asked anything.
    pub(crate) fn pass_on(&self, call: &Call, result: &RawJson) -> Result<RawJson, ProtocolError> {
        let is_legacy = call.client.revision.era() == Era::Legacy;
        let Some((_, requests)) = members(result)
            .into_iter()
            .find(|(key, _)| key == "inputRequests")
        else {
            return Ok(result.clone());
        };
        let (mut told, mut is_changed) = (Vec::new(), false);
        for (key, request) in members(&requests) {
            let (mut method, mut params) = (String::new(), RawJson::empty_object());
            for (name, value) in members(&request) {
                match name.as_ref() {
                    "method" => method = value.parse().unwrap_or_default(),
                    "params" => params = value,
                    _ => {}
                }
            }
            let is_merged = call.naming == Naming::Merged;
            let judged = match is_legacy {
                true => Err(undeclared(&method)),
                false => self.judge(call, &method, &params, is_merged),
            };
            let (_, words) = judged.map_err(|blocked| self.block(Some(call), &method, blocked))?;
            if !self.saw(Some(call), &method, AskEnd::PassedOn) {
                let sentence = "the question could not be recorded";
                return Err(code::error(code::INTERNAL_ERROR, sentence));
            }
            let request = if words == params {
                request
            } else {
                is_changed = true;
                edit::changed(&request, &[("params", Change::Set(&words))])
            };
            told.push((key, request));
        }
        if !is_changed {
            return Ok(result.clone());
        }
        let told: Vec<_> = told
            .iter()
            .map(|(key, request)| (key.as_ref(), request))
            .collect();
        let told = encode::object(&told);
        Ok(edit::changed(
            result,
            &[("inputRequests", Change::Set(&told))],
        ))
    }

    /// A question that reached no client, for this reason.
    pub(crate) fn came_to_nothing(&self, call: Option<&Call>, method: &str, word: &'static str) {
        // The rate stands above, and is one.
        let quota = BLOCKED.parse::<Rate>().map(|rate| rate.quota(None));
        let quota = quota.expect("the rate is one");
        if self.recorded.take(self.clock.monotonic(), &quota).is_err() {
            self.unrecorded.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // That it could not be written is said by whoever keeps the record; the server gets an error anyway.
        self.saw(call, method, AskEnd::Blocked(word));
    }

    /// How many came to nothing and were too many to be recorded one by one.
    pub(crate) fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Ordering::Relaxed)
    }

    fn block(&self, call: Option<&Call>, method: &str, blocked: Blocked) -> ProtocolError {
        self.came_to_nothing(call, method, blocked.word);
        blocked.error
    }

    fn saw(&self, call: Option<&Call>, method: &str, end: AskEnd) -> bool {
        let witness = self
            .witness
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let asked = Asked {
            server: &self.server,
            method,
            call,
            end,
        };
        witness.is_none_or(|witness| witness.saw(&asked))
    }

    /// May it ask this, and in which words?
    fn judge(
        &self,
        call: &Call,
        method: &str,
        params: &RawJson,
        names_server: bool,
    ) -> Result<(Question, RawJson), Blocked> {
        let Some(question) = Question::of_method(method) else {
            let sentence = format!("`{method}` is no request that a client answers");
            let error = code::error(code::METHOD_NOT_FOUND, sentence);
            return Err(Blocked::new("no_such_question", error));
        };
        let is_allowed = match question {
            Question::Elicit => self.may.elicitation,
            Question::Sample => self.may.sampling,
            Question::Roots => self.may.roots,
        };
        if !is_allowed {
            return Err(Blocked::new("not_allowed", cannot_be_asked(method)));
        }
        // Which task it belongs to is said by the server's own id, which the client does not know.
        let params = &unrelated(params);
        let params = to_client(question, call.client.revision, params)
            .map_err(|NoWords| mode_undeclared())?;
        let params = match question {
            Question::Sample => self.bounded(call, &params)?,
            Question::Elicit if names_server => named(&self.server, &params),
            Question::Elicit | Question::Roots => params,
        };
        Ok((question, params))
    }

    /// A sampling within its limits. It sees nothing of other servers (protocol.md, section 8).
    fn bounded(&self, call: &Call, params: &RawJson) -> Result<RawJson, Blocked> {
        let spent = self
            .limits
            .cell(&LimitKey::Sampling(call.caller.id.clone()));
        let now = self.clock.monotonic();
        if spent.take(now, &self.sampling.calls).is_err() {
            let sentence = "the client's model has been asked too often; try again later";
            let error = code::error(code::SAMPLING_REFUSED, sentence);
            return Err(Blocked::new("rate_limited", error));
        }
        let all = members(params);
        let get = |name: &str| {
            let found = all.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value)
        };
        let most = self.sampling.max_tokens;
        let wanted = get("maxTokens").and_then(|wanted| wanted.parse::<f64>().ok());
        // Whatever is no number within the limit becomes the limit.
        let is_within = wanted.is_some_and(|wanted| wanted <= f64::from(most));
        let most = RawJson::from_scanned(most.to_string().into());
        let none = RawJson::from_static(r#""none""#);
        let mut changes = Vec::new();
        if !is_within {
            changes.push(("maxTokens", Change::Set(&most)));
        }
        if get("includeContext").is_some() {
            changes.push(("includeContext", Change::Set(&none)));
        }
        Ok(match changes.is_empty() {
            true => params.clone(),
            false => edit::changed(params, &changes),
        })
    }
}

/// A question that a client has and has not answered.
struct Open<'a> {
    questions: &'a Questions,
    call: &'a Call,
    method: &'a str,
    is_open: bool,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.questions
                .saw(Some(self.call), self.method, AskEnd::Unanswered);
        }
    }
}

/// People see which server asks (protocol.md, section 8).
fn named(server: &ServerName, params: &RawJson) -> RawJson {
    let message = members(params)
        .into_iter()
        .find(|(key, _)| key == "message");
    let message = message.and_then(|(_, message)| message.parse::<String>().ok());
    let message = encode::string(&format!("[{server}] {}", message.unwrap_or_default()));
    edit::changed(params, &[("message", Change::Set(&message))])
}

/// What a person chose, or that there is an answer.
fn word(question: Question, answer: &RawJson) -> &'static str {
    if question != Question::Elicit {
        return "answered";
    }
    let action = members(answer).into_iter().find(|(key, _)| key == "action");
    match action
        .and_then(|(_, action)| action.parse::<String>().ok())
        .as_deref()
    {
        Some("accept") => "accept",
        Some("decline") => "decline",
        Some("cancel") => "cancel",
        _ => "answered",
    }
}

fn cannot_be_asked(method: &str) -> ProtocolError {
    let sentence = format!("the client can't be asked for `{method}` here");
    code::error(code::METHOD_NOT_FOUND, sentence)
}

fn undeclared(method: &str) -> Blocked {
    Blocked::new("undeclared", cannot_be_asked(method))
}

fn mode_undeclared() -> Blocked {
    let error = code::invalid_params("the client does not take questions of this mode");
    Blocked::new("mode_undeclared", error)
}

/// What stands for an answer where nobody gave one (protocol.md, section 6.2).
fn nobody(question: Question) -> Result<RawJson, ProtocolError> {
    match question {
        Question::Elicit => Ok(RawJson::from_static(r#"{"action":"cancel"}"#)),
        Question::Sample => Err(code::error(
            code::SAMPLING_REFUSED,
            "nobody answered the request",
        )),
        Question::Roots => Err(code::error(
            code::INTERNAL_ERROR,
            "the client did not answer",
        )),
    }
}
