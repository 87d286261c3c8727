//! Tasks at a server of either era, in the words that the gate has for them (protocol.md, section 6.5).

mod abandoned;
mod legacy;
mod to_the_end;

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
        let is_modern = call.client.revision.era() == Era::Modern;
        let client = Knows {
            revision: call.client.revision,
            is_wanted: wanted(call).is_some(),
            is_declared: is_modern && is_declared(call),
        };
        Self::for_one_who(client, hello.era(), support)
    }

    fn for_one_who(client: Knows, server: Era, support: Support) -> Self {
        match (server, support) {
            (Era::Legacy, Support::Forbidden) => Self::Plain,
            _ if client.is_wanted => Self::AsTask,
            (Era::Modern, _) | (Era::Legacy, Support::Optional) => Self::Plain,
            (Era::Legacy, Support::Required) if client.is_declared => Self::AsTask,
            // That it can't be called so is the server's to say to those who know the word.
            (Era::Legacy, Support::Required) if client.revision == Revision::V2025_11_25 => {
                Self::Plain
            }
            (Era::Legacy, Support::Required) => Self::Driven,
        }
    }
}

/// What a client knows of tasks, and says with its call.
struct Knows {
    revision: Revision,
    /// It sends `task`.
    is_wanted: bool,
    /// It declares the extension.
    is_declared: bool,
}

/// The `task` of a client of 2025-11-25, the only revision that has it.
pub(crate) fn wanted(call: &Call) -> Option<RawJson> {
    let has_it = call.client.revision == Revision::V2025_11_25;
    let task = has_it.then(|| durward_wire::member(&call.params, "task"))?;
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
        .and_then(|data| durward_wire::member(data, "requiredCapabilities"));
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

#[cfg(test)]
mod tests {
    use durward_core::{Era::*, Revision as R};

    use super::*;

    #[test]
    fn a_call_is_made_as_its_client_and_its_server_can_take_it() {
        use {Manner::*, Support::*};
        for (revision, is_wanted, is_declared, server, support, manner) in [
            // The extension, at a server of 2025-11-25.
            (R::V2026_07_28, false, true, Legacy, Required, AsTask),
            (R::V2026_07_28, false, true, Legacy, Optional, Plain),
            (R::V2026_07_28, false, true, Legacy, Forbidden, Plain),
            (R::V2026_07_28, false, false, Legacy, Required, Driven),
            (R::V2026_07_28, false, false, Legacy, Optional, Plain),
            // A server of 2026-07-28 decides itself.
            (R::V2026_07_28, false, true, Modern, Forbidden, Plain),
            (R::V2025_11_25, true, false, Modern, Forbidden, AsTask),
            (R::V2025_11_25, false, false, Modern, Required, Plain),
            // Legacy on both sides.
            (R::V2025_11_25, true, false, Legacy, Required, AsTask),
            (R::V2025_11_25, true, false, Legacy, Optional, AsTask),
            (R::V2025_11_25, true, false, Legacy, Forbidden, Plain),
            (R::V2025_11_25, false, false, Legacy, Required, Plain),
            (R::V2025_06_18, false, false, Legacy, Required, Driven),
            (R::V2024_11_05, false, false, Legacy, Optional, Plain),
        ] {
            let client = Knows {
                revision,
                is_wanted,
                is_declared,
            };
            let found = Manner::for_one_who(client, server, support);
            assert_eq!(
                found, manner,
                "{revision} {is_wanted} {server:?} {support:?}"
            );
        }
    }

    #[test]
    fn only_a_refusal_for_want_of_tasks_is_one() {
        let error = |code, data: &'static str| {
            code::error_with_data(code, "no", RawJson::from_static(data))
        };
        let tasks =
            r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#;
        let sampling = r#"{"requiredCapabilities":{"sampling":{}}}"#;
        assert!(is_missed(&error(-32021, tasks)));
        assert!(!is_missed(&error(-32021, sampling)));
        assert!(!is_missed(&error(-32603, tasks)));
    }
}
