//! `servers`: other MCP servers behind the gate.

mod keys;
mod oauth;
mod program;
mod together;
mod written;

use std::{collections::BTreeMap, num::NonZeroU32, path::PathBuf};

use durward_core::Tier;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use keys::{Argv, EnvKey, ExtensionId, HeaderKey, OwnToolKey, ServerKey, ServerUrl, ToolGlob};
pub use oauth::{GrantWord, OAuth, ScopeWord};
pub(crate) use together::is_own_name;
pub(super) use together::{check, open_secrets, refuse};

use super::{
    limits::{Rate, ToolKey},
    sandbox::ItemSandbox,
    secrets::{PerhapsSecret, SecretText},
    units::{Period, Size},
};

/// Other MCP servers, by name; their tools are `<name>__<tool>`.
pub type Servers = BTreeMap<ServerKey, Server>;

/// One server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "written::Server", into = "written::Server")]
#[schemars(with = "written::Server")]
pub struct Server {
    /// How it is reached.
    pub reach: Reach,
    /// Which of its tools are offered, and as what.
    pub tools: ServerTools,
    /// What it may offer, and ask of a client.
    pub capabilities: Vec<Capability>,
    /// Limits for each caller.
    pub limits: ServerLimits,
    /// Who shares one connection or process.
    pub instances: Instances,
    /// The era that it speaks.
    pub era: EraPin,
    /// Protocol extensions that are passed on where it is served alone.
    pub extensions: Vec<ExtensionId>,
    /// The longest message that is taken from it.
    pub line: Size,
    /// How long one call may take; `limits.timeout` where it is not said.
    pub timeout: Option<Period>,
    /// When it is first connected to.
    pub connect: Connect,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Reach {
    /// By a program that durward starts.
    Program(Program),
    /// By HTTP.
    Http(Http),
}

/// A program that speaks MCP on its standard input and output.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The program and its arguments.
    pub command: Argv,
    /// What its environment has beside the little that every child has.
    pub env: BTreeMap<EnvKey, PerhapsSecret>,
    /// The folder that it runs in; durward's own where it is not said.
    pub cwd: Option<PathBuf>,
    /// Its walls; `home` where the file says nothing of them.
    pub sandbox: Option<ItemSandbox>,
}

/// A server that is spoken to over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// Where it is.
    pub url: ServerUrl,
    /// Which of HTTP's transports it speaks.
    pub transport: Transport,
    /// What proves to it that it is us.
    pub auth: Option<Auth>,
    /// Headers for every request.
    pub headers: BTreeMap<HeaderKey, PerhapsSecret>,
}

/// Which of a server's tools are offered, and as what. Patterns and names are the server's own: what
/// they are before `rename` and without the server's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerTools {
    /// Tools that are offered, such as `get_*`.
    pub allow: Vec<ToolGlob>,
    /// Tools that are not, whatever allows them.
    pub deny: Vec<ToolGlob>,
    /// Other names for its tools, such as `{ list: find_all }`.
    #[schemars(with = "BTreeMap<String, String>")]
    pub rename: BTreeMap<OwnToolKey, ToolKey>,
    /// How much harm its tools can do, by pattern: `read`, `operate` or `danger`, and `operate` where
    /// nothing is said. The pattern with the most letters of its own decides, of two such the higher tier.
    #[schemars(with = "BTreeMap<String, TierWord>")]
    pub tier: BTreeMap<ToolGlob, TierWord>,
}

impl Default for ServerTools {
    fn default() -> Self {
        Self {
            allow: vec![ToolGlob::any()],
            deny: Vec::new(),
            rename: BTreeMap::new(),
            tier: BTreeMap::new(),
        }
    }
}

/// Limits of each caller at one server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerLimits {
    /// Calls of each caller, such as `300/min`.
    pub calls: Option<Rate>,
    /// Calls that may come at once; the rate's own count, unless said.
    pub burst: Option<NonZeroU32>,
    /// Calls of each caller that may run at once.
    pub concurrency: Option<NonZeroU32>,
}

/// What proves to a server that it is us; a client's own token is never passed on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// A token for `Authorization: Bearer`, as `${secret:name}`.
    Bearer(SecretText),
    /// A login by OAuth 2.1, made by `durward auth login`.
    OAuth(OAuth),
}

/// What a server may offer, and ask of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are what the specification calls them")]
pub enum Capability {
    Tools,
    Resources,
    Prompts,
    Completions,
    Logging,
    Sampling,
    Elicitation,
    Roots,
}

impl Capability {
    /// What a server may do unless the file says otherwise: offer, and ask nothing.
    pub const USUAL: [Self; 5] = [
        Self::Tools,
        Self::Resources,
        Self::Prompts,
        Self::Completions,
        Self::Logging,
    ];
}

/// Who shares one connection or process of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Instances {
    /// All callers.
    #[default]
    Shared,
    /// The calls of one session.
    PerSession,
    /// The calls of one caller.
    PerCaller,
}

/// The era that a server speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EraPin {
    /// What it is found to speak.
    #[default]
    Auto,
    /// 2025-11-25 and earlier.
    Legacy,
    /// 2026-07-28.
    Modern,
}

/// Which of HTTP's transports a server speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// What it is found to speak.
    #[default]
    Auto,
    /// Streamable HTTP.
    Http,
    /// HTTP+SSE of 2024-11-05.
    Sse,
}

/// When a server is first connected to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Connect {
    /// When it is first needed.
    #[default]
    Lazy,
    /// At the start.
    Eager,
}

/// A tier, as a word of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TierWord {
    /// Changes nothing.
    Read,
    /// Changes something that can be changed back.
    Operate,
    /// Can destroy.
    Danger,
}

impl From<TierWord> for Tier {
    fn from(word: TierWord) -> Self {
        match word {
            TierWord::Read => Self::Read,
            TierWord::Operate => Self::Operate,
            TierWord::Danger => Self::Danger,
        }
    }
}
