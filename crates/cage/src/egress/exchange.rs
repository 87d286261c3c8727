//! What is asked and what is answered.

use bytes::Bytes;
use durward_guard::egress::{Method, RequestHeaders, Target};

/// A request on its way out.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub target: Target,
    /// What the caller set.
    pub headers: RequestHeaders,
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
