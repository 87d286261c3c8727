//! What is asked and what is answered, and the walk between the two.

use std::time::Duration;

use bytes::Bytes;
use durward_core::Secret;
use durward_guard::egress::{
    EgressFault, Hop, Method, RequestHeaders, Target, follow, is_redirect, is_returned,
};
use hyper::{
    HeaderMap,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Budget,
    connector::Shared,
    decode::{ACCEPTED, Coding, Decoder},
    link::{Link, LinkFault, Whole},
    pool::{Key, Turn},
    standing::Standing,
};

/// The most redirects that are followed, whatever the budget says.
const REDIRECTS: u8 = 5;
/// Bytes a second, on the whole, of which a body may fall short for so long.
const SLOWEST: u64 = 1024;
const GRACE: Duration = Duration::from_secs(5);
/// What we say of ourselves where the caller says nothing.
const AGENT: &str = concat!("durward/", env!("CARGO_PKG_VERSION"));

/// A request on its way out.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub target: Target,
    /// What the caller set.
    pub headers: RequestHeaders,
    /// What proves to the target who durward is, as the value of `Authorization`: no caller can set it, and
    /// no redirect takes it along.
    pub proof: Option<Secret>,
    /// The body; empty is none.
    pub body: Bytes,
}

/// What came back, decoded and bounded.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status, 200 to 599.
    pub status: u16,
    /// Where it came from in the end.
    pub target: Target,
    /// How many redirects led there.
    pub redirects: u8,
    /// The headers that callers are shown, in the order in which they came; names are lower-case.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The body, decompressed, at most as long as the budget says.
    pub body: Bytes,
    /// Is the body longer than that?
    pub truncated: bool,
}

impl Response {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| &**own == name)
            .map(|(_, value)| &**value)
    }
}

/// An answer whose body is still on its way.
struct Answer {
    head: hyper::http::response::Parts,
    body: Incoming,
    link: Link,
    key: Key,
    _turn: Turn,
}

/// Sends the request, follows its redirects, and reads the last answer.
pub(super) async fn run(
    shared: &Shared,
    standing: &Standing,
    request: Request,
    budget: &Budget,
) -> Result<Response, EgressFault> {
    if request.method.is_read() && !request.body.is_empty() {
        return Err(EgressFault::BodyNotAllowed);
    }
    let mut hop = Hop {
        method: request.method,
        target: request.target,
        headers: request.headers,
        has_body: !request.body.is_empty(),
    };
    let (mut redirects, mut proof) = (0, request.proof);
    loop {
        let body = if hop.has_body {
            request.body.clone()
        } else {
            Bytes::new()
        };
        let judged = standing.policy.judge_target(&hop.target);
        judged.map_err(|fault| {
            if redirects > 0 {
                fault.of_redirect()
            } else {
                fault
            }
        })?;
        let answer = ask(shared, standing, (&hop, proof.as_ref()), body, budget).await?;
        let status = answer.head.status.as_u16();
        let location = answer.head.headers.get(header::LOCATION);
        match location.filter(|_| is_redirect(status) && budget.redirects > 0) {
            None => {
                return read(shared, hop, redirects, answer, budget).await;
            }
            Some(_) if redirects == budget.redirects.min(REDIRECTS) => {
                return Err(EgressFault::TooManyRedirects);
            }
            Some(location) => {
                let location = str::from_utf8(location.as_bytes())
                    .map_err(|_| EgressFault::InvalidRedirect)?
                    .to_owned();
                hop = follow(hop, status, &location)?;
                proof = None;
                redirects += 1;
            }
        }
    }
}

/// One request and the head of its answer, on a connection that waited or on a new one.
async fn ask(
    shared: &Shared,
    standing: &Standing,
    (hop, proof): (&Hop, Option<&Secret>),
    body: Bytes,
    budget: &Budget,
) -> Result<Answer, EgressFault> {
    let key = Key {
        origin: hop.target.origin().clone(),
        standing: standing.id,
    };
    let turn = shared.pool.turn(&key).await?;
    let mut waited = shared.pool.take(&key);
    loop {
        let may_repeat = waited.is_some() && hop.method.is_idempotent();
        let mut link = match waited.take() {
            Some(link) => link,
            None => Link::new(shared.open(standing, &hop.target, budget.connect).await?).await?,
        };
        let sent = link.send(compose(standing, hop, proof, body.clone())?);
        match timeout(budget.first_byte, sent).await {
            Err(_) => return Err(EgressFault::FirstByteTimeout),
            Ok(Err(LinkFault::Fault(fault))) => return Err(fault),
            Ok(Err(LinkFault::Stale)) if may_repeat => {}
            Ok(Err(LinkFault::Stale)) => return Err(EgressFault::BadResponse),
            Ok(Ok(answer)) => {
                let (head, body) = answer.into_parts();
                // A switch of protocols was not asked for (RFC 9110 section 15.2.2).
                if head.status.is_informational() {
                    return Err(EgressFault::BadResponse);
                }
                return Ok(Answer {
                    head,
                    body,
                    link,
                    key,
                    _turn: turn,
                });
            }
        }
    }
}

/// The request as it goes onto the wire.
fn compose(
    standing: &Standing,
    hop: &Hop,
    proof: Option<&Secret>,
    body: Bytes,
) -> Result<hyper::Request<Whole>, EgressFault> {
    let mut headers = HeaderMap::new();
    let host =
        HeaderValue::from_str(hop.target.authority()).map_err(|_| EgressFault::InvalidUrl)?;
    headers.insert(header::HOST, host);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    // A part of a compressed body can't be decoded.
    let coding = if hop.headers.contains("range") {
        "identity"
    } else {
        ACCEPTED
    };
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(coding));
    if body.is_empty() && !hop.method.is_read() {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    for (name, value) in hop.headers.iter() {
        let value = HeaderValue::from_str(value).map_err(|_| EgressFault::CrlfInHeader)?;
        headers.insert(HeaderName::from_static(name), value);
    }
    if let Some(proof) = proof {
        let value = HeaderValue::from_str(proof.expose());
        let mut value = value.map_err(|_| EgressFault::CrlfInHeader)?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    standing.add_credentials(hop.target.origin(), &mut headers);
    let mut request = hyper::Request::builder()
        .method(hop.method.as_str())
        .uri(hop.target.path_and_query())
        .body(Whole::new(body))
        .map_err(|_| EgressFault::InvalidUrl)?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Reads the body of an answer as far as it is wanted.
async fn read(
    shared: &Shared,
    hop: Hop,
    redirects: u8,
    answer: Answer,
    budget: &Budget,
) -> Result<Response, EgressFault> {
    let Answer {
        head,
        mut body,
        mut link,
        key,
        _turn: turn,
    } = answer;
    let mut decoder = Decoder::new(coding(&head.headers)?, budget.body, budget.wire);
    let begun = Instant::now() + GRACE;
    let is_whole = loop {
        let latest = begun + Duration::from_millis(decoder.taken() * 1000 / SLOWEST);
        let next = timeout_at(latest, link.next(&mut body)).await;
        match next.map_err(|_| EgressFault::TooSlow)?? {
            None => break true,
            Some(bytes) if decoder.take(&bytes)? => {}
            Some(_) => break false,
        }
    };
    drop(body);
    if is_whole && link.settle().await {
        shared.pool.put(key, link);
    }
    drop(turn);
    let (body, truncated) = decoder.finish()?;
    Ok(Response {
        status: head.status.as_u16(),
        target: hop.target,
        redirects,
        headers: returned(&head.headers),
        body,
        truncated,
    })
}

/// The coding of an answer, whose lines are one list (RFC 9110 section 5.3).
fn coding(headers: &HeaderMap) -> Result<Coding, EgressFault> {
    let mut all = String::new();
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let value = value.to_str().map_err(|_| EgressFault::UnknownEncoding)?;
        all.push_str(value);
        all.push(',');
    }
    Coding::parse(&all)
}

fn returned(headers: &HeaderMap) -> Vec<(Box<str>, Box<str>)> {
    headers
        .iter()
        .filter(|(name, _)| is_returned(name.as_str()))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().into(), value.into())
        })
        .collect()
}
