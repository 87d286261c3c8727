use std::{ptr, sync::LazyLock};

use proptest::prelude::*;

use super::*;

fn redactor() -> &'static Redactor {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
        let names = [
            "password",
            "passwd",
            "secret",
            "token",
            "api_key",
            "authorization",
            "cookie",
            "private_key",
        ];
        Redactor::new(&names.map(str::to_owned)).unwrap()
    });
    &REDACTOR
}

fn redacted(value: &Value) -> Value {
    redactor()
        .redact(&RawJson::of(value).unwrap())
        .parse()
        .unwrap()
}

#[test]
fn secrets_go_at_any_depth_and_in_lists() {
    assert_eq!(
        redacted(&json!({
            "password": "a", "api_key": 5, "token": ["x"], "Authorization": { "a": 1 },
            "private-key": null,
            "nested": { "list": [{ "dbPassword": "b", "author": "me" }, ["password=c"]] },
        })),
        json!({
            "password": REDACTED, "api_key": REDACTED, "token": REDACTED, "Authorization": REDACTED,
            "private-key": REDACTED,
            "nested": { "list": [{ "dbPassword": REDACTED, "author": "me" }, ["password=[REDACTED]"]] },
        })
    );
}

#[test]
fn free_text_numbers_and_keys_are_looked_at() {
    assert_eq!(
        redacted(&json!({
            "note": "card 4111111111111111, password=hunter2",
            "card": 4_111_111_111_111_111_u64,
            "n": 1_763_654_400,
            "AKIAABCDEFGHIJKLMNOP": 1,
        })),
        json!({
            "note": "card [REDACTED], password=[REDACTED]",
            "card": REDACTED,
            "n": 1_763_654_400,
            "[REDACTED]": 1,
        })
    );
}

#[test]
fn what_an_escape_hides_is_found() {
    let raw =
        RawJson::from_static(r#"{"pass\u0077ord":"hunter2","x":"dw\u005f0123456789abcdefghij"}"#);
    let kept = redactor().redact(&raw);
    assert!(
        !kept.as_str().contains("hunter2") && !kept.as_str().contains("0123456789"),
        "{kept:?}"
    );
}

#[test]
fn what_needs_nothing_is_the_same_text() {
    for text in [
        r#"{ "path" : "a/b.txt", "limit": 1.50 }"#,
        r#"{"author":"x","monkey":"y","max_tokens":5}"#,
        "{}",
    ] {
        let raw = RawJson::from_static(text);
        let kept = redactor().redact(&raw);
        assert!(ptr::eq(raw.as_str(), kept.as_str()), "{text}");
    }
    let many = RawJson::of(&vec!["short"; 1_000]).unwrap();
    assert!(ptr::eq(many.as_str(), redactor().redact(&many).as_str()));
}

#[test]
fn large_arguments_are_bounded() {
    let cut = redacted(&json!({ "content": "x".repeat(50_000), "path": "a" }));
    assert_eq!(cut["path"], "a");
    assert!(cut["content"].as_str().unwrap().ends_with("…(50000 bytes)"));
    let many = RawJson::of(&vec!["some text"; 5_000]).unwrap();
    let kept: Value = redactor().redact(&many).parse().unwrap();
    assert_eq!(kept, json!({ "truncated": true, "bytes": many.len() }));
}

proptest! {
    #[test]
    fn no_value_of_a_secret_name_is_kept(depth in 0usize..6, list: bool) {
        let mut value = json!({ "dbPassword": "hunter2hunter2" });
        for _ in 0..depth {
            value = if list { json!([value]) } else { json!({ "a": value }) };
        }
        let kept = redactor().redact(&RawJson::of(&value).unwrap());
        prop_assert!(!kept.as_str().contains("hunter2"));
    }
}
