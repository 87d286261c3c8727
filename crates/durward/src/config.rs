//! The configuration: one file a section, and how the file, the environment and `--set` become it.

mod address;
mod audit;
mod cluster;
mod commands;
mod defaults;
mod diagnostic;
mod docs;
mod egress;
mod env_file;
mod fault;
mod fetch;
mod files;
mod find;
mod foreign;
mod identity;
mod inspect;
mod interpolate;
mod limits;
mod listen;
mod load;
mod mask;
mod nearest;
mod node;
mod origin;
mod overlay;
mod packs;
mod plugins;
mod policy;
mod reader;
mod sandbox;
mod schema;
mod secrets;
mod semantic;
mod servers;
mod show;
mod site;
mod sources;
mod telemetry;
#[cfg(test)]
mod tests;
mod text;
mod trust;
mod unasked;
mod unbuilt;
mod units;
mod unseal;
mod variables;
mod watch;
mod whereabouts;
mod wording;
mod yaml;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use address::{HttpDoor, ListenAddress};
pub use audit::{Audit, Content, Export, Fsync, Keep, OnFailure, Retention, Sync};
pub use cluster::Cluster;
pub use commands::{Command, Commands, Missing, Param};
pub use diagnostic::{ConfigError, Diagnostic, Severity};
pub use docs::docs;
pub use egress::{Dns, Egress, EgressCredential, EgressHost, EgressNetwork, ProxyUrl, Site};
pub use files::{Files, Glob, NamedRoot, RootName};
pub(crate) use find::own_file;
pub use foreign::{Tree, TreeValue, read_foreign};
pub use identity::{AcceptedKey, Identity, Keys, OsUser, OsUsers, Require};
pub use inspect::{Inspect, Sampling};
pub use limits::{Breaker, Exchanges, Limits, Rate, ToolKey, ToolLimit};
pub use listen::{Listen, ListenLimits};
pub use load::{Loaded, load};
pub(crate) use load::{commands_in_spite, load_text};
pub use origin::{Origin, Origins};
pub use packs::{FsPack, HttpPack, Packs, ProgramName, Redirects, ShellPack};
pub(crate) use plugins::read_manifest;
pub use plugins::{PluginKey, Plugins};
pub use policy::{Combine, Policy, Role, RoleLimits, Roles, Selector};
pub use sandbox::{
    ItemEgress, ItemLimits, ItemSandbox, NetworkWord, OwnSandbox, Room, Sandbox, SandboxLimits,
    SandboxMode, SandboxPath,
};
pub use schema::schema;
pub use secrets::{PerhapsSecret, SecretName, SecretSource, SecretText, Secrets};
pub(crate) use semantic::LEAST_MEMORY;
pub(crate) use servers::is_own_name;
pub use servers::{
    Argv, Auth, Capability, Connect, EnvKey, EraPin, ExtensionId, GrantWord, HeaderKey, Http,
    Instances, OAuth, OwnToolKey, Program, Reach, ScopeWord, Server, ServerKey, ServerLimits,
    ServerTools, ServerUrl, Servers, TierWord, ToolGlob, Transport,
};
pub use show::show;
pub use site::{HostName, MountPath, PublicUrl};
pub use sources::Sources;
pub use telemetry::{LogFormat, LogLevel, Telemetry};
pub use trust::{Digest, Trust, TrustError};
pub(crate) use unbuilt::is_unbuilt;
pub use units::{Period, Size, Unfit};
pub use variables::variables;
pub use watch::{Watch, WatchError};
pub use whereabouts::{Whereabouts, whereabouts};

/// The configuration of durward. Nothing in it is required but `version`, and that only in a file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The version of this format: 1. Every file says it.
    pub version: Version,
    /// The doors that callers come in by.
    pub listen: Listen,
    /// How callers prove who they are. A caller that fits none is refused; nothing is anonymous.
    pub identity: Identity,
    /// How a caller's roles work together.
    pub policy: Policy,
    /// What callers of a role may do. Built in, where the file does not say otherwise: `reader`,
    /// `developer` and `admin`.
    #[schemars(with = "std::collections::BTreeMap<String, Role>")]
    pub roles: Roles,
    /// Token buckets and caps; the strictest that applies wins.
    pub limits: Limits,
    /// What is looked at on its way through.
    pub inspect: Inspect,
    /// What `fs_*`, path parameters and working directories may touch.
    pub files: Files,
    /// Every connection that durward or what it contains opens: tools, plugins, upstreams.
    pub egress: Egress,
    /// Secrets by name, for `${secret:name}`; never in an error, a log or the audit.
    #[schemars(with = "std::collections::BTreeMap<String, SecretSource>")]
    pub secrets: Secrets,
    /// What every program runs in that durward starts.
    pub sandbox: Sandbox,
    /// Built-in tools, each with the tier read, operate or danger.
    pub packs: Packs,
    /// Commands, by the name of their tool: what runs, with places that a caller fills. No shell ever runs.
    #[schemars(with = "std::collections::BTreeMap<String, Command>")]
    pub commands: Commands,
    /// Tools in any language, each in a folder of its own.
    pub plugins: Option<Plugins>,
    /// Other MCP servers, by name; their tools are `<name>__<tool>`.
    #[schemars(with = "std::collections::BTreeMap<String, Server>")]
    pub servers: Servers,
    /// What is recorded of every call, and where.
    pub audit: Audit,
    /// What several durwards behind one address share.
    pub cluster: Cluster,
    /// The log; it goes to stderr, for stdout is the protocol's.
    pub telemetry: Telemetry,
    /// The folder of what durward keeps: keys, the journal, the socket.
    pub state: PathBuf,
    /// No key: the file that all this was read from, if there was one.
    #[serde(skip)]
    pub own_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: Version,
            listen: Listen::default(),
            identity: Identity::default(),
            policy: Policy::default(),
            roles: policy::built_in(),
            limits: Limits::default(),
            inspect: Inspect::default(),
            files: Files::default(),
            egress: Egress::default(),
            secrets: Secrets::default(),
            sandbox: Sandbox::default(),
            packs: Packs::default(),
            commands: Commands::default(),
            plugins: None,
            servers: Servers::default(),
            audit: Audit::default(),
            cluster: Cluster::default(),
            telemetry: Telemetry::default(),
            state: "~/.local/state/durward".into(),
            own_file: None,
        }
    }
}

/// The version of the format, of which there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(with = "u64", extend("const" = 1))]
pub struct Version;

impl TryFrom<u64> for Version {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        if number == 1 {
            Ok(Self)
        } else {
            Err(format!(
                "this durward reads version 1, not version {number}"
            ))
        }
    }
}

impl From<Version> for u64 {
    fn from(_: Version) -> Self {
        1
    }
}
