//! A response's head (RFC 9112, section 4).

use bytes::{BufMut, BytesMut};

/// What follows a response's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// So many bytes.
    Length(usize),
    /// Chunks.
    Chunked,
    /// Nothing, and nothing is said of it: for 204 and 304.
    None,
}

/// Writes status line, headers, framing and the empty line. Control bytes in values become blanks:
/// no value can end its line.
pub fn write_response_head(
    out: &mut BytesMut,
    status: u16,
    headers: &[(&str, &[u8])],
    body: BodyKind,
    keep_alive: bool,
) {
    out.reserve(256);
    out.put_slice(b"HTTP/1.1 ");
    put_number(out, usize::from(status));
    out.put_u8(b' ');
    out.put_slice(reason(status).as_bytes());
    out.put_slice(b"\r\n");
    for (name, value) in headers {
        put_header(out, name, value);
    }
    match body {
        BodyKind::Length(length) => {
            out.put_slice(b"content-length: ");
            put_number(out, length);
            out.put_slice(b"\r\n");
        }
        BodyKind::Chunked => put_header(out, "transfer-encoding", b"chunked"),
        BodyKind::None => {}
    }
    if !keep_alive {
        put_header(out, "connection", b"close");
    }
    out.put_slice(b"\r\n");
}

pub(super) fn put_header(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    let start = out.len();
    out.put_slice(value);
    for byte in &mut out[start..] {
        if byte.is_ascii_control() {
            *byte = b' ';
        }
    }
    out.put_slice(b"\r\n");
}

pub(super) fn put_number(out: &mut BytesMut, number: usize) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number;
    loop {
        start -= 1;
        // The last decimal digit, so it fits.
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(&digits[start..]);
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_heads() {
        let written = |status, headers: &[(&str, &[u8])], body, keep| {
            let mut out = BytesMut::new();
            write_response_head(&mut out, status, headers, body, keep);
            String::from_utf8(out.to_vec()).unwrap()
        };
        assert_eq!(
            written(200, &[("x", b"a\r\nb: c\0")], BodyKind::Length(0), true),
            "HTTP/1.1 200 OK\r\nx: a  b: c \r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(
            written(431, &[], BodyKind::Length(1_234_567_890), false),
            "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 1234567890\r\n\
             connection: close\r\n\r\n"
        );
        assert_eq!(
            written(204, &[], BodyKind::None, true),
            "HTTP/1.1 204 No Content\r\n\r\n"
        );
        let chunked = written(200, &[], BodyKind::Chunked, true);
        assert_eq!(
            chunked,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        );
    }
}
