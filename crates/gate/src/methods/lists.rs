//! The four lists, page by page.

use bytes::{BufMut, BytesMut};
use durward_core::{ProtocolError, RawJson, Revision};
use durward_wire::{cursor, scan::Params};

use crate::{
    methods::invalid,
    standing::Standing,
    view::{ListKind, Listed},
};

/// Most entries of one page.
const PAGE: usize = 1000;

/// One page of a list, as this caller may see it.
pub(crate) fn page(
    standing: &Standing,
    kind: ListKind,
    params: &Params,
    revision: Revision,
) -> Result<RawJson, ProtocolError> {
    let cursor = params
        .string("cursor")
        .map_err(|_| invalid("`cursor` must be a string"))?;
    let all = standing
        .view()
        .list(&standing.house().catalogue, kind, revision);
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let last = cursor::decode(wire_kind(kind), &cursor)?;
            all.partition_point(|listed| listed.name <= last)
        }
    };
    let rest = &all[start..];
    let (page, more) = rest.split_at(rest.len().min(PAGE));
    Ok(write(kind, page, !more.is_empty()))
}

fn write(kind: ListKind, page: &[Listed], more: bool) -> RawJson {
    let size: usize = page.iter().map(|listed| listed.definition.len() + 1).sum();
    let mut out = BytesMut::with_capacity(size + 128);
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
    if let Some(last) = page.last().filter(|_| more) {
        // base64url needs no escapes.
        out.put_slice(b",\"nextCursor\":\"");
        out.put_slice(cursor::encode(wire_kind(kind), &last.name).as_bytes());
        out.put_u8(b'"');
    }
    out.put_u8(b'}');
    RawJson::from_scanned(out.freeze())
}

fn wire_kind(kind: ListKind) -> cursor::ListKind {
    match kind {
        ListKind::Tools => cursor::ListKind::Tools,
        ListKind::Resources => cursor::ListKind::Resources,
        ListKind::Templates => cursor::ListKind::Templates,
        ListKind::Prompts => cursor::ListKind::Prompts,
    }
}
