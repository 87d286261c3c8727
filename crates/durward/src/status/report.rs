//! What the status says, in a form that programs may rely on.

use serde::{Deserialize, Serialize};

use super::WallsStatus;

/// How a daemon stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// durward's version.
    pub version: String,
    /// When it started (RFC 3339, UTC).
    pub started: String,
    /// The rest, for whoever runs it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
}

/// What only the user who runs durward is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// The process.
    pub pid: u32,
    /// Legacy sessions that it holds.
    pub sessions: usize,
    /// The configuration, as it was read again since the start.
    #[serde(default)]
    pub config: ConfigStatus,
    /// What this machine can hold, and what runs in what.
    #[serde(default)]
    pub walls: WallsStatus,
    /// The servers behind it, by name.
    pub servers: Vec<ServerStatus>,
    /// The breakers that are not closed, by tool.
    pub breakers: Vec<BreakerStatus>,
    /// The plugins, by name, those that are refused too.
    #[serde(default)]
    pub plugins: Vec<PluginStatus>,
    /// What whoever configures plugins should know.
    #[serde(default)]
    pub plugin_notes: Vec<String>,
}

/// What came of reading the configuration again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigStatus {
    /// How often it was read again.
    pub reads: u64,
    /// Why what was read last is not in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// How a daemon does, in a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The word.
    pub state: Wellness,
    /// durward's version.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// What is not well.
    pub why: Vec<String>,
    /// The configuration, as it was read again since the start.
    pub config: ConfigStatus,
}

/// The word for how a daemon does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wellness {
    /// All is well.
    Up,
    /// It serves, and something behind it or a changed configuration does not.
    Degraded,
    /// It serves nothing.
    Down,
}

/// How one server stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Its name in the configuration.
    pub name: String,
    /// `stdio`, `http` or `sse`, once that is known.
    pub transport: Option<String>,
    /// `legacy` or `modern`, once that is known.
    pub era: Option<String>,
    /// The revision that is spoken, once that is known.
    pub revision: Option<String>,
    /// What it runs in, if it is a program: `box`, `home`, `host`, or `off` where walls are off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// How that is held: `full`, `light` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Where it is in its life.
    pub state: ServerState,
    /// How often it was started again, or connected to again, since durward started.
    pub restarts: u64,
    /// What went wrong last.
    pub error: Option<String>,
    /// The last lines that it wrote on stderr, oldest first.
    pub stderr: Vec<String>,
    /// What whoever configures it should know, such as that its questions can't be told apart.
    pub notes: Vec<String>,
}

/// How one plugin stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// `ready`, `running` (its process is there) or `refused`.
    pub state: String,
    /// Its version, if it is offered.
    pub version: Option<String>,
    /// `per_call` or `persistent`, if it is offered.
    pub mode: Option<String>,
    /// Its tools.
    pub tools: Vec<String>,
    /// The SHA-256 of what runs, if it is offered.
    pub sha256: Option<String>,
    /// The level of its walls, when it was started last.
    pub level: Option<String>,
    /// How often the process of one that stays was started again.
    pub restarts: u64,
    /// How many lines it printed that were no answers.
    pub junk: u64,
    /// Why it is refused, or what went wrong last.
    pub error: Option<String>,
    /// The last lines that it wrote on stderr, oldest first.
    pub stderr: Vec<String>,
}

impl PluginStatus {
    /// Is it not offered?
    pub fn is_refused(&self) -> bool {
        self.state == "refused"
    }
}

/// Where a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// Nobody has needed it yet, or not for long.
    Idle,
    /// It is being started or connected to.
    Starting,
    /// It serves.
    Ready,
    /// It failed, and is tried again in a while.
    Waiting,
}

impl ServerState {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Waiting => "waiting",
        }
    }
}

/// A tool's breaker that is not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerStatus {
    /// The tool, as callers name it.
    pub tool: String,
    /// `open` or `half_open`.
    pub state: String,
    /// When it is tried next.
    pub retry_after_ms: u64,
}
