//! What surrounds a call: whom its progress, logs and questions are for.

use std::sync::Arc;

use durward_core::{BoxFuture, LogLevel, ProtocolError, RawJson};
use durward_wire::{code, edit::Change, headers::HeaderParams};

/// How a call ended: as the server says.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// `result`, as it came.
    Result(RawJson),
    /// `error`, as it came.
    Error(ProtocolError),
}

/// One call's surroundings. Nothing here may wait, but for a question's answer.
pub trait Exchange: Send + Sync {
    /// What a modern server hears that the client can do: already cut to what it may be asked.
    fn client_capabilities(&self) -> &RawJson;

    /// From which severity on logs are wanted, for modern servers.
    fn log_level(&self) -> Option<LogLevel>;

    /// Is progress wanted?
    fn wants_progress(&self) -> bool;

    /// Whose call it is: the same number is the same caller. `None` is durward itself, which is never asked.
    fn caller(&self) -> Option<u64>;

    /// Which arguments a modern server over HTTP wants in headers.
    fn header_params(&self) -> Option<&HeaderParams> {
        None
    }

    /// What is to become of members of the params on their way: it is cheaper here than before.
    fn changes(&self) -> &[(&'static str, Change<'_>)] {
        &[]
    }

    /// Takes the params of a `notifications/progress`; the token in them is the link's.
    fn progress(&self, params: &RawJson);

    /// Takes the params of a `notifications/message`.
    fn log(&self, params: &RawJson);

    /// Asks the client. Dropping the future withdraws the question.
    fn ask<'a>(
        &'a self,
        method: &'a str,
        params: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, ProtocolError>>;

    /// A question of this call was put to nobody, for this reason.
    fn came_to_nothing(&self, method: &str, word: &'static str) {
        let _ = (method, word);
    }
}

/// Takes what belongs to no call.
pub trait Hears: Send + Sync + 'static {
    /// A notification: `list_changed`, `resources/updated`, whatever a listen's stream brings.
    fn notified(&self, method: &str, params: &RawJson);

    /// The server lost its session, and it was opened anew: what it offers may be other than before.
    fn renewed(&self) {}

    /// A question was put to nobody, for this reason, and is answered already.
    fn came_to_nothing(&self, method: &str, word: &'static str) {
        let _ = (method, word);
    }

    /// A program could not be spoken with; this is the end of what it wrote to its standard error.
    fn complained(&self, last_words: String) {
        drop(last_words);
    }

    /// A question outside any call. Nobody is there to be asked, unless somebody says otherwise.
    fn asked(
        self: Arc<Self>,
        method: String,
        params: RawJson,
    ) -> BoxFuture<'static, Result<RawJson, ProtocolError>> {
        drop((method, params));
        Box::pin(async { Err(nobody()) })
    }
}

/// -32603: it is not known, or nobody is there, whom the question is for.
pub(crate) fn nobody() -> ProtocolError {
    code::error(
        code::INTERNAL_ERROR,
        "there is no call that this belongs to, and nobody else to ask",
    )
}

/// The surroundings of durward's own requests, such as lists.
#[derive(Debug, Clone)]
pub struct Own {
    capabilities: RawJson,
}

impl Own {
    /// Of one who can be given tasks.
    pub(crate) fn with_tasks() -> Self {
        let capabilities =
            RawJson::from_static(r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#);
        Self { capabilities }
    }
}

impl Default for Own {
    fn default() -> Self {
        Self {
            capabilities: RawJson::empty_object(),
        }
    }
}

impl Exchange for Own {
    fn client_capabilities(&self) -> &RawJson {
        &self.capabilities
    }

    fn log_level(&self) -> Option<LogLevel> {
        None
    }

    fn wants_progress(&self) -> bool {
        false
    }

    fn caller(&self) -> Option<u64> {
        None
    }

    fn progress(&self, _: &RawJson) {}

    fn log(&self, _: &RawJson) {}

    fn ask<'a>(&'a self, _: &'a str, _: RawJson) -> BoxFuture<'a, Result<RawJson, ProtocolError>> {
        Box::pin(async { Err(nobody()) })
    }
}
