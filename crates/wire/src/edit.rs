//! Changes some places of sound JSON and leaves every other byte as it was.

use std::ops::Range;

use bytes::{BufMut, BytesMut};
use durward_core::{RawJson, put_quoted};

use crate::scan::members::{self, Member};

/// One step down from a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To the member of this name.
    Key(&'static str),
    /// To each element of an array.
    Each,
}

/// Where a string may stand, from the whole value down.
pub type Path = &'static [Step];

/// What is to become of a member.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// It gets this value, and is added at the end where it is not there.
    Set(&'a RawJson),
    /// It is taken out.
    Drop,
}

/// The object with these members changed, the others in their order and spelling. What is not an object
/// stays as it is.
pub fn changed(object: &RawJson, changes: &[(&str, Change<'_>)]) -> RawJson {
    let Some(found) = members::spans(object) else {
        return object.clone();
    };
    let text = object.as_str();
    let added: usize = changes.iter().map(|change| size(change)).sum();
    let mut out = BytesMut::with_capacity(text.len() + added);
    out.put_u8(b'{');
    let mut put = |key: &[u8], value: &[u8]| {
        if out.len() > 1 {
            out.put_u8(b',');
        }
        out.put_slice(key);
        out.put_u8(b':');
        out.put_slice(value);
    };
    let of = |member: &Member| changes.iter().find(|(key, _)| member.is_named(text, key));
    for member in &found {
        let key = member.quoted_name(text);
        match of(member) {
            None => put(key, text[member.value.range()].as_bytes()),
            Some((_, Change::Set(value))) => put(key, value.bytes()),
            Some((_, Change::Drop)) => {}
        }
    }
    for (key, change) in changes {
        let is_there = found.iter().any(|member| member.is_named(text, key));
        if let (Change::Set(value), false) = (change, is_there) {
            let mut quoted = BytesMut::with_capacity(key.len() + 2);
            put_quoted(&mut quoted, key);
            put(&quoted, value.bytes());
        }
    }
    out.put_u8(b'}');
    RawJson::from_joined(out)
}

fn size((key, change): &(&str, Change<'_>)) -> usize {
    match change {
        Change::Set(value) => key.len() + value.len() + 4,
        Change::Drop => 0,
    }
}

/// The value with other strings at the places that `paths` lead to: `write` says which, or `None` for one
/// that stays.
pub fn rewritten(
    value: &RawJson,
    paths: &[Path],
    mut write: impl FnMut(&str) -> Option<String>,
) -> RawJson {
    let mut splices = Vec::new();
    walk(value, 0, paths, &mut |at, text| {
        if let Some(new) = write(text) {
            splices.push((at, new));
        }
    });
    spliced(value, splices)
}

/// Calls `see` with each string at the places that `paths` lead to.
pub fn strings(value: &RawJson, paths: &[Path], mut see: impl FnMut(&str)) {
    walk(value, 0, paths, &mut |_, text| see(text));
}

/// `value` starts at `base` of the whole. No deeper than the longest path.
fn walk(value: &RawJson, base: usize, paths: &[&[Step]], see: &mut dyn FnMut(Range<usize>, &str)) {
    if paths.iter().any(|path| path.is_empty())
        && let Ok(text) = value.parse::<String>()
    {
        see(base..base + value.len(), &text);
    }
    let deeper = |step: Step| -> Vec<&[Step]> {
        let rest = paths.iter().filter_map(|path| path.split_first());
        rest.filter_map(|(first, rest)| (*first == step).then_some(rest))
            .collect()
    };
    match value.bytes().first() {
        Some(b'{') => {
            let text = value.as_str();
            for member in members::spans(value).unwrap_or_default() {
                let rest: Vec<&[Step]> = paths
                    .iter()
                    .filter_map(|path| match path.split_first() {
                        Some((Step::Key(key), rest)) if member.is_named(text, key) => Some(rest),
                        _ => None,
                    })
                    .collect();
                if !rest.is_empty() {
                    let start = base + member.value.range().start;
                    walk(&member.value(value), start, &rest, see);
                }
            }
        }
        Some(b'[') => {
            let rest = deeper(Step::Each);
            if rest.is_empty() {
                return;
            }
            for element in members::element_spans(value).unwrap_or_default() {
                let start = base + element.range().start;
                let element = value.part(element.range());
                walk(&element, start, &rest, see);
            }
        }
        _ => {}
    }
}

fn spliced(value: &RawJson, splices: Vec<(Range<usize>, String)>) -> RawJson {
    if splices.is_empty() {
        return value.clone();
    }
    let text = value.bytes();
    let added: usize = splices.iter().map(|(_, new)| new.len() + 8).sum();
    let mut out = BytesMut::with_capacity(text.len() + added);
    let mut from = 0;
    for (at, new) in splices {
        out.put_slice(&text[from..at.start]);
        put_quoted(&mut out, &new);
        from = at.end;
    }
    out.put_slice(&text[from..]);
    RawJson::from_joined(out)
}

#[cfg(test)]
mod tests {
    use super::{Step::*, *};

    #[test]
    fn members_are_set_dropped_and_added_and_the_rest_keeps_its_spelling() {
        let object = RawJson::from_static(r#" { "a" : 1.0 , "\u0062":{ "c" : [] },"d":2} "#);
        let new = RawJson::from_static("9");
        let changed = |changes: &[_]| changed(&object, changes).as_str().to_owned();
        assert_eq!(changed(&[]), r#"{"a":1.0,"\u0062":{ "c" : [] },"d":2}"#);
        assert_eq!(
            changed(&[("b", Change::Set(&new)), ("a", Change::Drop)]),
            r#"{"\u0062":9,"d":2}"#
        );
        assert_eq!(
            changed(&[("e\"", Change::Set(&new)), ("x", Change::Drop)]),
            r#"{"a":1.0,"\u0062":{ "c" : [] },"d":2,"e\"":9}"#
        );
        let array = RawJson::from_static("[1]");
        assert_eq!(super::changed(&array, &[("a", Change::Drop)]), array);
    }

    #[test]
    fn strings_are_rewritten_only_where_a_path_leads() {
        const PATHS: &[Path] = &[
            &[Key("list"), Each, Key("uri")],
            &[Key("list"), Each, Key("deep"), Key("uri")],
            &[Key("uri")],
        ];
        let value = RawJson::from_static(
            r#"{ "list" : [ {"uri":"a:\/1", "n":1.50}, 7, {"deep":{"uri" : "b:2","x":"a:1"}} ],"uri":["a:1"],"\u0075ri2":"c"}"#,
        );
        let out = rewritten(&value, PATHS, |uri| Some(format!("s+{uri}\"")));
        assert_eq!(
            out.as_str(),
            r#"{ "list" : [ {"uri":"s+a:/1\"", "n":1.50}, 7, {"deep":{"uri" : "s+b:2\"","x":"a:1"}} ],"uri":["a:1"],"\u0075ri2":"c"}"#
        );
        assert_eq!(rewritten(&value, PATHS, |_| None), value);
        let mut seen = Vec::new();
        strings(&value, PATHS, |uri| seen.push(uri.to_owned()));
        assert_eq!(seen, ["a:/1", "b:2"]);
    }
}
