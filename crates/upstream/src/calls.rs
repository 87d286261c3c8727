//! One call of a client, in the server's words.

mod answers;

use std::sync::{Arc, OnceLock};

use durward_core::{Answer, Call, Era, Operation, RawJson, Refusal, RefusalCode, Target};
use durward_wire::{
    bridge::{
        self,
        results::{self, Kind},
        tasks::Support,
    },
    code,
    edit::{self, Change, Step},
    encode, members,
};

use answers::without_ours;

use crate::{
    Exchange, FaultKind, Link, LinkFault, Outcome,
    client_exchange::ClientExchange,
    consent::{self, Consent},
    offered::{Offered, own_uri},
    rounds::{self, Stopped},
    server::Server,
    tasks::{self, Abandoned, Manner},
    tending::ask_for_lists,
};

/// A request as the server is to get it.
struct Outgoing<'a> {
    params: RawJson,
    exchange: ClientExchange<'a>,
    /// May the tool's calls become tasks, by its definition?
    tasks: Support,
}

/// What came of it.
enum Came {
    /// This, as the server says.
    Said(Outcome),
    /// A task that the client is to be told of, in the modern shape.
    Task(RawJson),
}

impl Server {
    /// Makes the call.
    pub(crate) async fn make(&self, call: &Call) -> Result<Answer, Refusal> {
        let held = self.held(call).ok_or_else(|| self.too_many())?;
        let (mut reopened, mut relearnt, mut consented) = (false, false, 0);
        let task = OnceLock::new();
        loop {
            let offered = self.offered();
            let mut outgoing = self.outgoing(&offered, call)?;
            let link = held.slot().link().await;
            let link = link.map_err(|fault| self.refuse(&fault))?;
            let hello = link.hello();
            if let Some(level) = link.level() {
                call.held.at(level.name());
            }
            if call.operation.is_of_task() && hello.era() == Era::Legacy && !hello.has_tasks {
                let sentence = "The server has no tasks of this kind any more.";
                return Err(Refusal::new(RefusalCode::NotFound, sentence).detail("unknown_task"));
            }
            if call.operation == Operation::Subscribe && self.is_told(call, &link) {
                return Ok(Answer::Result(RawJson::empty_object()));
            }
            if let Some(level) = outgoing.exchange.log_level() {
                link.want_logs(level).await;
            }
            match self.exchange(&link, call, &mut outgoing, &task).await {
                // It died before the request was sent: a new one may take it.
                Err(Stopped::Refused(refusal)) => return Err(refusal),
                Err(Stopped::Fault(fault))
                    if !fault.ran && !reopened && link.is_gone().is_some() =>
                {
                    reopened = true;
                }
                Err(Stopped::Fault(fault)) => {
                    held.slot().failed(&fault);
                    return Err(self.refuse(&fault));
                }
                // Its tools want other headers than they did (MCP 2026-07-28, server/tools): it was not run.
                Ok(Came::Said(Outcome::Error(error)))
                    if error.code == code::HEADER_MISMATCH
                        && hello.era() == Era::Modern
                        && !relearnt =>
                {
                    relearnt = true;
                    if let Err(fault) = ask_for_lists(self, &link).await {
                        tracing::warn!(server = %self.name(), %fault, "a server's lists can't be had");
                    }
                }
                // What surrounds a call is durward's own, and no matter of the client's.
                Ok(Came::Said(Outcome::Error(error)))
                    if hello.era() == Era::Modern && error.code == code::HEADER_MISMATCH =>
                {
                    let what = format!(
                        "it refuses how it is asked ({}): {}",
                        error.code, error.message
                    );
                    let fault = FaultKind::Protocol(what.into()).before();
                    held.slot().failed(&fault);
                    return Err(self.refuse(&fault));
                }
                // It was not run: URLs are to be opened first.
                Ok(Came::Said(Outcome::Error(error)))
                    if consent::is_wanted(call, &hello, &error) =>
                {
                    held.slot().served();
                    let done = self.watched_elicitations();
                    match consent::asked(&outgoing.exchange, error, done).await {
                        Consent::Given if consented < consent::MOST_ROUNDS => consented += 1,
                        Consent::Given => return Err(consent::too_often()),
                        Consent::Declined => return Err(consent::declined()),
                        Consent::Told(answer) => return Ok(answer),
                        Consent::Unsound(error) => {
                            return self.answer(call, &link, Outcome::Error(error));
                        }
                    }
                }
                Ok(Came::Said(outcome)) => {
                    held.slot().served();
                    self.note(call, &outcome);
                    return self.answer(call, &link, outcome);
                }
                Ok(Came::Task(task)) => {
                    held.slot().served();
                    return Ok(Answer::Task(without_ours(task)));
                }
            }
        }
    }

    /// Does the server know already that this is watched, or will it be told elsewhere? What is watched at a
    /// modern one goes into the connection's one `subscriptions/listen`.
    fn is_told(&self, call: &Call, link: &Link) -> bool {
        link.hello().era() == Era::Modern
            || own_uri(self.name(), call.target.name())
                .is_some_and(|own| self.subscriptions().holds(own))
    }

    /// Remembers what a client's own request has subscribed to.
    fn note(&self, call: &Call, outcome: &Outcome) {
        if let (Operation::Subscribe, Outcome::Result(_)) = (call.operation, outcome)
            && let Some(own) = own_uri(self.name(), call.target.name())
        {
            self.subscriptions().hold(own);
        }
    }

    fn outgoing<'a>(
        &'a self,
        offered: &'a Arc<Offered>,
        call: &'a Call,
    ) -> Result<Outgoing<'a>, Refusal> {
        let server = self.name();
        let unknown = || {
            Refusal::new(
                RefusalCode::NotFound,
                format!(
                    "Server `{server}` does not have `{}` now.",
                    call.target.name()
                ),
            )
        };
        let mut headers = None;
        let mut tasks = Support::default();
        // Answers of an earlier round are for a modern server alone.
        let (mut responses, mut state) = (Change::Drop, Change::Drop);
        if let Some(resumed) = &call.resumed {
            responses = resumed.responses.as_ref().map_or(Change::Drop, Change::Set);
            state = resumed.state.as_ref().map_or(Change::Drop, Change::Set);
        }
        let mut changes = vec![("inputResponses", responses), ("requestState", state)];
        let quoted_uri = |exposed: &str| own_uri(server, exposed).map(encode::string);
        let named;
        let mut on_the_way = Vec::new();
        let params = match (call.operation, &call.target) {
            (Operation::CallTool, Target::Tool(name)) => {
                let own = offered.tools.get(name).ok_or_else(unknown)?;
                headers = own.headers.as_ref();
                tasks = own.tasks;
                changes.push(("name", Change::Set(&own.name)));
                // A stage may have changed them. Where the client gave none, none are made up.
                if !is_part(call.arguments.raw(), &call.params)
                    && members(&call.params)
                        .iter()
                        .any(|(key, _)| key == "arguments")
                {
                    changes.push(("arguments", Change::Set(call.arguments.raw())));
                }
                // Where they may be wanted again with answers, they are changed now.
                if call.ask.is_some() && call.client.revision.era() == Era::Legacy {
                    edit::changed(&call.params, &changes)
                } else {
                    on_the_way = changes;
                    call.params.clone()
                }
            }
            (Operation::GetPrompt, Target::Prompt(name)) => {
                let own = offered.prompts.get(name.as_ref()).ok_or_else(unknown)?;
                changes.push(("name", Change::Set(own)));
                edit::changed(&call.params, &changes)
            }
            (Operation::ReadResource | Operation::Subscribe, Target::Resource(uri)) => {
                named = quoted_uri(uri).ok_or_else(unknown)?;
                // These end with this function; those of a tool live as long as its call.
                let mut changes: Vec<(_, Change<'_>)> = changes;
                changes.push(("uri", Change::Set(&named)));
                edit::changed(&call.params, &changes)
            }
            (Operation::Complete, target) => {
                let own = match target {
                    Target::Prompt(name) => offered
                        .prompts
                        .get(name.as_ref())
                        .and_then(|own| own.parse::<String>().ok()),
                    Target::Resource(uri) => {
                        own_uri(server, uri).map(std::borrow::ToOwned::to_owned)
                    }
                    Target::Tool(_) => None,
                };
                let own = own.ok_or_else(unknown)?;
                const REFERRED: &[&[Step]] = &[
                    &[Step::Key("ref"), Step::Key("name")],
                    &[Step::Key("ref"), Step::Key("uri")],
                ];
                edit::rewritten(&call.params, REFERRED, |_| Some(own.clone()))
            }
            (operation, Target::Tool(_)) if operation.is_of_task() => {
                let own = call.task.as_deref().ok_or_else(unknown)?;
                named = encode::string(own);
                let id = ("taskId", Change::Set(&named));
                edit::changed(&call.params, &[id, ("requestState", Change::Drop)])
            }
            _ => return Err(unknown()),
        };
        Ok(Outgoing {
            params,
            exchange: ClientExchange::new(
                server,
                self.questions(),
                self.may(),
                call,
                headers,
                on_the_way,
            ),
            tasks,
        })
    }

    /// Sends the request, as a task or not, and what has to follow it before there is an answer. `task` is
    /// what a legacy server is to know of a task.
    async fn exchange<'a>(
        &self,
        link: &Link,
        call: &Call,
        outgoing: &mut Outgoing<'a>,
        task: &'a OnceLock<RawJson>,
    ) -> Result<Came, Stopped> {
        let hello = link.hello();
        let era = hello.era();
        if let (true, Some(own)) = (call.operation.is_of_task(), &call.task) {
            outgoing.exchange.declare_tasks();
            let exchange = &outgoing.exchange;
            let error = |error| self.error(call, era, call.client.revision, error);
            return match (era, call.operation) {
                (Era::Legacy, _) => Ok(tasks::looked_at(link, own, exchange, error).await?),
                (Era::Modern, Operation::AwaitTask) => tasks::to_the_end(link, own, exchange).await,
                (Era::Modern, _) => send(link, call, outgoing).await,
            }
            .map(Came::Said);
        }
        let manner = Manner::of(call, outgoing.tasks, &hello);
        let change = match (era, manner) {
            (Era::Legacy, Manner::AsTask | Manner::Driven) => {
                let wanted = || tasks::wanted(call).unwrap_or_else(RawJson::empty_object);
                Change::Set(task.get_or_init(wanted))
            }
            _ => Change::Drop,
        };
        outgoing.exchange.changes.push(("task", change));
        if (era, manner) == (Era::Modern, Manner::AsTask) {
            outgoing.exchange.declare_tasks();
        }
        let mut said = send(link, call, outgoing).await?;
        let is_missed = matches!(&said, Outcome::Error(error) if tasks::is_missed(error));
        // Only tasks can be had of it, and this client knows of none that are not asked for.
        let is_driven = manner == Manner::Driven
            || is_missed && era == Era::Modern && call.client.revision.era() == Era::Legacy;
        if is_missed && is_driven {
            outgoing.exchange.declare_tasks();
            said = send(link, call, outgoing).await?;
        }
        let made = match (&said, era) {
            (Outcome::Result(result), Era::Legacy) if manner != Manner::Plain => {
                bridge::tasks::created(result)
            }
            (Outcome::Result(result), Era::Modern)
                if (is_driven || manner == Manner::AsTask)
                    && results::kind(result) == Kind::Task =>
            {
                Some(result.clone())
            }
            _ => None,
        };
        let Some(made) = made else {
            return Ok(Came::Said(said));
        };
        match bridge::tasks::id(&made).filter(|_| is_driven) {
            Some(own) => {
                let mut abandoned = Abandoned::new(self, link, &own);
                let ended = tasks::to_the_end(link, &own, &outgoing.exchange).await;
                abandoned.disarm();
                // Whatever became of what followed, the call itself was made.
                ended.map(Came::Said).map_err(|stopped| match stopped {
                    Stopped::Fault(fault) => LinkFault { ran: true, ..fault }.into(),
                    refused @ Stopped::Refused(_) => refused,
                })
            }
            None => Ok(Came::Task(made)),
        }
    }

    fn too_many(&self) -> Refusal {
        let server = self.name();
        Refusal::new(
            RefusalCode::RateLimited,
            format!("Server `{server}` has too many connections. Try again later."),
        )
        .detail("too_many_instances")
    }

    /// What a client hears when its server can't answer.
    pub(crate) fn refuse(&self, fault: &LinkFault) -> Refusal {
        let server = self.name();
        let (code, detail) = match &fault.kind {
            FaultKind::Timeout(_) => (RefusalCode::Timeout, "server_timeout"),
            FaultKind::TooLong { .. } => (RefusalCode::TooLarge, "server_message_too_long"),
            _ => (RefusalCode::Unavailable, "server_unavailable"),
        };
        let ran = match fault.ran {
            true => " The call may have been carried out.",
            false => " The call was not carried out.",
        };
        tracing::warn!(%server, %fault, "a server can't answer");
        if let FaultKind::LoginNeeded { .. } = &fault.kind {
            let sentence = format!(
                "Server `{server}` wants a login: whoever runs durward must run `durward auth login \
                 {server}`.{ran}"
            );
            return Refusal::new(RefusalCode::Unavailable, sentence).detail(Refusal::LOGIN_NEEDED);
        }
        let word = fault.kind.word();
        Refusal::new(
            code,
            format!("Server `{server}` can't answer: {word}.{ran}"),
        )
        .detail(detail)
    }
}

/// Sends the request, and answers what is asked of a legacy client in the modern way.
async fn send(link: &Link, call: &Call, outgoing: &Outgoing<'_>) -> Result<Outcome, Stopped> {
    let method = call.operation.method();
    let asks = link.hello().era() == Era::Modern && call.client.revision.era() == Era::Legacy;
    if asks && call.ask.is_some() {
        let params = outgoing.params.clone();
        return rounds::to_the_end(link, method, params, &outgoing.exchange).await;
    }
    let answer = link.call(method, &outgoing.params, &outgoing.exchange);
    Ok(answer.await?)
}

/// Is this text a stretch of that one, rather than another like it?
fn is_part(text: &RawJson, whole: &RawJson) -> bool {
    let (text, whole) = (text.bytes().as_ptr_range(), whole.bytes().as_ptr_range());
    whole.start <= text.start && text.end <= whole.end
}
