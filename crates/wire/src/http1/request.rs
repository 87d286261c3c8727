//! A request's head that we send (RFC 9112, section 3), in parts: what is the same for many requests is
//! written once.

use bytes::{BufMut, BytesMut};

use super::response::{put_header, put_number};

/// Begins a head: the request line and `Host`. `target` and `authority` are those of a parsed URL.
pub fn write_request_line(out: &mut BytesMut, method: &str, target: &str, authority: &str) {
    out.put_slice(method.as_bytes());
    out.put_u8(b' ');
    out.put_slice(target.as_bytes());
    out.put_slice(b" HTTP/1.1\r\n");
    put_header(out, "host", authority.as_bytes());
}

/// Goes on with a head. Control bytes in the value become blanks: no value can end its line.
pub fn write_header(out: &mut BytesMut, name: &str, value: &[u8]) {
    put_header(out, name, value);
}

/// Ends the head of a request with a body of so many bytes.
pub fn end_with_length(out: &mut BytesMut, length: usize) {
    out.put_slice(b"content-length: ");
    put_number(out, length);
    out.put_slice(b"\r\n\r\n");
}

/// Ends the head of a request without a body.
pub fn end_without_body(out: &mut BytesMut) {
    out.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_in_parts() {
        let mut out = BytesMut::new();
        write_request_line(&mut out, "POST", "/mcp?a=b", "h:1");
        write_header(&mut out, "x", b"y\r\nz: evil");
        end_with_length(&mut out, 12);
        assert_eq!(
            out,
            "POST /mcp?a=b HTTP/1.1\r\nhost: h:1\r\nx: y  z: evil\r\ncontent-length: 12\r\n\r\n"
        );
    }
}
