//! MCP as bytes: frames, envelopes, revisions, headers, event streams.
//!
//! [`scan()`] reads a message in one strict pass and hands out slices of it; [`encode`] writes our own
//! envelope around such slices. Nothing here does I/O, keeps state beyond a connection's framing, or
//! judges what a message asks for.

pub mod bridge;
pub mod code;
pub mod cursor;
pub mod edit;
pub mod encode;
pub mod era;
pub mod frame;
pub mod headers;
pub mod http1;
pub mod meta;
pub mod scan;
pub mod sse;

pub use frame::{Frame, LineFrames};
pub use meta::RequestMeta;
pub use scan::{
    Malformed, MalformedKind, Message, Method, NotASoundId, NotAString, NotAnObject, Notification,
    Params, Request, RequestId, Response, ResponseOutcome, ScanLimits, elements, member, members,
    scan, scan_value, without,
};
