//! Heads and bodies that are taken, and those that smuggle.

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Option<(Head, usize)>, HeadError> {
    parse_head(text.as_bytes(), HeadLimits::default())
}

fn head(text: &str) -> Head {
    parse(text).expect(text).expect(text).0
}

/// A request with these header lines besides a sound Host.
fn with(lines: &str) -> String {
    format!("POST /mcp HTTP/1.1\r\nHost: h\r\n{lines}\r\n")
}

#[test]
fn a_sound_head() {
    let text = "POST /mcp?a=b?c HTTP/1.1\r\nHOST: Example.COM:8080\r\nContent-Length: 12\r\n\
                X-A: 1\r\nx-a:\t 2 \r\nX-Empty:\r\nExpect: 100-Continue\r\n\r\nbody";
    let (head, read) = parse(text).unwrap().unwrap();
    assert_eq!(&text[read..], "body");
    assert_eq!(head.method, HttpMethod::Post);
    assert_eq!(
        (head.path.as_str(), head.query.as_deref()),
        ("/mcp", Some("a=b?c"))
    );
    assert_eq!(head.framing, BodyFraming::Length(12));
    assert_eq!(
        head.host,
        HostHeader {
            host: "example.com".to_owned(),
            port: Some(8080)
        }
    );
    assert!(head.keep_alive && head.expect_continue);
    assert_eq!(head.headers.get("x-a"), Some(&b"1"[..]));
    assert_eq!(head.headers.all("x-a").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(head.headers.only("x-a"), Err(Doubled));
    assert_eq!(head.headers.only("x-empty"), Ok(Some(&b""[..])));
    assert_eq!(head.headers.only("x-none"), Ok(None));
    assert_eq!(
        head.headers.iter().next(),
        Some(("host", &b"Example.COM:8080"[..]))
    );
}

#[test]
fn every_shorter_text_needs_more() {
    let text = with("Accept: */*\r\n");
    for end in 0..text.len() {
        assert!(parse(&text[..end]).unwrap().is_none(), "{end}");
    }
    assert!(parse(&format!("\r\n{text}")).unwrap().is_some());
}

#[test]
fn refused_with_a_status() {
    let long = "x".repeat(9_000);
    let many = "X: y\r\n".repeat(100);
    for (text, error, status) in [
        ("GET / HTTP/1.1\nHost: h\n\n", HeadError::LineEnd, 400),
        ("GET / HTTP/1.1\r\nHost: h\n\r\n", HeadError::LineEnd, 400),
        (
            "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
            HeadError::LineEnd,
            400,
        ),
        (
            "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
            HeadError::RequestLine,
            400,
        ),
        (
            "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
            HeadError::RequestLine,
            400,
        ),
        ("GET /\r\n\r\n", HeadError::RequestLine, 400),
        (
            "G(T / HTTP/1.1\r\nHost: h\r\n\r\n",
            HeadError::RequestLine,
            400,
        ),
        ("\r\n\r\n", HeadError::RequestLine, 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HeadError::Version, 505),
        ("GET / HTTP/1.2\r\nHost: h\r\n\r\n", HeadError::Version, 505),
        ("GET / HTTP/0.9\r\nHost: h\r\n\r\n", HeadError::Version, 505),
        (
            "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
            HeadError::Target,
            400,
        ),
        (
            "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n",
            HeadError::Target,
            400,
        ),
        (
            "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
            HeadError::Target,
            400,
        ),
        ("GET /é HTTP/1.1\r\nHost: h\r\n\r\n", HeadError::Target, 400),
        (
            "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
            HeadError::Target,
            400,
        ),
        (
            "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n",
            HeadError::Target,
            400,
        ),
        (
            "GET http://g/ HTTP/1.1\r\nHost: h\r\n\r\n",
            HeadError::HostMismatch,
            400,
        ),
        (
            "GET http://h:81/ HTTP/1.1\r\nHost: h\r\n\r\n",
            HeadError::HostMismatch,
            400,
        ),
        ("GET / HTTP/1.1\r\n\r\n", HeadError::HostCount, 400),
        ("GET / HTTP/1.0\r\n\r\n", HeadError::HostCount, 400),
        (&with("Host: h\r\n"), HeadError::HostCount, 400),
        (&with("X : y\r\n"), HeadError::HeaderName, 400),
        (&with("X: y\r\n z\r\n"), HeadError::HeaderName, 400),
        (&with(": y\r\n"), HeadError::HeaderName, 400),
        (&with("X: a\u{0}b\r\n"), HeadError::HeaderValue, 400),
        (&with("X: a\u{7f}b\r\n"), HeadError::HeaderValue, 400),
        (
            &with("Content-Length: 1\r\nContent-Length: 1\r\n"),
            HeadError::ContentLength,
            400,
        ),
        (
            &with("Content-Length: 1, 1\r\n"),
            HeadError::ContentLength,
            400,
        ),
        (
            &with("Content-Length: +1\r\n"),
            HeadError::ContentLength,
            400,
        ),
        (
            &with("Content-Length: 0x1\r\n"),
            HeadError::ContentLength,
            400,
        ),
        (&with("Content-Length:\r\n"), HeadError::ContentLength, 400),
        (
            &with("Content-Length: 99999999999999999999\r\n"),
            HeadError::BodyTooLarge,
            413,
        ),
        (
            &with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
            HeadError::TwoFramings,
            400,
        ),
        (
            &with("Transfer-Encoding: gzip, chunked\r\n"),
            HeadError::TransferEncoding,
            501,
        ),
        (
            &with("Transfer-Encoding: xchunked\r\n"),
            HeadError::TransferEncoding,
            501,
        ),
        (
            &with("Transfer-Encoding: \u{b}chunked\r\n"),
            HeadError::HeaderValue,
            400,
        ),
        (
            &with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            HeadError::TransferEncoding,
            501,
        ),
        (
            "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
            HeadError::OldTransferEncoding,
            400,
        ),
        (&with(&many), HeadError::TooLarge, 431),
        (
            &with(&format!("X: {long}{long}{long}{long}\r\n")),
            HeadError::TooLarge,
            431,
        ),
        (
            &format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n"),
            HeadError::TargetTooLong,
            414,
        ),
        (
            &format!("GET /{long}{long}{long}{long}"),
            HeadError::TargetTooLong,
            414,
        ),
        (
            &format!("{long} / HTTP/1.1\r\nHost: h\r\n\r\n"),
            HeadError::MethodTooLong,
            501,
        ),
    ] {
        let refused = parse(text).expect_err(text);
        assert_eq!((refused, refused.status()), (error, status), "{text:.60}");
    }
}

#[test]
fn absolute_form_for_the_same_host() {
    let head = head("GET http://H:80?q HTTP/1.1\r\nHost: h:80\r\n\r\n");
    assert_eq!(
        (head.path.as_str(), head.query.as_deref()),
        ("/", Some("q"))
    );
}

#[test]
fn connections_that_stay() {
    assert!(!head(&with("Connection: x, Close\r\n")).keep_alive);
    let old = |lines| head(&format!("GET / HTTP/1.0\r\nHost: h\r\n{lines}\r\n")).keep_alive;
    assert!(!old(""));
    assert!(old("Connection: Keep-Alive\r\n"));
}

fn decode(input: &[u8], limit: usize) -> Result<(Progress, Vec<u8>, Vec<u8>), ChunkError> {
    let (mut input, mut out) = (BytesMut::from(input), BytesMut::new());
    let progress = ChunkedDecoder::new().decode(&mut input, &mut out, limit)?;
    Ok((progress, out.to_vec(), input.to_vec()))
}

#[test]
fn chunks_make_a_body() {
    let text = b"4;a=\"b\"\r\nWiki\r\n00A\r\npedia in \r\r\n0\r\nX: y\r\n\r\nGET";
    let (progress, body, rest) = decode(text, 14).unwrap();
    assert_eq!(
        (progress, &body[..], &rest[..]),
        (Progress::Done, &b"Wikipedia in \r"[..], &b"GET"[..])
    );
}

#[test]
fn chunks_that_smuggle() {
    let long = format!("1;{}\r\na\r\n", "x".repeat(256));
    let unfinished = format!("1;{}", "x".repeat(300));
    let trailers = format!("0\r\n{}\r\n", "X: y\r\n".repeat(2_000));
    for text in [
        "4\nWiki\r\n",
        "4\r\nWikiX\r\n",
        "4\r\nWiki\n",
        "4 \r\nWiki\r\n",
        "0x4\r\nWiki\r\n",
        "+4\r\nWiki\r\n",
        "-1\r\n",
        ";a\r\n",
        "\r\n",
        "00000000000000001\r\na\r\n",
        "4;\u{1}\r\nWiki\r\n",
        "4;a\rb\r\nWiki\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\n\n",
        &long,
        &unfinished,
        &trailers,
    ] {
        let refused = decode(text.as_bytes(), 100);
        assert_eq!(refused.err(), Some(ChunkError::Malformed), "{text:.40}");
    }
    assert_eq!(decode(b"5\r\n", 4), Err(ChunkError::TooLarge));
    assert_eq!(decode(b"3\r\nabc\r\n2\r\n", 4), Err(ChunkError::TooLarge));
    assert_eq!(
        decode(b"ffffffffffffffff\r\n", 4).unwrap_err().status(),
        413
    );
}

/// Pieces of heads, so that random ones come near to sound.
fn head_soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        &b"GET "[..],
        b"POST ",
        b"/",
        b"http://h/",
        b" ",
        b"HTTP/1.1",
        b"HTTP/1.0",
        b"\r\n",
        b"\n",
        b"Host: h",
        b"Host: [::1]:8",
        b"Content-Length: 3",
        b"Transfer-Encoding: chunked",
        b":",
        b"X-Y: z",
        b"\xff",
        b"\0",
        b"\r\n\r\n",
        b"?",
        b"Connection: close",
    ]);
    prop::collection::vec(pieces, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_head(&bytes, HeadLimits { bytes: 100, headers: 2 });
        let _ = decode(&bytes, 50);
    }

    #[test]
    fn nearly_sound_heads_are_judged(bytes in head_soup()) {
        if let Ok(Some((head, read))) = parse_head(&bytes, HeadLimits::default()) {
            prop_assert!(read <= bytes.len() && bytes[..read].ends_with(b"\r\n\r\n"));
            prop_assert_eq!(head.headers.all("host").count(), 1);
            prop_assert!(head.path.starts_with('/'));
        }
    }

    #[test]
    fn a_body_is_the_same_however_it_is_cut(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..6),
        step in 1_usize..7,
    ) {
        let mut sent = Vec::new();
        for chunk in &chunks {
            sent.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            sent.extend(chunk);
            sent.extend(b"\r\n");
        }
        sent.extend(b"0\r\n\r\n");
        let (mut decoder, mut input, mut out) = Default::default();
        let mut last = Progress::NeedMore;
        for piece in sent.chunks(step) {
            prop_assert_eq!(last, Progress::NeedMore);
            BytesMut::extend_from_slice(&mut input, piece);
            last = ChunkedDecoder::decode(&mut decoder, &mut input, &mut out, 1_000).unwrap();
        }
        prop_assert_eq!(last, Progress::Done);
        prop_assert_eq!(out.to_vec(), chunks.concat());
    }
}
