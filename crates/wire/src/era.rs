//! Which of the two ways of speaking a message belongs to (2026-07-28, `basic/versioning`).

use durward_core::{Era, Revision};

use crate::{
    headers::{self, Value},
    http1::Headers,
    scan::Message,
};

/// How a POST is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostEra {
    /// Self-contained; whatever is missing is refused in modern terms.
    Modern,
    /// `initialize`: opens a legacy session, whatever session it names.
    Open,
    /// Belongs to the legacy session that it names.
    Session,
    /// Neither: 400, -32602, "send `initialize`, or 2026-07-28 `_meta`".
    Neither,
}

/// How a line of a pipe is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipeEra {
    /// Self-contained.
    Modern,
    /// `initialize`: opens the connection's one legacy session; a second one is refused.
    Open,
    /// Belongs to the legacy session.
    Legacy,
    /// A `ping` before the session: answered.
    Ping,
    /// Before the session, and not self-contained: -32602.
    Neither,
}

/// The era of a POST. `meta_is_modern` is [`crate::meta::is_modern`] of the message's params.
pub fn of_post(message: &Message, meta_is_modern: bool, headers: &Headers) -> PostEra {
    let method = method(message);
    if meta_is_modern || is_modern_method(method) || has_modern_version(headers) {
        PostEra::Modern
    } else if method == Some("initialize") {
        PostEra::Open
    } else if headers.get(headers::SESSION_ID).is_some() {
        PostEra::Session
    } else {
        PostEra::Neither
    }
}

/// Is there a version header other than one of the legacy dates? Doubled is other.
pub fn has_modern_version(headers: &Headers) -> bool {
    match Value::of(headers, headers::PROTOCOL_VERSION) {
        Value::Absent => false,
        Value::Doubled => true,
        Value::One(value) => {
            let revision = std::str::from_utf8(value).ok().and_then(Revision::parse);
            revision.is_none_or(|revision| revision.era() == Era::Modern)
        }
    }
}

/// The era of a line. `opened` says whether the pipe's legacy session has been opened.
pub fn of_line(message: &Message, meta_is_modern: bool, opened: bool) -> PipeEra {
    let method = method(message);
    match method {
        _ if meta_is_modern || is_modern_method(method) => PipeEra::Modern,
        Some("initialize") => PipeEra::Open,
        _ if opened => PipeEra::Legacy,
        Some("ping") => PipeEra::Ping,
        // The one notification that modern clients send; it needs no `_meta`.
        Some("notifications/cancelled") => PipeEra::Modern,
        _ => PipeEra::Neither,
    }
}

fn method(message: &Message) -> Option<&str> {
    match message {
        Message::Request(request) => Some(request.method.as_str()),
        Message::Notification(notification) => Some(notification.method.as_str()),
        Message::Response(_) | Message::Batch(_) => None,
    }
}

fn is_modern_method(method: Option<&str>) -> bool {
    matches!(method, Some("server/discover" | "subscriptions/listen"))
}

#[cfg(test)]
mod tests;
