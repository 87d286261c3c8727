//! The four lists, page by page.

use bytes::{BufMut, BytesMut};
use durward_core::{ProtocolError, RawJson, ServerName};
use durward_wire::{cursor, scan::Params};

use crate::{
    endpoint::Endpoint,
    freshness::ListFreshness,
    methods::invalid,
    request::Origin,
    standing::Standing,
    view::{ListKind, Listed},
};

/// Most entries of one page.
const PAGE: usize = 1000;

/// One page of a list, as this caller may see it.
pub(crate) fn page(
    standing: &Standing,
    origin: &Origin,
    kind: ListKind,
    params: &Params,
    fresh: &ListFreshness,
) -> Result<RawJson, ProtocolError> {
    let cursor = params
        .string("cursor")
        .map_err(|_| invalid("`cursor` must be a string"))?;
    let catalogue = &standing.house().catalogue;
    let endpoint = &origin.endpoint;
    let list = standing
        .view()
        .list(catalogue, endpoint, kind, origin.revision());
    let all = &list.listed;
    let start = match (cursor, endpoint) {
        (None, _) => 0,
        (Some(cursor), Endpoint::Merged) => {
            let last = cursor::decode(wire_kind(kind), &cursor)?;
            all.partition_point(|listed| listed.name <= last)
        }
        (Some(cursor), Endpoint::Server(_)) => {
            cursor::decode_place(wire_kind(kind), &cursor, list.digest())?.min(all.len())
        }
    };
    let rest = &all[start..];
    let (page, more) = rest.split_at(rest.len().min(PAGE));
    let next = match (page.last().filter(|_| !more.is_empty()), endpoint) {
        (None, _) => None,
        (Some(last), Endpoint::Merged) => Some(cursor::encode(wire_kind(kind), &last.name)),
        (Some(_), Endpoint::Server(_)) => {
            let place = start + page.len();
            Some(cursor::encode_place(wire_kind(kind), place, list.digest()))
        }
    };
    Ok(write(kind, page, next, &fresh.stale))
}

fn write(kind: ListKind, page: &[Listed], next: Option<String>, stale: &[ServerName]) -> RawJson {
    let size: usize = page.iter().map(|listed| listed.definition.len() + 1).sum();
    let mut out = BytesMut::with_capacity(size + 256);
    out.put_slice(b"{\"");
    out.put_slice(kind.member().as_bytes());
    out.put_slice(b"\":[");
    for (place, listed) in page.iter().enumerate() {
        if place > 0 {
            out.put_u8(b',');
        }
        out.put_slice(listed.definition.bytes());
    }
    out.put_u8(b']');
    if let Some(next) = next {
        // base64url needs no escapes.
        out.put_slice(b",\"nextCursor\":\"");
        out.put_slice(next.as_bytes());
        out.put_u8(b'"');
    }
    if let (false, Ok(stale)) = (stale.is_empty(), RawJson::of(stale)) {
        out.put_slice(b",\"_meta\":{\"dev.durward/stale\":");
        out.put_slice(stale.bytes());
        out.put_u8(b'}');
    }
    out.put_u8(b'}');
    RawJson::from_joined(out)
}

fn wire_kind(kind: ListKind) -> cursor::ListKind {
    match kind {
        ListKind::Tools => cursor::ListKind::Tools,
        ListKind::Resources => cursor::ListKind::Resources,
        ListKind::Templates => cursor::ListKind::Templates,
        ListKind::Prompts => cursor::ListKind::Prompts,
    }
}
