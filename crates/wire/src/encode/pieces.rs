//! A request to an upstream: a client's params with `_meta` of our own, and long parts not copied.

use bytes::{BufMut, Bytes, BytesMut};
use durward_core::{RawJson, put_quoted};

use super::{Addition, ENVELOPE, put_comma, put_members, size, start};
use crate::{
    frame, meta,
    scan::{
        RequestId,
        members::{self, Member},
    },
};

/// A part that is at least so long is shared, not copied.
const SHARED: usize = 16 * 1024;

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
/// (see [`meta::read`]), `additions` come on, and the rest goes as it was spelled.
pub fn relayed_request(
    id: &RequestId,
    method: &str,
    params: &RawJson,
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
    put_params(&mut out, params, additions);
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
        .position(|member| member.is_named(text, "_meta"))
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
    let own = found[at].value(text);
    let Some(inner) = members::spans(&own) else {
        // No object: nobody's envelope is in it, and none can be put into it.
        return out.share(text.clone());
    };
    let is_ours = |member: &Member| meta::is_envelope(&member.name(own.bytes()));
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
struct Writer {
    done: Vec<Bytes>,
    last: BytesMut,
}

impl Writer {
    fn new(last: BytesMut) -> Self {
        Self {
            done: Vec::new(),
            last,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.last.put_slice(bytes);
    }

    fn share(&mut self, bytes: Bytes) {
        if bytes.len() < SHARED {
            return self.put(&bytes);
        }
        self.done.push(std::mem::take(&mut self.last).freeze());
        self.done.push(bytes);
    }

    fn finish(mut self) -> Pieces {
        if !self.last.is_empty() {
            self.done.push(self.last.freeze());
        }
        let len = self.done.iter().map(Bytes::len).sum();
        Pieces {
            parts: self.done,
            len,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relayed(params: &str, additions: &[(&str, &str)]) -> String {
        let raw = |text: &str| RawJson::from_scanned(Bytes::from(text.to_owned()));
        let values: Vec<_> = additions
            .iter()
            .map(|(name, value)| (*name, raw(value)))
            .collect();
        let additions: Vec<_> = values.iter().map(|(name, value)| (*name, value)).collect();
        let pieces = relayed_request(&RequestId::from(7), "tools/call", &raw(params), &additions);
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
        let params = RawJson::from_scanned(Bytes::from(text));
        let one = RawJson::from_static("1");
        let pieces = relayed_request(&RequestId::from(1), "m", &params, &[("x", &one)]);
        assert_eq!(pieces.parts().len(), 3);
        assert_eq!(pieces.parts()[1].as_ptr(), params.bytes()[1..].as_ptr());
        let line = pieces.into_line();
        assert!(line.ends_with(b"\"}}\n"));
    }

    proptest! {
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
