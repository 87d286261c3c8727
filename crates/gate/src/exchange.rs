//! A call whose client is asked something. A legacy client is asked while it waits. A modern one is told what
//! is wanted and comes back with it: until then the call is parked (MCP 2026-07-28, basic/patterns/mrtr;
//! protocol.md, section 6.2).

pub(crate) mod answers;
mod ask;
mod converse;
mod digest;
mod drive;
mod park;
mod parked;
mod relay;
mod request_state;

pub(crate) use converse::{converse, in_session};
pub(crate) use park::Park;
