//! A modern upstream's result, as a legacy client may have it (protocol.md, section 6.4).

use durward_core::{Operation, RawJson, Revision};

use crate::{
    edit::{Change, changed},
    encode,
    scan::{elements, member, members},
};

/// The members that only modern results have.
const MODERN: [(&str, Change<'static>); 3] = [
    ("resultType", Change::Drop),
    ("ttlMs", Change::Drop),
    ("cacheScope", Change::Drop),
];

/// What kind of result `resultType` says it is; absent is complete (MCP 2026-07-28, basic/index).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The answer.
    Complete,
    /// Questions come first.
    InputRequired,
    /// A task, which goes on (the extension `io.modelcontextprotocol/tasks`).
    Task,
    /// Anything else, another extension's.
    Other(String),
}

/// What kind of result this is.
pub fn kind(result: &RawJson) -> Kind {
    match member(result, "resultType").map(|kind| kind.parse::<String>()) {
        None => Kind::Complete,
        Some(Ok(kind)) if kind == "complete" => Kind::Complete,
        Some(Ok(kind)) if kind == "input_required" => Kind::InputRequired,
        Some(Ok(kind)) if kind == "task" => Kind::Task,
        Some(kind) => Kind::Other(kind.unwrap_or_default()),
    }
}

/// A legacy server's result for a modern client. What only modern results have is not the server's to say: it
/// would be taken for questions, or kept by others.
pub fn to_modern(result: &RawJson) -> RawJson {
    let has = |word: &str| memchr::memmem::find(result.bytes(), word.as_bytes()).is_some();
    // A key may be escaped.
    if !(MODERN.iter().any(|(name, _)| has(name)) || has("\\u")) {
        return result.clone();
    }
    let is_modern = |key: &str| MODERN.iter().any(|(name, _)| *name == key);
    if members(result).iter().any(|(key, _)| is_modern(key)) {
        return changed(result, &MODERN);
    }
    result.clone()
}

/// The result in a legacy revision's words.
pub fn to_legacy(operation: Operation, revision: Revision, result: &RawJson) -> RawJson {
    let is_modern = |key: &str| MODERN.iter().any(|(name, _)| *name == key);
    let found = members(result);
    let result = if found.iter().any(|(key, _)| is_modern(key)) {
        changed(result, &MODERN)
    } else {
        result.clone()
    };
    match operation {
        Operation::CallTool | Operation::AwaitTask => tool_result(revision, &result),
        Operation::GetPrompt => prompt_result(revision, &result),
        Operation::ReadResource
        | Operation::Complete
        | Operation::Subscribe
        | Operation::GetTask
        | Operation::UpdateTask
        | Operation::CancelTask => result,
    }
}

/// Structured content is an object before 2026-07-28: any other value stands as text.
fn tool_result(revision: Revision, result: &RawJson) -> RawJson {
    let content = member(result, "content");
    let structured = member(result, "structuredContent");
    let untyped = structured.filter(|value| !value.as_str().starts_with('{'));
    let mut blocks = content.as_ref().map(elements).unwrap_or_default();
    let mut is_changed = retell(revision, &mut blocks);
    if let Some(value) = &untyped {
        let text = encode::string(value.as_str());
        let said = blocks.iter().any(|block| {
            let parsed = member(block, "text").and_then(|text| text.parse::<String>().ok());
            parsed.is_some_and(|parsed| parsed == value.as_str())
        });
        if !said {
            blocks.push(text_block(&text));
            is_changed = true;
        }
    }
    if !is_changed && untyped.is_none() {
        return result.clone();
    }
    let blocks = array(&blocks);
    let mut changes = vec![("content", Change::Set(&blocks))];
    if untyped.is_some() {
        changes.push(("structuredContent", Change::Drop));
    }
    changed(result, &changes)
}

/// A prompt's messages have one block of content each.
fn prompt_result(revision: Revision, result: &RawJson) -> RawJson {
    let Some(messages) = member(result, "messages") else {
        return result.clone();
    };
    let mut is_changed = false;
    let told: Vec<_> = elements(&messages)
        .into_iter()
        .map(|message| {
            let mut block = member(&message, "content").into_iter().collect::<Vec<_>>();
            if !retell(revision, &mut block) {
                return message;
            }
            is_changed = true;
            changed(&message, &[("content", Change::Set(&block[0]))])
        })
        .collect();
    if !is_changed {
        return result.clone();
    }
    changed(result, &[("messages", Change::Set(&array(&told)))])
}

/// Puts blocks that the revision does not have into its words: audio came with 2025-03-26, links to
/// resources with 2025-06-18. True if there was one.
fn retell(revision: Revision, blocks: &mut [RawJson]) -> bool {
    if revision >= Revision::V2025_06_18 {
        return false;
    }
    let mut is_changed = false;
    for block in blocks {
        let kind = member(block, "type").and_then(|kind| kind.parse::<String>().ok());
        let told = match kind.as_deref() {
            Some("resource_link") => member(block, "uri").map(|uri| text_block(&uri)),
            Some("audio") if revision < Revision::V2025_03_26 => Some(audio(block)),
            _ => None,
        };
        if let Some(told) = told {
            *block = told;
            is_changed = true;
        }
    }
    is_changed
}

fn text_block(text: &RawJson) -> RawJson {
    let kind = RawJson::from_static(r#""text""#);
    encode::object(&[("type", &kind), ("text", text)])
}

fn audio(block: &RawJson) -> RawJson {
    let kind = RawJson::from_static(r#""resource""#);
    let uri = RawJson::from_static(r#""audio:""#);
    let of = |name| member(block, name).unwrap_or_else(|| RawJson::from_static(r#""""#));
    let (data, mime) = (of("data"), of("mimeType"));
    let resource = encode::object(&[("uri", &uri), ("mimeType", &mime), ("blob", &data)]);
    encode::object(&[("type", &kind), ("resource", &resource)])
}

fn array(items: &[RawJson]) -> RawJson {
    let text: Vec<_> = items.iter().map(RawJson::as_str).collect();
    RawJson::from_scanned(format!("[{}]", text.join(",")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(operation: Operation, revision: Revision, result: &'static str) -> String {
        to_legacy(operation, revision, &RawJson::from_static(result))
            .as_str()
            .to_owned()
    }

    #[test]
    fn what_a_revision_has_goes_through_as_it_was_spelled() {
        let result = r#"{ "content":[ {"type":"audio","data":"AA=="} ],"structuredContent":{"a":1.0}, "x":1 }"#;
        assert_eq!(
            told(Operation::CallTool, Revision::V2025_11_25, result),
            result
        );
    }

    #[test]
    fn the_modern_envelope_comes_off() {
        let result =
            r#"{"resultType":"complete","contents":[],"ttlMs":5,"cacheScope":"private","x":1}"#;
        assert_eq!(
            told(Operation::ReadResource, Revision::V2025_11_25, result),
            r#"{"contents":[],"x":1}"#
        );
    }

    #[test]
    fn a_legacy_server_says_nothing_of_the_modern_envelope() {
        for (given, wanted) in [
            (r#"{ "a":1.0}"#, r#"{ "a":1.0}"#),
            (
                r#"{"a":"resultType \u00e9"}"#,
                r#"{"a":"resultType \u00e9"}"#,
            ),
            (
                r#"{"resultType":"input_required","a":1.0,"\u0074tlMs":5,"cacheScope":"public"}"#,
                r#"{"a":1.0}"#,
            ),
        ] {
            assert_eq!(to_modern(&RawJson::from_static(given)).as_str(), wanted);
        }
    }

    #[test]
    fn structured_content_that_is_no_object_stands_as_text_once() {
        for (given, wanted) in [
            (
                r#"{"content":[],"structuredContent":[1, 2]}"#,
                r#"{"content":[{"type":"text","text":"[1, 2]"}]}"#,
            ),
            (
                r#"{"content":[{"type":"text","text":"7"}],"structuredContent":7}"#,
                r#"{"content":[{"type":"text","text":"7"}]}"#,
            ),
            (
                r#"{"structuredContent":"a"}"#,
                r#"{"content":[{"type":"text","text":"\"a\""}]}"#,
            ),
        ] {
            assert_eq!(
                told(Operation::CallTool, Revision::V2025_11_25, given),
                wanted
            );
        }
    }

    #[test]
    fn old_revisions_hear_of_audio_and_links_in_their_own_words() {
        let result = r#"{"content":[{"type":"resource_link","uri":"a:b","name":"x"},{"type":"audio","data":"AA==","mimeType":"audio/wav"},{"type":"text","text":"t"}]}"#;
        assert_eq!(
            told(Operation::CallTool, Revision::V2024_11_05, result),
            r#"{"content":[{"type":"text","text":"a:b"},{"type":"resource","resource":{"uri":"audio:","mimeType":"audio/wav","blob":"AA=="}},{"type":"text","text":"t"}]}"#
        );
        let prompt =
            r#"{"messages":[{"role":"user","content":{"type":"resource_link","uri":"a:b"}}]}"#;
        assert_eq!(
            told(Operation::GetPrompt, Revision::V2025_03_26, prompt),
            r#"{"messages":[{"role":"user","content":{"type":"text","text":"a:b"}}]}"#
        );
    }

    #[test]
    fn a_result_says_of_what_kind_it_is() {
        for (result, wanted) in [
            ("{}", Kind::Complete),
            (r#"{"resultType":"complete"}"#, Kind::Complete),
            (r#"{"resultType":"input_required"}"#, Kind::InputRequired),
            (r#"{"resultType":"task"}"#, Kind::Task),
            (r#"{"resultType":"x"}"#, Kind::Other("x".into())),
            (r#"{"resultType":1}"#, Kind::Other(String::new())),
        ] {
            assert_eq!(kind(&RawJson::from_static(result)), wanted);
        }
    }
}
