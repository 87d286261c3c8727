use std::os::unix::fs::PermissionsExt;

use durward_core::{Shown, Tier};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

fn hash(content: &str) -> String {
    crate::fs::content::hex(
        ring::digest::digest(&ring::digest::SHA256, content.as_bytes()).as_ref(),
    )
}

#[tokio::test]
async fn f07_f08_what_is_written_is_there() {
    let place = Place::writable(&[]);
    let wrote = place
        .ask("fs_write", json!({"path": "a", "content": "grüß\n"}))
        .await
        .unwrap();
    assert_eq!(
        wrote,
        json!({"bytes_written": 7, "sha256": hash("grüß\n"), "created": true})
    );
    let read = place.ask("fs_read", json!({"path": "a"})).await.unwrap();
    assert_eq!(
        (&read["content"], &read["sha256"]),
        (&json!("grüß\n"), &wrote["sha256"])
    );
    for spelled in ["AP8=", "AP8"] {
        let bytes = json!({"path": "b", "content": spelled, "encoding": "base64"});
        let wrote = place.ask("fs_write", bytes).await.unwrap();
        assert_eq!(wrote["bytes_written"], 2);
        assert_eq!(fs::read(place.path("b")).unwrap(), [0, 255]);
    }
}

#[tokio::test]
async fn f09_what_is_not_base64_is_not_written() {
    let place = Place::writable(&[("old", "x")]);
    for content in ["a", "a===", "====", "AP8=AP8=", "A P8", "é", "AP9"] {
        for path in ["new", "old"] {
            let bad = json!({"path": path, "content": content, "encoding": "base64"});
            let refusal = place.refusal("fs_write", bad).await;
            assert_eq!(refusal.detail, Some("invalid_base64"), "{content}");
            assert_eq!(refusal.code, RefusalCode::InvalidArguments);
        }
    }
    assert_eq!(
        (place.all_names(), place.read("old")),
        (vec!["old".to_owned()], "x".to_owned())
    );
}

#[tokio::test]
async fn f10_f11_directories_are_made_where_the_path_says_and_nowhere_else() {
    let place = Place::writable(&[("c.txt", "mine")]);
    let deep = json!({"path": "new/deep/c.txt", "content": "deep"});
    assert_eq!(place.ask("fs_write", deep).await.unwrap()["created"], true);
    assert_eq!(
        (place.read("new/deep/c.txt"), place.read("c.txt")),
        ("deep".into(), "mine".into())
    );
    for path in [
        "../zz/q.txt",
        "../q.txt",
        "/tmp/zz/q.txt",
        "new/../../zz/q.txt",
    ] {
        let refusal = place
            .refusal("fs_write", json!({"path": path, "content": "x"}))
            .await;
        assert_eq!(refusal.code, RefusalCode::PathOutsideRoot, "{path}");
    }
    let flat = json!({"path": "none/x", "content": "x", "make_parents": false});
    assert_eq!(
        place.refusal("fs_write", flat).await.code,
        RefusalCode::NotFound
    );
    assert_eq!(
        place.all_names(),
        ["c.txt", "new", "new/deep", "new/deep/c.txt"]
    );
}

#[tokio::test]
async fn f24_what_is_denied_is_not_written_under_any_name() {
    let place = Place::writable(&[(".env", "KEY"), ("ok", "x"), (".ssh/k", "x")]);
    place.link("alias.txt", ".env");
    place.link("dir", ".ssh");
    let before = place.all_names();
    for path in [
        ".env",
        "alias.txt",
        "a.pem",
        ".ssh/new",
        "dir/k",
        "x/.GIT/Hooks/pre",
        ".env/x",
    ] {
        for (tool, arguments) in [
            ("fs_write", json!({"path": path, "content": "x"})),
            (
                "fs_edit",
                json!({"path": path, "edits": [{"old": "K", "new": "x"}]}),
            ),
            ("fs_mkdir", json!({"path": path})),
            ("fs_delete", json!({"path": path, "recursive": true})),
            (
                "fs_copy",
                json!({"from": "ok", "to": path, "overwrite": true}),
            ),
            ("fs_copy", json!({"from": path, "to": "stolen"})),
            (
                "fs_move",
                json!({"from": "ok", "to": path, "overwrite": true}),
            ),
            ("fs_move", json!({"from": path, "to": "stolen"})),
        ] {
            let code = place.refusal(tool, arguments.clone()).await.code;
            assert_eq!(code, RefusalCode::DenylistHit, "{tool} {arguments}");
        }
    }
    assert_eq!(
        (place.all_names(), place.read(".env")),
        (before, "KEY".to_owned())
    );
}

#[tokio::test]
async fn f25_f29_only_a_regular_file_of_one_name_is_written_over() {
    let place = Place::writable(&[("d/x", "x")]);
    mknodat(CWD, place.path("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    fs::hard_link(place.dir.path().join("outside/secret"), place.path("hard")).unwrap();
    let before = place.all_names();
    for path in ["d", "fifo", "."] {
        for (tool, arguments) in [
            ("fs_write", json!({"path": path, "content": "x"})),
            (
                "fs_edit",
                json!({"path": path, "edits": [{"old": "K", "new": "x"}]}),
            ),
            (
                "fs_copy",
                json!({"from": "d/x", "to": path, "overwrite": true}),
            ),
        ] {
            let code = place.refusal(tool, arguments).await.code;
            assert_eq!(code, RefusalCode::NotARegularFile, "{tool} {path}");
        }
    }
    let refusal = place
        .refusal("fs_write", json!({"path": "hard", "content": "x"}))
        .await;
    assert_eq!(
        (refusal.code, refusal.detail),
        (RefusalCode::Denied, Some("hard_linked"))
    );
    let edit = json!({"path": "hard", "edits": [{"old": "SECRET", "new": "x"}]});
    assert_eq!(
        place.refusal("fs_edit", edit).await.detail,
        Some("hard_linked")
    );
    assert_eq!(place.all_names(), before);
    let secret = fs::read(place.dir.path().join("outside/secret")).unwrap();
    assert_eq!(secret, b"SECRET");
}

#[tokio::test]
async fn f27_what_is_too_large_leaves_nothing() {
    let mut place = Place::writable(&[("big", "0123456789-"), ("ten", "0123456789")]);
    place.settings.max_write = 10;
    let before = place.all_names();
    let eleven = "aGVsbG8gd29ybGQ=";
    for (tool, arguments) in [
        ("fs_write", json!({"path": "n/x", "content": "0123456789-"})),
        (
            "fs_write",
            json!({"path": "n/x", "content": eleven, "encoding": "base64"}),
        ),
        (
            "fs_write",
            json!({"path": "n/x", "content": eleven.repeat(1000), "encoding": "base64"}),
        ),
        ("fs_copy", json!({"from": "big", "to": "n/x"})),
        (
            "fs_edit",
            json!({"path": "big", "edits": [{"old": "0", "new": ""}]}),
        ),
        (
            "fs_edit",
            json!({"path": "ten", "edits": [{"old": "0", "new": "00"}]}),
        ),
    ] {
        let code = place.refusal(tool, arguments.clone()).await.code;
        assert_eq!(code, RefusalCode::TooLarge, "{tool} {arguments}");
    }
    assert_eq!(
        (place.all_names(), place.read("ten")),
        (before, "0123456789".to_owned())
    );
    for (content, encoding) in [("0123456789", "utf8"), ("MDEyMzQ1Njc4OQ==", "base64")] {
        let full = json!({"path": "n/x", "content": content, "encoding": encoding});
        assert_eq!(
            place.ask("fs_write", full).await.unwrap()["bytes_written"],
            10
        );
    }
}

#[tokio::test]
async fn f31_the_mode_is_kept_and_a_file_that_may_not_be_written_is_not() {
    let place = Place::writable(&[("a", "old")]);
    fs::set_permissions(place.path("a"), PermissionsExt::from_mode(0o600)).unwrap();
    place
        .ask("fs_write", json!({"path": "a", "content": "new"}))
        .await
        .unwrap();
    let edit = json!({"path": "a", "edits": [{"old": "new", "new": "newer"}]});
    place.ask("fs_edit", edit).await.unwrap();
    let mode = fs::metadata(place.path("a")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    fs::set_permissions(place.path("a"), PermissionsExt::from_mode(0o400)).unwrap();
    if !rustix::process::geteuid().is_root() {
        let refusal = place
            .refusal("fs_write", json!({"path": "a", "content": "x"}))
            .await;
        assert_eq!(refusal.detail, Some("permission_denied"));
    }
}

#[tokio::test]
async fn f32_nothing_that_writes_is_offered_where_nothing_may_be_written() {
    let mut place = Place::with(&[]);
    let tools = |place: &Place| place.pack().offer().tools;
    let writing = |place: &Place| {
        tools(place)
            .iter()
            .filter(|tool| tool.tier != Tier::Read)
            .count()
    };
    assert_eq!((tools(&place).len(), writing(&place)), (5, 0));
    place.settings.write = vec!["out/**".to_owned()];
    assert_eq!((tools(&place).len(), writing(&place)), (11, 6));
    for tool in tools(&place) {
        let Shown::Own(text) = &tool.shown else {
            panic!("another's words")
        };
        let hints = text.annotations;
        assert_eq!(
            hints.read_only_hint,
            tool.tier == Tier::Read,
            "{}",
            tool.name
        );
        assert!(
            hints.destructive_hint || tool.tier != Tier::Danger,
            "{}",
            tool.name
        );
    }
}

#[tokio::test]
async fn only_what_the_globs_name_is_written() {
    let mut place = Place::writable(&[("src/a", "x"), ("out/a", "x"), ("out/deep/b", "x")]);
    place.settings.write = vec!["out/**".to_owned(), "notes/*.md".to_owned()];
    place.settings.read = vec!["src/**".to_owned(), "out/**".to_owned()];
    let refused = [
        ("fs_write", json!({"path": "src/a", "content": "x"})),
        ("fs_write", json!({"path": "outer/a", "content": "x"})),
        ("fs_write", json!({"path": "notes/a.txt", "content": "x"})),
        ("fs_write", json!({"path": "notes/a/b.md", "content": "x"})),
        (
            "fs_edit",
            json!({"path": "src/a", "edits": [{"old": "x", "new": "y"}]}),
        ),
        ("fs_mkdir", json!({"path": "src/new"})),
        ("fs_mkdir", json!({"path": "new"})),
        ("fs_copy", json!({"from": "src/a", "to": "src/b"})),
        ("fs_copy", json!({"from": "notes/a.md", "to": "out/b"})),
        ("fs_move", json!({"from": "src/a", "to": "out/b"})),
        ("fs_move", json!({"from": "out/a", "to": "src/b"})),
        ("fs_move", json!({"from": "out", "to": "src/out"})),
        ("fs_delete", json!({"path": "src/a"})),
        ("fs_delete", json!({"path": "src", "recursive": true})),
    ];
    let before = place.all_names();
    for (tool, arguments) in refused {
        let refusal = place.refusal(tool, arguments.clone()).await;
        assert_eq!(
            refusal.detail,
            Some("not_shared"),
            "{tool} {arguments}: {refusal:?}"
        );
        assert_eq!(refusal.code, RefusalCode::Denied);
    }
    assert_eq!(place.all_names(), before);
    for (tool, arguments) in [
        ("fs_copy", json!({"from": "src/a", "to": "out/new/b"})),
        ("fs_write", json!({"path": "notes/a.md", "content": "x"})),
        ("fs_mkdir", json!({"path": "out/more"})),
        ("fs_move", json!({"from": "out/a", "to": "out/more/a"})),
        ("fs_delete", json!({"path": "out", "recursive": true})),
    ] {
        place
            .ask(tool, arguments.clone())
            .await
            .unwrap_or_else(|it| panic!("{arguments}: {it:?}"));
    }
    // What can't be read does not become so by a move or an edit.
    let show = json!({"from": "notes/a.md", "to": "out/a.md"});
    assert_eq!(
        place.refusal("fs_move", show).await.detail,
        Some("not_shared")
    );
    let edit = json!({"path": "notes/a.md", "edits": [{"old": "x", "new": "y"}]});
    assert_eq!(
        place.refusal("fs_edit", edit).await.detail,
        Some("not_shared")
    );
}

#[tokio::test]
async fn each_root_has_its_own_globs() {
    let mut place = Place::writable(&[("a", "code")]);
    fs::create_dir(place.dir.path().join("docs")).unwrap();
    place.settings.roots[0].name = "code".into();
    place.settings.roots.push(RootSettings {
        name: "docs".into(),
        path: place.dir.path().join("docs"),
        allow_dangerous: false,
        quota: None,
    });
    place.settings.write = Vec::new();
    place.settings.write_in = [("docs".to_owned(), vec!["**".to_owned()])].into();
    let write = |path: &str| json!({"path": path, "content": "x"});
    assert!(place.ask("fs_write", write("docs:b")).await.is_ok());
    assert_eq!(
        place.refusal("fs_write", write("code:b")).await.detail,
        Some("not_shared")
    );
    assert!(
        place
            .ask("fs_copy", json!({"from": "code:a", "to": "docs:a"}))
            .await
            .is_ok()
    );
    place.settings.write = vec!["**".to_owned()];
    let across = place
        .refusal("fs_move", json!({"from": "code:a", "to": "docs:c"}))
        .await;
    assert_eq!(
        (across.code, across.detail),
        (RefusalCode::Denied, Some("across_roots"))
    );
    let unnamed = place
        .refusal("fs_move", json!({"from": "docs:a", "to": "c"}))
        .await;
    assert_eq!(
        (unnamed.code, unnamed.path.as_deref()),
        (RefusalCode::InvalidArguments, Some("/to"))
    );
}

#[tokio::test]
async fn what_others_wrote_is_kept_where_that_is_asked_for() {
    let place = Place::writable(&[("a", "one")]);
    let write = |content: &str, matching: &str| json!({"path": "a", "content": content, "if_match": matching});
    place
        .ask("fs_write", write("two", &hash("one").to_uppercase()))
        .await
        .unwrap();
    let stale = place
        .refusal("fs_write", write("three", &hash("one")))
        .await;
    assert_eq!(stale.code, RefusalCode::Conflict);
    let gone = json!({"path": "none", "content": "x", "if_match": hash("x")});
    assert_eq!(
        place.refusal("fs_write", gone).await.code,
        RefusalCode::Conflict
    );
    let once = json!({"path": "a", "content": "x", "create_only": true});
    assert_eq!(
        place.refusal("fs_write", once).await.code,
        RefusalCode::Exists
    );
    let both = json!({"path": "a", "content": "x", "create_only": true, "if_match": hash("two")});
    assert_eq!(
        place.refusal("fs_write", both).await.code,
        RefusalCode::InvalidArguments
    );
    assert_eq!(
        (place.read("a"), place.all_names()),
        ("two".to_owned(), vec!["a".to_owned()])
    );
}
