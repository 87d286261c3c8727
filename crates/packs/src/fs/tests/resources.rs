//! Files as resources: which URI leads where, what comes back, and what a client's own roots leave.

use std::{
    fs,
    sync::{Arc, mpsc},
    time::Duration,
};

use durward_core::{ClientRoots, Operation, Target};

use super::*;

fn request(operation: Operation, uri: &str, arguments: &str) -> Call {
    Call {
        operation,
        target: Target::Resource(uri.into()),
        ..call("fs_read", arguments)
    }
}

async fn run(pack: &FsPack, call: &Call) -> Result<Value, Refusal> {
    let Answer::Own(body) = pack.call(call).await? else {
        panic!("no result")
    };
    Ok(body.to_raw().parse().unwrap())
}

/// As the gate goes: by the name that the pack has for the place.
async fn read(pack: &FsPack, uri: &str) -> Result<Value, Refusal> {
    let located = pack.locate(uri, None).expect("a `file` URI")?;
    let call = request(Operation::ReadResource, &located.uri, "{}");
    Ok(run(pack, &call).await?["contents"][0].clone())
}

async fn complete(pack: &FsPack, folder: &str, value: &str) -> Value {
    let argument = json!({"name": "path", "value": value}).to_string();
    let call = request(Operation::Complete, folder, &argument);
    run(pack, &call).await.unwrap()["completion"].clone()
}

fn several(place: &Place) -> FsPack {
    let root = |name: &str, path: PathBuf| RootSettings {
        name: name.to_owned(),
        path,
        ..RootSettings::default()
    };
    let settings = FsSettings {
        roots: vec![
            root("docs", place.path("")),
            root("other", place.dir.path().join("outside")),
        ],
        ..FsSettings::default()
    };
    FsPack::open(&settings).unwrap()
}

#[tokio::test]
async fn a_file_is_text_or_bytes_by_its_content() {
    let place = Place::with(&[("src/a b.md", "# olé")]);
    place.write("p.png", b"\x89PNG\0");
    let pack = place.pack();
    let text = read(&pack, "file:///src/a%20b.md").await.unwrap();
    assert_eq!(
        text,
        json!({"uri": "file:///src/a%20b.md", "mimeType": "text/markdown", "text": "# olé"})
    );
    let blob = read(&pack, "file:///p.png").await.unwrap();
    assert_eq!(
        blob,
        json!({"uri": "file:///p.png", "mimeType": "image/png", "blob": "iVBORwA="})
    );
}

#[tokio::test]
async fn a_folder_is_the_uris_of_what_it_holds() {
    let place = Place::with(&[("a.txt", ""), ("b/c?.txt", ""), (".env", "x"), ("é", "")]);
    let pack = place.pack();
    let top = read(&pack, "file:///").await.unwrap();
    assert_eq!(top["mimeType"], "text/uri-list");
    let lines: Vec<_> = top["text"]
        .as_str()
        .unwrap()
        .split_terminator("\r\n")
        .collect();
    assert_eq!(lines, ["file:///a.txt", "file:///b/", "file:///%C3%A9"]);
    for uri in lines {
        read(&pack, uri).await.unwrap();
    }
    let below = read(&pack, "file:///b/").await.unwrap();
    assert_eq!(below["text"], "file:///b/c%3F.txt\r\n");
    for (uri, code) in [
        ("file:///b", RefusalCode::NotARegularFile),
        ("file:///a.txt/", RefusalCode::NotFound),
    ] {
        assert_eq!(read(&pack, uri).await.unwrap_err().code, code, "{uri}");
    }
    place.names_for_one_file((0..1001).map(|n| format!("b/{n:04}")));
    let long = read(&pack, "file:///b/").await.unwrap();
    assert_eq!(long["text"].as_str().unwrap().lines().count(), 1001);
    assert!(
        long["text"]
            .as_str()
            .unwrap()
            .ends_with("# There are more; `fs_list` shows all of them.\r\n")
    );
}

#[tokio::test]
async fn what_fs_read_refuses_is_refused_by_uri_too() {
    let place = Place::with(&[(".env", "x"), ("big", ""), ("a", "")]);
    place.write("big", "x".repeat(1024 * 1024 + 1));
    place.link("out", "../outside/secret");
    place.link("env", ".env");
    let pack = place.pack();
    for (uri, code, detail) in [
        ("file:///.env", RefusalCode::DenylistHit, None),
        ("file:///.ENV", RefusalCode::DenylistHit, None),
        ("file:///%2Eenv", RefusalCode::DenylistHit, None),
        ("file:///env", RefusalCode::DenylistHit, None),
        ("file:///secrets/", RefusalCode::DenylistHit, None),
        ("file:///out", RefusalCode::PathOutsideRoot, None),
        ("file:///big", RefusalCode::TooLarge, None),
        (
            "file:///none",
            RefusalCode::NotFound,
            Some("unknown_resource"),
        ),
        (
            "file:///a/b",
            RefusalCode::NotFound,
            Some("unknown_resource"),
        ),
        (
            "file:///../outside/secret",
            RefusalCode::PathOutsideRoot,
            Some("dot_segment"),
        ),
        (
            "file:///%2e%2e/outside/secret",
            RefusalCode::PathOutsideRoot,
            Some("dot_segment"),
        ),
        (
            "file:///..%2foutside",
            RefusalCode::InvalidArguments,
            Some("malformed_uri"),
        ),
        (
            "file:///a%00",
            RefusalCode::InvalidArguments,
            Some("null_byte"),
        ),
        (
            "file:///a%0A",
            RefusalCode::InvalidArguments,
            Some("control_character"),
        ),
        (
            "file://host/a",
            RefusalCode::InvalidArguments,
            Some("malformed_uri"),
        ),
    ] {
        let refusal = read(&pack, uri).await.unwrap_err();
        assert_eq!((refusal.code, refusal.detail), (code, detail), "{uri}");
        let host = place.dir.path().to_str().unwrap();
        assert!(!refusal.reason.contains(host), "{}", refusal.reason);
    }
    assert!(pack.locate("note:x", None).is_none());
}

#[tokio::test]
async fn absolute_paths_are_taken_and_never_given() {
    let place = Place::with(&[("a", "1")]);
    let host = place
        .path("")
        .to_str()
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    for (pack, uri) in [
        (place.pack(), "file:///a"),
        (several(&place), "file:///docs/a"),
    ] {
        for asked in [
            uri.to_owned(),
            format!("file://{host}/a"),
            format!("file://localhost{host}/a"),
        ] {
            assert_eq!(read(&pack, &asked).await.unwrap()["uri"], uri, "{asked}");
        }
        let located = pack.locate(uri, None).unwrap().unwrap();
        assert_eq!(located.also, [format!("file://{host}/a")]);
    }
    let named = several(&place);
    for uri in ["file:///a", "file:///", "file:///etc/passwd"] {
        let refusal = named.locate(uri, None).unwrap().unwrap_err();
        assert_eq!(refusal.code, RefusalCode::PathOutsideRoot, "{uri}");
    }
}

#[tokio::test]
async fn every_uri_that_is_given_reads_back() {
    let place = Place::new();
    // A folder below the root that is called as the root is: `/tmp/x/r/tmp/x/r/f`.
    let host = place
        .path("")
        .to_str()
        .unwrap()
        .trim_matches('/')
        .to_owned();
    place.write(&format!("{host}/f"), "the inner one");
    place.write("f", "the outer one");
    let pack = place.pack();
    let outer = read(&pack, &format!("file:///{host}/f")).await.unwrap();
    assert_eq!(
        (&outer["text"], &outer["uri"]),
        (&json!("the outer one"), &json!("file:///f"))
    );
    let listing = read(&pack, &format!("file:///{host}/{host}/"))
        .await
        .unwrap();
    let inner = listing["text"].as_str().unwrap().trim_end();
    assert_eq!(read(&pack, inner).await.unwrap()["text"], "the inner one");
}

#[tokio::test]
async fn what_is_listed_is_short_and_can_be_read() {
    let place = Place::with(&[("a", "")]);
    for (pack, uris) in [
        (place.pack(), vec!["file:///"]),
        (several(&place), vec!["file:///docs/", "file:///other/"]),
    ] {
        let offer = pack.offer();
        let listed: Vec<_> = offer.resources.iter().map(|it| it.uri.as_str()).collect();
        assert_eq!(listed, uris);
        let patterns: Vec<_> = offer
            .templates
            .iter()
            .map(|it| it.uri_template.as_str())
            .collect();
        assert_eq!(
            patterns,
            uris.iter()
                .map(|uri| format!("{uri}{{+path}}"))
                .collect::<Vec<_>>()
        );
        for uri in uris {
            read(&pack, uri).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_path_is_completed_name_by_name() {
    let place = Place::with(&[
        ("src/main.rs", ""),
        ("src/map 1?.rs", ""),
        ("src/.hidden", ""),
        ("src/.env", ""),
        ("secrets/s", ""),
    ]);
    let pack = place.pack();
    for (folder, value, values) in [
        ("file:///", "", vec!["src/"]),
        ("file:///", "s", vec!["src/"]),
        (
            "file:///src/",
            "src/ma",
            vec!["src/main.rs", "src/map 1%3F.rs"],
        ),
        ("file:///src/", "src/.", vec!["src/.hidden"]),
        ("file:///src/", "src/x", vec![]),
        ("file:///none/", "none/", vec![]),
    ] {
        let completion = complete(&pack, folder, value).await;
        assert_eq!(
            completion,
            json!({"values": values, "hasMore": false}),
            "{value}"
        );
    }
    place.names_for_one_file((0..101).map(|n| format!("n{n:03}")));
    let many = complete(&pack, "file:///", "n").await;
    assert_eq!(many["values"].as_array().unwrap().len(), 100);
    assert_eq!(many["hasMore"], true);
}

#[tokio::test]
async fn a_client_s_roots_narrow_what_is_changed() {
    let files = [("src/a", "a"), ("docs/c", "c"), ("docs/d/e", "e")];
    let place = Place::writable(&files);
    let pack = place.pack();
    let root = format!("file://{}", place.path("src").to_str().unwrap());
    let narrowed = Some(Arc::new(ClientRoots(vec![root])));
    let ask = async |tool: &str, arguments: Value| {
        let call = Call {
            narrowed: narrowed.clone(),
            ..call(tool, &arguments.to_string())
        };
        run(&pack, &call).await
    };
    let edit = json!([{"old": "c", "new": "x"}]);
    for (tool, arguments) in [
        ("fs_write", json!({"path": "docs/c", "content": "x"})),
        ("fs_write", json!({"path": "new", "content": "x"})),
        ("fs_write", json!({"path": "src2/new", "content": "x"})),
        ("fs_edit", json!({"path": "docs/c", "edits": edit})),
        ("fs_copy", json!({"from": "docs/c", "to": "src/c"})),
        ("fs_copy", json!({"from": "src/a", "to": "docs/a"})),
        ("fs_move", json!({"from": "docs/c", "to": "src/c"})),
        ("fs_move", json!({"from": "src/a", "to": "docs/a"})),
        ("fs_move", json!({"from": "src", "to": "src/b"})),
        ("fs_mkdir", json!({"path": "docs/new"})),
        ("fs_delete", json!({"path": "docs/c"})),
        ("fs_delete", json!({"path": "docs/d", "recursive": true})),
        ("fs_delete", json!({"path": "src", "recursive": true})),
    ] {
        let refused = ask(tool, arguments.clone()).await.unwrap_err();
        assert!(
            matches!(
                refused.code,
                RefusalCode::PathOutsideRoot | RefusalCode::Denied | RefusalCode::InvalidArguments
            ),
            "{tool} {arguments}: {refused:?}"
        );
    }
    for (path, content) in files {
        assert_eq!(std::fs::read_to_string(place.path(path)).unwrap(), content);
    }
    assert!(!place.path("new").exists() && !place.path("src2").exists());
    ask("fs_write", json!({"path": "src/deep/b", "content": "b"}))
        .await
        .unwrap();
    ask("fs_delete", json!({"path": "src/deep", "recursive": true}))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_client_s_roots_narrow_and_never_widen() {
    let place = Place::with(&[
        ("src/a", "a"),
        ("src2/b", "b"),
        ("docs/c", "c"),
        ("src/.env", "x"),
    ]);
    place.link("src/over", "../docs/c");
    let pack = place.pack();
    let host = |below: &str| format!("file://{}", place.path(below).to_str().unwrap());
    let above = format!("file://{}", place.dir.path().to_str().unwrap());
    for (roots, open) in [
        (vec![host("src")], vec!["src/a"]),
        (vec![host("src/")], vec!["src/a"]),
        (
            vec![host("src"), host("docs")],
            vec!["src/a", "src/over", "docs/c"],
        ),
        (vec![host("src/a")], vec!["src/a"]),
        (vec![above], vec!["src/a", "src/over", "src2/b", "docs/c"]),
        (
            vec!["file:///".to_owned()],
            vec!["src/a", "src/over", "src2/b", "docs/c"],
        ),
        // A client that lists none has none to narrow with.
        (vec![], vec!["src/a", "src/over", "src2/b", "docs/c"]),
        (
            vec![
                "file:///etc".to_owned(),
                "https://x/".to_owned(),
                "file:///src".to_owned(),
            ],
            vec![],
        ),
        (vec![host("src/../docs")], vec![]),
    ] {
        let narrowed = Some(Arc::new(ClientRoots(roots.clone())));
        for path in ["src/a", "src/over", "src2/b", "docs/c"] {
            let tool = Call {
                narrowed: narrowed.clone(),
                ..call("fs_read", &json!({"path": path}).to_string())
            };
            let uri = format!("file:///{path}");
            let resource = Call {
                narrowed: narrowed.clone(),
                ..request(Operation::ReadResource, &uri, "{}")
            };
            for call in [tool, resource] {
                let read = run(&pack, &call).await;
                match open.contains(&path) {
                    true => drop(read.unwrap()),
                    false => assert_eq!(
                        read.unwrap_err().code,
                        RefusalCode::PathOutsideRoot,
                        "{path} {roots:?}"
                    ),
                }
            }
            let located = pack.locate(&uri, narrowed.as_deref()).unwrap();
            assert_eq!(
                located.is_ok(),
                open.contains(&path) || path == "src/over" && located.is_ok()
            );
        }
        let denied = Call {
            narrowed: narrowed.clone(),
            ..call("fs_read", r#"{"path": "src/.env"}"#)
        };
        assert!(run(&pack, &denied).await.is_err(), "{roots:?}");
    }
    let narrowed = Call {
        narrowed: Some(Arc::new(ClientRoots(vec![host("src")]))),
        ..call("fs_list", "{}")
    };
    let top = run(&pack, &narrowed).await.unwrap();
    let names: Vec<_> = top["structuredContent"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    assert_eq!(names, ["src"], "the way there, and nothing beside it");
}

#[tokio::test]
async fn a_change_is_told_while_it_may_be_read() {
    let place = Place::with(&[("d/a", "1"), (".env", "x")]);
    let pack = place.pack();
    let (sender, told) = mpsc::channel();
    let located = pack.locate("file:///d/a", None).unwrap().unwrap();
    let watch = pack
        .watch(
            &located,
            Arc::new(move || sender.send(()).unwrap_or_default()),
        )
        .unwrap()
        .unwrap();
    let hears = || told.recv_timeout(Duration::from_secs(10)).is_ok();
    place.write("d/a", "2");
    assert!(hears());
    while told.recv_timeout(Duration::from_millis(300)).is_ok() {}
    fs::remove_file(place.path("d/a")).unwrap();
    assert!(hears());
    while told.recv_timeout(Duration::from_millis(300)).is_ok() {}
    // What a link there leads to now may not be read: nobody hears of it.
    place.link("d/a", "../.env");
    assert!(told.recv_timeout(Duration::from_millis(400)).is_err());
    drop(watch);
    assert!(
        matches!(told.recv(), Err(mpsc::RecvError)),
        "the sink is freed"
    );
}
