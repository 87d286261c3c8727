//! Tasks at a server of either era, in the words that the gate has for them (protocol.md, section 6.5).

mod abandoned;
mod legacy;
mod to_the_end;
mod watched;

use durward_core::{BoxFuture, Call, Era, LogLevel, Operation, ProtocolError, RawJson, Revision};
use durward_wire::{
    bridge::tasks::{self, Support},
    code, encode,
};

use crate::{
    Exchange, Hello,
    client_exchange::{self, ClientExchange},
};

pub(crate) use abandoned::Abandoned;
pub(crate) use legacy::looked_at;
pub(crate) use to_the_end::to_the_end;
pub(crate) use watched::Watched;

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it is.
    Plain,
    /// It may become a task, and its client is told.
    AsTask,
    /// It becomes a task, and its client hears of the end alone.
    Driven,
}

impl Manner {
    /// How this call of a tool is made at this server.
    pub(crate) fn of(call: &Call, support: Support, hello: &Hello) -> Self {
        // Most servers have none, and nothing need be looked for.
        if !hello.has_tasks || call.operation != Operation::CallTool {
            return Self::Plain;
        }
        let may_want = call.client.revision == Revision::V2025_11_25;
        match (hello.era(), support) {
            (Era::Legacy, Support::Forbidden) => Self::Plain,
            _ if may_want && wanted(call).is_some() => Self::AsTask,
            (Era::Modern, _) => Self::Plain,
            // What it can't be called without is the server's to say to those who know the word.
            (Era::Legacy, _) if may_want => Self::Plain,
            (Era::Legacy, Support::Optional) => Self::Plain,
            (Era::Legacy, Support::Required) if is_declared(call) => Self::AsTask,
            (Era::Legacy, Support::Required) => Self::Driven,
        }
    }
}

/// The `task` of a client of 2025-11-25, the only revision that has it.
pub(crate) fn wanted(call: &Call) -> Option<RawJson> {
    let has_it = call.client.revision == Revision::V2025_11_25;
    let task = has_it.then(|| tasks::member(&call.params, "task"))?;
    task.filter(|task| task.as_str().starts_with('{'))
}

/// Does this modern client say, in this request, that it can be given a task?
pub(crate) fn is_declared(call: &Call) -> bool {
    client_exchange::tasks(&call.client).is_some()
}

/// Does a modern server refuse this, because only those who can be given a task may call it (-32021)?
pub(crate) fn is_missed(error: &ProtocolError) -> bool {
    let required = error
        .data
        .as_ref()
        .and_then(|data| tasks::member(data, "requiredCapabilities"));
    error.code == code::MISSING_REQUIRED_CLIENT_CAPABILITY
        && required.is_some_and(|required| tasks::has_extension(&required))
}

/// The params that name a task.
pub(crate) fn about(own: &str) -> RawJson {
    encode::object(&[("taskId", &encode::string(own))])
}

/// The surroundings of a call, for the requests that follow it: what belonged to its own params is not theirs.
pub(crate) struct Following<'a, 'b>(pub(crate) &'b ClientExchange<'a>);

impl Exchange for Following<'_, '_> {
    fn client_capabilities(&self) -> &RawJson {
        self.0.client_capabilities()
    }

    fn log_level(&self) -> Option<LogLevel> {
        self.0.log_level()
    }

    fn wants_progress(&self) -> bool {
        self.0.wants_progress()
    }

    fn caller(&self) -> Option<u64> {
        self.0.caller()
    }

    fn progress(&self, params: &RawJson) {
        self.0.progress(params);
    }

    fn log(&self, params: &RawJson) {
        self.0.log(params);
    }

    fn ask<'a>(
        &'a self,
        method: &'a str,
        params: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, ProtocolError>> {
        self.0.ask(method, params)
    }
}
