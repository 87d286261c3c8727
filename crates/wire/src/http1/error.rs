//! Why a request's head is refused.

/// A head that is not taken. After any of them the connection is closed: where the next request would
/// start is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says what it is in its message")]
pub enum HeadError {
    #[error("a line does not end with CR LF")]
    LineEnd,
    #[error("the request line is malformed")]
    RequestLine,
    #[error("the status line is malformed")]
    StatusLine,
    #[error("a header's name is malformed, or continues the line before")]
    HeaderName,
    #[error("a header's value holds a control character")]
    HeaderValue,
    #[error("the request target is malformed")]
    Target,
    #[error("exactly one Host header is needed")]
    HostCount,
    #[error("the Host header is malformed")]
    Host,
    #[error("the request target names another host than the Host header")]
    HostMismatch,
    #[error("Content-Length is malformed or repeated")]
    ContentLength,
    #[error("Content-Length and Transfer-Encoding exclude each other")]
    TwoFramings,
    #[error("Transfer-Encoding is not part of HTTP/1.0")]
    OldTransferEncoding,
    #[error("the body is too large")]
    BodyTooLarge,
    #[error("the request target is too long")]
    TargetTooLong,
    #[error("the head is too large or has too many headers")]
    TooLarge,
    #[error("Transfer-Encoding other than chunked is not supported")]
    TransferEncoding,
    #[error("the method is too long")]
    MethodTooLong,
    #[error("only HTTP/1.0 and HTTP/1.1 are spoken here")]
    Version,
}

impl HeadError {
    /// The HTTP status to answer with.
    pub fn status(self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::TargetTooLong => 414,
            Self::TooLarge => 431,
            Self::TransferEncoding | Self::MethodTooLong => 501,
            Self::Version => 505,
            // Of an answer that we were given.
            Self::StatusLine => 502,
            Self::LineEnd
            | Self::RequestLine
            | Self::HeaderName
            | Self::HeaderValue
            | Self::Target
            | Self::HostCount
            | Self::Host
            | Self::HostMismatch
            | Self::ContentLength
            | Self::TwoFramings
            | Self::OldTransferEncoding => 400,
        }
    }
}
