//! A plugin that is started for each call.

use super::*;

#[tokio::test]
async fn one_object_in_one_object_out() {
    let desk = Desk::new();
    desk.plugin(
        "echo",
        r#"read -r line; printf '{"content":"ok",\n "structuredContent":%s,"isError":false}\n' "$line"; echo noise >&2"#,
        json!({"timeout": "7s"}),
    );
    let plugins = desk.look();
    let answer = ask(&plugins, "echo", r#"{"a": [1.50]}"#, DEADLINE)
        .await
        .unwrap();
    assert_eq!(answer["content"], json!([{"type": "text", "text": "ok"}]));
    assert_eq!(answer["isError"], false);
    // Each number as the caller spelled it.
    let asked = &answer["structuredContent"];
    assert_eq!(asked["arguments"].to_string(), r#"{"a":[1.50]}"#);
    assert_eq!(asked["tool"], "echo");
    assert_eq!(asked["timeout_ms"], 7000);
    let standing = only(&plugins);
    assert_eq!(
        (standing.stderr.as_str(), standing.error),
        ("noise\n", None)
    );
    assert_eq!(
        (standing.state, standing.mode),
        (PluginState::Ready, Some("per_call"))
    );
    assert_eq!(standing.sha256.unwrap().len(), 64);
}

#[tokio::test]
async fn what_is_no_answer_is_told_with_its_kind() {
    for (script, code, detail) in [
        (
            "printf '{\"content\":\"a\"}'; exit 3",
            RefusalCode::Unavailable,
            Some("plugin_failed"),
        ),
        (
            "kill -9 $$",
            RefusalCode::Unavailable,
            Some("plugin_failed"),
        ),
        (
            "echo hunter2",
            RefusalCode::Unavailable,
            Some("plugin_answer"),
        ),
        ("true", RefusalCode::Unavailable, Some("plugin_answer")),
        ("echo '{}'", RefusalCode::Unavailable, Some("plugin_answer")),
        ("yes", RefusalCode::TooLarge, Some("plugin_output")),
        ("yes >&2", RefusalCode::TooLarge, Some("plugin_output")),
        ("sleep 60", RefusalCode::Timeout, None),
        ("setsid sleep 60 & sleep 60", RefusalCode::Timeout, None),
    ] {
        let desk = Desk::new();
        desk.plugin("bad", script, json!({"timeout": "500ms"}));
        let plugins = desk.look();
        let refusal = refused(&plugins, "bad").await;
        assert_eq!(
            (refusal.code, refusal.detail),
            (code, detail),
            "{script}: {refusal:?}"
        );
        assert!(!refusal.reason.contains("hunter2"), "{refusal:?}");
        assert!(only(&plugins).error.is_some());
    }
}

#[tokio::test]
async fn no_more_run_at_once_than_it_says() {
    let desk = Desk::new();
    // Of two at once, one would find the other's mark.
    let script = r#"mkdir mark || exit 9; sleep 0.1; rmdir mark; printf '{"content":"alone"}'"#;
    desk.plugin("one", script, json!({"concurrency": 1}));
    let plugins = desk.look();
    let (a, b, c) = tokio::join!(
        said(&plugins, "one"),
        said(&plugins, "one"),
        said(&plugins, "one")
    );
    assert_eq!([a, b, c], ["alone"; 3]);
}
