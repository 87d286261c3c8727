//! A request for an `http://` URL, passed on: one request, one connection, one answer.
//!
//! Both heads are written anew, so that no two parsers read one differently, and the body of each is as
//! long as its head says. The client is told that the connection closes, so its next request is judged as this one.

use std::io;

use bytes::BytesMut;
use durward_guard::egress::Target;
use durward_wire::http1::{
    AnswerFraming, AnswerHead, BodyFraming, BodyKind, HeadLimits, ProxyHead, end_with_length,
    end_without_body, take_answer_head, write_header, write_request_line, write_response_head,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, split};

use super::{
    body::{self, Framing},
    client::{Client, Pipe, more},
    tunnel::{Moved, Traffic},
};

/// Header lines of an answer at most.
const HEADERS: usize = 128;
/// Interim (1xx) answers to one request.
const INTERIM: usize = 8;

/// Passes the request on, and its answer back.
///
/// # Errors
/// Where nothing of an answer was passed on yet, so that it can be said that there is none.
pub(super) async fn run(
    client: &mut Client<impl Pipe>,
    mut server: impl Pipe,
    (head, target): (&ProxyHead, &Target),
    limit: usize,
    traffic: &Traffic,
) -> Result<(), NoAnswer> {
    let (from_client, to_client) = (&mut client.ahead, &mut client.stream);
    let (mut client_reads, mut client_writes) = split(to_client);
    let (mut server_reads, mut server_writes) = split(&mut server);
    let asked = async {
        server_writes.write_all(&request(head, target)).await?;
        let framing = match head.framing {
            BodyFraming::None => Framing::None,
            BodyFraming::Length(length) => Framing::Length(length),
            BodyFraming::Chunked => Framing::Chunked,
        };
        let to = &mut server_writes;
        body::pass(framing, &mut client_reads, from_client, to, &traffic.sent).await
    };
    let answered = answer(
        &mut server_reads,
        &mut client_writes,
        head,
        limit,
        &traffic.received,
    );
    tokio::pin!(asked, answered);
    tokio::select! {
        // A server may answer before it has heard all: then the rest is of no use.
        done = &mut answered => done,
        asked = &mut asked => match asked {
            // The client broke off, or what it sent is no body: there is nobody to answer.
            Err(error) if is_clients(&error) => Ok(()),
            // A server that breaks off may have answered.
            Ok(()) | Err(_) => answered.await,
        },
    }
}

fn is_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, UnexpectedEof};
    matches!(error.kind(), InvalidData | UnexpectedEof)
}

/// The server said nothing that can be passed on.
pub(super) struct NoAnswer;

fn request(head: &ProxyHead, target: &Target) -> BytesMut {
    let mut out = BytesMut::new();
    let (path, authority) = (target.path_and_query(), target.authority());
    write_request_line(&mut out, &head.method, path, authority);
    for (name, value) in head
        .headers
        .end_to_end()
        .filter(|(name, _)| *name != "host")
    {
        write_header(&mut out, name, value);
    }
    write_header(&mut out, "connection", b"close");
    match head.framing {
        BodyFraming::None => end_without_body(&mut out),
        BodyFraming::Length(length) => {
            end_with_length(&mut out, usize::try_from(length).unwrap_or(usize::MAX));
        }
        BodyFraming::Chunked => {
            write_header(&mut out, "transfer-encoding", b"chunked");
            end_without_body(&mut out);
        }
    }
    out
}

async fn answer(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    asked: &ProxyHead,
    limit: usize,
    moved: &Moved,
) -> Result<(), NoAnswer> {
    let limits = HeadLimits {
        bytes: limit,
        headers: HEADERS,
    };
    let mut ahead = BytesMut::new();
    let mut interim = 0;
    let head = loop {
        match take_answer_head(&mut ahead, limits) {
            // A switch of protocols was not asked for (RFC 9110, section 15.2.2).
            Ok(Some(head)) if head.status == 101 || interim == INTERIM => return Err(NoAnswer),
            Ok(Some(head)) if head.status < 200 => {
                interim += 1;
                if head.status == 100 && asked.version == 1 {
                    let said = to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
                    said.map_err(|_| NoAnswer)?;
                }
            }
            Ok(Some(head)) => break head,
            Ok(None) => {
                more(from, &mut ahead).await.map_err(|_| NoAnswer)?;
                moved.by(0);
            }
            Err(_) => return Err(NoAnswer),
        }
    };
    let framing = framing(&head, asked);
    // From here on what fails has begun, and its client sees that it is cut.
    let _ = pass(from, to, (&head, framing), &mut ahead, moved).await;
    Ok(())
}

async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    (head, framing): (&AnswerHead, Framing),
    ahead: &mut BytesMut,
    moved: &Moved,
) -> io::Result<()> {
    let mut headers: Vec<_> = head.headers.end_to_end().collect();
    let kind = match framing {
        Framing::Chunked => BodyKind::Chunked,
        Framing::None | Framing::Length(_) | Framing::Unchunked | Framing::UntilClose => {
            BodyKind::None
        }
    };
    // What an answer to HEAD would have had, and 304 has, is said too.
    let length = head.headers.get("content-length");
    if matches!(framing, Framing::None | Framing::Length(_)) && head.status != 204 {
        headers.extend(length.map(|length| ("content-length", length)));
    }
    let mut out = BytesMut::new();
    write_response_head(&mut out, head.status, &headers, kind, false);
    to.write_all(&out).await?;
    body::pass(framing, from, ahead, to, moved).await
}

fn framing(head: &AnswerHead, asked: &ProxyHead) -> Framing {
    match head.framing {
        _ if asked.method == "HEAD" => Framing::None,
        AnswerFraming::None => Framing::None,
        AnswerFraming::Length(length) => Framing::Length(length),
        AnswerFraming::Chunked if asked.version == 0 => Framing::Unchunked,
        AnswerFraming::Chunked => Framing::Chunked,
        AnswerFraming::UntilClose => Framing::UntilClose,
    }
}
