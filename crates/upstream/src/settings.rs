//! What the configuration says of one server.

use durward_core::ServerName;
use durward_guard::{limit::Quota, names::ServerTools};

use crate::Target;

/// One server.
#[derive(Debug)]
pub struct ServerSettings {
    /// Its name in the configuration.
    pub name: ServerName,
    /// How it is reached.
    pub target: Target,
    /// What it runs in, where it is a program.
    pub room: Option<&'static str>,
    /// Which of its tools are offered, and as what.
    pub tools: ServerTools,
    /// What it may offer, and ask of a client.
    pub may: May,
    /// How it may use a client's model, if it may.
    pub sampling: Sampling,
    /// Who shares one connection or process.
    pub instances: Instances,
    /// Is it connected to at the start, and kept so?
    pub eager: bool,
}

/// What a server may offer, and ask of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what the specification calls them")]
#[expect(clippy::struct_excessive_bools, reason = "each stands for itself")]
pub struct May {
    pub tools: bool,
    pub resources: bool,
    pub prompts: bool,
    pub completions: bool,
    pub logging: bool,
    pub sampling: bool,
    pub elicitation: bool,
    pub roots: bool,
}

/// How servers may use a client's model.
#[derive(Debug, Clone, Copy)]
pub struct Sampling {
    /// The most tokens of one answer.
    pub max_tokens: u32,
    /// How often the model of one caller may be asked, by all servers together.
    pub calls: Quota,
}

/// Who shares one connection or process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    /// All callers.
    Shared,
    /// The calls of one session; of a modern client, those of one caller.
    PerSession,
    /// The calls of one caller.
    PerCaller,
}
