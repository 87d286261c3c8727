//! A server as the file has it: every key beside every other.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Argv, Auth, Capability, Connect, EnvKey, EraPin, ExtensionId, HeaderKey, Http, Instances,
    Program, Reach, ServerLimits, ServerTools, ServerUrl, Transport,
};
use crate::config::{
    sandbox::ItemSandbox,
    secrets::PerhapsSecret,
    units::{Period, Size},
};

/// One server: a program (`command`) or a site (`url`).
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Server {
    /// The program and its arguments, such as `[npx, -y, some-server]`; no shell reads them.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Argv>,
    /// The program's environment, beside the little that every child has; values may be
    /// `${secret:name}`.
    #[schemars(with = "BTreeMap<String, PerhapsSecret>")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<EnvKey, PerhapsSecret>,
    /// The folder that the program runs in; durward's own, unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<PathBuf>,
    /// The program's walls: `home` (the default), `box`, `host` (none), or keys that change its room.
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<ItemSandbox>,
    /// Where the server is, such as `https://crm.example.com/mcp`; what is written here may be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<ServerUrl>,
    /// Which transport the site speaks: `auto` (Streamable HTTP, then HTTP+SSE), `http` or `sse`. A
    /// `command` always speaks stdio.
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<Transport>,
    /// What proves to the site that it is us: `{ bearer: "${secret:name}" }`, or `{ oauth: {} }` and a login by
    /// `durward auth login`.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<Auth>,
    /// Headers for every request to the site; values may be `${secret:name}`.
    #[schemars(with = "BTreeMap<String, PerhapsSecret>")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<HeaderKey, PerhapsSecret>,
    /// Which of its tools are offered, and as what.
    tools: ServerTools,
    /// What it may offer (`tools`, `resources`, `prompts`, `completions`, `logging`: the default) and
    /// ask of a client (`sampling`, `elicitation`, `roots`).
    capabilities: Vec<Capability>,
    /// Limits for each caller; those of `limits` hold beside them.
    limits: ServerLimits,
    /// Who shares one connection or process: `shared` (everyone, the default), `per_session` or
    /// `per_caller`.
    instances: Instances,
    /// The era it speaks: `auto` (found out, the default), `legacy` or `modern`.
    era: EraPin,
    /// Extensions of the protocol that are passed on where it is served alone, such as
    /// `com.example/charts`.
    extensions: Vec<ExtensionId>,
    /// The longest message that is taken from it; 16MiB, unless said.
    line: Size,
    /// How long one call may take; `limits.timeout`, unless said.
    timeout: Option<Period>,
    /// When it is connected to: `lazy` (when it is first needed, the default) or `eager` (at the start).
    connect: Connect,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            command: None,
            env: BTreeMap::new(),
            cwd: None,
            sandbox: None,
            url: None,
            transport: None,
            auth: None,
            headers: BTreeMap::new(),
            tools: ServerTools::default(),
            capabilities: Capability::USUAL.to_vec(),
            limits: ServerLimits::default(),
            instances: Instances::default(),
            era: EraPin::default(),
            extensions: Vec::new(),
            line: Size::mebibytes(16),
            timeout: None,
            connect: Connect::default(),
        }
    }
}

impl TryFrom<Server> for super::Server {
    type Error = String;

    fn try_from(written: Server) -> Result<Self, String> {
        for (name, value) in &written.env {
            if value.expose().contains('\0') {
                return Err(format!("the variable `{name}` can't hold a NUL"));
            }
        }
        for (name, value) in &written.headers {
            // RFC 9110 section 5.5, without what is obsolete.
            let fits = |b: u8| b == b'\t' || (b' '..=b'~').contains(&b);
            if !value.expose().bytes().all(fits) {
                return Err(format!(
                    "the header `{name}` has characters that no header may have"
                ));
            }
        }
        let reach = match (written.command, written.url) {
            (Some(command), None) => Reach::Program(Program {
                command,
                env: written.env,
                cwd: written.cwd,
                sandbox: written.sandbox,
            }),
            (None, Some(url)) => Reach::Http(Http {
                url,
                transport: written.transport.unwrap_or_default(),
                auth: written.auth,
                headers: written.headers,
            }),
            _ => return Err("a server has either a `command` or a `url`".to_owned()),
        };
        Ok(Self {
            reach,
            tools: written.tools,
            capabilities: written.capabilities,
            limits: written.limits,
            instances: written.instances,
            era: written.era,
            extensions: written.extensions,
            line: written.line,
            timeout: written.timeout,
            connect: written.connect,
        })
    }
}

impl From<super::Server> for Server {
    fn from(server: super::Server) -> Self {
        let rest = Self {
            tools: server.tools,
            capabilities: server.capabilities,
            limits: server.limits,
            instances: server.instances,
            era: server.era,
            extensions: server.extensions,
            line: server.line,
            timeout: server.timeout,
            connect: server.connect,
            ..Self::default()
        };
        match server.reach {
            Reach::Program(program) => Self {
                command: Some(program.command),
                env: program.env,
                cwd: program.cwd,
                sandbox: program.sandbox,
                ..rest
            },
            Reach::Http(http) => Self {
                url: Some(http.url),
                transport: Some(http.transport),
                auth: http.auth,
                headers: http.headers,
                ..rest
            },
        }
    }
}
