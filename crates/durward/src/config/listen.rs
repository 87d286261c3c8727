//! `listen`: the doors.

use std::{num::NonZeroU32, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    address::HttpDoor,
    site::{HostName, MountPath, PublicUrl},
    units::{Period, Size},
};

/// The doors that callers come in by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Streamable HTTP, and health at `/healthz` (also `/health`) and `/readyz`; `off` for none.
    pub http: HttpDoor,
    /// Where MCP is served; others for those who come from elsewhere: `[/mcp, /]`.
    pub paths: Vec<MountPath>,
    /// Whether revisions up to 2025-11-25 are served without a session as well.
    pub stateless: bool,
    /// The Unix socket for `durward connect`; the operating system tells who is on the other end.
    /// `${state}/durward.sock` where there is no `XDG_RUNTIME_DIR`.
    pub socket: PathBuf,
    /// What callers call this gate, such as `https://mcp.example.com`; required where `http` is not
    /// loopback.
    pub public_url: Option<PublicUrl>,
    /// Host names that are accepted beside `public_url`'s and loopback's.
    pub allowed_hosts: Vec<HostName>,
    /// Origins of web pages that are accepted beside `public_url`'s and loopback's.
    pub allowed_origins: Vec<PublicUrl>,
    /// What one connection, and all of them, may take.
    pub limits: ListenLimits,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            http: HttpDoor::default(),
            paths: vec![MountPath::default()],
            stateless: false,
            socket: "${XDG_RUNTIME_DIR}/durward/durward.sock".into(),
            public_url: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            limits: ListenLimits::default(),
        }
    }
}

/// The limits of the doors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListenLimits {
    /// The longest HTTP body.
    pub body: Size,
    /// The longest line on stdio and the socket.
    pub line: Size,
    /// How deep JSON may nest.
    pub depth: NonZeroU32,
    /// How many connections may be open at once.
    pub connections: NonZeroU32,
    /// How long a client may take over its headers.
    pub header_timeout: Period,
    /// How long a connection may be silent.
    pub idle_timeout: Period,
    /// How long calls may take to end when durward stops.
    pub drain: Period,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            body: Size::mebibytes(16),
            line: Size::mebibytes(16),
            depth: const { NonZeroU32::new(128).unwrap() },
            connections: const { NonZeroU32::new(4096).unwrap() },
            header_timeout: Period::seconds(10),
            idle_timeout: Period::seconds(300),
            drain: Period::seconds(30),
        }
    }
}
