//! Tasks for clients of 2025-11-25 (basic/utilities/tasks): they ask for them, and wait for their ends by
//! `tasks/result`.

use std::{sync::Arc, time::Duration};

use durward_core::{
    Answer, Ask, AskFault, BoxFuture, LogLevel, Notify, Operation, ProtocolError, Provider,
    Question, RawJson, Refusal, Revision,
};
use durward_guard::policy::Decision;
use durward_wire::{
    bridge::tasks::{self, Status, Support},
    code,
    edit::{Change, changed},
    encode,
};

use uuid::Uuid;

use super::{
    Place, are_offered,
    kept::{Entry, Of},
    look::{invalid, once, shown},
    named, sealed, support, unsound,
};
use crate::{
    exchange::in_session,
    gate::Gate,
    request::{Asked, Origin},
    walk::{Subject, Walk},
};

/// A result that came at once is kept for so long at most, whatever its client wants.
const LONGEST: Duration = Duration::from_secs(3600);
/// How often a client is to look at a task that is here alone.
const POLL: &str = "500";

/// A client wants its call to become a task.
pub(crate) struct Wanted {
    /// For how long it wants it kept.
    ttl: Option<Duration>,
}

/// What a server says that has tasks, to a client of 2025-11-25.
pub(crate) const CAPABILITY: &str = r#"{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}"#;

/// Are there tasks for this client?
pub(crate) fn are_for(origin: &Origin) -> bool {
    origin.revision() == Revision::V2025_11_25 && are_offered(&origin.standing, &origin.endpoint)
}

/// Does this call want to become a task?
///
/// # Errors
/// The tool's calls never do.
pub(crate) fn wanted(origin: &Origin, asked: &Asked) -> Result<Option<Wanted>, ProtocolError> {
    let (Operation::CallTool, Subject::Tool(place)) = (asked.operation, &asked.subject) else {
        return Ok(None);
    };
    // Most callers have no servers with tasks, and nothing need be looked for.
    let task = are_for(origin).then(|| durward_wire::member(&asked.params, "task"));
    let Some(task) = task.flatten() else {
        return Ok(None);
    };
    // What it may not see is unknown to it, and nothing more is said of it.
    if matches!(origin.standing.view().tool(*place), Decision::Deny { .. }) {
        return Ok(None);
    }
    let catalogue = &origin.standing.house().catalogue;
    if support(catalogue, *place) == Support::Forbidden {
        let sentence = "calls of this tool can't become tasks; leave `task` out";
        return Err(code::error(code::METHOD_NOT_FOUND, sentence));
    }
    if !task.as_str().starts_with('{') {
        return Err(code::invalid_params("`task` must be an object"));
    }
    let ttl = match durward_wire::member(&task, "ttl") {
        None => None,
        Some(ttl) if ttl.as_str() == "null" => None,
        Some(ttl) => Some(ttl.parse::<u64>().map_err(|_| {
            code::invalid_params("`task.ttl` must be a whole number of milliseconds")
        })?),
    };
    let ttl = ttl.map(Duration::from_millis);
    Ok(Some(Wanted { ttl }))
}

/// Makes the call, and a task of whatever comes.
pub(crate) async fn begin(
    walk: &mut Walk<'_>,
    provider: Arc<dyn Provider>,
    wanted: &Wanted,
) -> Result<Answer, Refusal> {
    let durward_core::Target::Tool(tool) = walk.call.target.clone() else {
        return Err(unsound());
    };
    let of = Of {
        caller: walk.call.caller.id.clone(),
        tool,
        endpoint: walk.endpoint.clone(),
    };
    let settings = &walk.standing.house().settings;
    let (limits, longest) = (settings.exchange, settings.limits.result_bytes);
    let (gate, id) = (walk.gate, walk.gate.new_session_id());
    let reserved = gate.kept.reserve(id, of, &limits)?;
    let (task, place, ttl) = match in_session(walk, &provider).await? {
        Answer::Task(task) => {
            let own: Box<str> = tasks::id(&task).ok_or_else(unsound)?.into();
            let ttl = durward_wire::member(&task, "ttlMs").and_then(|ttl| ttl.parse::<u64>().ok());
            let entry = Some(id);
            let place = Place::Served { own, entry };
            (task, place, ttl.map(Duration::from_millis))
        }
        Answer::Result(result) => {
            reserved.take(result, longest)?;
            let ttl = wanted.ttl.unwrap_or(limits.ttl).min(LONGEST);
            (at_once(walk, ttl), Place::Kept(id), Some(ttl))
        }
        answer => return Ok(answer),
    };
    let own = place.own().map(Box::<str>::from);
    let name = id;
    let id = sealed(walk, place)?;
    // Whatever it is already, it begins like this.
    let working = encode::string(Status::Working.as_str());
    let task = changed(&task, &[("status", Change::Set(&working))]);
    let meta = durward_wire::member(&task, "_meta");
    let task = changed(
        &named(&tasks::to_legacy(&task), &id),
        &[("_meta", Change::Drop)],
    );
    let entry = reserved.keep(task.clone(), ttl);
    match own {
        Some(own) => super::followed::tell(walk, provider.as_ref(), &own, &id, entry),
        None => forget_later(gate, name, &entry),
    }
    let mut made = vec![("task", &task)];
    made.extend(meta.as_ref().map(|meta| ("_meta", meta)));
    Ok(Answer::Result(encode::object(&made)))
}

/// Lets a result go when its time has come, and with it what it takes.
fn forget_later(gate: &Gate, name: Uuid, entry: &Entry) {
    let (weak, expires) = (gate.weak.clone(), entry.expires());
    let gone = entry.gone.clone();
    let draining = gate.draining().clone();
    gate.tasks.spawn(async move {
        tokio::select! {
            () = tokio::time::sleep_until(expires) => {}
            () = gone.cancelled() => return,
            () = draining.cancelled() => {}
        }
        if let Some(gate) = weak.upgrade() {
            gate.kept.forget(name);
        }
    });
}

/// A task of a call that was answered at once.
fn at_once(walk: &Walk<'_>, ttl: Duration) -> RawJson {
    let now = now(walk);
    let ttl = RawJson::of(&u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    let ttl = ttl.unwrap_or_else(|_| RawJson::from_static("null"));
    encode::object(&[
        ("taskId", &encode::string("")),
        ("status", &encode::string(Status::Working.as_str())),
        ("createdAt", &now),
        ("lastUpdatedAt", &now),
        ("ttlMs", &ttl),
        ("pollIntervalMs", &RawJson::from_static(POLL)),
    ])
}

fn now(walk: &Walk<'_>) -> RawJson {
    encode::string(&walk.gate.clock().wall().to_rfc3339())
}

/// A look at a task that its server has.
pub(super) async fn at_server(
    walk: &mut Walk<'_>,
    provider: Arc<dyn Provider>,
    entry: Option<Arc<Entry>>,
) -> Result<Answer, Refusal> {
    if walk.call.operation == Operation::AwaitTask {
        return awaited(walk, &provider, entry).await;
    }
    let task = match once(walk, provider.as_ref(), Operation::GetTask).await? {
        Answer::Result(task) => shown(walk, &task),
        answer => return Ok(answer),
    };
    let seen = tasks::to_legacy(&task);
    let note = |seen: &RawJson| {
        if let Some(entry) = &entry {
            entry.note(seen);
        }
    };
    note(&seen);
    if walk.call.operation != Operation::CancelTask {
        return Ok(Answer::Result(seen));
    }
    if tasks::status(&task).is_some_and(Status::is_final) {
        return Ok(has_ended());
    }
    match once(walk, provider.as_ref(), Operation::CancelTask).await? {
        Answer::Result(_) => {
            let seen = cancelled(walk, &task);
            if let Some(entry) = &entry {
                entry.cancel(&seen);
            }
            Ok(Answer::Result(seen))
        }
        answer => Ok(answer),
    }
}

/// `tasks/result`: its server works, and a person may have to be asked, so it may take as long as a person.
async fn awaited(
    walk: &mut Walk<'_>,
    provider: &Arc<dyn Provider>,
    entry: Option<Arc<Entry>>,
) -> Result<Answer, Refusal> {
    let ttl = walk.standing.house().settings.exchange.ttl;
    walk.call.timeout = walk.call.timeout.max(ttl);
    let id = walk.called.clone().unwrap_or_default();
    walk.call.notify = walk.call.notify.take().map(|notify| -> Arc<dyn Notify> {
        let id = id.clone();
        Arc::new(NotifyOfTask { notify, id })
    });
    let cancelled = async {
        match &entry {
            Some(entry) => entry.cancelled.cancelled().await,
            None => std::future::pending().await,
        }
    };
    let answer = tokio::select! {
        biased;
        answer = in_session(walk, provider) => answer?,
        () = cancelled => return Ok(was_cancelled()),
    };
    // Between its end and this, it may have been cancelled.
    if entry.as_ref().is_some_and(|it| it.cancelled.is_cancelled()) {
        return Ok(was_cancelled());
    }
    let seen = |status: Status| {
        let Some((entry, seen)) = entry.as_ref().and_then(|it| Some((it, it.seen()?))) else {
            return;
        };
        let status = encode::string(status.as_str());
        entry.note(&changed(&seen, &[("status", Change::Set(&status))]));
    };
    Ok(match answer {
        Answer::Result(result) => {
            let end = tasks::ended(&RawJson::empty_object(), Ok(&result));
            seen(tasks::status(&tasks::to_legacy(&end)).unwrap_or(Status::Completed));
            Answer::Result(tasks::related(&result, &id))
        }
        answer => answer,
    })
}

/// The task as one that was cancelled just now, in the legacy shape.
pub(super) fn cancelled(walk: &Walk<'_>, task: &RawJson) -> RawJson {
    let status = encode::string(Status::Cancelled.as_str());
    let changes = [
        ("status", Change::Set(&status)),
        ("statusMessage", Change::Drop),
    ];
    let now = now(walk);
    let task = changed(
        &changed(task, &changes),
        &[("lastUpdatedAt", Change::Set(&now))],
    );
    tasks::to_legacy(&task)
}

pub(super) fn has_ended() -> Answer {
    invalid("the task has ended, and can't be cancelled any more")
}

pub(super) fn was_cancelled() -> Answer {
    let sentence = "the task was cancelled, so it has no result";
    Answer::Error(code::error(code::INTERNAL_ERROR, sentence))
}

impl Gate {
    /// `tasks/list`: those of this caller's that were made here, as they were last seen.
    pub(crate) fn list_tasks(&self, origin: &Origin) -> RawJson {
        let standing = &origin.standing;
        let catalogue = &standing.house().catalogue;
        let may_see = |entry: &Arc<Entry>| {
            let place = catalogue.find_tool(entry.of.tool.as_str());
            place.is_some_and(|place| !matches!(standing.view().tool(place), Decision::Deny { .. }))
        };
        let all = self.kept.of(&standing.caller().id, &origin.endpoint);
        let all: Vec<_> = all
            .iter()
            .filter(|it| may_see(it))
            .filter_map(|it| it.seen())
            .collect();
        let all: Vec<_> = all.iter().map(RawJson::as_str).collect();
        let all = RawJson::from_scanned(format!("[{}]", all.join(",")).into());
        encode::object(&[("tasks", &all)])
    }
}

/// Asks the client of a session, and says for which of its tasks.
pub(crate) struct AskForTask {
    pub(crate) ask: Arc<dyn Ask>,
    pub(crate) id: Box<str>,
}

impl Ask for AskForTask {
    fn ask<'a>(
        &'a self,
        question: Question,
        params: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, AskFault>> {
        self.ask.ask(question, tasks::related(&params, &self.id))
    }
}

/// Tells the client of a session something, and of which of its tasks.
struct NotifyOfTask {
    notify: Arc<dyn Notify>,
    id: Box<str>,
}

impl Notify for NotifyOfTask {
    fn progress(&self, done: u64, total: Option<u64>, message: Option<&str>) {
        self.notify.progress(done, total, message);
    }

    fn log(&self, level: LogLevel, logger: &str, data: RawJson) {
        self.notify.log(level, logger, data);
    }

    fn relay_progress(&self, params: &RawJson) {
        self.notify
            .relay_progress(&tasks::related(params, &self.id));
    }

    fn relay_log(&self, level: LogLevel, params: RawJson) {
        self.notify
            .relay_log(level, tasks::related(&params, &self.id));
    }
}
