use std::time::Instant;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn schema(schema: &Value) -> Schema {
    Schema::compile(&RawJson::of(schema).unwrap()).unwrap()
}

fn tool() -> Schema {
    schema(&json!({
        "type": "object",
        "properties": {
            "edits": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": { "new": { "type": "string" }, "old": { "type": "string" } },
                    "required": ["old"],
                    "additionalProperties": false
                }
            },
            "encoding": { "enum": ["auto", "utf8"] },
            "limit": { "type": "integer", "minimum": 1 },
            "max": { "type": "integer", "minimum": 1, "maximum": 20 },
            "maybe": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
            "path": { "type": "string", "maxLength": 10, "default": "." },
            "ratio": { "type": "number", "exclusiveMinimum": 0 },
            "tag": { "type": "string", "pattern": "^[a-z]+$" }
        },
        "required": ["path"],
        "additionalProperties": false
    }))
}

fn said(value: Value) -> (String, String) {
    let violation = tool().check(&value).unwrap_err();
    (violation.path, violation.message)
}

#[test]
fn what_fits_fits() {
    let tool = tool();
    for value in [
        json!({ "path": "a" }),
        json!({ "path": "a", "limit": 1, "maybe": null, "edits": [{ "old": "x" }] }),
        json!({ "path": "a", "limit": 2.0 }),
    ] {
        assert_eq!(tool.check(&value), Ok(()), "{value}");
    }
    assert!(tool.properties().contains(&"limit".to_owned()));
}

#[test]
fn a_sentence_says_what_to_do() {
    for (value, path, message) in [
        (
            json!({ "path": "a", "limit": 0 }),
            "/limit",
            "`limit` must be an integer of at least 1.",
        ),
        (
            json!({ "path": "a", "limit": "5" }),
            "/limit",
            "`limit` must be an integer of at least 1.",
        ),
        (
            json!({ "path": "a", "max": 21 }),
            "/max",
            "`max` must be an integer of 1 to 20.",
        ),
        (
            json!({ "path": "a", "ratio": 0 }),
            "/ratio",
            "`ratio` must be a number above 0.",
        ),
        (
            json!({ "path": 1 }),
            "/path",
            "`path` must be a string of at most 10 characters.",
        ),
        (
            json!({ "path": "x".repeat(11) }),
            "/path",
            "`path` must be a string of at most 10 characters.",
        ),
        (
            json!({ "path": "a", "encoding": "latin1" }),
            "/encoding",
            "`encoding` must be one of: auto, utf8.",
        ),
        (
            json!({ "path": "a", "maybe": "x" }),
            "/maybe",
            "`maybe` must be an integer or null.",
        ),
        (
            json!({ "path": "a", "tag": "A" }),
            "/tag",
            "`tag` must be a string that matches `^[a-z]+$`.",
        ),
        (
            json!({ "path": "a", "edits": [] }),
            "/edits",
            "`edits` must be a list of at least 1 items.",
        ),
        (json!({}), "/path", "`path` is missing."),
        (
            json!({ "path": "a", "edits": [{}] }),
            "/edits/0/old",
            "`edits[0].old` is missing.",
        ),
        (
            json!([]),
            "",
            "The whole of the arguments must be an object.",
        ),
        (
            json!({ "path": "a", "edits": [{ "old": "x", "a/b": 1 }] }),
            "/edits/0/a~1b",
            "`a/b` is not a member of `edits[0]`; it takes: new, old.",
        ),
        (
            json!({ "path": "a", "colour": "red" }),
            "/colour",
            "`colour` is not an argument of this tool; \
             it takes: edits, encoding, limit, max, maybe, path, ratio, tag.",
        ),
    ] {
        assert_eq!(said(value), (path.to_owned(), message.to_owned()));
    }
}

#[test]
fn values_are_never_echoed_and_names_are_cut() {
    let (path, message) = said(json!({ "path": "a", "limit": "hunter2-hunter2" }));
    assert!(!message.contains("hunter2") && !path.contains("hunter2"));
    let (_, message) = said(json!({ "path": "a", ("x".repeat(5_000)): 1, }));
    assert!(message.len() < 500, "{}", message.len());
    let (_, message) = said(json!({ "path": "a", "x\n\u{7}y": 1 }));
    assert!(!message.contains('\n') && !message.contains('\u{7}'));
}

#[test]
fn references_inside_work_and_outside_are_refused() {
    let inside = schema(&json!({
        "$defs": { "n": { "type": "integer", "minimum": 3 } },
        "properties": { "n": { "$ref": "#/$defs/n" } }
    }));
    let violation = inside.check(&json!({ "n": 1 })).unwrap_err();
    assert_eq!(violation.message, "`n` must be an integer of at least 3.");
    for reference in [
        "https://example.com/s.json",
        "file:///etc/passwd",
        "#/$defs/none",
    ] {
        let raw = RawJson::of(&json!({ "$ref": reference })).unwrap();
        assert!(Schema::compile(&raw).is_err(), "{reference}");
    }
}

#[test]
fn what_is_no_schema_is_refused() {
    for text in [
        "{\"type\":\"strin\"}",
        "{\"pattern\":\"(\"}",
        "3",
        "{\"minimum\":\"x\"}",
    ] {
        assert!(
            Schema::compile(&RawJson::from_static(text)).is_err(),
            "{text}"
        );
    }
}

#[test]
fn numbers_are_not_rounded() {
    let schema = schema(&json!({ "maximum": 9_007_199_254_740_992_u64 }));
    let over: Value = serde_json::from_str("9007199254740993").unwrap();
    assert!(schema.check(&over).is_err());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "measures real time")]
fn hostile_patterns_end_soon() {
    for pattern in ["^(a+)+$", "^(?=a)(a+)+$", "^(a|a)*\\1$"] {
        let Ok(schema) = Schema::compile(&RawJson::of(&json!({ "pattern": pattern })).unwrap())
        else {
            continue;
        };
        let start = Instant::now();
        assert!(schema.check(&json!("a".repeat(31) + "!")).is_err());
        assert!(start.elapsed().as_millis() < 50, "{pattern}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("path|limit|edits|old|[a-z~/]{1,4}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_comes_is_judged_and_the_path_leads_there(value in any_json()) {
        let schema = tool();
        if let Err(violation) = schema.check(&value) {
            let parent = violation.path.rsplit_once('/').map_or("", |(parent, _)| parent);
            prop_assert!(value.pointer(parent).is_some(), "{}", violation.path);
            prop_assert!(violation.message.ends_with('.'));
        }
    }
}
