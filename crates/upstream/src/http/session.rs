//! What is the same for all requests of one session, or of one modern endpoint.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use durward_core::{Era, Revision};
use durward_wire::http1::AnswerHead;

use super::client::Client;
use crate::{
    fault::{FaultKind, protocol},
    hello::Hello,
};

pub(super) const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");
pub(super) const JSON: (&str, &str) = ("content-type", "application/json");
pub(super) const ACCEPT_EVENTS: (&str, &str) = ("accept", "text/event-stream");
const ID_MAX: usize = 1024;

/// A legacy session, or none.
pub(super) struct Session {
    /// Counts up as it is opened anew.
    pub(super) generation: u64,
    pub(super) has_id: bool,
    /// Heads, but for what ends them.
    pub(super) post: Bytes,
    pub(super) get: Bytes,
    pub(super) delete: Bytes,
    /// Is there something that may come outside of calls?
    pub(super) listens: bool,
    /// Do answers come by another stream than the request's own (HTTP+SSE)?
    pub(super) is_answered_elsewhere: bool,
    worked: AtomicBool,
}

impl Session {
    /// What a server that was opened wants to hear with every request.
    pub(super) fn new(client: &Client, hello: &Hello, id: Option<&str>, generation: u64) -> Self {
        let own = Self::lines(hello, id);
        let head = |method, lines: &[_]| {
            let lines: Vec<_> = own.iter().chain(lines).copied().collect();
            client.head(method, client.target(), &lines)
        };
        Self {
            generation,
            has_id: id.is_some(),
            post: head("POST", &[JSON, ACCEPT]),
            get: head("GET", &[ACCEPT_EVENTS]),
            delete: head("DELETE", &[]),
            listens: hello.era() == Era::Legacy,
            is_answered_elsewhere: false,
            worked: AtomicBool::new(false),
        }
    }

    /// The headers that say which session and revision it is.
    pub(super) fn lines<'a>(hello: &Hello, id: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
        let mut own = Vec::new();
        if let Some(id) = id {
            own.push(("mcp-session-id", id));
        }
        if hello.revision >= Revision::V2025_06_18 {
            own.push(("mcp-protocol-version", hello.revision.as_str()));
        }
        own
    }

    /// A request of it was answered.
    pub(super) fn has_worked(&self) {
        if !self.worked.load(Ordering::Relaxed) {
            self.worked.store(true, Ordering::Relaxed);
        }
    }

    /// Does this status say that the server knows the session no more?
    pub(super) fn is_lost(&self, status: u16) -> bool {
        self.has_id && (status == 404 || status == 400 && self.worked.load(Ordering::Relaxed))
    }
}

/// The session's id, if the server gave one.
///
/// # Errors
/// It is none that a header can hold (`25/basic/transports`: visible ASCII).
pub(super) fn id_of(head: &AnswerHead) -> Result<Option<String>, FaultKind> {
    let bad = || protocol("its `Mcp-Session-Id` is not visible ASCII, or there twice");
    let Some(id) = head.headers.only("mcp-session-id").map_err(|_| bad())? else {
        return Ok(None);
    };
    let sound = (1..=ID_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
    let id = std::str::from_utf8(id)
        .ok()
        .filter(|_| sound)
        .ok_or_else(bad)?;
    Ok(Some(id.to_owned()))
}
