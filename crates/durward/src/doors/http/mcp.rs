//! The MCP endpoint: who calls, and what comes of it.

use std::sync::Arc;

use durward_gate::{Endpoint, Posted, Reply, Standing};
use durward_ledger::{Event, EventName};
use durward_wire::{
    era,
    headers::{self as mcp_headers, Value},
    http1::{Head, Headers, accept},
    scan::ScanLimits,
};
use zeroize::Zeroizing;

use super::{
    HttpSettings,
    answer::{self, Answer},
    connection::{Connection, Next},
    routes::{McpMethod, not_allowed},
};

impl Connection {
    pub(super) async fn mcp(
        &mut self,
        head: &Head,
        method: McpMethod,
        endpoint: &Endpoint,
        settings: &HttpSettings,
    ) -> Next {
        if method != McpMethod::Post {
            // Streams and sessions are the legacy revisions' alone.
            let legacy = head.headers.get(mcp_headers::SESSION_ID).is_some()
                && !era::has_modern_version(&head.headers);
            if !legacy {
                return self.reply(head, not_allowed("POST")).await;
            }
        }
        if method == McpMethod::Get && !accept::accepts(&head.headers, "text/event-stream") {
            let answer = Answer::refusal(406, "Accept must have text/event-stream.");
            return self.reply(head, answer).await;
        }
        let standing = match self.authenticate(&head.headers) {
            Ok(standing) => standing,
            Err(answer) => return self.reply(head, answer).await,
        };
        match method {
            McpMethod::Post => self.post(head, &standing, endpoint, settings).await,
            McpMethod::Get => self.get(head, &standing, endpoint).await,
            McpMethod::Delete => {
                let gate = Arc::clone(&self.door().gate);
                let answer = match gate.session_of(&standing, endpoint, &head.headers) {
                    Some(session) => match gate.end(&session) {
                        Ok(()) => Answer::empty(204),
                        Err(error) => {
                            tracing::error!(%error, "a session could not be ended");
                            Answer::refusal(503, "The session can't be ended now.")
                        }
                    },
                    None => no_session(),
                };
                self.reply(head, answer).await
            }
        }
    }

    async fn post(
        &mut self,
        head: &Head,
        standing: &Arc<Standing>,
        endpoint: &Endpoint,
        settings: &HttpSettings,
    ) -> Next {
        if head.expect_continue
            && answer::write(&mut self.incoming.stream, b"HTTP/1.1 100 Continue\r\n\r\n")
                .await
                .is_err()
        {
            return Next::Close;
        }
        let body = match self.incoming.body(head.framing, &settings.limits).await {
            Ok(body) => body,
            Err(problem) => match Self::no_body(&problem) {
                Some(answer) => return self.send(head, answer).await,
                None => return Next::Close,
            },
        };
        let limits = ScanLimits {
            depth: settings.limits.depth,
        };
        let gate = Arc::clone(&self.door().gate);
        match gate.post(standing, endpoint, &head.headers, &body, limits) {
            Posted::Now(reply) => self.send(head, whole(reply)).await,
            Posted::Accepted => self.send(head, Answer::empty(202)).await,
            Posted::NoSession => self.send(head, no_session()).await,
            Posted::Running(running) => self.run_post(head, running).await,
        }
    }

    /// Whose credential this is. The last one is remembered with the connection.
    fn authenticate(&mut self, headers: &Headers) -> Result<Arc<Standing>, Answer> {
        let presented = match headers.only("authorization") {
            Ok(None) => return Err(self.unauthorized("no_credential", None)),
            Ok(Some(value)) => bearer(value),
            Err(_) => None,
        };
        let Some(presented) = presented else {
            return Err(self.unauthorized("other_scheme", None));
        };
        let gate = Arc::clone(&self.door().gate);
        if let Some((known, standing)) = &self.proved
            && known.as_slice() == presented
            && !is_over(standing, gate.clock().wall())
            && let Some(current) = gate.refresh(standing)
        {
            if let Some((_, standing)) = &mut self.proved {
                *standing = Arc::clone(&current);
            }
            return Ok(current);
        }
        match gate.stand_by_key(presented) {
            Ok(standing) => {
                self.proved = Some((Zeroizing::new(presented.to_vec()), Arc::clone(&standing)));
                Ok(standing)
            }
            Err(fault) => Err(self.unauthorized("invalid_credential", Some(fault.to_string()))),
        }
    }

    /// 401, and a record of it. One sentence for all reasons: the record has the difference.
    fn unauthorized(&mut self, code: &'static str, why: Option<String>) -> Answer {
        self.proved = None;
        let door = self.door();
        if let Some(untold) = door.failures.tell(door.gate.clock().monotonic()) {
            let mut event = Event::new(EventName::AUTH_FAILED)
                .remote(self.remote.ip())
                .door(durward_core::Door::Http)
                .code(code);
            let more = (untold > 0).then(|| format!("and {untold} more that were not recorded"));
            if let Some(why) = [why, more]
                .into_iter()
                .flatten()
                .reduce(|a, b| format!("{a}; {b}"))
            {
                event = event.why(why);
            }
            if let Err(error) = door.gate.journal().event(event) {
                tracing::error!(%error, "a failed login could not be recorded");
            }
        }
        let challenge = if code == "no_credential" {
            "Bearer realm=\"durward\""
        } else {
            "Bearer realm=\"durward\", error=\"invalid_token\""
        };
        Answer::refusal(401, "A valid key is needed: `Authorization: Bearer dw_…`.")
            .with("www-authenticate", challenge)
    }
}

fn is_over(standing: &Standing, now: durward_core::Wall) -> bool {
    standing.caller().expires.is_some_and(|end| end <= now)
}

/// The credential of `Bearer <credential>`, the scheme in any case (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    let credential = rest.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !credential.is_empty()).then_some(credential)
}

pub(super) fn no_session() -> Answer {
    Answer::refusal(404, "There is no such session. Send `initialize` again.")
}

/// A reply that needs no stream.
pub(super) fn whole(reply: Reply) -> Answer {
    match reply {
        Reply::Message { status, body } => Answer::json(status, body),
        Reply::Opened { body, session } => Answer::json(200, body).with("mcp-session-id", session),
        // Cancelled: the client does not want an answer, but HTTP does.
        Reply::Silent => Answer::empty(202),
    }
}

/// The place that `Last-Event-ID` names, if it names one.
pub(super) fn last_event(headers: &Headers) -> Option<durward_wire::sse::EventId> {
    match Value::of(headers, mcp_headers::LAST_EVENT_ID) {
        Value::One(value) => std::str::from_utf8(value).ok()?.parse().ok(),
        Value::Absent | Value::Doubled => None,
    }
}
