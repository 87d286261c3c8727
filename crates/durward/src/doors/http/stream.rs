//! Answers that take a while: JSON if nothing comes before them, an event stream otherwise.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use durward_core::{Body, BoxFuture, Era};
use durward_gate::{
    Endpoint, Messages, Reply, Running, Standing,
    stream::{GET_STREAM, Reader},
};
use durward_wire::{
    http1::{BodyKind, Head, write_response_head},
    sse::{self, EventId},
};
use tokio::sync::mpsc;

use super::{
    answer,
    connection::{Connection, Next},
    mcp::{last_event, no_session, whole},
};

/// How long an answer is waited for before the stream begins without it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a silent stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// When a client whose stream we close is to come back.
const RETRY: Duration = Duration::from_secs(1);

impl Connection {
    /// Waits for what a POST comes to.
    pub(super) async fn run_post(&mut self, head: &Head, running: Running) -> Next {
        let Running {
            mut work,
            mut messages,
            era,
        } = running;
        let begun = {
            let incoming = &mut self.incoming;
            tokio::select! {
                biased;
                reply = &mut work => Begun::Reply(reply),
                () = incoming.closed() => Begun::Closed,
                first = first(&mut messages) => Begun::Stream(first),
            }
        };
        match begun {
            Begun::Reply(reply) => match messages {
                Messages::Channel(receiver) if !receiver.is_empty() => {
                    let work = Box::pin(std::future::ready(reply));
                    self.stream_channel(head, work, era, None, Some(receiver))
                        .await
                }
                Messages::Stream {
                    streams,
                    id,
                    primed,
                } if streams.has_begun(id) => {
                    let Some(reader) = streams.read(id, 0) else {
                        return Next::Close;
                    };
                    self.stream_reader(head, reader, primed).await
                }
                _ => self.send(head, whole(reply)).await,
            },
            Begun::Closed => {
                if era == Era::Legacy {
                    self.door().gate.keep_running(work);
                }
                Next::Close
            }
            Begun::Stream(first) => match messages {
                Messages::None => self.stream_channel(head, work, era, None, None).await,
                Messages::Channel(receiver) => {
                    self.stream_channel(head, work, era, first, Some(receiver))
                        .await
                }
                Messages::Stream {
                    streams,
                    id,
                    primed,
                } => {
                    let Some(reader) = streams.read(id, 0) else {
                        return Next::Close;
                    };
                    // The work fills the stream and ends it; the connection only reads.
                    self.door().gate.keep_running(work);
                    self.stream_reader(head, reader, primed).await
                }
            },
        }
    }

    /// Sends one message after the other, the reply last.
    async fn stream_channel(
        &mut self,
        head: &Head,
        mut work: BoxFuture<'static, Reply>,
        era: Era,
        first: Option<Bytes>,
        mut receiver: Option<mpsc::Receiver<Body>>,
    ) -> Next {
        let mut out = BytesMut::new();
        self.event_stream_head(&mut out, head);
        if let Some(first) = first {
            chunk(&mut out, |out| sse::write_event(out, None, None, &first));
        }
        loop {
            if answer::write(&mut self.incoming.stream, &out)
                .await
                .is_err()
            {
                return Next::Close;
            }
            out.clear();
            let incoming = &mut self.incoming;
            tokio::select! {
                biased;
                Some(message) = next(&mut receiver) => {
                    chunk(&mut out, |out| sse::write_event(out, None, None, &message));
                }
                reply = &mut work => {
                    while let Some(Ok(message)) = receiver.as_mut().map(mpsc::Receiver::try_recv) {
                        let message = message.into_bytes();
                        chunk(&mut out, |out| sse::write_event(out, None, None, &message));
                    }
                    if let Some(body) = reply.into_body() {
                        chunk(&mut out, |out| sse::write_event(out, None, None, &body.into_bytes()));
                    }
                    return self.end_stream(head, out).await;
                }
                () = incoming.closed() => {
                    if era == Era::Legacy {
                        self.door().gate.keep_running(work);
                    }
                    return Next::Close;
                }
                () = tokio::time::sleep(KEEP_ALIVE) => chunk(&mut out, |out| sse::write_comment(out, "")),
            }
        }
    }

    /// The GET stream of a session, or a stream that is taken up again.
    pub(super) async fn get(
        &mut self,
        head: &Head,
        standing: &Arc<Standing>,
        endpoint: &Endpoint,
    ) -> Next {
        let gate = Arc::clone(&self.door().gate);
        let Some(session) = gate.session_of(standing, endpoint, &head.headers) else {
            return self.reply(head, no_session()).await;
        };
        let at = last_event(&head.headers).unwrap_or(EventId {
            stream: GET_STREAM,
            number: session.streams.unread(),
        });
        let Some(reader) = session.streams.read(at.stream, at.number) else {
            return self.reply(head, no_session()).await;
        };
        let primed = session.revision() >= durward_core::Revision::V2025_11_25;
        self.stream_reader(head, reader, primed).await
    }

    /// Sends what a stream that can be resumed holds, with its ids, until it ends.
    async fn stream_reader(&mut self, head: &Head, mut reader: Reader, primed: bool) -> Next {
        let mut out = BytesMut::new();
        self.event_stream_head(&mut out, head);
        if primed {
            let place = reader.place().to_string();
            chunk(&mut out, |out| sse::write_opening(out, &place, None));
        }
        loop {
            let written = tokio::select! {
                biased;
                written = answer::write(&mut self.incoming.stream, &out) => written.is_ok(),
                // It reads too slowly, and may come again with the id of what it has seen.
                () = reader.overtaken() => false,
            };
            if !written {
                return Next::Close;
            }
            out.clear();
            let stop = self.door().stop.clone();
            let incoming = &mut self.incoming;
            tokio::select! {
                biased;
                event = reader.next() => match event {
                    Some((id, data)) => {
                        let id = id.to_string();
                        chunk(&mut out, |out| sse::write_event(out, Some(&id), None, &data));
                    }
                    None => return self.end_stream(head, out).await,
                },
                () = incoming.closed() => return Next::Close,
                () = stop.cancelled(), if reader.place().stream == GET_STREAM => {
                    if primed {
                        let place = reader.place().to_string();
                        chunk(&mut out, |out| sse::write_opening(out, &place, Some(RETRY)));
                    }
                    return self.end_stream(head, out).await;
                }
                () = tokio::time::sleep(KEEP_ALIVE) => chunk(&mut out, |out| sse::write_comment(out, "")),
            }
        }
    }

    fn event_stream_head(&self, out: &mut BytesMut, head: &Head) {
        let mut headers: Vec<(&str, &[u8])> = vec![
            ("content-type", b"text/event-stream"),
            ("cache-control", b"no-store"),
            ("x-accel-buffering", b"no"),
        ];
        if let Some(origin) = head.headers.get("origin") {
            headers.extend([
                ("access-control-allow-origin", origin),
                (
                    "access-control-expose-headers",
                    b"Mcp-Session-Id, WWW-Authenticate".as_slice(),
                ),
                ("vary", b"Origin".as_slice()),
            ]);
        }
        write_response_head(out, 200, &headers, BodyKind::Chunked, head.keep_alive);
    }

    async fn end_stream(&mut self, head: &Head, mut out: BytesMut) -> Next {
        out.extend_from_slice(b"0\r\n\r\n");
        match answer::write(&mut self.incoming.stream, &out).await {
            Ok(()) if head.keep_alive => Next::Request,
            _ => Next::Close,
        }
    }
}

enum Begun {
    Reply(Reply),
    Closed,
    Stream(Option<Bytes>),
}

/// Ends when the answer must become a stream: with its first message, or when patience does.
async fn first(messages: &mut Messages) -> Option<Bytes> {
    match messages {
        Messages::None => {
            tokio::time::sleep(PATIENCE).await;
            None
        }
        Messages::Channel(receiver) => {
            match tokio::time::timeout(PATIENCE, receiver.recv()).await {
                Ok(Some(message)) => Some(message.into_bytes()),
                // Nobody sends any more: the reply is next.
                Ok(None) => std::future::pending().await,
                Err(_) => None,
            }
        }
        Messages::Stream { streams, id, .. } => {
            // Time is up: the stream begins, empty as it is.
            let _ = tokio::time::timeout(PATIENCE, streams.started(*id)).await;
            None
        }
    }
}

async fn next(receiver: &mut Option<mpsc::Receiver<Body>>) -> Option<Bytes> {
    match receiver {
        Some(receiver) => receiver.recv().await.map(Body::into_bytes),
        None => std::future::pending().await,
    }
}

/// One event, one chunk (RFC 9112, section 7.1).
fn chunk(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let mut event = BytesMut::new();
    write(&mut event);
    out.extend_from_slice(format!("{:x}\r\n", event.len()).as_bytes());
    out.extend_from_slice(&event);
    out.extend_from_slice(b"\r\n");
}
