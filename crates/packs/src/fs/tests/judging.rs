use super::*;

const TOOLS: [&str; 2] = ["fs_read", "fs_stat"];

#[tokio::test]
async fn f12_f13_f14_f37_what_lies_outside_is_refused_whether_it_is_there_or_not() {
    let place = Place::with(&[("sub/a", "x")]);
    place.link("l", "/etc/passwd");
    place.link("d", "/etc");
    fs::create_dir(place.dir.path().join("r-evil")).unwrap();
    fs::write(place.dir.path().join("r-evil/x"), "SECRET").unwrap();
    let sibling = place.dir.path().join("r-evil/x");
    let outside = place.dir.path().join("outside/secret");
    for path in [
        "../../etc/passwd",
        "/etc/passwd",
        "/no/such/thing",
        "../none",
        "sub/../../outside/secret",
        "l",
        "d/passwd",
        "/proc/self/root/etc/passwd",
        sibling.to_str().unwrap(),
        outside.to_str().unwrap(),
    ] {
        for tool in TOOLS {
            assert_eq!(
                place.code(tool, path).await,
                RefusalCode::PathOutsideRoot,
                "{tool} {path}"
            );
        }
    }
    for tool in ["fs_list", "fs_tree", "fs_search"] {
        for path in ["d", "..", "/"] {
            let refusal = place.refusal(tool, json!({"path": path})).await;
            let code = if tool == "fs_search" {
                place
                    .refusal(tool, json!({"path": path, "name": "*"}))
                    .await
                    .code
            } else {
                refusal.code
            };
            assert_eq!(code, RefusalCode::PathOutsideRoot, "{tool} {path}");
        }
    }
}

#[tokio::test]
async fn f15_f17_links_that_stay_inside_work_and_the_root_may_be_one() {
    let mut place = Place::with(&[("d/a", "hello")]);
    place.link("l", "d/a");
    place.link("dl", "d");
    let alias = place.dir.path().join("alias");
    std::os::unix::fs::symlink(place.path(""), &alias).unwrap();
    place.settings.roots[0].path = alias;
    for path in ["l", "dl/a", "d/a"] {
        let read = place.ask("fs_read", json!({ "path": path })).await.unwrap();
        assert_eq!(read["content"], "hello", "{path}");
    }
    assert_eq!(place.names(json!({"path": "dl"})).await, ["a"]);
    let inside = place.path("d/a").canonicalize().unwrap();
    let read = place
        .ask("fs_read", json!({ "path": inside }))
        .await
        .unwrap();
    assert_eq!(read["content"], "hello");
}

#[tokio::test]
async fn f16_a_nul_is_an_argument_error() {
    let refusal = Place::new()
        .refusal("fs_read", json!({"path": "a\0b"}))
        .await;
    assert_eq!(
        (refusal.code, refusal.detail),
        (RefusalCode::InvalidArguments, Some("null_byte"))
    );
}

#[tokio::test]
async fn f19_to_f22_what_is_denied_is_refused_without_configuration() {
    let denied = [
        ".env",
        ".env.local",
        "k/a.key",
        "a.pem",
        "a.p12",
        "sub/.env",
        ".secrets/b.key",
        "keys/.hidden.key",
        "keys/A.KEY",
        "x.PEM",
        ".ENV",
        ".ssh/id_rsa",
        ".aws/credentials",
        ".gnupg/x",
        "secrets/x",
        ".git/config",
    ];
    let place = Place::new();
    for path in denied {
        place.write(path, "SECRET");
    }
    place.link("ok.txt", ".env");
    place.link("fine", ".ssh");
    for path in denied
        .into_iter()
        .chain(["ok.txt", "fine/id_rsa", ".ssh/none"])
    {
        for tool in TOOLS {
            assert_eq!(
                place.code(tool, path).await,
                RefusalCode::DenylistHit,
                "{tool} {path}"
            );
        }
    }
    for path in [".ssh", "secrets", "fine"] {
        for tool in ["fs_list", "fs_tree"] {
            assert_eq!(
                place.code(tool, path).await,
                RefusalCode::DenylistHit,
                "{tool} {path}"
            );
        }
    }
}

#[tokio::test]
async fn f23_denied_names_are_left_out_everywhere() {
    let place = Place::with(&[
        ("a", "KEY"),
        (".env", "KEY"),
        ("id.pem", "KEY"),
        ("secrets/x", "KEY"),
    ]);
    assert_eq!(place.names(json!({"hidden": true})).await, ["a"]);
    let tree = place.ask("fs_tree", json!({})).await.unwrap();
    assert_eq!(tree["entries"], json!([{"name": "a", "type": "file"}]));
    let found = place
        .ask("fs_search", json!({"pattern": "KEY"}))
        .await
        .unwrap();
    assert_eq!(found["matches"].as_array().unwrap().len(), 1);
    let found = place.ask("fs_search", json!({"name": "*"})).await.unwrap();
    assert_eq!(found["matches"], json!([{"path": "a"}]));
}

#[tokio::test]
async fn f36_f37_only_what_may_be_read_is_there() {
    let mut place = Place::with(&[("projects/a", "x"), ("projects2/x", "x"), ("b", "x")]);
    place.settings.read = vec!["projects/**".to_owned()];
    assert_eq!(place.names(json!({"path": "projects"})).await, ["a"]);
    assert_eq!(place.names(json!({})).await, ["projects"]);
    assert!(
        place
            .ask("fs_read", json!({"path": "projects/a"}))
            .await
            .is_ok()
    );
    for path in ["projects2/x", "b"] {
        assert_eq!(
            place.code("fs_read", path).await,
            RefusalCode::Denied,
            "{path}"
        );
    }
    place.settings.read.push("dir/b/**".to_owned());
    fs::create_dir(place.path("dir")).unwrap();
    assert!(place.ask("fs_stat", json!({"path": "dir"})).await.is_ok());
    place.write("dir/b", "a file where a directory might be looked at");
    assert_eq!(place.code("fs_stat", "dir/b").await, RefusalCode::Denied);
    let found = place
        .ask("fs_search", json!({"pattern": "x"}))
        .await
        .unwrap();
    assert_eq!(found["matches"][0]["path"], "projects/a");
    assert_eq!(found["matches"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn durwards_own_folder_is_not_there() {
    let mut place = Place::with(&[("state/keys.json", "KEY"), ("a", "KEY")]);
    place.settings.forbidden = vec![place.path("state")];
    assert_eq!(
        place.code("fs_read", "state/keys.json").await,
        RefusalCode::DenylistHit
    );
    assert_eq!(
        place.code("fs_list", "state").await,
        RefusalCode::DenylistHit
    );
    assert_eq!(place.names(json!({})).await, ["a"]);
    let found = place
        .ask("fs_search", json!({"pattern": "KEY"}))
        .await
        .unwrap();
    assert_eq!(found["matches"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn several_roots_are_told_apart_by_name() {
    let mut place = Place::with(&[("a", "code")]);
    fs::write(place.dir.path().join("outside/b"), "docs").unwrap();
    place.settings.roots[0].name = "code".into();
    place.settings.roots.push(RootSettings {
        name: "docs".into(),
        path: place.dir.path().join("outside"),
        allow_dangerous: false,
        quota: None,
    });
    let read = place
        .ask("fs_read", json!({"path": "docs:b"}))
        .await
        .unwrap();
    assert_eq!(read["content"], "docs");
    let absolute = place.dir.path().canonicalize().unwrap().join("outside/b");
    assert!(
        place
            .ask("fs_read", json!({ "path": absolute }))
            .await
            .is_ok()
    );
    assert_eq!(place.names(json!({})).await, ["code:", "docs:"]);
    assert_eq!(place.names(json!({"path": "docs:"})).await, ["b", "secret"]);
    let found = place
        .ask("fs_search", json!({"path": "code:", "name": "a"}))
        .await
        .unwrap();
    assert_eq!(found["matches"][0]["path"], "code:a");
    assert_eq!(
        place.code("fs_read", "docs:../r/a").await,
        RefusalCode::PathOutsideRoot
    );
    assert_eq!(
        place.code("fs_read", "a").await,
        RefusalCode::InvalidArguments
    );
    place.settings.roots[1].name = "code".into();
    assert!(FsPack::open(&place.settings).is_err());
}
