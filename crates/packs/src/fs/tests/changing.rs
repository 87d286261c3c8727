use super::*;

#[tokio::test]
async fn moving_and_copying_keep_what_is_there_unless_asked() {
    let place = Place::writable(&[("a", "A"), ("b", "B"), ("d/x", "X")]);
    for tool in ["fs_move", "fs_copy"] {
        let taken = place.refusal(tool, json!({"from": "a", "to": "b"})).await;
        assert_eq!(
            (taken.code, taken.path.as_deref()),
            (RefusalCode::Exists, Some("/to"))
        );
        let none = place
            .refusal(tool, json!({"from": "none", "to": "made/c"}))
            .await;
        assert_eq!(none.code, RefusalCode::NotFound);
        let onto = json!({"from": "a", "to": "d", "overwrite": true});
        assert_eq!(
            place.refusal(tool, onto).await.code,
            RefusalCode::NotARegularFile
        );
    }
    assert_eq!(place.all_names(), ["a", "b", "d", "d/x"]);
    let copied = place
        .ask("fs_copy", json!({"from": "a", "to": "new/a"}))
        .await
        .unwrap();
    assert_eq!(copied, json!({"from": "a", "to": "new/a"}));
    place
        .ask(
            "fs_move",
            json!({"from": "a", "to": "b", "overwrite": true}),
        )
        .await
        .unwrap();
    place
        .ask("fs_move", json!({"from": "d", "to": "new/e"}))
        .await
        .unwrap();
    assert_eq!(place.all_names(), ["b", "new", "new/a", "new/e", "new/e/x"]);
    assert_eq!(
        (place.read("b"), place.read("new/a")),
        ("A".to_owned(), "A".to_owned())
    );
    let folder = place
        .refusal("fs_copy", json!({"from": "new", "to": "c"}))
        .await;
    assert_eq!(folder.code, RefusalCode::NotARegularFile);
    for to in ["new/e", "new"] {
        let inside = json!({"from": "new", "to": format!("{to}/deeper/x")});
        let refusal = place.refusal("fs_move", inside).await;
        assert_eq!(refusal.code, RefusalCode::InvalidArguments, "{to}");
    }
}

#[tokio::test]
async fn a_copy_may_run_if_the_file_may() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::writable(&[("a", "A")]);
    fs::set_permissions(place.path("a"), PermissionsExt::from_mode(0o4700)).unwrap();
    place
        .ask("fs_copy", json!({"from": "a", "to": "b"}))
        .await
        .unwrap();
    let mode = fs::metadata(place.path("b")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
}

/// What is denied by where it lies would be free elsewhere, and the other way round.
#[tokio::test]
async fn nothing_gets_away_from_the_deny_list_by_moving_what_holds_it() {
    let mut place = Place::writable(&[
        (".git/config", "KEY"),
        ("notes/private/x", "KEY"),
        ("deep/er/.env", "KEY"),
        ("g/config", "x"),
        ("free/a", "x"),
    ]);
    place.settings.deny = vec!["notes/private/**".to_owned()];
    let before = place.all_names();
    for (from, to) in [
        (".git", "g2"),
        ("notes", "n"),
        ("deep", "d"),
        ("deep/er", "e"),
    ] {
        let refusal = place
            .refusal("fs_move", json!({"from": from, "to": to}))
            .await;
        assert_eq!(
            refusal.code,
            RefusalCode::DenylistHit,
            "{from}: {refusal:?}"
        );
    }
    for (from, named) in [("notes", "notes/private"), ("deep", "deep/er/.env")] {
        let all = json!({"path": from, "recursive": true});
        let refusal = place.refusal("fs_delete", all).await;
        assert_eq!(refusal.code, RefusalCode::DenylistHit);
        assert!(
            refusal.reason.contains(&format!("`{named}`")),
            "{}",
            refusal.reason
        );
    }
    assert_eq!(place.all_names(), before);
    fs::remove_dir_all(place.path(".git")).unwrap();
    let made = place
        .refusal("fs_move", json!({"from": "g", "to": ".git"}))
        .await;
    assert_eq!(made.code, RefusalCode::DenylistHit);
    place
        .ask("fs_move", json!({"from": "free", "to": "gone/free"}))
        .await
        .unwrap();
}

#[tokio::test]
async fn deleting_a_directory_with_all_in_it_must_be_asked_for() {
    let place = Place::writable(&[("d/x", "X"), ("d/e/y", "Y"), ("f", "F")]);
    let refusal = place.refusal("fs_delete", json!({"path": "d"})).await;
    assert_eq!(
        (refusal.code, refusal.detail),
        (RefusalCode::ConfirmRequired, Some("not_empty"))
    );
    let deleted = |arguments| place.ask("fs_delete", arguments);
    assert_eq!(
        deleted(json!({"path": "f"})).await.unwrap(),
        json!({"deleted": 1})
    );
    let all = json!({"path": "d", "recursive": true});
    assert_eq!(deleted(all.clone()).await.unwrap(), json!({"deleted": 4}));
    assert_eq!(
        place.refusal("fs_delete", all).await.code,
        RefusalCode::NotFound
    );
    assert!(place.all_names().is_empty());
    for path in [".", ""] {
        let root = place
            .refusal("fs_delete", json!({"path": path, "recursive": true}))
            .await;
        assert_eq!(root.detail, Some("root_itself"), "{path}");
    }
    for (from, to) in [(".", "x"), ("x", ".")] {
        assert!(
            place
                .ask("fs_move", json!({"from": from, "to": to}))
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn links_are_moved_and_deleted_themselves() {
    let place = Place::writable(&[("a", "A")]);
    let secret = place.dir.path().join("outside/secret");
    place.link("l", "a");
    place.link("out", &secret);
    place
        .ask("fs_move", json!({"from": "l", "to": "m"}))
        .await
        .unwrap();
    place.ask("fs_delete", json!({"path": "m"})).await.unwrap();
    place
        .ask("fs_delete", json!({"path": "out"}))
        .await
        .unwrap();
    assert_eq!(place.all_names(), ["a"]);
    assert_eq!(fs::read(secret).unwrap(), b"SECRET");
}

#[tokio::test]
async fn directories_are_made_as_asked() {
    let place = Place::writable(&[("f", "F")]);
    let made = place.ask("fs_mkdir", json!({"path": "a/b"})).await.unwrap();
    assert_eq!(made, json!({"created": true}));
    let again = place.ask("fs_mkdir", json!({"path": "a/b"})).await.unwrap();
    assert_eq!(again, json!({"created": false}));
    let alone = |path: &str| json!({"path": path, "parents": false});
    assert_eq!(
        place.refusal("fs_mkdir", alone("a/b")).await.code,
        RefusalCode::Exists
    );
    assert_eq!(
        place.refusal("fs_mkdir", alone("x/y")).await.code,
        RefusalCode::NotFound
    );
    assert_eq!(
        place.refusal("fs_mkdir", json!({"path": "f"})).await.code,
        RefusalCode::Exists
    );
    assert_eq!(
        place.ask("fs_mkdir", json!({"path": "."})).await.unwrap()["created"],
        false
    );
    assert_eq!(place.all_names(), ["a", "a/b", "f"]);
}

#[tokio::test]
async fn durwards_own_folder_is_neither_written_nor_moved_nor_deleted() {
    let mut place = Place::writable(&[("in/state/keys.json", "KEY"), ("ok", "x")]);
    place.settings.forbidden = vec![place.path("in/state")];
    let before = place.all_names();
    for (tool, arguments) in [
        (
            "fs_write",
            json!({"path": "in/state/keys.json", "content": "x"}),
        ),
        ("fs_mkdir", json!({"path": "in/state/new"})),
        ("fs_copy", json!({"from": "ok", "to": "in/state/ok"})),
        (
            "fs_copy",
            json!({"from": "in/state/keys.json", "to": "stolen"}),
        ),
        ("fs_move", json!({"from": "in", "to": "out"})),
        ("fs_move", json!({"from": "in/state", "to": "out"})),
        ("fs_delete", json!({"path": "in", "recursive": true})),
        ("fs_delete", json!({"path": "in/state/keys.json"})),
    ] {
        let code = place.refusal(tool, arguments.clone()).await.code;
        assert_eq!(code, RefusalCode::DenylistHit, "{tool} {arguments}");
    }
    assert_eq!(place.all_names(), before);
}
