//! A request's head as proxies are sent it: authority-form and absolute-form (RFC 9112, sections 3.2.2 and 3.2.3).

use std::mem::MaybeUninit;

use bytes::BytesMut;

use super::{
    BodyFraming, HEADERS_MAX, HeadLimits, Headers,
    error::HeadError,
    head::{check_request_line, head_length, refusal},
};

/// What stays on one connection (RFC 9110, section 7.6.1), beside what `Connection` names.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A sound head. Whom it is for is said by its target alone.
#[derive(Debug, Clone)]
pub struct ProxyHead {
    /// The method's name.
    pub method: String,
    /// The target as it was written: graphic ASCII without `#`.
    pub target: String,
    /// 0 of HTTP/1.0 or 1 of HTTP/1.1.
    pub version: u8,
    /// All headers.
    pub headers: Headers,
    /// How long the body is.
    pub framing: BodyFraming,
}

/// Takes the head of a request to a proxy off the start of `buf`, or nothing until more is read.
///
/// # Errors
/// [`HeadError`], as soon as it is known; then the connection is of no more use.
pub fn take_proxy_head(
    buf: &mut BytesMut,
    limits: HeadLimits,
) -> Result<Option<ProxyHead>, HeadError> {
    let Some(length) = head_length(buf, limits)? else {
        return Ok(None);
    };
    let head = buf.split_to(length);
    check_request_line(&head)?;
    let mut slots = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let slots = &mut slots[..limits.headers.min(HEADERS_MAX)];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(&head, slots) {
        Ok(httparse::Status::Complete(read)) if read == head.len() => {}
        Ok(_) => return Err(HeadError::RequestLine),
        Err(error) => return Err(refusal(error)),
    }
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err(HeadError::RequestLine);
    };
    if !target
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    {
        return Err(HeadError::Target);
    }
    let headers = Headers::of_head(&head, request.headers);
    headers.only("host").map_err(|_| HeadError::HostCount)?;
    Ok(Some(ProxyHead {
        method: method.to_owned(),
        target: target.to_owned(),
        version,
        framing: BodyFraming::of(&headers, version)?,
        headers,
    }))
}

impl Headers {
    /// Those that go on to the next connection. How the body ends is for whoever sends it to say.
    pub fn end_to_end(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().filter(|(name, _)| {
            *name != "content-length"
                && !HOP_BY_HOP.contains(name)
                && !self.lists("connection", name)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(text: &str) -> Result<Option<ProxyHead>, HeadError> {
        take_proxy_head(&mut BytesMut::from(text), HeadLimits::default())
    }

    #[test]
    fn both_forms_are_taken_with_what_follows_left() {
        for (line, method, target) in [
            (
                "CONNECT api.x.example:443 HTTP/1.1",
                "CONNECT",
                "api.x.example:443",
            ),
            (
                "GET http://a.example/b?c HTTP/1.0",
                "GET",
                "http://a.example/b?c",
            ),
            (
                "PROPFIND http://a.example/ HTTP/1.1",
                "PROPFIND",
                "http://a.example/",
            ),
        ] {
            let mut buf = BytesMut::from(&*format!("{line}\r\nX: y\r\n\r\nrest"));
            let head = take_proxy_head(&mut buf, HeadLimits::default());
            let head = head.unwrap().unwrap();
            assert_eq!((&*head.method, &*head.target), (method, target));
            assert_eq!(&buf[..], b"rest");
        }
    }

    #[test]
    fn what_two_parsers_might_read_differently_is_refused() {
        for (text, error) in [
            ("GET http://a/ HTTP/1.1\nX: y\r\n\r\n", HeadError::LineEnd),
            ("GET http://a/\r\n\r\n", HeadError::RequestLine),
            ("GET  http://a/ HTTP/1.1\r\n\r\n", HeadError::RequestLine),
            ("GET http://a/#b HTTP/1.1\r\n\r\n", HeadError::Target),
            ("GET http://\u{e4}/ HTTP/1.1\r\n\r\n", HeadError::Target),
            ("CONNECT a\0.b:443 HTTP/1.1\r\n\r\n", HeadError::RequestLine),
            ("GET http://a/ HTTP/2\r\n\r\n", HeadError::Version),
            (
                "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                HeadError::HostCount,
            ),
            (
                "GET http://a/ HTTP/1.1\r\nX: y\r\n z\r\n\r\n",
                HeadError::HeaderName,
            ),
            (
                "POST http://a/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                HeadError::TwoFramings,
            ),
        ] {
            assert_eq!(take(text).unwrap_err(), error, "{text:?}");
        }
        let long = format!("GET http://a/ HTTP/1.1\r\nx: {}", "y".repeat(40_000));
        assert_eq!(take(&long).unwrap_err(), HeadError::TooLarge);
    }

    #[test]
    fn what_is_of_one_connection_stays_there() {
        let head = take(
            "GET http://a/ HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine\r\nProxy-Connection: keep-alive\r\n\
             Proxy-Authorization: Basic c2VjcmV0\r\nx-mine: 1\r\nTE: trailers\r\nUpgrade: h2c\r\n\
             Content-Length: 0\r\nAccept: */*\r\n\r\n",
        );
        let headers = head.unwrap().unwrap().headers;
        let names: Vec<_> = headers.end_to_end().map(|(name, _)| name).collect();
        assert_eq!(names, ["host", "accept"]);
    }

    proptest! {
        #[test]
        fn every_split_gives_the_same_head(cut in 0_usize..70) {
            let text = b"POST http://a.example/ HTTP/1.1\r\nContent-Length: 5\r\nX: z\r\n\r\nhello";
            let cut = cut.min(text.len());
            let mut buf = BytesMut::from(&text[..cut]);
            let early = take_proxy_head(&mut buf, HeadLimits::default()).unwrap();
            buf.extend_from_slice(&text[cut..]);
            let head = match early {
                Some(head) => head,
                None => take_proxy_head(&mut buf, HeadLimits::default()).unwrap().unwrap(),
            };
            prop_assert_eq!(&buf[..], b"hello");
            prop_assert_eq!(head.framing, BodyFraming::Length(5));
        }

        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = take_proxy_head(&mut BytesMut::from(&bytes[..]), HeadLimits::default());
        }
    }
}
