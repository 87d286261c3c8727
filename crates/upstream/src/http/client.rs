//! One request and the answer to it, on a connection that waited or on a new one.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use durward_guard::egress::Target;
use durward_wire::http1::{
    AnswerHead, end_with_length, end_without_body, write_header, write_request_line,
};

use super::{
    came::{Came, Refused},
    conn::{Broken, Conn},
    pool::Pool,
    stream::Events,
};
use crate::{
    auth::{OAuth, Proof, Verdict},
    fault::{FaultKind, LinkFault, protocol},
    target::{Headers, LinkLimits, Url},
};

/// Bytes of the body of a refusal that are read at most.
const REFUSAL: usize = 1 << 20;
/// How often a request is sent with another token: once renewed, once for more rights, and once more.
const TOKENS: u32 = 3;

/// Speaks HTTP with one endpoint.
pub(super) struct Client {
    pool: Pool,
    target: Target,
    /// What the operator adds to every request.
    headers: Headers,
    auth: Option<Arc<OAuth>>,
    pub(super) limits: LinkLimits,
}

/// A request: the head, but for what ends it, and the body.
pub(super) struct Asked<'a> {
    /// What is the same for many requests.
    pub(super) head: &'a [u8],
    /// What is this request's own.
    pub(super) lines: &'a [(&'a str, &'a [u8])],
    /// The body; `None` for a method that has none.
    pub(super) body: Option<&'a [Bytes]>,
    /// Does it change nothing, so that it may be sent again?
    pub(super) is_safe: bool,
}

impl Client {
    pub(super) fn new(url: &Url, limits: LinkLimits) -> Self {
        Self {
            pool: Pool::new(url.connector.clone(), url.target.clone(), limits.connect),
            target: url.target.clone(),
            headers: url.headers.clone(),
            auth: url.auth.clone(),
            limits,
        }
    }

    /// The head of requests with this method to this target, which is of the same origin.
    pub(super) fn head(&self, method: &str, target: &Target, more: &[(&str, &str)]) -> Bytes {
        let mut out = BytesMut::new();
        write_request_line(
            &mut out,
            method,
            target.path_and_query(),
            target.authority(),
        );
        write_header(&mut out, "user-agent", AGENT.as_bytes());
        for (name, value) in more {
            write_header(&mut out, name, value.as_bytes());
        }
        out.freeze()
    }

    /// The endpoint.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Sends a request and takes the answer, or the beginning of its stream. One that wants another token is
    /// sent again with that: it was not run.
    ///
    /// # Errors
    /// There is none, or none that is HTTP.
    pub(super) async fn ask(&self, asked: &Asked<'_>) -> Result<(Came<'_>, AnswerHead), LinkFault> {
        let Some(auth) = &self.auth else {
            return self.ask_with(asked, None).await;
        };
        let mut tries = 0;
        loop {
            let proof = match auth.ready() {
                Some(proof) => proof,
                None => Box::pin(auth.proof()).await,
            };
            let came = self.ask_with(asked, proof.as_deref()).await?;
            let Came::Refused(refused) = &came.0 else {
                return Ok(came);
            };
            if tries == TOKENS {
                return Ok(came);
            }
            tries += 1;
            let refused = auth.refused(proof, refused.status, refused.challenge());
            match Box::pin(refused).await {
                Verdict::Again => {}
                Verdict::Leave => return Ok(came),
                Verdict::Fault(fault) => return Err(fault.before()),
            }
        }
    }

    async fn ask_with(
        &self,
        asked: &Asked<'_>,
        proof: Option<&Proof>,
    ) -> Result<(Came<'_>, AnswerHead), LinkFault> {
        let (lease, head) = self.send(asked, proof).await?;
        if head
            .headers
            .get("content-encoding")
            .is_some_and(|coding| coding != b"identity")
        {
            return Err(protocol("its answer is compressed, which it was not asked for").after());
        }
        let limit = self.limits.message;
        let broken = |broken| self.fault(broken);
        let came = match (head.status, content(&head)) {
            (200..=299, Content::Events) => {
                Came::Stream(Box::new(Events::new(lease, &head, limit)))
            }
            (200..=299, Content::Json) => {
                Came::Message(lease.whole(&head, limit).await.map_err(broken)?)
            }
            (200..=299, Content::Other) => {
                // Whatever it is, it is no message; an empty one is common.
                lease.skip(&head).await;
                Came::Nothing
            }
            (_, content) => {
                let body = match content {
                    Content::Json => lease.whole(&head, REFUSAL).await.ok(),
                    Content::Events | Content::Other => {
                        lease.skip(&head).await;
                        None
                    }
                };
                if head.status == 401 {
                    self.headers.are_refused();
                }
                Came::Refused(Refused::new(&head, body))
            }
        };
        Ok((came, head))
    }

    async fn send(
        &self,
        asked: &Asked<'_>,
        proof: Option<&Proof>,
    ) -> Result<(Lease<'_>, AnswerHead), LinkFault> {
        if let Some(conn) = self.pool.waiting() {
            match self.try_send(conn, asked, proof).await {
                // It had been closed at the other end while it waited.
                Err((Broken::Silent, sent)) if !sent || asked.is_safe => {}
                Err((broken, sent)) => return Err(self.sent_fault(broken, sent)),
                Ok(answered) => return Ok(answered),
            }
        }
        let conn = self.pool.open().await;
        let conn = conn.map_err(|fault| FaultKind::Egress(fault).before())?;
        let answered = self.try_send(conn, asked, proof).await;
        answered.map_err(|(broken, sent)| self.sent_fault(broken, sent))
    }

    /// The error says whether the whole request had been sent.
    async fn try_send(
        &self,
        conn: Conn,
        asked: &Asked<'_>,
        proof: Option<&Proof>,
    ) -> Result<(Lease<'_>, AnswerHead), (Broken, bool)> {
        let mut lease = Lease {
            pool: &self.pool,
            conn,
        };
        let conn = &mut lease.conn;
        let out = conn.output();
        out.clear();
        out.extend_from_slice(asked.head);
        out.extend_from_slice(&self.headers.lines());
        if let Some(proof) = proof {
            write_header(out, "authorization", proof.line());
        }
        for (name, value) in asked.lines {
            write_header(out, name, value);
        }
        match asked.body {
            Some(parts) => end_with_length(out, parts.iter().map(Bytes::len).sum()),
            None => end_without_body(out),
        }
        let sent = conn.send(asked.body.unwrap_or_default()).await;
        if let Err(broken) = sent {
            return Err((broken, false));
        }
        match conn.head().await {
            Ok(head) => Ok((lease, head)),
            Err(broken) => Err((broken, true)),
        }
    }

    /// Closes what has waited for too long.
    pub(super) fn sweep(&self) {
        self.pool.sweep();
    }

    /// A fault within an answer: the request has run.
    pub(super) fn fault(&self, broken: Broken) -> LinkFault {
        self.sent_fault(broken, true)
    }

    fn sent_fault(&self, broken: Broken, ran: bool) -> LinkFault {
        let kind = match broken {
            Broken::Silent => FaultKind::Died("it closed the connection".to_owned()),
            Broken::CutOff => FaultKind::Died("its answer broke off".to_owned()),
            Broken::Head(error) => protocol(format!("its answer is not HTTP: {error}")),
            Broken::Body => protocol("the body of its answer is malformed"),
            Broken::TooLong => FaultKind::TooLong {
                limit: self.limits.message,
            },
        };
        LinkFault { kind, ran }
    }
}

const AGENT: &str = concat!("durward/", env!("CARGO_PKG_VERSION"));

enum Content {
    Json,
    Events,
    Other,
}

fn content(head: &AnswerHead) -> Content {
    let value = head.headers.get("content-type").unwrap_or_default();
    let name = value.split(|byte| *byte == b';').next().unwrap_or_default();
    let name = name.trim_ascii();
    if name.eq_ignore_ascii_case(b"application/json") {
        Content::Json
    } else if name.eq_ignore_ascii_case(b"text/event-stream") {
        Content::Events
    } else {
        Content::Other
    }
}

/// A connection in use. Unless it is given back it is closed.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    pub(super) conn: Conn,
}

impl Lease<'_> {
    /// The whole body; then the connection waits for its next request, if it may.
    async fn whole(mut self, head: &AnswerHead, limit: usize) -> Result<Bytes, Broken> {
        let body = self.conn.whole(head.framing, limit).await?;
        if head.keep_alive {
            self.give_back();
        }
        Ok(body)
    }

    /// Does without the body.
    async fn skip(self, head: &AnswerHead) {
        // What is too long costs its connection, and nothing else.
        let _ = self.whole(head, 64 * 1024).await;
    }

    pub(super) fn give_back(self) {
        self.pool.put(self.conn);
    }
}
