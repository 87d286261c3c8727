//! What a plugin answers, as its contract has it: `{"content": …, "isError"?: …, "structuredContent"?: …}`.

use bytes::{BufMut, Bytes, BytesMut};
use durward_core::{Operation, OwnResult, RawJson, Revision};
use durward_guard::schema::Schema;
use durward_wire::{ScanLimits, bridge::results, elements, encode, member, members, scan_value};
use thiserror::Error;

/// Why an answer is none. For people and models: nothing of the answer is in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Unfit {
    #[error("it is not one JSON object: {0}")]
    NotJson(String),
    #[error("`{0}` is {1}")]
    Member(&'static str, &'static str),
    #[error("it has `{0}`; the contract says `{1}`")]
    Misspelt(String, &'static str),
    #[error("it has neither `content` nor `structuredContent`")]
    Nothing,
    #[error("a block of `content` {0}")]
    Block(&'static str),
    #[error("the tool has an `output_schema`, and there is no `structuredContent`")]
    Unstructured,
    #[error("`structuredContent`{0}")]
    Structure(String),
}

/// The members of an answer that say something.
const MEMBERS: [&str; 3] = ["content", "isError", "structuredContent"];

/// One object, strictly: what two parsers might read differently is none.
pub(super) fn object(text: &Bytes) -> Result<RawJson, Unfit> {
    let value = scan_value(text, ScanLimits::default())
        .map_err(|malformed| Unfit::NotJson(malformed.reason.into_owned()))?;
    match value.as_str().starts_with('{') {
        true => Ok(value),
        false => Err(Unfit::NotJson("it is another value".to_owned())),
    }
}

/// The result that a client of this revision is given.
///
/// # Errors
/// [`Unfit`].
pub(super) fn result(
    answer: &RawJson,
    output: Option<&Schema>,
    revision: Revision,
) -> Result<OwnResult, Unfit> {
    let [mut content, mut is_error, mut structured] = [const { None }; 3];
    for (key, value) in members(answer) {
        match key.as_ref() {
            // Many languages spell what is not there so.
            _ if value.as_str() == "null" => {}
            "content" => content = Some(value),
            "isError" => is_error = Some(value),
            "structuredContent" => structured = Some(value),
            other => misspelt(other)?,
        }
    }
    let failed = match is_error.as_ref().map(RawJson::as_str) {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Unfit::Member("isError", "neither true nor false")),
    };
    structure(structured.as_ref(), output.filter(|_| !failed))?;
    let content = blocks(content, structured.as_ref())?;
    let result = written(&content, structured.as_ref(), is_error.as_ref());
    Ok(match revision >= Revision::V2025_06_18 {
        true => result.into(),
        false => results::to_legacy(Operation::CallTool, revision, &result).into(),
    })
}

/// A word that means one of ours, and would not be heard.
fn misspelt(key: &str) -> Result<(), Unfit> {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.collect::<String>().to_ascii_lowercase()
    };
    match MEMBERS.into_iter().find(|known| plain(known) == plain(key)) {
        Some(meant) => Err(Unfit::Misspelt(key.chars().take(32).collect(), meant)),
        None => Ok(()),
    }
}

fn structure(structured: Option<&RawJson>, schema: Option<&Schema>) -> Result<(), Unfit> {
    let Some(value) = structured else {
        return match schema {
            Some(_) => Err(Unfit::Unstructured),
            None => Ok(()),
        };
    };
    if !value.as_str().starts_with('{') {
        return Err(Unfit::Member("structuredContent", "no object"));
    }
    let Some(schema) = schema else {
        return Ok(());
    };
    let parsed = value
        .parse()
        .map_err(|_| Unfit::Member("structuredContent", "no object"))?;
    schema.check(&parsed).map_err(|violation| {
        Unfit::Structure(format!(
            "{} does not fit the tool's `output_schema`: {}",
            violation.path, violation.message
        ))
    })
}

/// The blocks, as an array. A text stands for one block; where there is only structure, its text.
fn blocks(content: Option<RawJson>, structured: Option<&RawJson>) -> Result<RawJson, Unfit> {
    let text = match (content, structured) {
        (Some(content), _) if content.as_str().starts_with('[') => {
            elements(&content).iter().try_for_each(block)?;
            return Ok(content);
        }
        (Some(content), _) if content.as_str().starts_with('"') => content,
        (Some(_), _) => return Err(Unfit::Member("content", "neither a text nor a list")),
        (None, Some(structured)) => encode::string(structured.as_str()),
        (None, None) => return Err(Unfit::Nothing),
    };
    let block = [&br#"[{"type":"text","text":"#[..], text.bytes(), b"}]"].concat();
    Ok(RawJson::from_joined(block))
}

/// A block has what its type needs (schema.ts, `ContentBlock`), or clients would stumble over it.
fn block(block: &RawJson) -> Result<(), Unfit> {
    let is_text =
        |of: &RawJson, name: &str| member(of, name).is_some_and(|it| it.as_str().starts_with('"'));
    let need = |of: &RawJson, names: &[&str], why| match names.iter().all(|name| is_text(of, name))
    {
        true => Ok(()),
        false => Err(Unfit::Block(why)),
    };
    let Some(kind) = member(block, "type") else {
        return Err(Unfit::Block("has no `type`"));
    };
    match kind.as_str() {
        r#""text""# => need(block, &["text"], "of type `text` has no `text`"),
        r#""image""# | r#""audio""# => need(
            block,
            &["data", "mimeType"],
            "of type `image` or `audio` needs `data` and `mimeType`",
        ),
        r#""resource_link""# => need(
            block,
            &["uri", "name"],
            "of type `resource_link` needs `uri` and `name`",
        ),
        r#""resource""# => {
            let why = "of type `resource` needs a `resource` with a `uri` and a `text` or `blob`";
            let inner = member(block, "resource").ok_or(Unfit::Block(why))?;
            need(&inner, &["uri"], why)?;
            match is_text(&inner, "text") || is_text(&inner, "blob") {
                true => Ok(()),
                false => Err(Unfit::Block(why)),
            }
        }
        _ => Err(Unfit::Block(
            "has another `type` than text, image, audio, resource and resource_link",
        )),
    }
}

/// As it leaves: on one line, every value as it was spelled.
fn written(content: &RawJson, structured: Option<&RawJson>, is_error: Option<&RawJson>) -> RawJson {
    let room = content.len() + structured.map_or(0, RawJson::len) + 64;
    let mut out = BytesMut::with_capacity(room);
    let members = [
        ("{\"content\":", Some(content)),
        (",\"structuredContent\":", structured),
        (",\"isError\":", is_error),
    ];
    for (key, value) in members {
        if let Some(value) = value {
            out.put_slice(key.as_bytes());
            // Line ends are blanks: sound JSON has none in its strings.
            let line = |b: &u8| if matches!(b, b'\r' | b'\n') { b' ' } else { *b };
            out.extend(value.bytes().iter().map(line));
        }
    }
    out.put_u8(b'}');
    RawJson::from_joined(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str, schema: Option<&Schema>, revision: Revision) -> Result<Value, String> {
        let answer = object(&Bytes::copy_from_slice(text.as_bytes()));
        answer
            .and_then(|answer| result(&answer, schema, revision))
            .map(|result| serde_json::from_slice(result.to_raw().bytes()).unwrap())
            .map_err(|unfit| unfit.to_string())
    }

    fn now(text: &str) -> Result<Value, String> {
        read(text, None, Revision::V2026_07_28)
    }

    #[test]
    fn what_fits_is_passed_on_as_it_was_spelled() {
        let text = "\n{\"content\":[\n{\"type\":\"text\",\"text\":\"a\\nb\"}],\"structuredContent\":{\"n\":1.50},\"isError\":false}\n";
        let answer = object(&Bytes::from_static(text.as_bytes())).unwrap();
        let result = result(&answer, None, Revision::V2026_07_28).unwrap();
        assert_eq!(
            result.to_raw().as_str(),
            "{\"content\":[ {\"type\":\"text\",\"text\":\"a\\nb\"}],\"structuredContent\":{\"n\":1.50},\"isError\":false}"
        );
    }

    #[test]
    fn a_text_is_a_block_and_structure_alone_has_its_text() {
        let said = now(r#"{"content":"hi \"you\"","isError":true}"#).unwrap();
        let wanted = json!({"content": [{"type": "text", "text": "hi \"you\""}], "isError": true});
        assert_eq!(said, wanted);
        let said = now(r#"{"structuredContent":{"n":1},"unknown":2}"#).unwrap();
        let wanted = json!({"content": [{"type": "text", "text": "{\"n\":1}"}], "structuredContent": {"n": 1}});
        assert_eq!(said, wanted);
        assert_eq!(
            now(r#"{"content":[],"structuredContent":null,"isError":null}"#).unwrap(),
            json!({"content": []})
        );
    }

    #[test]
    fn junk_is_told_without_being_repeated() {
        for (text, told) in [
            ("", "not one JSON object"),
            ("hunter2", "not one JSON object"),
            ("[]", "another value"),
            ("{}", "neither"),
            (
                "{\"content\":\"a\"} {\"content\":\"b\"}",
                "not one JSON object",
            ),
            (r#"{"content":"a","content":"b"}"#, "same key twice"),
            (r#"{"content":"\ud800"}"#, "not one JSON object"),
            (r#"{"content":{"hunter2":1}}"#, "neither a text nor a list"),
            (r#"{"content":"a","isError":1}"#, "neither true nor false"),
            (
                r#"{"content":"a","is_error":true}"#,
                "the contract says `isError`",
            ),
            (
                r#"{"content":"a","structured_content":{}}"#,
                "the contract says `structuredContent`",
            ),
            (r#"{"structuredContent":[1]}"#, "no object"),
            (r#"{"content":["a"]}"#, "has no `type`"),
            (r#"{"content":[{"type":"text"}]}"#, "has no `text`"),
            (r#"{"content":[{"type":"text","text":1}]}"#, "has no `text`"),
            (
                r#"{"content":[{"type":"image","data":"AA=="}]}"#,
                "`mimeType`",
            ),
            (
                r#"{"content":[{"type":"resource","resource":{"uri":"a:b"}}]}"#,
                "`blob`",
            ),
            (
                r#"{"content":[{"type":"resource_link","uri":"a:b"}]}"#,
                "`name`",
            ),
            (r#"{"content":[{"type":"hunter2"}]}"#, "another `type`"),
        ] {
            let error = now(text).unwrap_err();
            assert!(
                error.contains(told) && !error.contains("hunter2"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn structure_is_held_against_the_schema_unless_the_tool_failed() {
        let schema = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#;
        let schema = Schema::compile(&RawJson::from_static(schema)).unwrap();
        let read = |text| read(text, Some(&schema), Revision::V2025_11_25);
        assert!(read(r#"{"structuredContent":{"n":1}}"#).is_ok());
        assert!(read(r#"{"content":"no","isError":true}"#).is_ok());
        let error = read(r#"{"content":"a"}"#).unwrap_err();
        assert!(error.contains("no `structuredContent`"), "{error}");
        let error = read(r#"{"structuredContent":{"n":"hunter2"}}"#).unwrap_err();
        assert!(
            error.contains("output_schema") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn old_clients_are_told_in_their_own_words() {
        let link = r#"{"content":[{"type":"resource_link","uri":"a:b","name":"x"}]}"#;
        let said = read(link, None, Revision::V2025_03_26).unwrap();
        assert_eq!(said["content"][0], json!({"type": "text", "text": "a:b"}));
    }

    proptest! {
        #[test]
        fn no_answer_is_too_much(bytes: Vec<u8>) {
            let _ = object(&bytes.into()).and_then(|it| result(&it, None, Revision::V2026_07_28));
        }

        #[test]
        fn what_is_accepted_is_a_result(
            content in prop_oneof![
                Just(None),
                ".{0,20}".prop_map(|text| Some(json!(text))),
                prop::collection::vec(".{0,9}", 0..4).prop_map(|all| Some(json!(
                    all.iter().map(|text| json!({"type": "text", "text": text, "x": [1]})).collect::<Vec<_>>()
                ))),
                Just(Some(json!(1))),
            ],
            failed in prop::option::of(any::<bool>()),
            structured in prop::option::of(".{0,9}"),
            pretty: bool,
        ) {
            let mut answer = serde_json::Map::new();
            let mut put = |key: &str, value: Option<Value>| {
                value.map(|value| answer.insert(key.to_owned(), value))
            };
            put("content", content.clone());
            put("isError", failed.map(Value::from));
            put("structuredContent", structured.clone().map(|text| json!({"t": text})));
            let text = match pretty {
                true => serde_json::to_string_pretty(&answer).unwrap(),
                false => serde_json::to_string(&answer).unwrap(),
            };
            let fits = content != Some(json!(1)) && (content.is_some() || structured.is_some());
            let said = now(&text);
            prop_assert_eq!(said.is_ok(), fits, "{}: {:?}", text, said);
            if let Ok(said) = said {
                prop_assert!(said["content"].is_array());
                prop_assert_eq!(said.get("isError").and_then(Value::as_bool), failed);
                let given = structured.map(|text| json!({"t": text}));
                prop_assert_eq!(said.get("structuredContent"), given.as_ref());
            }
        }
    }
}
