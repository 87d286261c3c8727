use std::sync::{Arc, Mutex};

use durward_core::{LogLevel, Notify, RawJson, RefusalCode};

use super::*;

fn paths(found: &Value) -> Vec<&str> {
    found["matches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["path"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn lines_are_found_with_place_and_context() {
    let place = Place::with(&[
        ("a.rs", "one\ntwo é fn x\nthree\nfour\n"),
        ("b.txt", "fn y"),
    ]);
    let found = place
        .ask(
            "fs_search",
            json!({"pattern": "fn \\w", "name": "*.rs", "context": 1}),
        )
        .await;
    let found = found.unwrap();
    assert_eq!(
        found["matches"],
        json!([{
            "path": "a.rs", "line": 2, "column": 7, "text": "two é fn x",
            "before": ["one"], "after": ["three"]
        }])
    );
    assert_eq!(
        (&found["files_searched"], &found["truncated"]),
        (&json!(1), &json!(false))
    );
    let found = place
        .ask("fs_search", json!({"pattern": "FN", "ignore_case": true}))
        .await
        .unwrap();
    assert_eq!(paths(&found), ["a.rs", "b.txt"]);
}

#[tokio::test]
async fn a_file_can_be_searched_alone() {
    let place = Place::with(&[
        (".gitignore", "a.rs"),
        ("a.rs", "fn x\nfn y\nfn z\n"),
        ("b.rs", "fn w\n"),
        (".env", "fn secret"),
    ]);
    let in_a = json!({"pattern": "fn", "path": "a.rs", "limit": 2});
    let found = place.ask("fs_search", in_a.clone()).await.unwrap();
    assert_eq!(paths(&found), ["a.rs", "a.rs"]);
    let mut more = in_a;
    more["cursor"] = found["cursor"].clone();
    let found = place.ask("fs_search", more).await.unwrap();
    assert_eq!(found["matches"][0]["line"], 3);
    assert_eq!(found["truncated"], false);
    let named = json!({"name": "*.rs", "path": "b.rs"});
    assert_eq!(
        paths(&place.ask("fs_search", named).await.unwrap()),
        ["b.rs"]
    );
    for (path, code) in [
        (".env", RefusalCode::DenylistHit),
        ("none", RefusalCode::NotFound),
    ] {
        let refusal = place.refusal("fs_search", json!({"pattern": "fn", "path": path}));
        assert_eq!(refusal.await.code, code, "{path}");
    }
}

#[tokio::test]
async fn names_are_globs() {
    let place = Place::with(&[
        ("src/a.rs", ""),
        ("src/deep/b.rs", ""),
        ("c.rs", ""),
        ("d.md", ""),
    ]);
    let cases = [
        (
            json!({"name": "*.rs"}),
            vec!["c.rs", "src/a.rs", "src/deep/b.rs"],
        ),
        (json!({"name": "src/*.rs"}), vec!["src/a.rs"]),
        (
            json!({"name": "src/**/*.rs"}),
            vec!["src/a.rs", "src/deep/b.rs"],
        ),
        (
            json!({"name": "deep/*.rs", "path": "src"}),
            vec!["src/deep/b.rs"],
        ),
        (json!({"name": "*.RS"}), vec![]),
    ];
    for (arguments, expected) in cases {
        let found = place.ask("fs_search", arguments.clone()).await.unwrap();
        assert_eq!(paths(&found), expected, "{arguments}");
    }
}

#[tokio::test]
async fn ignored_and_binary_files_and_links_are_passed_over() {
    let place = Place::with(&[
        (".gitignore", "built\n"),
        ("built/a", "needle"),
        ("a", "needle"),
    ]);
    place.write("binary", b"\0\0needle\n");
    place.write("latin1", b"caf\xe9 needle\n");
    place.link("again", "a");
    place.link("out", place.dir.path().join("outside"));
    let found = place
        .ask("fs_search", json!({"pattern": "needle"}))
        .await
        .unwrap();
    assert_eq!(paths(&found), ["a", "latin1"]);
}

#[tokio::test]
async fn pages_give_every_match_once() {
    let place = Place::new();
    for file in 0..7 {
        let text: String = (0..5).map(|line| format!("needle {line}\nhay\n")).collect();
        place.write(&format!("d{}/f{file}", file % 2), text);
    }
    let pack = place.pack();
    for limit in [1, 2, 5, 34, 35, 36] {
        for query in [
            json!({"pattern": "needle", "context": 1}),
            json!({"name": "f*"}),
        ] {
            let expected = if query["pattern"].is_null() { 7 } else { 35 };
            let mut seen = Vec::new();
            let mut arguments = query;
            arguments["limit"] = json!(limit);
            loop {
                let found = ask(&pack, "fs_search", arguments.clone()).await.unwrap();
                let matches = found["matches"].as_array().unwrap();
                assert!(matches.len() <= limit);
                seen.extend(
                    matches
                        .iter()
                        .map(|hit| format!("{}:{}", hit["path"], hit["line"])),
                );
                match found["cursor"].as_str() {
                    Some(cursor) => arguments["cursor"] = json!(cursor),
                    None => break,
                }
            }
            let all = seen.len();
            seen.dedup();
            assert_eq!((all, seen.len()), (expected, expected), "limit {limit}");
        }
    }
}

#[tokio::test]
async fn what_can_not_be_searched_for_is_refused() {
    let place = Place::new();
    for bad in [
        json!({}),
        json!({"pattern": "("}),
        json!({"pattern": "a\nb"}),
        json!({"pattern": "(?:a{1000}){1000}{1000}"}),
        json!({"name": "["}),
        json!({"pattern": "a", "cursor": "?"}),
    ] {
        let refusal = place.refusal("fs_search", bad.clone()).await;
        assert_eq!(refusal.code, RefusalCode::InvalidArguments, "{bad}");
    }
}

#[tokio::test]
async fn one_huge_line_is_bounded() {
    let place = Place::new();
    place.write(
        "big",
        format!("{}needle{}", "a".repeat(3_000_000), "b".repeat(3_000_000)),
    );
    place.write("bigger", format!("{}needle", "a".repeat(20_000_000)));
    let found = place
        .ask("fs_search", json!({"pattern": "needle"}))
        .await
        .unwrap();
    assert_eq!(paths(&found), ["big"]);
    assert!(found["matches"][0]["text"].as_str().unwrap().len() < 600);
}

#[derive(Default)]
struct Heard(Mutex<Vec<u64>>);

impl Notify for Heard {
    fn progress(&self, done: u64, _: Option<u64>, _: Option<&str>) {
        self.0.lock().unwrap().push(done);
    }

    fn log(&self, _: LogLevel, _: &str, _: RawJson) {}

    fn relay_progress(&self, _: &RawJson) {}

    fn relay_log(&self, _: LogLevel, _: RawJson) {}
}

#[tokio::test]
async fn progress_is_told() {
    let place = Place::new();
    place.names_for_one_file((0..600).map(|number| format!("f{number}")));
    let heard = Arc::new(Heard::default());
    let mut call = call("fs_search", r#"{"pattern":"x"}"#);
    call.notify = Some(heard.clone());
    answer(&place.pack(), &call).await.unwrap();
    assert_eq!(*heard.0.lock().unwrap(), [256, 512]);
}
