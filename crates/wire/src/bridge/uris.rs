//! Where URIs are structure (protocol.md, section 8): there they are rewritten between an upstream's own
//! and the exposed ones; in text never.

use durward_core::{Operation, RawJson};

use crate::edit::{
    self, Path,
    Step::{Each, Key},
};

const OF_TOOL: &[Path] = &[
    &[Key("content"), Each, Key("uri")],
    &[Key("content"), Each, Key("resource"), Key("uri")],
    &[Key("_meta"), Key("ui"), Key("resourceUri")],
];
const OF_TASK: &[Path] = &[
    &[Key("result"), Key("content"), Each, Key("uri")],
    &[
        Key("result"),
        Key("content"),
        Each,
        Key("resource"),
        Key("uri"),
    ],
    &[Key("result"), Key("_meta"), Key("ui"), Key("resourceUri")],
];
const OF_RESOURCE: &[Path] = &[&[Key("contents"), Each, Key("uri")]];
const OF_PROMPT: &[Path] = &[
    &[Key("messages"), Each, Key("content"), Key("uri")],
    &[
        Key("messages"),
        Each,
        Key("content"),
        Key("resource"),
        Key("uri"),
    ],
    &[Key("messages"), Each, Key("content"), Each, Key("uri")],
    &[
        Key("messages"),
        Each,
        Key("content"),
        Each,
        Key("resource"),
        Key("uri"),
    ],
];
const OF_DEFINITION: &[Path] = &[&[Key("_meta"), Key("ui"), Key("resourceUri")]];
const OF_ERROR: &[Path] = &[&[Key("uri")]];

/// A result of this operation with its URIs written anew; `write` says how, or `None` for one that stays.
pub fn in_result(
    operation: Operation,
    result: &RawJson,
    write: impl FnMut(&str) -> Option<String>,
) -> RawJson {
    let paths = match operation {
        Operation::CallTool | Operation::AwaitTask => OF_TOOL,
        Operation::ReadResource => OF_RESOURCE,
        Operation::GetPrompt => OF_PROMPT,
        Operation::GetTask => OF_TASK,
        Operation::Complete
        | Operation::Subscribe
        | Operation::UpdateTask
        | Operation::CancelTask => return result.clone(),
    };
    rewritten(result, paths, write)
}

/// A tool's definition with the URI of its user interface written anew.
pub fn in_definition(definition: &RawJson, write: impl FnMut(&str) -> Option<String>) -> RawJson {
    rewritten(definition, OF_DEFINITION, write)
}

/// An error's `data` with its URI written anew.
pub fn in_error_data(data: &RawJson, write: impl FnMut(&str) -> Option<String>) -> RawJson {
    rewritten(data, OF_ERROR, write)
}

fn rewritten(
    value: &RawJson,
    paths: &[Path],
    write: impl FnMut(&str) -> Option<String>,
) -> RawJson {
    if may_name(value) {
        edit::rewritten(value, paths, write)
    } else {
        value.clone()
    }
}

/// Most answers name no URI: that is seen without looking at their structure. A key may be escaped.
fn may_name(value: &RawJson) -> bool {
    let has = |word: &str| memchr::memmem::find(value.bytes(), word.as_bytes()).is_some();
    has("ri\"") || has("\\u")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixed(uri: &str) -> Option<String> {
        (!uri.starts_with("https:")).then(|| format!("crm+{uri}"))
    }

    #[test]
    fn uris_of_results_are_rewritten_where_they_are_structure() {
        for (operation, given, wanted) in [
            (
                Operation::CallTool,
                r#"{"content":[{"type":"text","text":"uri file:///a"},{"type":"resource","resource":{"uri":"file:///a","text":"x"}},{"type":"resource_link","uri":"file:///b"},{"type":"resource_link","uri":"https://c"}],"structuredContent":{"uri":"file:///a"},"_meta":{"ui":{"resourceUri":"ui://x"}}}"#,
                r#"{"content":[{"type":"text","text":"uri file:///a"},{"type":"resource","resource":{"uri":"crm+file:///a","text":"x"}},{"type":"resource_link","uri":"crm+file:///b"},{"type":"resource_link","uri":"https://c"}],"structuredContent":{"uri":"file:///a"},"_meta":{"ui":{"resourceUri":"crm+ui://x"}}}"#,
            ),
            (
                Operation::ReadResource,
                r#"{"contents":[{"\u0075r\u0069":"test://a","text":"b"}]}"#,
                r#"{"contents":[{"\u0075r\u0069":"crm+test://a","text":"b"}]}"#,
            ),
            (
                Operation::GetPrompt,
                r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"a:b"}}}]}"#,
                r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"crm+a:b"}}}]}"#,
            ),
            (
                Operation::GetTask,
                r#"{"uri":"a:b","result":{"content":[{"type":"resource_link","uri":"file:///b"}]}}"#,
                r#"{"uri":"a:b","result":{"content":[{"type":"resource_link","uri":"crm+file:///b"}]}}"#,
            ),
            (
                Operation::Complete,
                r#"{"completion":{"values":["uri"]},"uri":"a:b"}"#,
                r#"{"completion":{"values":["uri"]},"uri":"a:b"}"#,
            ),
        ] {
            let result = in_result(operation, &RawJson::from_static(given), prefixed);
            assert_eq!(result.as_str(), wanted);
        }
    }

    #[test]
    fn so_are_those_of_definitions_and_errors() {
        let ui = RawJson::from_static(r#"{"name":"a","_meta":{"ui":{"resourceUri":"ui://x"}}}"#);
        assert_eq!(
            in_definition(&ui, prefixed).as_str(),
            r#"{"name":"a","_meta":{"ui":{"resourceUri":"crm+ui://x"}}}"#
        );
        let data = RawJson::from_static(r#"{"uri":"test://no"}"#);
        assert_eq!(
            in_error_data(&data, prefixed).as_str(),
            r#"{"uri":"crm+test://no"}"#
        );
    }
}
