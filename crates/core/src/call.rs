//! One call: who asks, for what, from which client, and how it may be stopped.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Ask, Caller, ClientRoots, Monotonic, RawJson, Revision, ToolName};

/// Names one call in the ledger and the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub Uuid);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The way a call came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// Standard input and output of `durward stdio`.
    Stdio,
    /// The same, at the end of a connection of ssh(1).
    Ssh,
    /// Streamable HTTP.
    Http,
    /// The UNIX socket.
    Socket,
    /// A command of durward's own, such as `durward tools call`.
    Cli,
}

/// The client at the other end: what it speaks and what it can do.
#[derive(Debug, Clone)]
pub struct Client {
    /// The revision in force for this call.
    pub revision: Revision,
    /// `capabilities` of `initialize`, or `clientCapabilities` of this request's `_meta`.
    pub capabilities: RawJson,
    /// `clientInfo`, if it gave one.
    pub info: Option<RawJson>,
    /// The name in `clientInfo`, for the record.
    pub name: Option<Arc<str>>,
}

impl Client {
    /// A client of this revision that says this of itself.
    pub fn new(revision: Revision, capabilities: RawJson, info: Option<RawJson>) -> Self {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
        }
        let named = info
            .as_ref()
            .and_then(|info| info.parse::<Named<'_>>().ok());
        let name = named.map(|named| {
            let end = named
                .name
                .char_indices()
                .nth(64)
                .map_or(named.name.len(), |(at, _)| at);
            named.name[..end].into()
        });
        Self {
            revision,
            capabilities,
            info,
            name,
        }
    }
}

/// What a call is about, without its arguments: what policy, limits and the record name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A tool, by its canonical name.
    Tool(ToolName),
    /// A resource, by its URI.
    Resource(Arc<str>),
    /// A prompt, by its name.
    Prompt(Arc<str>),
}

impl Target {
    /// `tool`, `resource` or `prompt`: the selector's prefix.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Tool(_) => "tool",
            Self::Resource(_) => "resource",
            Self::Prompt(_) => "prompt",
        }
    }

    /// The name or URI.
    pub fn name(&self) -> &str {
        match self {
            Self::Tool(name) => name.as_str(),
            Self::Resource(name) | Self::Prompt(name) => name,
        }
    }
}

/// What is to be done with the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `tools/call`.
    CallTool,
    /// `resources/read`.
    ReadResource,
    /// `prompts/get`.
    GetPrompt,
    /// `completion/complete`.
    Complete,
    /// `resources/subscribe`, or a URI of `subscriptions/listen`.
    Subscribe,
    /// `tasks/get` of a task that a call of the target has become.
    GetTask,
    /// `tasks/update`
    UpdateTask,
    /// `tasks/cancel`
    CancelTask,
    /// `tasks/result`: waits for its end.
    AwaitTask,
}

impl Operation {
    /// The method that asks for it.
    pub fn method(self) -> &'static str {
        match self {
            Self::CallTool => "tools/call",
            Self::ReadResource => "resources/read",
            Self::GetPrompt => "prompts/get",
            Self::Complete => "completion/complete",
            Self::Subscribe => "resources/subscribe",
            Self::GetTask => "tasks/get",
            Self::UpdateTask => "tasks/update",
            Self::CancelTask => "tasks/cancel",
            Self::AwaitTask => "tasks/result",
        }
    }

    /// Is it about a task that a call has become?
    pub fn is_of_task(self) -> bool {
        matches!(
            self,
            Self::GetTask | Self::UpdateTask | Self::CancelTask | Self::AwaitTask
        )
    }
}

/// Whose names the client uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Naming {
    /// Those of all servers together, each with its server's name in front.
    #[default]
    Merged,
    /// The server's own, at its own endpoint.
    Own,
}

/// What a modern client brings back for a server that asked (MCP 2026-07-28, basic/patterns/mrtr).
#[derive(Debug, Clone, Default)]
pub struct Resumed {
    /// `inputResponses`.
    pub responses: Option<RawJson>,
    /// The server's own `requestState`.
    pub state: Option<RawJson>,
}

/// A call's arguments: the text as it came, and its parse, made at most once.
#[derive(Debug)]
pub struct Arguments {
    raw: RawJson,
    parsed: OnceLock<Value>,
}

impl Clone for Arguments {
    /// The text is shared; whoever needs the parse of a clone makes it.
    fn clone(&self) -> Self {
        Self::new(self.raw.clone())
    }
}

impl Arguments {
    /// Takes the text of an object.
    pub fn new(raw: RawJson) -> Self {
        Self {
            raw,
            parsed: OnceLock::new(),
        }
    }

    /// The text.
    pub fn raw(&self) -> &RawJson {
        &self.raw
    }

    /// The parse, shared by all that need it.
    pub fn value(&self) -> &Value {
        self.parsed
            .get_or_init(|| self.raw.parse().unwrap_or(Value::Null))
    }

    /// Reads the parse into a type.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        T::deserialize(self.value())
    }
}

/// Stops a call's work. Clones stop together.
#[derive(Debug, Clone, Default)]
pub struct Cancel(CancellationToken);

impl Cancel {
    /// One that nothing has stopped yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the work.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// For loops that don't await: is the work to stop?
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Ends when the work is to stop.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }

    /// One that stops with this one and can be stopped alone.
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }
}

/// Severity of a log notification (RFC 5424, as MCP uses it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "RFC 5424 names them")]
pub enum LogLevel {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

/// Where a call's progress and logs go while it runs. Sending never waits: a sink is bounded and
/// drops what a slow client does not take.
pub trait Notify: Send + Sync {
    /// Progress of the call, rising; sent on only if the client gave a token.
    fn progress(&self, done: u64, total: Option<u64>, message: Option<&str>);
    /// A log message of the call; sent on only at or above the level that the client asked for.
    fn log(&self, level: LogLevel, logger: &str, data: RawJson);
    /// Progress in a server's own words, the `params` of its notification: the client's token takes the
    /// place of the server's, all else is kept as it came.
    fn relay_progress(&self, params: &RawJson);
    /// A log message in a server's own words, the `params` of its notification.
    fn relay_log(&self, level: LogLevel, params: RawJson);
}

/// How the program is held that works for a call: whoever starts one, or asks one that runs, says so, and the
/// record has it. Clones belong to the same call.
#[derive(Debug, Clone, Default)]
pub struct Held(Arc<OnceLock<&'static str>>);

impl Held {
    /// It is held at this level; what was said first holds.
    pub fn at(&self, level: &'static str) {
        let _ = self.0.set(level);
    }

    /// The level; none where no program works for the call.
    pub fn level(&self) -> Option<&'static str> {
        self.0.get().copied()
    }
}

/// One call on its walk.
#[derive(Clone)]
pub struct Call {
    /// Its name in the ledger.
    pub id: CallId,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// From which client.
    pub client: Arc<Client>,
    /// By which door.
    pub door: Door,
    /// The legacy session, if the revision has one.
    pub session: Option<Uuid>,
    /// What is to be done.
    pub operation: Operation,
    /// With what.
    pub target: Target,
    /// With which arguments: `arguments` of a tool or prompt, `{}` of a resource, `argument` and
    /// `context` of a completion.
    pub arguments: Arguments,
    /// `params` whole, as they came: who passes them on loses nothing. Stages that change the arguments
    /// leave them as they are.
    pub params: RawJson,
    /// Whose names stand in `params`.
    pub naming: Naming,
    /// `_meta` as it came, less what belongs to the envelope.
    pub meta: Option<RawJson>,
    /// When it was taken in.
    pub started: Monotonic,
    /// How long it may run from `started`; the limits stage sets it.
    pub timeout: Duration,
    /// Stops it.
    pub cancel: Cancel,
    /// Takes its progress and logs, where the client wants any; of a server's calls all, for progress gives
    /// them more time.
    pub notify: Option<Arc<dyn Notify>>,
    /// The least level of logs that the client wants; none without.
    pub level: Option<LogLevel>,
    /// Does the client want to hear of progress?
    pub wants_progress: bool,
    /// A way to ask its client; `None` where it can't be asked.
    pub ask: Option<Arc<dyn Ask>>,
    /// What a modern client brings back for a modern server that asked in an earlier round.
    pub resumed: Option<Resumed>,
    /// The server's own id of the task that it is about.
    pub task: Option<Box<str>>,
    /// The folders beyond which it may touch no file, where the client named its own.
    pub narrowed: Option<Arc<ClientRoots>>,
    /// How the program is held that works for it.
    pub held: Held,
}
