use super::*;

#[tokio::test]
async fn f01_names_and_types() {
    let place = Place::with(&[("a.txt", "hello"), ("d/b", ""), (".hidden", "")]);
    place.link("l", "a.txt");
    let listing = place.ask("fs_list", json!({"path": "."})).await.unwrap();
    let kinds: Vec<_> = listing["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["name"].as_str().unwrap(),
                entry["type"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [("a.txt", "file"), ("d", "directory"), ("l", "symlink")]
    );
    assert_eq!(listing["entries"][0]["size"], 5);
    assert_eq!(place.names(json!({"hidden": true})).await[0], ".hidden");
    assert_eq!(
        place
            .refusal("fs_list", json!({"path": "a.txt"}))
            .await
            .detail,
        Some("not_a_directory")
    );
}

#[tokio::test]
async fn f34_a_large_directory_comes_in_pages() {
    let place = Place::new();
    place.names_for_one_file((0..3000).map(|number| format!("f{number:05}")));
    let pack = place.pack();
    let mut seen = Vec::new();
    let mut arguments = json!({"limit": 700});
    loop {
        let listing = ask(&pack, "fs_list", arguments).await.unwrap();
        let entries = listing["entries"].as_array().unwrap();
        assert!(entries.len() <= 700);
        seen.extend(
            entries
                .iter()
                .map(|entry| entry["name"].as_str().unwrap().to_owned()),
        );
        match listing["cursor"].as_str() {
            Some(cursor) => arguments = json!({"limit": 700, "cursor": cursor}),
            None => break,
        }
    }
    let expected: Vec<_> = (0..3000).map(|number| format!("f{number:05}")).collect();
    assert_eq!(seen, expected);
    let refusal = place
        .refusal("fs_list", json!({"cursor": "not base64!"}))
        .await;
    assert_eq!(refusal.code, RefusalCode::InvalidArguments);
}

#[tokio::test]
async fn a_tree_honours_gitignore_and_its_limits() {
    let place = Place::with(&[
        (".gitignore", "target\n*.log\n!keep.log\n"),
        ("target/x", ""),
        ("a.log", ""),
        ("keep.log", ""),
        ("sub/.gitignore", "/local\n"),
        ("sub/local", ""),
        ("sub/deep/local", ""),
        ("sub/deep/er/x", ""),
        (".git/HEAD", ""),
    ]);
    let tree = place.ask("fs_tree", json!({})).await.unwrap();
    let expected = json!([
        {"name": ".gitignore", "type": "file"},
        {"name": "keep.log", "type": "file"},
        {"name": "sub", "type": "directory", "entries": [
            {"name": ".gitignore", "type": "file"},
            {"name": "deep", "type": "directory", "entries": [
                {"name": "er", "type": "directory"},
                {"name": "local", "type": "file"}
            ]}
        ]}
    ]);
    assert_eq!(
        (&tree["entries"], &tree["truncated"]),
        (&expected, &json!(false))
    );
    // The files above the start count too.
    place.write("sub/b.log", "");
    let tree = place
        .ask("fs_tree", json!({"path": "sub", "depth": 1}))
        .await
        .unwrap();
    assert_eq!(tree["entries"].as_array().unwrap().len(), 2);
    let tree = place.ask("fs_tree", json!({"limit": 3})).await.unwrap();
    assert_eq!(tree["truncated"], json!(true));
}

#[tokio::test]
async fn a_tree_reads_well() {
    let place = Place::with(&[("a/b/c", ""), ("d", "")]);
    let answer = answer(&place.pack(), &call("fs_tree", "{}")).await.unwrap();
    assert_eq!(
        answer["content"][0]["text"],
        "./\n  a/\n    b/\n      c\n  d\n"
    );
}
