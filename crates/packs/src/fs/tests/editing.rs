use super::*;

fn edit(edits: Value) -> Value {
    json!({"path": "f", "edits": edits})
}

#[tokio::test]
async fn edits_are_made_in_order_and_the_difference_told() {
    let place = Place::writable(&[("f", "one\ntwo\nthree\n")]);
    let edits = edit(json!([{"old": "two", "new": "2"}, {"old": "2\n", "new": "zwei\n"}]));
    let answer = answer(&place.pack(), &call("fs_edit", &edits.to_string()))
        .await
        .unwrap();
    let diff = "--- f\n+++ f\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n";
    assert_eq!(answer["structuredContent"]["diff"], diff);
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("Edited `f`, sha256 ") && text.ends_with(diff),
        "{text}"
    );
    assert_eq!(place.read("f"), "one\nzwei\nthree\n");
    let stat = place.ask("fs_stat", json!({"path": "f"})).await.unwrap();
    assert_eq!(answer["structuredContent"]["sha256"], stat["sha256"]);
}

#[tokio::test]
async fn an_edit_that_does_not_fit_changes_nothing_and_says_what_to_do() {
    let place = Place::writable(&[("f", "a b a\n")]);
    let cases = [
        (
            json!([{"old": "b", "new": "x"}, {"old": "c", "new": "x"}]),
            "no_match",
            "/edits/1/old",
            "nowhere",
        ),
        (
            json!([{"old": "a", "new": "x"}]),
            "several_matches",
            "/edits/0/old",
            "2 times",
        ),
    ];
    for (edits, detail, path, words) in cases {
        let refusal = place.refusal("fs_edit", edit(edits)).await;
        assert_eq!(refusal.code, RefusalCode::InvalidArguments);
        assert_eq!(
            (refusal.detail, refusal.path.as_deref()),
            (Some(detail), Some(path))
        );
        assert!(refusal.reason.contains(words), "{}", refusal.reason);
    }
    assert_eq!(place.read("f"), "a b a\n");
    let all = edit(json!([{"old": "a", "new": "x", "all": true}]));
    place.ask("fs_edit", all).await.unwrap();
    assert_eq!(place.read("f"), "x b x\n");
}

#[tokio::test]
async fn a_dry_run_only_tells() {
    let place = Place::writable(&[("f", "one\n")]);
    let mut edits = edit(json!([{"old": "one", "new": "two"}]));
    edits["dry_run"] = json!(true);
    let told = place.ask("fs_edit", edits.clone()).await.unwrap();
    assert!(told["diff"].as_str().unwrap().contains("+two"));
    assert_eq!(
        (place.read("f"), place.all_names()),
        ("one\n".to_owned(), vec!["f".to_owned()])
    );
    edits["dry_run"] = json!(false);
    let done = place.ask("fs_edit", edits).await.unwrap();
    assert_eq!((told, place.read("f")), (done, "two\n".to_owned()));
    let same = place
        .ask("fs_edit", edit(json!([{"old": "two", "new": "two"}])))
        .await
        .unwrap();
    assert_eq!(same["diff"], "");
}

#[tokio::test]
async fn crlf_stays_and_what_is_not_text_is_not_edited() {
    let place = Place::writable(&[("f", "one\r\ntwo\r\n"), ("latin", ""), ("nul", "a\0one")]);
    place
        .ask(
            "fs_edit",
            edit(json!([{"old": "one\ntwo", "new": "1\n2\n3"}])),
        )
        .await
        .unwrap();
    assert_eq!(place.read("f"), "1\r\n2\r\n3\r\n");
    place.write("latin", b"one \xe9");
    for path in ["latin", "nul"] {
        let edits = json!({"path": path, "edits": [{"old": "one", "new": "x"}]});
        assert_eq!(
            place.refusal("fs_edit", edits).await.detail,
            Some("not_text"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_not_the_one_that_was_read_is_not_edited() {
    let place = Place::writable(&[("f", "one\n")]);
    let sha256 = place.ask("fs_stat", json!({"path": "f"})).await.unwrap()["sha256"].clone();
    place.write("f", "one two\n");
    let mut edits = edit(json!([{"old": "one", "new": "x"}]));
    edits["if_match"] = sha256;
    assert_eq!(
        place.refusal("fs_edit", edits).await.code,
        RefusalCode::Conflict
    );
    let none = json!({"path": "none", "edits": [{"old": "one", "new": "x"}]});
    assert_eq!(
        place.refusal("fs_edit", none).await.code,
        RefusalCode::NotFound
    );
    assert_eq!(place.read("f"), "one two\n");
}

/// Whoever edits at the same time as another is either in the file or told of a conflict.
#[tokio::test]
async fn no_edit_is_lost_without_a_word() {
    let place = Place::writable(&[("f", "")]);
    place.write(
        "f",
        (0..40).map(|it| format!("<{it}>\n")).collect::<String>(),
    );
    let pack = std::sync::Arc::new(place.pack());
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let pack = std::sync::Arc::clone(&pack);
            tokio::spawn(async move {
                let (old, new) = (format!("<{number}>"), format!("[{number}]"));
                let edits = json!({"path": "f", "edits": [{"old": old, "new": new}]});
                match ask(&pack, "fs_edit", edits).await {
                    Ok(_) => Some(new),
                    Err(refusal) => {
                        assert_eq!(refusal.code, RefusalCode::Conflict);
                        None
                    }
                }
            })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        made.extend(task.await.unwrap());
    }
    assert!(!made.is_empty());
    let text = place.read("f");
    for new in made {
        assert!(text.contains(&new), "{new} was lost: {text}");
    }
    assert_eq!(place.all_names(), ["f"]);
}
