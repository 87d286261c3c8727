//! Are these the same parameters? Whatever the order of their keys and the blanks between.

use std::{borrow::Cow, collections::BTreeMap};

use durward_core::RawJson;
use ring::digest::{Context, SHA256};
use serde_json::value::RawValue;

/// What belongs to one request of an exchange alone.
const OF_ONE_REQUEST: [&str; 3] = ["_meta", "inputResponses", "requestState"];

/// The digest of a call's `params`: keys sorted, scalars as they were spelled.
pub(super) fn of(params: &RawJson) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let mut members: BTreeMap<Cow<'_, str>, &RawValue> = params.parse().unwrap_or_default();
    members.retain(|key, _| !OF_ONE_REQUEST.contains(&key.as_ref()));
    put_members(&mut context, &members);
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

fn put_members(context: &mut Context, members: &BTreeMap<Cow<'_, str>, &RawValue>) {
    context.update(b"{");
    for (key, value) in members {
        // No key ends where another begins.
        context.update(&(key.len() as u64).to_be_bytes());
        context.update(key.as_bytes());
        put(context, value.get());
    }
    context.update(b"}");
}

fn put(context: &mut Context, value: &str) {
    match value.as_bytes().first() {
        Some(b'{') => {
            let members = serde_json::from_str(value).unwrap_or_default();
            put_members(context, &members);
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(value).unwrap_or_default();
            context.update(b"[");
            for item in items {
                put(context, item.get());
                context.update(b",");
            }
            context.update(b"]");
        }
        _ => {
            context.update(&(value.len() as u64).to_be_bytes());
            context.update(value.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_counts() {
        let digest = |text: &'static str| of(&RawJson::from_static(text));
        let plain = digest(r#"{"name":"a","arguments":{"x":1.0,"y":["b",{"c":null}]}}"#);
        for same in [
            r#"{ "arguments": { "y" : [ "b", { "c" : null } ], "x":1.0 }, "name":"a" }"#,
            r#"{"n\u0061me":"a","arguments":{"x":1.0,"y":["b",{"c":null}]},"_meta":{"a":1},"inputResponses":{},"requestState":"s"}"#,
        ] {
            assert_eq!(digest(same), plain, "{same}");
        }
        for other in [
            r#"{"name":"b","arguments":{"x":1.0,"y":["b",{"c":null}]}}"#,
            r#"{"name":"a","arguments":{"x":1,"y":["b",{"c":null}]}}"#,
            r#"{"name":"a","arguments":{"x":1.0,"y":[{"c":null},"b"]}}"#,
            r#"{"name":"a","arguments":{"x":1.0,"y":["b",{"c":null}]},"extra":1}"#,
            r#"{"name":"a","arguments":{"x":1.0,"y":["b",{"c":null}],"_meta":{}}}"#,
            r#"{"name":"a","arguments":"{}"}"#,
        ] {
            assert_ne!(digest(other), plain, "{other}");
        }
    }
}
