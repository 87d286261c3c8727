//! One connection: requests one after the other, answers in their order.

use std::{net::SocketAddr, sync::Arc};

use durward_gate::Standing;
use durward_wire::http1::{Head, HttpMethod};

use super::{
    HttpDoor, HttpSettings, Seat,
    answer::{self, Answer},
    request::{Incoming, NoBody, Unread},
    routes::{self, Route},
};

/// What is left to do with the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait for another request.
    Request,
    /// End it.
    Close,
}

pub(super) struct Connection {
    pub(super) seat: Seat,
    pub(super) incoming: Incoming,
    pub(super) remote: SocketAddr,
    /// The last credential that was presented here, and whom it proved.
    pub(super) proved: Option<(zeroize::Zeroizing<Vec<u8>>, Arc<Standing>)>,
}

impl Connection {
    pub(super) fn new(stream: tokio::net::TcpStream, remote: SocketAddr, seat: Seat) -> Self {
        Self {
            seat,
            incoming: Incoming::new(stream),
            remote,
            proved: None,
        }
    }

    pub(super) fn door(&self) -> &Arc<HttpDoor> {
        &self.seat.0
    }

    /// Serves until the client leaves, misbehaves or the door closes.
    pub(super) async fn run(mut self) {
        let stop = self.door().stop.clone();
        let mut first = true;
        loop {
            let settings = self.door().settings.load_full();
            let limits = settings.limits;
            let wait = if first {
                limits.header_timeout
            } else {
                limits.idle_timeout
            };
            first = false;
            let head = tokio::select! {
                biased;
                head = self.incoming.head(wait, &limits) => head,
                () = stop.cancelled() => return,
            };
            let next = match head {
                Ok(head) => self.serve(&head, &settings).await,
                Err(Unread::Gone) => return,
                Err(Unread::TooSlow) => {
                    let slow = Answer::refusal(408, "The request took too long.").closing();
                    self.close_with(slow).await
                }
                Err(Unread::Bad(error)) => {
                    let bad = Answer::refusal(error.status(), &error.to_string()).closing();
                    self.close_with(bad).await
                }
            };
            if next == Next::Close || stop.is_cancelled() {
                return;
            }
        }
    }

    async fn serve(&mut self, head: &Head, settings: &HttpSettings) -> Next {
        let gate = &self.door().gate;
        match routes::find(head, settings, |endpoint| gate.serves(endpoint)) {
            Ok(Route::Mcp(method, endpoint)) => self.mcp(head, method, &endpoint, settings).await,
            Ok(Route::Health) => self.reply(head, status(200, "ok")).await,
            Ok(Route::Ready) => {
                let ready = self.door().gate.journal().health().ok;
                let answer = if ready {
                    status(200, "ready")
                } else {
                    status(503, "unavailable")
                };
                self.reply(head, answer).await
            }
            Ok(Route::Preflight) => {
                let answer = preflight(head);
                self.reply(head, answer).await
            }
            Err(answer) => self.reply(head, answer).await,
        }
    }

    /// Sends a whole answer to a request whose body was not read: what is unread is read past where
    /// that is cheap, else the connection ends.
    pub(super) async fn reply(&mut self, head: &Head, answer: Answer) -> Next {
        let has_body = !matches!(head.framing, durward_wire::http1::BodyFraming::None);
        let answer = if has_body { answer.closing() } else { answer };
        self.send(head, answer).await
    }

    /// Sends a whole answer.
    pub(super) async fn send(&mut self, head: &Head, mut answer: Answer) -> Next {
        if let Some(origin) = head.headers.get("origin").filter(|_| answer.status != 403) {
            // It was let in, so it is one of ours.
            answer = answer
                .with("access-control-allow-origin", origin)
                .with(
                    "access-control-expose-headers",
                    "Mcp-Session-Id, WWW-Authenticate",
                )
                .with("vary", "Origin");
        }
        if head.method == HttpMethod::Head {
            answer.body = bytes::Bytes::new().into();
        }
        let keep = head.keep_alive && !answer.close && !self.door().stop.is_cancelled();
        if answer::send(&mut self.incoming.stream, &answer, keep)
            .await
            .is_err()
        {
            return Next::Close;
        }
        if answer.close {
            return self.finish().await;
        }
        if keep { Next::Request } else { Next::Close }
    }

    async fn close_with(&mut self, answer: Answer) -> Next {
        if answer::send(&mut self.incoming.stream, &answer, false)
            .await
            .is_ok()
        {
            return self.finish().await;
        }
        Next::Close
    }

    /// Ends our side, and lets the client read what was said before the connection goes.
    async fn finish(&mut self) -> Next {
        use tokio::io::AsyncWriteExt;
        if self.incoming.stream.shutdown().await.is_ok() {
            self.incoming.linger().await;
        }
        Next::Close
    }

    /// What to answer where there is no body; `None` where nobody is left to hear it.
    pub(super) fn no_body(problem: &NoBody) -> Option<Answer> {
        let answer = match problem {
            NoBody::Gone => return None,
            NoBody::TooSlow => Answer::refusal(408, "The body took too long."),
            NoBody::TooLong => Answer::refusal(413, "The body is longer than the limit."),
            NoBody::Bad => Answer::refusal(400, "The body's chunks can't be read."),
        };
        Some(answer.closing())
    }
}

fn status(code: u16, word: &str) -> Answer {
    let version = env!("CARGO_PKG_VERSION");
    Answer::json(
        code,
        bytes::Bytes::from(format!(r#"{{"status":"{word}","version":"{version}"}}"#)).into(),
    )
}

fn preflight(head: &Head) -> Answer {
    const HEADERS: &str = "authorization, content-type, accept, last-event-id, mcp-protocol-version, \
                           mcp-session-id, mcp-method, mcp-name";
    let mut allowed = HEADERS.to_owned();
    let asked = head
        .headers
        .get("access-control-request-headers")
        .unwrap_or_default();
    for name in String::from_utf8_lossy(asked).split(',').map(str::trim) {
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("mcp-param-") && lower.bytes().all(|b| b.is_ascii_graphic()) {
            allowed.push_str(", ");
            allowed.push_str(&lower);
        }
    }
    Answer::empty(204)
        .with("access-control-allow-methods", "POST, GET, DELETE")
        .with("access-control-allow-headers", allowed)
        .with("access-control-max-age", "600")
}
