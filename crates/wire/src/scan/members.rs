//! The members of an object that is known to be sound.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use durward_core::RawJson;
use smallvec::SmallVec;

use super::reader::{Quoted, Reader, Span, Syntax};

/// Where a member's key and value are, counted from the object's `{`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(super) key: Quoted,
    pub(crate) value: Span,
}

impl Member {
    pub(crate) fn is_named(&self, text: &str, name: &str) -> bool {
        self.name(text) == name
    }

    /// The key as it was spelled, quotes included.
    pub(crate) fn quoted_name<'a>(&self, text: &'a str) -> &'a [u8] {
        text[self.key.span.quoted()].as_bytes()
    }

    pub(crate) fn name<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.key.unescape(text)
    }

    /// Where its key begins, quotes and all.
    pub(crate) fn key_start(&self) -> usize {
        self.key.span.quoted().start
    }

    pub(crate) fn value(&self, object: &RawJson) -> RawJson {
        object.part(self.value.range())
    }
}

/// Members in order; few objects of a message have more than eight.
pub(crate) type Members = SmallVec<[Member; 8]>;

/// The members of an object, keys unescaped, values as slices of it, in order. None of what is not
/// an object.
pub fn members(object: &RawJson) -> Vec<(Cow<'_, str>, RawJson)> {
    let text = object.as_str();
    let spans = spans(object).unwrap_or_default();
    spans
        .iter()
        .map(|member| (member.name(text), member.value(object)))
        .collect()
}

/// The value of one member, as a slice of the object; what follows it is not looked at. None of what is not
/// an object.
pub fn member(object: &RawJson, name: &str) -> Option<RawJson> {
    if object.len() > Span::MAX {
        return None;
    }
    let text = object.as_str();
    let mut reader = Reader::trusting(text);
    reader.blanks();
    if reader.peek() != Some(b'{') {
        return None;
    }
    let mut found = None;
    // The text is sound: only what was looked for ends the reading early.
    let _ = reader.object(|reader, key| {
        let value = reader.value()?;
        if (Member { key, value }).is_named(text, name) {
            found = Some(value);
            return Err(Syntax("found"));
        }
        Ok(())
    });
    found.map(|value| object.part(value.range()))
}

/// The elements of an array, as slices of it, in order. None of what is not an array.
pub fn elements(array: &RawJson) -> Vec<RawJson> {
    let spans = element_spans(array).unwrap_or_default();
    let slice = |span: &Span| array.part(span.range());
    spans.iter().map(slice).collect()
}

/// Where the elements are; `None` of what is not an array.
pub(crate) fn element_spans(array: &RawJson) -> Option<Vec<Span>> {
    if array.len() > Span::MAX {
        return None;
    }
    let mut reader = Reader::trusting(array.as_str());
    reader.blanks();
    if reader.peek() != Some(b'[') {
        return None;
    }
    let mut found = Vec::new();
    let read = reader.array(|reader| {
        found.push(reader.value()?);
        Ok(())
    });
    // A `RawJson` is sound, so it always is.
    read.is_ok().then_some(found)
}

/// The object less the members whose key `drop` picks; the rest as it was spelled. `None` if nothing
/// is left or it is not an object.
pub fn without(object: &RawJson, drop: impl Fn(&str) -> bool) -> Option<RawJson> {
    remaining(object, &spans(object)?, drop)
}

/// As [`without`], of an object whose members have been found.
pub(crate) fn remaining(
    object: &RawJson,
    all: &[Member],
    drop: impl Fn(&str) -> bool,
) -> Option<RawJson> {
    let text = object.as_str();
    let mut out = BytesMut::new();
    let mut kept = 0;
    for member in all.iter().filter(|member| !drop(&member.name(text))) {
        if kept == 0 {
            out.reserve(text.len());
        }
        out.put_u8(if kept == 0 { b'{' } else { b',' });
        let whole = member.key_start()..member.value.range().end;
        out.put_slice(text[whole].as_bytes());
        kept += 1;
    }
    if kept == 0 {
        return None;
    }
    if kept == all.len() {
        return Some(object.clone());
    }
    out.put_u8(b'}');
    Some(RawJson::from_joined(out))
}

/// Where the members are; `None` of what is not an object.
pub(crate) fn spans(object: &RawJson) -> Option<Members> {
    if object.len() > Span::MAX {
        return None;
    }
    let mut reader = Reader::trusting(object.as_str());
    reader.blanks();
    if reader.peek() != Some(b'{') {
        return None;
    }
    let mut found = Members::new();
    let read = reader.object(|reader, key| {
        let value = reader.value()?;
        found.push(Member { key, value });
        Ok(())
    });
    // A `RawJson` is sound, so it always is.
    read.is_ok().then_some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn members_of_an_object() {
        let object = RawJson::from_static(r#" { "a\n" : 1 , "b":{"c":[]} } "#);
        let found = members(&object);
        let text = found
            .iter()
            .map(|(key, value)| (key.as_ref(), value.as_str()))
            .collect::<Vec<_>>();
        assert_eq!(text, [("a\n", "1"), ("b", r#"{"c":[]}"#)]);
        assert!(members(&RawJson::from_static("[1]")).is_empty());
    }

    #[test]
    fn elements_of_an_array() {
        let array = RawJson::from_static(r#" [ 1 , {"a":[]},"b" ] "#);
        let found = elements(&array);
        let text: Vec<_> = found.iter().map(RawJson::as_str).collect();
        assert_eq!(text, ["1", r#"{"a":[]}"#, "\"b\""]);
        assert!(elements(&RawJson::from_static("{}")).is_empty());
    }

    #[test]
    fn taking_members_out_keeps_the_rest_as_spelled() {
        let object = RawJson::from_static(r#"{ "a":1, "b" : 2.0,"\u0063":3 }"#);
        let left = |drop: &[&str]| without(&object, |key| drop.contains(&key));
        assert_eq!(left(&["a"]).unwrap().as_str(), r#"{"b" : 2.0,"\u0063":3}"#);
        assert_eq!(left(&["c", "a"]).unwrap().as_str(), r#"{"b" : 2.0}"#);
        assert_eq!(left(&[]), Some(object.clone()));
        assert_eq!(left(&["a", "b", "c"]), None);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z\"\\\\{}\\[\\],:\u{e9}\n]{0,80}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 60, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map("[a-z\"\\\\]{0,6}", inner, 0..6)
                    .prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// What is only passed by ends where it ends when it is read.
        #[test]
        fn each_value_is_found_whole(
            all in proptest::collection::btree_map("[a-z\"]{0,6}", any_value(), 0..6),
            pretty: bool,
        ) {
            let whole = Value::Object(all.into_iter().collect());
            let text = match pretty {
                true => serde_json::to_string_pretty(&whole),
                false => serde_json::to_string(&whole),
            };
            let object = RawJson::from_joined(text.unwrap());
            let found = members(&object);
            prop_assert_eq!(found.len(), whole.as_object().unwrap().len());
            for (key, value) in found {
                prop_assert_eq!(&value.parse::<Value>().unwrap(), &whole[key.as_ref()]);
                prop_assert_eq!(member(&object, &key), Some(value));
            }
        }
    }
}
