//! Which headers go out for a caller, and which come back.

use super::EgressFault;

/// How many headers a caller may set, and how long all of them may be together.
const MOST: usize = 32;
const LONGEST: usize = 8 * 1024;

/// What a caller may set. Framing, identity and what proxies and clouds believe in is durward's alone.
const SETTABLE: &[&str] = &[
    "accept",
    "accept-language",
    "api-version",
    "cache-control",
    "content-language",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "prefer",
    "range",
    "user-agent",
    "x-api-key",
    "x-api-version",
    "x-correlation-id",
    "x-github-api-version",
    "x-request-id",
    "x-requested-with",
];

/// What stays with a request that is redirected to another origin: it says what is wanted, not by whom.
const PORTABLE: &[&str] = &[
    "accept",
    "accept-language",
    "cache-control",
    "content-language",
    "content-type",
    "if-modified-since",
    "if-none-match",
    "range",
    "user-agent",
];

/// What describes a body, and goes when the body does.
const OF_BODY: &[&str] = &["content-language", "content-type"];

/// The headers that a caller gave: lower-case names that may be set, values in one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestHeaders(Vec<(&'static str, Box<str>)>);

impl RequestHeaders {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; the same name again replaces it.
    ///
    /// # Errors
    /// `invalid_header_name`, `crlf_in_header`, `header_not_allowed` or `headers_too_large`.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), EgressFault> {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(EgressFault::InvalidHeaderName);
        }
        if value.bytes().any(|b| b < b' ' && b != b'\t' || b == 0x7f) {
            return Err(EgressFault::CrlfInHeader);
        }
        let lower = name.to_ascii_lowercase();
        let known = SETTABLE.iter().find(|known| **known == lower);
        let name = *known.ok_or(EgressFault::HeaderNotAllowed)?;
        self.0.retain(|(other, _)| *other != name);
        let length: usize = self
            .0
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if self.0.len() == MOST || length + name.len() + value.len() > LONGEST {
            return Err(EgressFault::HeadersTooLarge);
        }
        self.0.push((name, value.trim().into()));
        Ok(())
    }

    /// Names (lower-case) and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }

    /// Has it this one? The name is lower-case.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| *own == name)
    }

    pub(super) fn keep_portable(&mut self) {
        self.0.retain(|(name, _)| PORTABLE.contains(name));
    }

    pub(super) fn drop_those_of_body(&mut self) {
        self.0.retain(|(name, _)| !OF_BODY.contains(name));
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What of an answer's headers a caller is shown. Cookies, proxies' and connections' stay outside.
const RETURNED: &[&str] = &[
    "accept-ranges",
    "age",
    "allow",
    "cache-control",
    "content-disposition",
    "content-language",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "deprecation",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "ratelimit",
    "ratelimit-limit",
    "ratelimit-policy",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "sunset",
    "vary",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
];

/// Is a header of an answer shown to the caller? The name is lower-case.
pub fn is_returned(name: &str) -> bool {
    RETURNED.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use EgressFault::{CrlfInHeader, HeaderNotAllowed, HeadersTooLarge, InvalidHeaderName};

    use super::*;

    #[test]
    fn what_a_caller_may_set_is_set_once() {
        let mut headers = RequestHeaders::new();
        headers.set("Accept", " text/html ").unwrap();
        headers.set("ACCEPT", "text/plain").unwrap();
        headers.set("X-Api-Key", "k\tk").unwrap();
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [("accept", "text/plain"), ("x-api-key", "k\tk")]);
    }

    #[test]
    fn what_is_not_the_callers_is_refused() {
        let mut headers = RequestHeaders::new();
        for name in [
            "Host",
            "Connection",
            "Transfer-Encoding",
            "Content-Length",
            "Cookie",
            "Authorization",
            "Proxy-Authorization",
            "Proxy-Connection",
            "Metadata",
            "Metadata-Flavor",
            "TE",
            "Upgrade",
            "X-aws-ec2-metadata-token",
            "X-Forwarded-For",
            "Forwarded",
            "Expect",
            "Accept-Encoding",
            "X-Real-IP",
            "X-HTTP-Method-Override",
            "Keep-Alive",
            "Trailer",
            "Via",
        ] {
            assert_eq!(headers.set(name, "a"), Err(HeaderNotAllowed), "{name}");
        }
        for name in ["", "a b", "a:", "a\r\nb", "ä", "\0", "Accept "] {
            assert_eq!(headers.set(name, "a"), Err(InvalidHeaderName), "{name:?}");
        }
        for value in ["a\r\nHost: b", "a\nb", "a\0", "\r", "\x7f"] {
            assert_eq!(headers.set("accept", value), Err(CrlfInHeader), "{value:?}");
        }
        assert_eq!(
            headers.set("accept", &"a".repeat(9000)),
            Err(HeadersTooLarge)
        );
        assert_eq!(headers, RequestHeaders::new());
    }

    #[test]
    fn cookies_and_proxies_stay_outside() {
        assert!(RETURNED.is_sorted());
        for name in [
            "set-cookie",
            "set-cookie2",
            "proxy-authenticate",
            "www-authenticate",
            "connection",
        ] {
            assert!(!is_returned(name), "{name}");
        }
        assert!(is_returned("content-type") && is_returned("etag"));
    }
}
