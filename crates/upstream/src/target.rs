//! What a link is opened to.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use durward_cage::egress::Connector;
use durward_core::{RawJson, Secret};
use durward_guard::egress;
use durward_wire::http1::write_header;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::{auth::OAuth, start::Command};

/// A server, and how it is to be spoken with.
#[derive(Clone)]
pub struct Target {
    /// Where it is.
    pub reach: Reach,
    /// Which era it speaks, if the operator says so.
    pub era: EraPin,
    /// What a legacy server hears in `initialize` that we can do. It hears it once.
    pub capabilities: RawJson,
    /// Does one connection serve several callers?
    pub shared: bool,
    /// What it may take.
    pub limits: LinkLimits,
}

/// Where a server is.
#[derive(Clone)]
pub enum Reach {
    /// A program that speaks on its standard input and output.
    Command(Command),
    /// A URL.
    Url(Box<Url>),
}

/// A server that is reached over HTTP.
#[derive(Clone)]
pub struct Url {
    /// Its endpoint.
    pub target: egress::Target,
    /// Which transport, if the operator says so.
    pub transport: Pinned,
    /// The way there.
    pub connector: Connector,
    /// What the operator adds to every request, credentials included. They go to this origin alone.
    pub headers: Headers,
    /// The login there, if it has one: its token goes to this origin alone.
    pub auth: Option<Arc<OAuth>>,
}

/// What an operator adds to every request to a server: what is set counts from the next request on.
#[derive(Clone, Default)]
pub struct Headers {
    lines: Arc<ArcSwap<Bytes>>,
    refused: Arc<Notify>,
}

impl Headers {
    /// These names and values. Where the server refuses them (401), `refused` is told.
    pub fn new<'a>(
        all: impl IntoIterator<Item = (&'a str, &'a Secret)>,
        refused: Arc<Notify>,
    ) -> Self {
        let headers = Self {
            lines: Arc::default(),
            refused,
        };
        headers.set(all);
        headers
    }

    /// The server refused them.
    pub(crate) fn are_refused(&self) {
        if !self.lines.load().is_empty() {
            self.refused.notify_one();
        }
    }

    /// Others from now on.
    pub fn set<'a>(&self, all: impl IntoIterator<Item = (&'a str, &'a Secret)>) {
        let mut lines = BytesMut::new();
        for (name, value) in all {
            write_header(&mut lines, name, value.expose().as_bytes());
        }
        self.lines.store(Arc::new(lines.freeze()));
    }

    /// As they go onto the wire.
    pub(crate) fn lines(&self) -> Arc<Bytes> {
        self.lines.load_full()
    }
}

/// Which transport is spoken over HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pinned {
    /// Whichever the server speaks.
    #[default]
    Auto,
    /// Streamable HTTP.
    StreamableHttp,
    /// HTTP+SSE of 2024-11-05.
    Sse,
}

/// Which era is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EraPin {
    /// Whichever the server speaks.
    #[default]
    Auto,
    /// `initialize` alone.
    Legacy,
    /// 2026-07-28 alone.
    Modern,
}

/// What is found out once and can be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Standard input and output.
    Stdio,
    /// Streamable HTTP.
    StreamableHttp,
    /// HTTP+SSE of 2024-11-05.
    Sse,
}

/// What a link and its server may take.
#[derive(Debug, Clone, Copy)]
pub struct LinkLimits {
    /// Bytes of one message, either way.
    pub message: usize,
    /// Calls in flight.
    pub in_flight: usize,
    /// Connecting.
    pub connect: Duration,
    /// Starting and initialising, all in all.
    pub initialise: Duration,
    /// How long a pipe may be silent when asked for its era, before it is asked otherwise.
    pub probe: Duration,
    /// How long a program has to end by itself, once its input is closed.
    pub stop_grace: Duration,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            message: 16 << 20,
            in_flight: 1024,
            connect: Duration::from_secs(5),
            initialise: Duration::from_secs(60),
            probe: Duration::from_secs(5),
            stop_grace: Duration::from_secs(2),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach = match &self.reach {
            Reach::Command(_) => "a program",
            Reach::Url(url) => url.target.as_str(),
        };
        f.debug_struct("Target")
            .field("reach", &reach)
            .field("era", &self.era)
            .field("shared", &self.shared)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
