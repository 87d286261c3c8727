//! What the bridge itself says to its client: only that something did not reach the daemon, or may have.

use bytes::Bytes;
use durward_core::RawJson;
use durward_wire::{code, encode, scan::RequestId};
use serde_json::{Value, json};

/// Why a request has no answer of the daemon's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost<'a> {
    /// It was sent, and the daemon went before it answered.
    MayHaveRun,
    /// It was not sent, for this reason.
    NotSent(&'a str),
}

impl Lost<'_> {
    fn text(self) -> String {
        match self {
            Self::MayHaveRun => {
                "The connection to durward broke while this was under way. It may have been carried \
                 out, and was not repeated: find out before you ask again."
                    .to_owned()
            }
            Self::NotSent(why) => format!("durward can't be reached, so nothing was done: {why}"),
        }
    }

    fn facts(self) -> Value {
        let detail = match self {
            Self::MayHaveRun => "may_have_run",
            Self::NotSent(_) => "not_sent",
        };
        json!({"code": "unavailable", "detail": detail})
    }
}

/// What a request is to its client, as far as answering it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A tool's call, whose failure a model is to read.
    Call {
        /// Of the era whose results say of what kind they are.
        modern: bool,
    },
    /// Anything else.
    Other,
}

/// The answer to a request that the daemon can't answer any more.
pub(super) fn lost(id: &RequestId, asked: Asked, lost: Lost<'_>) -> Bytes {
    match asked {
        Asked::Call { modern } => {
            let mut result = json!({
                "content": [{"type": "text", "text": lost.text()}],
                "isError": true,
                "_meta": {"dev.durward/refusal": lost.facts()},
            });
            if modern {
                result["resultType"] = json!("complete");
            }
            encode::result(id, &raw(&result), &[])
        }
        Asked::Other => {
            let error = code::error_with_data(503, lost.text(), raw(&lost.facts()));
            encode::error(Some(id), &error)
        }
    }
}

/// The answer to a line that no daemon would take.
pub(super) fn too_long() -> Bytes {
    let why = "the message is longer than the limit";
    encode::error(None, &code::error(code::INVALID_REQUEST, why))
}

/// A question of a daemon that is gone needs no answer any more.
pub(super) fn withdrawn(id: &RequestId) -> Bytes {
    let params = encode::object(&[("requestId", id.raw())]);
    encode::notification("notifications/cancelled", &params)
}

fn raw(value: &Value) -> RawJson {
    // A value is always written.
    RawJson::of(value).unwrap_or_else(|_| RawJson::empty_object())
}
