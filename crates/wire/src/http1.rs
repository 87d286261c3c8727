//! HTTP/1.1 as bytes (RFC 9110, RFC 9112): heads, chunked bodies, response heads. Strict: whatever two
//! parsers might read differently is refused.

pub mod accept;
mod answer;
mod chunked;
mod error;
mod framing;
mod head;
mod headers;
mod host;
mod proxy;
mod request;
mod response;
mod target;

pub use answer::{AnswerFraming, AnswerHead, take_answer_head};
pub use chunked::{ChunkError, ChunkedDecoder, Progress};
pub use error::HeadError;
pub use framing::BodyFraming;
pub use head::{HEADERS_MAX, Head, HeadLimits, HttpMethod, parse_head};
pub use headers::{Doubled, Headers};
pub use host::{BadHost, HostHeader};
pub use proxy::{ProxyHead, take_proxy_head};
pub use request::{end_with_length, end_without_body, write_header, write_request_line};
pub use response::{BodyKind, write_response_head};

#[cfg(test)]
mod tests;
