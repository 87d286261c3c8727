//! The verdicts of the protocol's table, and serde_json as the oracle of what is JSON.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn scan_text(text: &str) -> Result<Message, Malformed> {
    scan_bytes(text.as_bytes())
}

fn scan_bytes(bytes: &[u8]) -> Result<Message, Malformed> {
    scan(&Bytes::copy_from_slice(bytes), ScanLimits::default())
}

fn request(text: &str) -> Request {
    match scan_text(text).unwrap() {
        Message::Request(request) => request,
        other => panic!("{other:?}"),
    }
}

/// The kind, and the id as it was spelled.
fn refused(text: &str) -> (MalformedKind, Option<String>) {
    let malformed = scan_text(text).expect_err(text);
    (
        malformed.kind,
        malformed.id.map(|id| id.raw().as_str().to_owned()),
    )
}

const PARSE: (MalformedKind, Option<String>) = (MalformedKind::Parse, None);

fn invalid(id: &str) -> (MalformedKind, Option<String>) {
    (
        MalformedKind::Invalid,
        (!id.is_empty()).then(|| id.to_owned()),
    )
}

/// `serde_json` would read such an object as a number, the next parser as an object.
#[test]
fn keys_that_a_parser_reads_otherwise_are_refused() {
    for key in [
        r"$serde_json::private::Number",
        r"\u0024serde_json::private::RawValue",
    ] {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"a":[{{"{key}":"5"}}]}}}}"#
        );
        let refused = scan(&Bytes::from(text), ScanLimits::default()).unwrap_err();
        assert_eq!(refused.code(), -32600, "{key}");
        assert!(refused.id.is_some());
    }
    let fine = r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"$serde_json":1}}"#;
    assert!(scan(&Bytes::from(fine), ScanLimits::default()).is_ok());
}

#[test]
fn a_request_is_read_whatever_the_order() {
    let request = request(
        r#" { "params" : {"name":"fs","n\u0061me2":1.50, "arguments" : {"a":[1, 2]}},
        "method":"tools\/call","extra":[{}],"id":-7,"jsonrpc":"2.0"}"#,
    );
    assert_eq!(request.id.raw().as_str(), "-7");
    assert_eq!(request.method.as_str(), "tools/call");
    assert_eq!(request.params.string("name"), Ok(Some("fs".to_owned())));
    assert_eq!(request.params.get("name2").unwrap().as_str(), "1.50");
    let arguments = request.params.object("arguments").unwrap().unwrap();
    assert_eq!(arguments.as_str(), r#"{"a":[1, 2]}"#);
    assert!(request.params.get("nothing").is_none());
    assert!(request.params.string("arguments").is_err());
    assert!(request.params.object("name").is_err());
}

#[test]
fn parts_are_slices_of_the_body() {
    let body = Bytes::from_static(br#"{"jsonrpc":"2.0","id":"a","method":"m","params":{"k":[0]}}"#);
    let Ok(Message::Request(request)) = scan(&body, ScanLimits::default()) else {
        panic!()
    };
    let within = body.as_ptr_range();
    assert!(within.contains(&request.params.get("k").unwrap().bytes().as_ptr()));
    assert!(within.contains(&request.id.raw().bytes().as_ptr()));
}

#[test]
fn without_params_they_are_empty() {
    let request = request(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    assert!(request.params.is_empty());
    assert_eq!(request.params.raw().as_str(), "{}");
}

#[test]
fn the_other_kinds_of_message() {
    let notification = scan_text(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    assert!(matches!(notification, Ok(Message::Notification(_))));
    let result = scan_text(r#"{"jsonrpc":"2.0","id":1,"result":{"a":1}}"#);
    let Ok(Message::Response(Response {
        outcome: ResponseOutcome::Result(raw),
        ..
    })) = result
    else {
        panic!("{result:?}")
    };
    assert_eq!(raw.as_str(), r#"{"a":1}"#);
    let error = scan_text(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#);
    let Ok(Message::Response(Response {
        outcome: ResponseOutcome::Error(_),
        ..
    })) = error
    else {
        panic!("{error:?}")
    };
}

#[test]
fn a_batch_is_split_and_not_judged() {
    let Ok(Message::Batch(members)) = scan_text(r#" [ {"a":1,"a":2} , 7,[] ] "#) else {
        panic!()
    };
    assert_eq!(members, [r#"{"a":1,"a":2}"#, "7", "[]"]);
    assert_eq!(refused("[]"), invalid(""));
    assert_eq!(
        refused(&format!("[{}0]", "0,".repeat(BATCH_MAX))),
        invalid("")
    );
    assert!(scan_text(&format!("[{}0]", "0,".repeat(BATCH_MAX - 1))).is_ok());
    assert_eq!(refused("[1,]"), PARSE);
}

#[test]
fn what_is_not_json() {
    for text in [
        "",
        " ",
        "{",
        "{}}",
        "{} x",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{a:1}",
        "[1 2]",
        "[1}",
        "NaN",
        "-Infinity",
        "01",
        "1.",
        ".5",
        "-",
        "1e",
        "+1",
        "tru",
        "nulls",
        "\u{feff}{}",
        "\u{a0}{}",
        r#""\x""#,
        r#""\u12g4""#,
        r#""\u+123""#,
        r#""\ud800""#,
        r#""\ud800\u0041""#,
        r#""\udc00""#,
        r#""\ud800\udbff""#,
        "\"a\nb\"",
        "\"\u{0}\"",
        "\"abcdefgh\u{1f}ijk\"",
        "\"abc",
        "\"abc\\",
    ] {
        assert_eq!(refused(text), PARSE, "{text:?}");
    }
    let bytes = br#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"?"}}"#;
    let broken = bytes.map(|byte| if byte == b'?' { 0xFF } else { byte });
    assert_eq!(scan_bytes(&broken).unwrap_err().kind, MalformedKind::Parse);
}

#[test]
fn what_is_json_and_no_message_is_invalid_with_its_id() {
    for (text, id) in [
        (r#"{"method":"m","id":5}"#, "5"),
        (r#"{"jsonrpc":"1.0","method":"m","id":5}"#, "5"),
        (r#"{"jsonrpc":2.0,"method":"m","id":5}"#, "5"),
        (r#"{"jsonrpc":"2.0","id":"x"}"#, "\"x\""),
        (r#"{"jsonrpc":"2.0","method":7,"id":5}"#, "5"),
        (r#"{"jsonrpc":"2.0","method":"a\u0000","id":5}"#, "5"),
        (r#"{"jsonrpc":"2.0","method":"m","params":[],"id":5}"#, "5"),
        (
            r#"{"jsonrpc":"2.0","method":"m","params":null,"id":5}"#,
            "5",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"m","params":{"a":1,"\u0061":2},"id":5}"#,
            "5",
        ),
        (r#"{"jsonrpc":"2.0","method":"m","method":"n","id":5}"#, "5"),
        (
            r#"{"jsonrpc":"2.0","x":[{"y":{"a":1,"b":2,"a":3}}],"id":5,"method":"m"}"#,
            "5",
        ),
        (r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"m"}"#, ""),
        (r#"{"jsonrpc":"2.0","id":1,"\u0069d":2,"method":"m"}"#, ""),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, "1"),
        (r#"{"jsonrpc":"2.0","id":1,"error":"no"}"#, "1"),
        (r#"{"jsonrpc":"2.0","result":{}}"#, ""),
        ("7", ""),
        ("\"text\"", ""),
        ("{}", ""),
    ] {
        assert_eq!(refused(text), invalid(id), "{text}");
    }
}

#[test]
fn ids_are_strings_or_integers() {
    let with = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
    let long = |n: usize| format!("\"{}\"", "x".repeat(n));
    let escaped = |n: usize| format!("\"{}\"", r"\u0041".repeat(n));
    let nines = "9".repeat(19);
    for id in [
        "0",
        "-1",
        "\"\"",
        "\"1\"",
        &nines,
        &format!("-{nines}"),
        &long(256),
        &escaped(256),
    ] {
        assert_eq!(request(&with(id)).id.raw().as_str(), id);
    }
    let ten = "1".repeat(20);
    for id in [
        "null",
        "true",
        "1.5",
        "1.0",
        "1e3",
        "[]",
        "{}",
        &ten,
        &long(257),
        &escaped(257),
    ] {
        assert_eq!(refused(&with(id)), invalid(""), "{id}");
    }
}

#[test]
fn ids_are_equal_by_value() {
    let id = |text: &'static str| RequestId::try_from(RawJson::from_static(text)).unwrap();
    assert_eq!(id(r#""a\u0062""#), id(r#""ab""#));
    assert_eq!(id("7"), RequestId::from(7));
    assert_ne!(id("7"), id("\"7\""));
    assert_eq!(id("\"7\"").as_u64(), Some(7));
    assert_eq!(id("-7").as_u64(), None);
    let known = HashSet::from([id(r#""a\u0062""#)]);
    assert!(known.contains(&id(r#""ab""#)));
}

#[test]
fn nul_is_kept_in_content() {
    let request = request(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"\u0000"}}"#);
    assert_eq!(request.params.string("a"), Ok(Some("\0".to_owned())));
}

#[test]
fn depth_counts_from_the_message() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 2), "]".repeat(levels - 2));
        format!(r#"{{"jsonrpc":"2.0","params":{{"a":{open}{close}}},"method":"m","id":5}}"#)
    };
    assert!(scan_text(&nested(128)).is_ok());
    assert_eq!(refused(&nested(129)), invalid("5"));
    // Serde takes 100,000 levels only as raw text; the scan takes them without a stack.
    assert_eq!(refused(&nested(100_000)), invalid("5"));
    assert_eq!(refused(&"[".repeat(200_000)), PARSE);
    assert_eq!(refused(&"{\"a\":".repeat(100_000)), PARSE);
    let shallow = scan(&Bytes::from_static(b"{}"), ScanLimits { depth: 0 });
    assert_eq!(shallow.unwrap_err().kind, MalformedKind::Invalid);
}

#[test]
fn many_keys_are_told_apart_in_time() {
    let object = |count: usize, last: &str| {
        let keys = (0..count)
            .map(|n| format!("\"same-prefix-{n}\":0,"))
            .collect::<String>();
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{{keys}"{last}":0}}}}"#)
    };
    assert!(scan_text(&object(50_000, "x")).is_ok());
    assert_eq!(refused(&object(50_000, "same-prefix-7")), invalid("1"));
    assert_eq!(refused(&object(33, r"same-prefix-3\u0032")), invalid("1"));
}

/// Pieces that make JSON, nearly JSON, and messages when they are put side by side.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "\"",
        "\\",
        "null",
        "true",
        "-0",
        "1.5e-7",
        "12",
        "0",
        "\"a\"",
        "\"a\":",
        "\"\\u0061\":",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"é\"",
        "{}",
        "[]",
        "\"jsonrpc\":\"2.0\",",
        "\"id\":1,",
        "\"method\":\"m\"",
        "\"params\":{",
        "\t",
        "\u{1}",
    ]);
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

fn sound_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn is_parse_error(text: &[u8]) -> bool {
    matches!(
        scan_bytes(text),
        Err(Malformed {
            kind: MalformedKind::Parse,
            ..
        })
    )
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(is_parse_error(&bytes), serde_json::from_slice::<Value>(&bytes).is_err());
    }

    #[test]
    fn json_is_what_serde_takes_for_json(text in soup()) {
        prop_assert_eq!(
            is_parse_error(text.as_bytes()),
            serde_json::from_str::<Value>(&text).is_err(),
            "{}", text
        );
    }

    #[test]
    fn a_byte_changed_is_judged_as_serde_does(
        value in sound_json(), at in any::<prop::sample::Index>(), byte in 0_u8..128,
    ) {
        let mut text = value.to_string().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        prop_assert_eq!(is_parse_error(&text), serde_json::from_slice::<Value>(&text).is_err());
    }

    #[test]
    fn parts_come_back(id in any::<String>(), name in "[^\0]*", value in sound_json(), key in any::<String>()) {
        prop_assume!(id.len() <= 256);
        let text = serde_json::json!({
            "jsonrpc": "2.0", "id": id, "method": name, "params": { key.as_str(): value },
        });
        let request = request(&text.to_string());
        prop_assert_eq!(request.id.raw().parse::<String>().unwrap(), id);
        prop_assert_eq!(request.method.as_str(), name);
        prop_assert_eq!(request.params.get(&key).unwrap().parse::<Value>().unwrap(), value.clone());
        prop_assert_eq!(request.params.raw().parse::<Value>().unwrap(), serde_json::json!({ key: value }));
    }

    #[test]
    fn a_double_key_is_found(keys in prop::collection::vec(("[ab]{1,7}", any::<bool>()), 0..80)) {
        let names = keys.iter().map(|(name, _)| name).collect::<HashSet<_>>();
        let spelled = keys.iter().map(|(name, escaped)| {
            if *escaped { format!("\"{}\":0", name.replace('a', r"\u0061")) } else { format!("\"{name}\":0") }
        });
        let object = spelled.collect::<Vec<_>>().join(",");
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","x":[{{{object}}}]}}"#);
        prop_assert_eq!(scan_text(&text).is_ok(), names.len() == keys.len());
    }
}

#[test]
fn a_value_that_is_no_message_is_read_as_strictly() {
    let read = |text: &'static str| scan_value(&text.into(), ScanLimits { depth: 3 });
    for text in ["{}", " [1, {\"a\":1.50}]\n", "\"a\"", "null"] {
        assert_eq!(read(text).unwrap().as_str(), text.trim());
    }
    for (text, kind) in [
        ("", MalformedKind::Parse),
        ("{} {}", MalformedKind::Parse),
        ("\"\\ud800\"", MalformedKind::Parse),
        (r#"{"a":1,"\u0061":2}"#, MalformedKind::Invalid),
        ("[[[[]]]]", MalformedKind::Invalid),
    ] {
        assert_eq!(read(text).unwrap_err().kind, kind, "{text}");
    }
    let bytes = Bytes::from_static(b"\"\xff\"");
    assert!(scan_value(&bytes, ScanLimits::default()).is_err());
}
