//! The one place that turns an answer or a refusal into bytes.

use std::{borrow::Cow, time::Duration};

use durward_core::{
    Answer, Body, Era, Operation, OwnResult, ProtocolError, RawJson, Refusal, RefusalCode, Revision,
};
use durward_wire::{code, encode, scan::RequestId};
use serde::Serialize;

use crate::{
    roots,
    stages::{headers::HEADER_MISMATCH, roots::ASKED},
    walk::Ended,
};

/// What leaves for one request.
#[derive(Debug)]
pub enum Reply {
    /// One JSON-RPC message.
    Message {
        /// The status of HTTP, where it is HTTP.
        status: u16,
        /// The message.
        body: Body,
    },
    /// A message that opens a session over HTTP, with the session's id.
    Opened {
        /// The message.
        body: Body,
        /// `Mcp-Session-Id`.
        session: String,
    },
    /// Nothing: the client cancelled it.
    Silent,
}

impl Reply {
    /// The message alone, for a pipe.
    pub fn into_body(self) -> Option<Body> {
        match self {
            Self::Message { body, .. } | Self::Opened { body, .. } => Some(body),
            Self::Silent => None,
        }
    }
}

const SERVER_INFO: &str = concat!(
    r#"{"name":"durward","title":"durward","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}"#
);

/// `serverInfo`, as `initialize` and modern results have it.
pub(crate) fn server_info() -> RawJson {
    RawJson::from_static(SERVER_INFO)
}

/// How long a result may be kept by a modern client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caching {
    /// A kind of result that says nothing of it.
    Unsaid,
    /// A list, or `server/discover`: so long.
    For(Duration),
    /// `resources/read`: judged anew each time.
    Never,
}

/// Writes a result in the revision's spelling.
pub(crate) fn result(
    id: &RequestId,
    revision: Revision,
    body: &RawJson,
    caching: Caching,
) -> Reply {
    let body = match revision.era() {
        Era::Legacy => encode::result_with_meta(id, body, &[], &[]),
        Era::Modern => modern(id, body, caching),
    };
    Reply::Message { status: 200, body }
}

/// What a modern result of our own begins with, by what it says of caching.
const COMPLETE: &str = concat!(
    r#""resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"durward","title":"durward","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}}"#
);
const UNCACHED: &str = r#""ttlMs":0,"cacheScope":"private""#;

/// Writes a result of our own making, in which nothing needs to be looked for.
fn own(id: &RequestId, revision: Revision, result: OwnResult, caching: Caching) -> Reply {
    let body = match (revision.era(), caching) {
        (Era::Legacy, _) => encode::own_result(id, "", result),
        (Era::Modern, Caching::Unsaid) => encode::own_result(id, COMPLETE, result),
        (Era::Modern, Caching::Never) => {
            encode::own_result(id, &format!("{UNCACHED},{COMPLETE}"), result)
        }
        (Era::Modern, Caching::For(_)) => modern(id, &result.to_raw(), caching),
    };
    Reply::Message { status: 200, body }
}

/// Writes a page of a list of our own making that has no `_meta`.
pub(crate) fn page(id: &RequestId, revision: Revision, page: &RawJson, ttl: Duration) -> Reply {
    let first = match revision.era() {
        Era::Legacy => String::new(),
        Era::Modern => {
            let ttl = ttl.as_millis();
            format!(r#""ttlMs":{ttl},"cacheScope":"private",{COMPLETE}"#)
        }
    };
    let body = encode::own_object(id, &first, page);
    Reply::Message { status: 200, body }
}

fn modern(id: &RequestId, body: &RawJson, caching: Caching) -> Body {
    let complete = RawJson::from_static(r#""complete""#);
    let private = RawJson::from_static(r#""private""#);
    let ttl = match caching {
        Caching::For(ttl) => RawJson::of(&u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)).ok(),
        Caching::Unsaid | Caching::Never => None,
    };
    let ttl = ttl.unwrap_or_else(|| RawJson::from_static("0"));
    let mut additions = vec![("resultType", &complete)];
    if caching != Caching::Unsaid {
        additions.extend([("ttlMs", &ttl), ("cacheScope", &private)]);
    }
    let info = server_info();
    let meta = [("io.modelcontextprotocol/serverInfo", &info)];
    encode::result_with_meta(id, body, &additions, &meta)
}

/// Tells a modern client what it must bring first (MCP 2026-07-28, basic/patterns/mrtr), or which task its
/// call has become. With durward's question for its roots comes no state: what it answers narrows its own
/// call alone.
fn not_complete(id: &RequestId, kind: &str, said: &RawJson) -> Reply {
    let kind = encode::string(kind);
    let info = server_info();
    let meta = [("io.modelcontextprotocol/serverInfo", &info)];
    Reply::Message {
        status: 200,
        body: encode::result_with_meta(id, said, &[("resultType", &kind)], &meta),
    }
}

/// Writes a JSON-RPC error.
pub(crate) fn error(id: Option<&RequestId>, era: Era, error: &ProtocolError) -> Reply {
    Reply::Message {
        status: code::http_status_of(error.code, era),
        body: encode::error(id, error).into(),
    }
}

/// How a refusal is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    /// As a tool's result, for a model; what its client holds it against.
    Result { has_output_schema: bool },
    /// As an error, for a program.
    Error,
}

/// Writes how a walk ended.
pub(crate) fn ended(
    ended: Ended,
    id: &RequestId,
    revision: Revision,
    operation: Operation,
    refused: Refused,
) -> Reply {
    let caching = match operation {
        Operation::ReadResource => Caching::Never,
        _ => Caching::Unsaid,
    };
    match ended {
        Ended::Answered(Answer::Result(body)) => result(id, revision, &body, caching),
        Ended::Answered(Answer::Own(own_result)) => own(id, revision, own_result, caching),
        Ended::Answered(Answer::Error(cause)) => error(Some(id), revision.era(), &cause),
        Ended::Answered(Answer::Asks(wanted)) if revision.era() == Era::Modern => {
            not_complete(id, "input_required", &wanted)
        }
        Ended::Answered(Answer::Task(task)) if revision.era() == Era::Modern => {
            not_complete(id, "task", &task)
        }
        Ended::Answered(Answer::Asks(_) | Answer::Task(_)) => {
            let cause = "the server's answer can't be put to a client of this revision";
            error(
                Some(id),
                revision.era(),
                &code::error(code::INTERNAL_ERROR, cause),
            )
        }
        // Its client has gone; not so where a person would not go on.
        Ended::Refused(refusal)
            if refusal.code == RefusalCode::Cancelled && refusal.detail != Some("declined") =>
        {
            Reply::Silent
        }
        Ended::Refused(refusal) if refusal.detail == Some(ASKED) => {
            not_complete(id, "input_required", &roots::input_required())
        }
        Ended::Refused(refusal) => {
            if let Refused::Result { has_output_schema } = refused
                && !is_of_the_protocol(&refusal)
            {
                let body = tool_refusal(&refusal, has_output_schema);
                return result(id, revision, &body, Caching::Unsaid);
            }
            error(
                Some(id),
                revision.era(),
                &protocol_error(&refusal, revision.era()),
            )
        }
    }
}

/// Is this for the client's program, rather than for its model?
fn is_of_the_protocol(refusal: &Refusal) -> bool {
    let details = [
        "unknown_tool",
        "unknown_task",
        HEADER_MISMATCH,
        "request_state",
        "input_responses",
        "already_answered",
        "exchange_ended",
    ];
    refusal
        .detail
        .is_some_and(|detail| details.contains(&detail))
}

/// The facts of a refusal, as `_meta["dev.durward/refusal"]` and an error's `data` have them.
#[derive(Serialize)]
struct Facts<'a> {
    code: RefusalCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
}

impl<'a> Facts<'a> {
    fn of(refusal: &'a Refusal) -> Self {
        let millis = |after: Duration| u64::try_from(after.as_millis()).unwrap_or(u64::MAX).max(1);
        Self {
            code: refusal.code,
            detail: refusal.detail,
            path: refusal.path.as_deref(),
            retry_after_ms: refusal.retry_after.map(millis),
            reference: refusal.reference.as_deref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusedTool<'a> {
    content: [Text<'a>; 1],
    is_error: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Facts<'a>>,
    #[serde(rename = "_meta")]
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Text<'a> {
    r#type: &'static str,
    text: Cow<'a, str>,
}

#[derive(Serialize)]
struct Meta<'a> {
    #[serde(rename = "dev.durward/refusal")]
    refusal: Facts<'a>,
}

/// A refused tool call is a tool result: a model reads it and can act on it.
fn tool_refusal(refusal: &Refusal, has_output_schema: bool) -> RawJson {
    let text = Cow::Borrowed(refusal.reason.as_ref());
    RawJson::of(&RefusedTool {
        content: [Text {
            r#type: "text",
            text,
        }],
        is_error: true,
        // Clients hold it against the output schema, on errors too.
        structured_content: (!has_output_schema).then(|| Facts::of(refusal)),
        meta: Meta {
            refusal: Facts::of(refusal),
        },
    })
    .unwrap_or_else(|_| RawJson::empty_object())
}

#[derive(Serialize)]
struct NotFound<'a> {
    uri: &'a str,
}

/// A refusal of anything but a tool call is a JSON-RPC error (protocol.md, section 2.7).
fn protocol_error(refusal: &Refusal, era: Era) -> ProtocolError {
    let code = match (refusal.code, refusal.detail) {
        (RefusalCode::NotFound, Some("unknown_resource")) if era == Era::Legacy => {
            code::RESOURCE_NOT_FOUND
        }
        (RefusalCode::InvalidArguments, Some(HEADER_MISMATCH)) => code::HEADER_MISMATCH,
        (RefusalCode::NotFound | RefusalCode::InvalidArguments, _) => code::INVALID_PARAMS,
        (RefusalCode::TooLarge, _) => 413,
        (RefusalCode::RateLimited, _) => 429,
        (RefusalCode::BlockedContent, _) => 451,
        (RefusalCode::Unavailable, _) => 503,
        (RefusalCode::Timeout, _) => 504,
        (RefusalCode::Internal, _) => code::INTERNAL_ERROR,
        _ => 403,
    };
    let uri = refusal.reason.strip_prefix("Resource not found: ");
    let data = match (refusal.detail, uri) {
        (Some("unknown_resource"), Some(uri)) => RawJson::of(&NotFound { uri }),
        _ => RawJson::of(&Facts::of(refusal)),
    };
    ProtocolError {
        code,
        message: refusal.reason.clone().into_owned(),
        data: data.ok(),
    }
}
