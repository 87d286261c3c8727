//! Our own envelope, written around raw slices: nothing inside them is read or changed.

mod pieces;

use bytes::{BufMut, Bytes, BytesMut};
use durward_core::{Body, OwnResult, ProtocolError, RawJson, put_quoted};

use crate::scan::{
    RequestId,
    members::{self, Member},
};

use pieces::Writer;
pub use pieces::{Pieces, relayed_request};

/// A member to write: its name and its value.
pub type Addition<'a> = (&'a str, &'a RawJson);

const VERSION: &[u8] = br#"{"jsonrpc":"2.0""#;
/// Room for the envelope's own words.
const ENVELOPE: usize = 64;

/// A response with a result. `additions` become members of the result, unless it has members of
/// those names; a result that is not an object stays as it is.
pub fn result(id: &RequestId, result: &RawJson, additions: &[Addition<'_>]) -> Bytes {
    result_with_meta(id, result, additions, &[]).into_bytes()
}

/// As [`result`], and `meta` become members of the result's `_meta`, which is made if there is none.
/// What is there already wins, a `_meta` that is not an object too. A long result is not copied.
pub fn result_with_meta(
    id: &RequestId,
    result: &RawJson,
    additions: &[Addition<'_>],
    meta: &[Addition<'_>],
) -> Body {
    let copied = result.len().min(pieces::SHARED);
    let room = copied + id.raw().len() + size(additions) + size(meta) + ENVELOPE;
    let mut out = Writer::new(start(room, Some(id)));
    out.put(br#","result":"#);
    if additions.is_empty() && meta.is_empty() {
        out.share(result.bytes().clone());
    } else {
        put_extended(&mut out, result, additions, meta);
    }
    out.put(b"}");
    out.into_body()
}

/// A response with an object of our own making that has members, in which nothing needs to be looked for;
/// the members that `first` spells out come before its own. A long one is not copied.
pub fn own_object(id: &RequestId, first: &str, object: &RawJson) -> Body {
    let copied = object.len().min(pieces::SHARED);
    let room = copied + id.raw().len() + first.len() + ENVELOPE;
    let mut out = Writer::new(start(room, Some(id)));
    out.put(br#","result":{"#);
    out.put(first.as_bytes());
    put_comma(&mut out.last, !first.is_empty());
    out.share(object.bytes().slice(1..));
    out.put(b"}");
    out.into_body()
}

/// A response with a result of our own making; the members that `first` spells out (`"a":1,"b":2`) come
/// before its own. A long result is not copied.
pub fn own_result(id: &RequestId, first: &str, result: OwnResult) -> Body {
    let mut head = start(id.raw().len() + ENVELOPE, Some(id));
    head.put_slice(br#","result":"#);
    result.framed(&head, first, b'}')
}

/// A response with an error; without an `id` member where the request's could not be read.
pub fn error(id: Option<&RequestId>, error: &ProtocolError) -> Bytes {
    let data = error.data.as_ref().map_or(0, RawJson::len);
    let id_len = id.map_or(0, |id| id.raw().len());
    let mut out = start(error.message.len() + data + id_len + 2 * ENVELOPE, id);
    out.put_slice(br#","error":{"code":"#);
    out.put_slice(error.code.to_string().as_bytes());
    out.put_slice(br#","message":"#);
    put_quoted(&mut out, &error.message);
    if let Some(data) = &error.data {
        out.put_slice(br#","data":"#);
        out.put_slice(data.bytes());
    }
    out.put_slice(b"}}");
    out.freeze()
}

/// A request of ours.
pub fn request(id: &RequestId, method: &str, params: &RawJson) -> Bytes {
    let room = id.raw().len() + method.len() + params.len() + ENVELOPE;
    put_call(start(room, Some(id)), method, params)
}

/// A notification of ours.
pub fn notification(method: &str, params: &RawJson) -> Bytes {
    put_call(
        start(method.len() + params.len() + ENVELOPE, None),
        method,
        params,
    )
}

/// An object of these members, whose names must differ.
pub fn object(members: &[Addition<'_>]) -> RawJson {
    let mut out = BytesMut::with_capacity(size(members) + 2);
    out.put_u8(b'{');
    put_members(&mut out, members.iter());
    out.put_u8(b'}');
    RawJson::from_joined(out)
}

/// The object with `additions` before its own members, unless it has members of those names. What is
/// not an object stays as it is.
pub fn extended(object: &RawJson, additions: &[Addition<'_>]) -> RawJson {
    let room = object.len().min(pieces::SHARED) + size(additions);
    let mut out = Writer::new(BytesMut::with_capacity(room));
    put_extended(&mut out, object, additions, &[]);
    RawJson::from_joined(out.into_body().into_bytes())
}

/// The object with another value of this member, which is added at its end where there is none. What is
/// not an object stays as it is.
pub fn replaced(object: &RawJson, name: &str, value: &RawJson) -> RawJson {
    let text = object.bytes();
    let Some(found) = members::spans(object) else {
        return object.clone();
    };
    let mut out = BytesMut::with_capacity(object.len() + name.len() + value.len() + 4);
    match found
        .iter()
        .find(|member| member.is_named(object.as_str(), name))
    {
        Some(member) => {
            let old = member.value.range();
            out.put_slice(&text[..old.start]);
            out.put_slice(value.bytes());
            out.put_slice(&text[old.end..]);
        }
        None => {
            let end = text.len() - text.iter().rev().take_while(|byte| **byte != b'}').count();
            out.put_slice(&text[..end.saturating_sub(1)]);
            put_comma(&mut out, !found.is_empty());
            put_members(&mut out, [(name, value)].iter());
            out.put_slice(&text[end.saturating_sub(1)..]);
        }
    }
    RawJson::from_joined(out)
}

/// A text as JSON.
pub fn string(text: &str) -> RawJson {
    let mut out = BytesMut::with_capacity(text.len() + 2);
    put_quoted(&mut out, text);
    RawJson::from_joined(out)
}

fn start(room: usize, id: Option<&RequestId>) -> BytesMut {
    let mut out = BytesMut::with_capacity(room);
    out.put_slice(VERSION);
    if let Some(id) = id {
        out.put_slice(br#","id":"#);
        out.put_slice(id.raw().bytes());
    }
    out
}

fn put_call(mut out: BytesMut, method: &str, params: &RawJson) -> Bytes {
    out.put_slice(br#","method":"#);
    put_quoted(&mut out, method);
    out.put_slice(br#","params":"#);
    out.put_slice(params.bytes());
    out.put_u8(b'}');
    out.freeze()
}

fn put_extended(
    out: &mut Writer,
    object: &RawJson,
    additions: &[Addition<'_>],
    meta: &[Addition<'_>],
) {
    let text = object.bytes();
    let (Some(open), Some(found)) = (memchr::memchr(b'{', text), members::spans(object)) else {
        return out.share(text.clone());
    };
    let has = |name: &str| {
        found
            .iter()
            .any(|member| member.is_named(object.as_str(), name))
    };
    let own_meta = found
        .iter()
        .find(|member| member.is_named(object.as_str(), "_meta"));
    out.put(b"{");
    let mut wrote = put_members(
        &mut out.last,
        additions.iter().filter(|(name, _)| !has(name)),
    );
    if own_meta.is_none() && !meta.is_empty() {
        put_comma(&mut out.last, wrote);
        out.put(br#""_meta":{"#);
        put_members(&mut out.last, meta.iter());
        out.put(b"}");
        wrote = true;
    }
    put_comma(&mut out.last, wrote && !found.is_empty());
    match own_meta.filter(|_| !meta.is_empty()) {
        Some(own) => put_with_meta(out, object, open, own, meta),
        None => out.share(text.slice(open + 1..)),
    }
}

/// Writes what follows the object's `{`, and extends its `_meta` on the way.
fn put_with_meta(
    out: &mut Writer,
    object: &RawJson,
    open: usize,
    own: &Member,
    meta: &[Addition<'_>],
) {
    let text = object.bytes();
    let value = own.value.range();
    out.share(text.slice(open + 1..value.start));
    put_extended(out, &own.value(object), meta, &[]);
    out.share(text.slice(value.end..));
}

/// Writes members without brackets. True if there was one.
fn put_members<'a>(out: &mut BytesMut, members: impl Iterator<Item = &'a Addition<'a>>) -> bool {
    let mut wrote = false;
    for (name, value) in members {
        put_comma(out, wrote);
        put_quoted(out, name);
        out.put_u8(b':');
        out.put_slice(value.bytes());
        wrote = true;
    }
    wrote
}

fn put_comma(out: &mut BytesMut, wanted: bool) {
    if wanted {
        out.put_u8(b',');
    }
}

fn size(members: &[Addition<'_>]) -> usize {
    members
        .iter()
        .map(|(name, value)| name.len() + value.len() + 8)
        .sum()
}

#[cfg(test)]
mod tests;
