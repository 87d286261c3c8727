//! What is written is what a scan reads.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::scan::{Message, ScanLimits, scan};

fn raw(text: &'static str) -> RawJson {
    RawJson::from_static(text)
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_result_is_spliced_as_it_was_spelled() {
    let id = RequestId::try_from(raw(r#""\u0061""#)).unwrap();
    let body = raw(r#"{"n": 1.50,"x":"\u00e9"}"#);
    assert_eq!(
        text(&result(&id, &body, &[])),
        r#"{"jsonrpc":"2.0","id":"\u0061","result":{"n": 1.50,"x":"\u00e9"}}"#
    );
}

#[test]
fn additions_come_first_unless_they_are_there() {
    let id = RequestId::from(1);
    let (complete, zero) = (raw("\"complete\""), raw("0"));
    let additions = [("resultType", &complete), ("ttlMs", &zero)];
    let written = |body| {
        let bytes = result(&id, &raw(body), &additions);
        let head = r#"{"jsonrpc":"2.0","id":1,"result":"#;
        text(&bytes)
            .strip_prefix(head)
            .unwrap()
            .strip_suffix('}')
            .unwrap()
            .to_owned()
    };
    assert_eq!(written("{}"), r#"{"resultType":"complete","ttlMs":0}"#);
    assert_eq!(
        written(r#"{ "a":1}"#),
        r#"{"resultType":"complete","ttlMs":0, "a":1}"#
    );
    assert_eq!(
        written(r#"{"ttl\u004ds":5}"#),
        r#"{"resultType":"complete","ttl\u004ds":5}"#
    );
    assert_eq!(
        written(r#"{"ttlMs":5,"resultType":"x"}"#),
        r#"{"ttlMs":5,"resultType":"x"}"#
    );
    assert_eq!(written("[1]"), "[1]");
}

#[test]
fn meta_is_made_or_extended() {
    let id = RequestId::from(1);
    let (one, two) = (raw("1"), raw("2"));
    let written = |body| {
        let meta = [("k", &one), ("l", &two)];
        let bytes = result_with_meta(&id, &raw(body), &[("a", &one)], &meta).into_bytes();
        let head = r#"{"jsonrpc":"2.0","id":1,"result":"#;
        text(&bytes)
            .strip_prefix(head)
            .unwrap()
            .strip_suffix('}')
            .unwrap()
            .to_owned()
    };
    assert_eq!(written("{}"), r#"{"a":1,"_meta":{"k":1,"l":2}}"#);
    assert_eq!(written(r#"{"a":3}"#), r#"{"_meta":{"k":1,"l":2},"a":3}"#);
    assert_eq!(
        written(r#"{"_meta":{},"b":0}"#),
        r#"{"a":1,"_meta":{"k":1,"l":2},"b":0}"#
    );
    assert_eq!(
        written(r#"{"_meta" : {"k":9}}"#),
        r#"{"a":1,"_meta" : {"l":2,"k":9}}"#
    );
    assert_eq!(
        written(r#"{"a":0,"_meta":null}"#),
        r#"{"a":0,"_meta":null}"#
    );
}

#[test]
fn errors_with_and_without_id() {
    let plain = ProtocolError {
        code: -32600,
        message: "a \"b\"\n\u{1}".to_owned(),
        data: None,
    };
    assert_eq!(
        text(&error(None, &plain)),
        r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"a \"b\"\n\u0001"}}"#
    );
    let full = ProtocolError {
        data: Some(raw("[ 1]")),
        message: String::new(),
        ..plain
    };
    assert_eq!(
        text(&error(Some(&RequestId::from(3)), &full)),
        r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32600,"message":"","data":[ 1]}}"#
    );
}

#[test]
fn calls() {
    let params = raw(r#"{"a" :1}"#);
    assert_eq!(
        text(&request(&RequestId::from(9), "tools/call", &params)),
        r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"a" :1}}"#
    );
    assert_eq!(
        text(&notification("n", &params)),
        r#"{"jsonrpc":"2.0","method":"n","params":{"a" :1}}"#
    );
    assert_eq!(object(&[]).as_str(), "{}");
    assert_eq!(
        extended(&params, &[("b", &raw("2"))]).as_str(),
        r#"{"b":2,"a" :1}"#
    );
}

proptest! {
    #[test]
    fn any_text_is_written_as_json(value in any::<String>()) {
        prop_assert_eq!(string(&value).parse::<String>().unwrap(), value);
    }

    #[test]
    fn a_request_is_read_back(number in 0..u64::pow(10, 18), method in "[^\0]*", key in any::<String>()) {
        let value = raw("[true]");
        let params = object(&[(&key, &value)]);
        let bytes = request(&RequestId::from(number), &method, &params);
        let Ok(Message::Request(read)) = scan(&bytes, ScanLimits::default()) else { panic!() };
        prop_assert_eq!(read.id.as_u64(), Some(number));
        prop_assert_eq!(read.method.as_str(), method);
        prop_assert_eq!(read.params.get(&key).unwrap(), value);
    }

    #[test]
    fn additions_and_meta_never_double_a_key(
        own in prop::collection::btree_map("[ab]|_meta", "[{][}]|[{]\"a\":1[}]", 0..3),
    ) {
        let one = raw("1");
        let members = own.iter().map(|(key, value)| format!("\"{key}\":{value}"));
        let body = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        let body = RawJson::from_scanned(body.into());
        let bytes = result_with_meta(&RequestId::from(1), &body, &[("a", &one)], &[("a", &one)]);
        let bytes = bytes.into_bytes();
        prop_assert!(scan(&bytes, ScanLimits::default()).is_ok(), "{}", text(&bytes));
        let written: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(&written["result"]["_meta"]["a"], &json!(1));
    }
}

#[test]
fn one_member_is_replaced_and_the_rest_kept_as_spelled() {
    let value = RawJson::from_static("\"b\"");
    for (object, expected) in [
        (
            r#"{ "n\u0061me" : "a" , "x":1.0 }"#,
            r#"{ "n\u0061me" : "b" , "x":1.0 }"#,
        ),
        (r#"{"x":{"name":1}} "#, r#"{"x":{"name":1},"name":"b"} "#),
        ("{}", r#"{"name":"b"}"#),
        ("[1]", "[1]"),
    ] {
        let object = RawJson::from_static(object);
        assert_eq!(replaced(&object, "name", &value).as_str(), expected);
    }
}
