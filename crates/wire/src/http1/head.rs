//! A request's head: request line and headers.

use std::mem::MaybeUninit;

use super::{BodyFraming, Headers, HostHeader, error::HeadError, target};

/// What a head may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the whole head.
    pub bytes: usize,
    /// Header lines; [`HEADERS_MAX`] at most.
    pub headers: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            bytes: 32 * 1024,
            headers: 100,
        }
    }
}

/// No limit on header lines can be above this.
pub const HEADERS_MAX: usize = 128;
/// Bytes of a target at most.
const TARGET_MAX: usize = 8 * 1024;
/// Bytes of a method at most.
const METHOD_MAX: usize = 32;

/// A request's method. Those that have no name here are answered alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "RFC 9110, section 9.3, names them")]
pub enum HttpMethod {
    Get,
    Post,
    Delete,
    Options,
    Head,
    Put,
    Patch,
    Other,
}

impl HttpMethod {
    fn of(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "POST" => Self::Post,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            "HEAD" => Self::Head,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }
}

/// A sound head.
#[derive(Debug, Clone)]
pub struct Head {
    /// The method.
    pub method: HttpMethod,
    /// The target's path, undecoded, at least `/`.
    pub path: String,
    /// What follows the target's first `?`, undecoded.
    pub query: Option<String>,
    /// 0 of HTTP/1.0 or 1 of HTTP/1.1.
    pub version: u8,
    /// All headers.
    pub headers: Headers,
    /// How long the body is.
    pub framing: BodyFraming,
    /// May the connection be used again?
    pub keep_alive: bool,
    /// Does the client wait for `100 Continue` before it sends the body?
    pub expect_continue: bool,
    /// Whom the request is for.
    pub host: HostHeader,
}

/// Reads the head at the start of `buf`: it and the bytes that it takes, or `None` if more is needed.
///
/// # Errors
/// [`HeadError`], as soon as it is known.
pub fn parse_head(buf: &[u8], limits: HeadLimits) -> Result<Option<(Head, usize)>, HeadError> {
    // RFC 9112, section 2.2: an empty line before the request is a courtesy to old clients.
    let lead = if buf.starts_with(b"\r\n") { 2 } else { 0 };
    let Some(length) = head_length(&buf[lead..], limits)? else {
        return Ok(None);
    };
    let head = &buf[lead..lead + length];
    check_request_line(head)?;
    let mut slots = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let slots = &mut slots[..limits.headers.min(HEADERS_MAX)];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, slots) {
        Ok(httparse::Status::Complete(read)) if read == head.len() => {}
        Ok(_) => return Err(HeadError::RequestLine),
        Err(error) => return Err(refusal(error)),
    }
    read(head, &request).map(|parsed| Some((parsed, lead + length)))
}

/// Bytes up to and with the empty line. Every line must end with CR LF, and CR be nowhere else.
pub(super) fn head_length(buf: &[u8], limits: HeadLimits) -> Result<Option<usize>, HeadError> {
    let seen = &buf[..buf.len().min(limits.bytes)];
    let mut line = 0;
    for end in memchr::memchr_iter(b'\n', seen) {
        let text = seen[line..end]
            .strip_suffix(b"\r")
            .ok_or(HeadError::LineEnd)?;
        if memchr::memchr(b'\r', text).is_some() {
            return Err(HeadError::LineEnd);
        }
        line = end + 1;
        if text.is_empty() {
            return Ok(Some(line));
        }
    }
    if seen.len() < limits.bytes {
        return Ok(None);
    }
    Err(if line == 0 {
        HeadError::TargetTooLong
    } else {
        HeadError::TooLarge
    })
}

/// Version and lengths, before the parser's less telling word.
pub(super) fn check_request_line(head: &[u8]) -> Result<(), HeadError> {
    let end = memchr::memchr(b'\r', head).unwrap_or(head.len());
    let mut words = head[..end].split(|byte| *byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    match (version, words.next()) {
        (Some(b"HTTP/1.0" | b"HTTP/1.1"), None) => {}
        (Some(other), None) if other.starts_with(b"HTTP/") => return Err(HeadError::Version),
        _ => return Err(HeadError::RequestLine),
    }
    if method.is_some_and(|method| method.len() > METHOD_MAX) {
        return Err(HeadError::MethodTooLong);
    }
    if target.is_some_and(|target| target.len() > TARGET_MAX) {
        return Err(HeadError::TargetTooLong);
    }
    Ok(())
}

pub(super) fn refusal(error: httparse::Error) -> HeadError {
    match error {
        httparse::Error::HeaderName => HeadError::HeaderName,
        httparse::Error::HeaderValue => HeadError::HeaderValue,
        httparse::Error::TooManyHeaders => HeadError::TooLarge,
        httparse::Error::NewLine => HeadError::LineEnd,
        httparse::Error::Version => HeadError::Version,
        httparse::Error::Token | httparse::Error::Status => HeadError::RequestLine,
    }
}

fn read(head: &[u8], request: &httparse::Request<'_, '_>) -> Result<Head, HeadError> {
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err(HeadError::RequestLine);
    };
    let headers = Headers::of_head(head, request.headers);
    let host = host(&headers)?;
    let target = target::read(target, &host)?;
    Ok(Head {
        method: HttpMethod::of(method),
        path: target.path,
        query: target.query,
        version,
        framing: BodyFraming::of(&headers, version)?,
        keep_alive: keeps_alive(&headers, version),
        expect_continue: version == 1 && headers.lists("expect", "100-continue"),
        headers,
        host,
    })
}

fn host(headers: &Headers) -> Result<HostHeader, HeadError> {
    let host = headers
        .only("host")
        .ok()
        .flatten()
        .ok_or(HeadError::HostCount)?;
    let host = std::str::from_utf8(host).map_err(|_| HeadError::Host)?;
    host.parse().map_err(|_| HeadError::Host)
}

pub(super) fn keeps_alive(headers: &Headers, version: u8) -> bool {
    let close = headers.lists("connection", "close");
    !close && (version == 1 || headers.lists("connection", "keep-alive"))
}
