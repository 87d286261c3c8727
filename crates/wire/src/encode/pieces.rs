//! A request to an upstream: a client's params with `_meta` of our own, and long parts not copied.

use bytes::{BufMut, Bytes, BytesMut};
use durward_core::{Body, RawJson, put_quoted};

use super::{Addition, ENVELOPE, put_comma, put_members, size, start};
use crate::{
    edit::Change,
    frame, meta,
    scan::{
        RequestId,
        members::{self, Member},
    },
};

/// A part that is at least so long is shared, not copied.
pub(super) const SHARED: usize = 16 * 1024;

/// A message as what is to be written one after the other; one piece unless it is long.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    parts: Vec<Bytes>,
    len: usize,
}

impl Pieces {
    /// The pieces.
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }

    /// Bytes of all of them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True where there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The message as one line of a pipe, with its end.
    pub fn into_line(self) -> Bytes {
        let mut line = BytesMut::with_capacity(self.len + 1);
        for part in &self.parts {
            frame::put_on_one_line(&mut line, part);
        }
        line.put_u8(b'\n');
        line.freeze()
    }
}

impl From<Bytes> for Pieces {
    fn from(message: Bytes) -> Self {
        let len = message.len();
        Self {
            parts: vec![message],
            len,
        }
    }
}

/// A request whose params are a client's: what belongs to the client's envelope comes off their `_meta`
/// (see [`meta::read`]), `additions` come on, and the rest goes as it was spelled. `changes` are to members
/// of the params other than `_meta`.
pub fn relayed_request(
    id: &RequestId,
    method: &str,
    params: &RawJson,
    changes: &[(&str, Change<'_>)],
    additions: &[Addition<'_>],
) -> Pieces {
    let copied = params.len().min(SHARED);
    let mut out = Writer::new(start(
        id.raw().len() + method.len() + copied + size(additions) + ENVELOPE,
        Some(id),
    ));
    out.put(br#","method":"#);
    put_quoted(&mut out.last, method);
    out.put(br#","params":"#);
    match changes {
        [] => put_params(&mut out, params, additions),
        changes => put_changed(&mut out, params, changes, additions),
    }
    out.put(b"}");
    out.finish()
}

fn put_params(out: &mut Writer, params: &RawJson, additions: &[Addition<'_>]) {
    let text = params.bytes();
    let (Some(open), Some(found)) = (memchr::memchr(b'{', text), members::spans(params)) else {
        return out.share(text.clone());
    };
    let Some(at) = found
        .iter()
        .position(|member| member.is_named(params.as_str(), "_meta"))
    else {
        if additions.is_empty() {
            return out.share(text.clone());
        }
        out.put(br#"{"_meta":{"#);
        put_members(&mut out.last, additions.iter());
        out.put(b"}");
        put_comma(&mut out.last, !found.is_empty());
        return out.share(text.slice(open + 1..));
    };
    let own = found[at].value(params);
    let Some(inner) = members::spans(&own) else {
        // No object: nobody's envelope is in it, and none can be put into it.
        return out.share(text.clone());
    };
    let is_ours = |member: &Member| meta::is_envelope(&member.name(own.as_str()));
    if additions.is_empty() && !inner.iter().any(is_ours) {
        return out.share(text.clone());
    }
    let kept = members::remaining(&own, &inner, meta::is_envelope);
    if additions.is_empty() && kept.is_none() {
        return put_without(out, text, &found, at);
    }
    let value = found[at].value.range();
    out.share(text.slice(..value.start));
    out.put(b"{");
    let wrote = put_members(&mut out.last, additions.iter());
    match kept {
        Some(kept) => {
            put_comma(&mut out.last, wrote);
            let open = memchr::memchr(b'{', kept.bytes()).map_or(0, |at| at + 1);
            out.share(kept.bytes().slice(open..));
        }
        None => out.put(b"}"),
    }
    out.share(text.slice(value.end..));
}

/// As [`put_params`] and [`changed`](crate::edit::changed) in one.
fn put_changed(
    out: &mut Writer,
    params: &RawJson,
    changes: &[(&str, Change<'_>)],
    additions: &[Addition<'_>],
) {
    let text = params.bytes();
    let Some(found) = members::spans(params) else {
        return out.share(text.clone());
    };
    let named = |name: &str| {
        found
            .iter()
            .find(|member| member.is_named(params.as_str(), name))
    };
    out.put(b"{");
    let mut wrote = false;
    let own = named("_meta");
    if own.is_none() && !additions.is_empty() {
        out.put(br#""_meta":{"#);
        put_members(&mut out.last, additions.iter());
        out.put(b"}");
        wrote = true;
    }
    for member in &found {
        let change = changes
            .iter()
            .find(|(key, _)| member.is_named(params.as_str(), key));
        let is_meta = own.is_some_and(|own| own.key_start() == member.key_start());
        let value = match change {
            Some((_, Change::Drop)) => continue,
            Some((_, Change::Set(value))) => value.bytes().clone(),
            None if is_meta => match of_ours(&member.value(params), additions) {
                Some(meta) => meta,
                None => continue,
            },
            None => text.slice(member.value.range()),
        };
        put_comma(&mut out.last, wrote);
        out.put(member.quoted_name(params.as_str()));
        out.put(b":");
        out.share(value);
        wrote = true;
    }
    for (key, change) in changes {
        if let (Change::Set(value), None) = (change, named(key)) {
            put_comma(&mut out.last, wrote);
            put_quoted(&mut out.last, key);
            out.put(b":");
            out.share(value.bytes().clone());
            wrote = true;
        }
    }
    out.put(b"}");
}

/// A client's `_meta` as a server gets it; `None` where nothing is left of it.
fn of_ours(own: &RawJson, additions: &[Addition<'_>]) -> Option<Bytes> {
    let Some(inner) = members::spans(own) else {
        return Some(own.bytes().clone());
    };
    let kept = members::remaining(own, &inner, meta::is_envelope);
    if additions.is_empty() {
        return match inner.is_empty() {
            true => Some(own.bytes().clone()),
            false => kept.map(|kept| kept.bytes().clone()),
        };
    }
    let mut out = BytesMut::with_capacity(size(additions) + own.len() + 2);
    out.put_u8(b'{');
    put_members(&mut out, additions.iter());
    match kept {
        Some(kept) => {
            out.put_u8(b',');
            let open = memchr::memchr(b'{', kept.bytes()).map_or(0, |at| at + 1);
            out.put_slice(&kept.bytes()[open..]);
        }
        None => out.put_u8(b'}'),
    }
    Some(out.freeze())
}

/// Writes the object without its member at `at`, and without the comma that came with it.
fn put_without(out: &mut Writer, text: &Bytes, found: &[Member], at: usize) {
    let own = &found[at];
    let (start, end) = match (
        at.checked_sub(1).map(|before| &found[before]),
        found.get(at + 1),
    ) {
        (Some(before), _) => (before.value.range().end, own.value.range().end),
        (None, Some(after)) => (own.key_start(), after.key_start()),
        (None, None) => (own.key_start(), own.value.range().end),
    };
    out.share(text.slice(..start));
    out.share(text.slice(end..));
}

/// Collects pieces; what is short is copied together.
pub(super) struct Writer {
    done: Vec<Bytes>,
    pub(super) last: BytesMut,
}

impl Writer {
    pub(super) fn new(last: BytesMut) -> Self {
        Self {
            done: Vec::new(),
            last,
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.last.put_slice(bytes);
    }

    pub(super) fn share(&mut self, bytes: Bytes) {
        if bytes.len() < SHARED {
            return self.put(&bytes);
        }
        self.done.push(std::mem::take(&mut self.last).freeze());
        self.done.push(bytes);
    }

    fn finish(self) -> Pieces {
        let parts = self.into_parts();
        let len = parts.iter().map(Bytes::len).sum();
        Pieces { parts, len }
    }

    pub(super) fn into_parts(mut self) -> Vec<Bytes> {
        if !self.last.is_empty() {
            self.done.push(self.last.freeze());
        }
        self.done
    }

    pub(super) fn into_body(self) -> Body {
        match self.done.is_empty() {
            true => self.last.freeze().into(),
            false => self.into_parts().into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relayed(params: &str, additions: &[(&str, &str)]) -> String {
        let raw = |text: &str| RawJson::from_scanned(text.into());
        let values: Vec<_> = additions
            .iter()
            .map(|(name, value)| (*name, raw(value)))
            .collect();
        let additions: Vec<_> = values.iter().map(|(name, value)| (*name, value)).collect();
        changed(&raw(params), &[], &additions)
    }

    fn changed(
        params: &RawJson,
        changes: &[(&str, Change<'_>)],
        additions: &[Addition<'_>],
    ) -> String {
        let id = RequestId::from(7);
        let pieces = relayed_request(&id, "tools/call", params, changes, additions);
        let whole = String::from_utf8(pieces.parts().concat()).unwrap();
        assert_eq!(whole.len(), pieces.len());
        let head = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":"#;
        let rest = whole.strip_prefix(head).unwrap();
        rest.strip_suffix('}').unwrap().to_owned()
    }

    const OURS: [(&str, &str); 1] = [("progressToken", "7")];

    #[test]
    fn what_has_no_envelope_goes_as_it_is() {
        for params in [
            "{}",
            r#"{ "a" : 1.50 , "_meta" : { "x" : [ ] } }"#,
            r#"{"_meta":{}}"#,
            r#"{"_meta":7}"#,
        ] {
            assert_eq!(relayed(params, &[]), params);
        }
    }

    #[test]
    fn the_clients_envelope_comes_off() {
        for (params, left) in [
            (r#"{"_meta":{"progressToken":1}}"#, "{}"),
            (r#"{"_meta":{"progressToken":1},"a":1}"#, r#"{"a":1}"#),
            (r#"{ "a":1 , "_meta":{"progressToken":1} }"#, r#"{ "a":1 }"#),
            (
                r#"{"a":1,"_meta":{"dev.durward/x":1},"b":2}"#,
                r#"{"a":1,"b":2}"#,
            ),
            (
                r#"{"_met\u0061":{"progress\u0054oken":1, "y" : 2.0}}"#,
                r#"{"_met\u0061":{"y" : 2.0}}"#,
            ),
        ] {
            assert_eq!(relayed(params, &[]), left, "{params}");
        }
    }

    #[test]
    fn ours_comes_on() {
        for (params, with) in [
            ("{}", r#"{"_meta":{"progressToken":7}}"#),
            (r#"{ "a":1}"#, r#"{"_meta":{"progressToken":7}, "a":1}"#),
            (r#"{"_meta":{}}"#, r#"{"_meta":{"progressToken":7}}"#),
            (
                r#"{"_meta":{"progressToken":"c"}}"#,
                r#"{"_meta":{"progressToken":7}}"#,
            ),
            (
                r#"{"a":1,"_meta": { "x":1 , "progressToken":"c"},"b":2}"#,
                r#"{"a":1,"_meta": {"progressToken":7,"x":1},"b":2}"#,
            ),
            (r#"{"_meta":7}"#, r#"{"_meta":7}"#),
        ] {
            assert_eq!(relayed(params, &OURS), with, "{params}");
        }
    }

    #[test]
    fn what_is_long_is_not_copied() {
        let text = format!(r#"{{"a":"{}"}}"#, "x".repeat(SHARED));
        let params = RawJson::from_scanned(text.into());
        let one = RawJson::from_static("1");
        let pieces = relayed_request(&RequestId::from(1), "m", &params, &[], &[("x", &one)]);
        assert_eq!(pieces.parts().len(), 3);
        assert_eq!(pieces.parts()[1].as_ptr(), params.bytes()[1..].as_ptr());
        let line = pieces.into_line();
        assert!(line.ends_with(b"\"}}\n"));
    }

    #[test]
    fn a_long_member_is_shared_while_others_change() {
        let text = format!(r#"{{"a":"{}","name":"x__y"}}"#, "x".repeat(SHARED));
        let params = RawJson::from_scanned(text.into());
        let own = RawJson::from_static(r#""y""#);
        let changes = [("name", Change::Set(&own))];
        let pieces = relayed_request(&RequestId::from(1), "m", &params, &changes, &[]);
        assert_eq!(pieces.parts()[1].as_ptr(), params.bytes()[5..].as_ptr());
        assert!(pieces.into_line().ends_with(b"x\",\"name\":\"y\"}}\n"));
    }

    proptest! {
        #[test]
        fn changes_and_envelope_at_once_are_one_after_the_other(
            params in r#"\{("a" ?:1,)?("_meta": ?(\{("x":1)?\}|\{"progressToken":1\}|\{"x": 1,"progressToken":1\}|7),)?("b":\[ 2\],)?"c":3 ?\}"#,
            set in "[abcd]",
            drop in "[abcd]",
            ours: bool,
        ) {
            let params = RawJson::from_scanned(params.into());
            let (one, seven) = (RawJson::from_static("1.0"), RawJson::from_static("7"));
            let mut changes = vec![(set.as_str(), Change::Set(&one))];
            if set != drop {
                changes.push((drop.as_str(), Change::Drop));
            }
            let ours: &[_] = if ours { &[("progressToken", &seven)] } else { &[] };
            let after = crate::edit::changed(&params, &changes);
            prop_assert_eq!(changed(&params, &changes, ours), changed(&after, &[], ours));
        }

        #[test]
        fn it_stays_sound(before in "[ab]{0,2}", keys in "[xp]{0,3}", after in "[cd]{0,2}", ours: bool) {
            let members = |keys: &str| {
                let member = |key: char| match key {
                    'p' => r#" "progressToken" : 1"#.to_owned(),
                    key => format!("\"{key}\": 2"),
                };
                let mut keys: Vec<_> = keys.chars().collect();
                keys.sort_unstable();
                keys.dedup();
                keys.into_iter().map(member).collect::<Vec<_>>().join(" ,")
            };
            let meta = format!(r#""_meta" :{{{}}}"#, members(&keys));
            let parts = [members(&before), meta, members(&after)];
            let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty()).cloned().collect();
            let text = format!("{{ {} }}", parts.join(", "));
            let out = relayed(&text, if ours { &OURS } else { &[] });
            let mut wanted: serde_json::Value = serde_json::from_str(&text).unwrap();
            let meta = wanted["_meta"].as_object_mut().unwrap();
            let had = meta.remove("progressToken").is_some();
            if ours {
                meta.insert("progressToken".into(), 7.into());
            }
            if had && meta.is_empty() {
                wanted.as_object_mut().unwrap().remove("_meta");
            }
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap(), wanted);
        }
    }
}
