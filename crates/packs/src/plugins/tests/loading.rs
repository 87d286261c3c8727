//! What is offered, and what is refused beside it.

use super::*;

const ANSWER: &str = r#"printf '{"content":"good"}'"#;

/// Why a plugin is refused, beside a good one that is not harmed.
async fn why(name: &str, desk: &Desk) -> String {
    desk.plugin("good", ANSWER, json!({}));
    let plugins = desk.look();
    assert_eq!(said(&plugins, "good").await, "good");
    let standing = plugins.standing();
    let own = standing.iter().find(|it| it.name == name).unwrap();
    assert_eq!(own.state, PluginState::Refused, "{standing:?}");
    assert!(own.tools.is_empty());
    own.error.clone().unwrap()
}

#[tokio::test]
async fn what_is_not_the_plugin_s_own_is_refused_and_harms_no_other() {
    type Break = fn(&Desk);
    let cases: [(&str, Break, &str); 14] = [
        (
            "missing",
            |desk| fs::remove_file(desk.path("bad/run")).unwrap(),
            "no such file",
        ),
        (
            "above",
            |desk| desk.manifest("bad", json!({"executable": "../good/run"})),
            "outside",
        ),
        (
            "absolute",
            |desk| desk.manifest("bad", json!({"executable": "/bin/true"})),
            "outside",
        ),
        (
            "empty",
            |desk| desk.manifest("bad", json!({"executable": ""})),
            "outside",
        ),
        (
            "link to outside",
            |desk| {
                fs::remove_file(desk.path("bad/run")).unwrap();
                std::os::unix::fs::symlink("/bin/true", desk.path("bad/run")).unwrap();
            },
            "outside",
        ),
        (
            "link to another plugin",
            |desk| {
                desk.plugin("good", ANSWER, json!({}));
                fs::remove_file(desk.path("bad/run")).unwrap();
                std::os::unix::fs::symlink("../good/run", desk.path("bad/run")).unwrap();
            },
            "outside",
        ),
        (
            "writable program",
            |desk| mode(&desk.path("bad/run"), 0o777),
            "may change `run`",
        ),
        (
            "writable folder",
            |desk| mode(&desk.path("bad"), 0o777),
            "may change `bad`",
        ),
        (
            "writable manifest",
            |desk| mode(&desk.path("bad/manifest.yaml"), 0o666),
            "may change `manifest.yaml`",
        ),
        (
            "writable folder within",
            |desk| {
                desk.write("bad/bin/run", "#!/bin/sh\n", 0o755);
                mode(&desk.path("bad/bin"), 0o777);
                desk.manifest("bad", json!({"executable": "bin/run"}));
            },
            "may change `bad/bin`",
        ),
        (
            "not executable",
            |desk| mode(&desk.path("bad/run"), 0o644),
            "chmod +x",
        ),
        (
            "another name",
            |desk| desk.manifest("bad", json!({"name": "good"})),
            "the name of its folder",
        ),
        (
            "no manifest",
            |desk| fs::remove_file(desk.path("bad/manifest.yaml")).unwrap(),
            "no `manifest.yaml`",
        ),
        (
            "no tools",
            |desk| desk.manifest("bad", json!({"tools": []})),
            "no tools",
        ),
    ];
    for (name, spoil, told) in cases {
        let desk = Desk::new();
        desk.plugin("bad", ANSWER, json!({}));
        spoil(&desk);
        let why = why("bad", &desk).await;
        assert!(why.contains(told), "{name}: {why}");
    }
}

#[tokio::test]
async fn links_within_a_plugin_are_its_own() {
    let desk = Desk::new();
    desk.plugin("linked", ANSWER, json!({"executable": "./bin/start"}));
    fs::create_dir(desk.path("linked/bin")).unwrap();
    mode(&desk.path("linked/bin"), 0o755);
    std::os::unix::fs::symlink("../run", desk.path("linked/bin/start")).unwrap();
    assert_eq!(said(&desk.look(), "linked").await, "good");
}

#[tokio::test]
async fn other_things_that_are_no_plugins() {
    let desk = Desk::new();
    desk.plugin("bad", ANSWER, json!({}));
    for folder in [".git", "__pycache__"] {
        fs::create_dir(desk.path(folder)).unwrap();
    }
    desk.write("README.md", "text", 0o644);
    std::os::unix::fs::symlink("bad", desk.path("link")).unwrap();
    fs::create_dir(desk.path("Bad Name")).unwrap();
    let twins = json!([
        {"name": "get_1", "description": "d", "input_schema": {}},
        {"name": "get_l", "description": "d", "input_schema": {}},
    ]);
    desk.manifest("bad", json!({"tools": twins}));
    let plugins = desk.look();
    let standing = plugins.standing();
    let told: Vec<_> = standing
        .iter()
        .map(|it| (it.name.as_str(), it.error.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].0 == "Bad Name" && told[0].1.contains("a letter a-z"),
        "{told:?}"
    );
    assert!(
        told[1].1.contains("`get_1` and `get_l` look the same"),
        "{told:?}"
    );
    assert!(
        told[2].0 == "link" && told[2].1.contains("symbolic link"),
        "{told:?}"
    );
}

#[test]
fn two_plugins_with_one_tool_name_are_refused_together() {
    let desk = Desk::new();
    let tool =
        |name: &str| json!({"tools": [{"name": name, "description": "d", "input_schema": {}}]});
    desk.plugin("one", ANSWER, tool("hash"));
    desk.plugin("two", ANSWER, tool("Hash"));
    let error = desk.look_again(None).err().unwrap().to_string();
    assert_eq!(
        error,
        "plugins: the tools `hash` of `one` and `Hash` of `two` differ only in case; rename one of them"
    );
}

#[test]
fn a_folder_that_is_not_there_or_everyone_s_has_no_plugins_and_says_so() {
    let desk = Desk::new();
    desk.plugin("good", ANSWER, json!({}));
    mode(desk.dir.path(), 0o777);
    let plugins = desk.look();
    assert!(plugins.standing().is_empty());
    assert!(plugins.unread().unwrap().contains("chmod o-w"));
    fs::remove_dir_all(desk.dir.path()).unwrap();
    let plugins = desk.look();
    assert!(plugins.standing().is_empty() && plugins.unread().is_some());
}

#[tokio::test]
async fn what_is_not_what_was_loaded_is_not_started() {
    let desk = Desk::new();
    desk.plugin("own", ANSWER, json!({"files": ["lib"]}));
    desk.write("own/lib", "1", 0o644);
    let plugins = desk.look();
    assert_eq!(said(&plugins, "own").await, "good");
    // Written again as it was: nothing has changed but its times.
    desk.write("own/lib", "1", 0o644);
    assert_eq!(said(&plugins, "own").await, "good");
    for spoil in [
        (|desk: &Desk| desk.write("own/lib", "2", 0o644)) as fn(&Desk),
        |desk| desk.write("own/run", "#!/bin/sh\ntouch owned", 0o755),
        |desk| mode(&desk.path("own/run"), 0o757),
        |desk| fs::remove_file(desk.path("own/lib")).unwrap(),
        |desk| {
            fs::rename(desk.path("own/lib"), desk.path("own/other")).unwrap();
            std::os::unix::fs::symlink("other", desk.path("own/lib")).unwrap();
        },
    ] {
        let desk = Desk::new();
        desk.plugin("own", ANSWER, json!({"files": ["lib"]}));
        desk.write("own/lib", "1", 0o644);
        let plugins = desk.look();
        spoil(&desk);
        let refusal = refused(&plugins, "own").await;
        assert_eq!(refusal.code, RefusalCode::DefinitionChanged, "{refusal:?}");
        assert!(!desk.path("own/owned").exists());
    }
}

#[tokio::test]
async fn another_look_takes_over_what_has_not_changed() {
    let desk = Desk::new();
    let stays = "while read -r line; do id=${line#*:}; printf '{\"id\":%s,\"content\":\"%s\"}\\n' \"${id%%,*}\" $$; done";
    desk.plugin("stays", stays, json!({"mode": "persistent"}));
    desk.plugin("other", ANSWER, json!({}));
    let before = desk.look();
    let pid = said(&before, "stays").await;
    desk.manifest("other", json!({"version": "2"}));
    desk.plugin("new", ANSWER, json!({}));
    let now = desk.look_again(Some(&before)).unwrap();
    assert!(!now.is(&before));
    drop(before);
    assert_eq!(said(&now, "stays").await, pid);
    let names: Vec<_> = now
        .offer()
        .tools
        .iter()
        .map(|tool| tool.name.to_string())
        .collect();
    assert_eq!(names, ["new", "other", "stays"]);
    assert!(desk.look_again(Some(&now)).unwrap().is(&now));
    // Its code is another one: so is its process, and the old one ends when nobody can call it any more.
    desk.plugin(
        "stays",
        &format!("{stays} # other"),
        json!({"mode": "persistent"}),
    );
    let last = desk.look_again(Some(&now)).unwrap();
    assert_ne!(said(&last, "stays").await, pid);
    assert!(runs(&pid));
    drop(now);
    eventually("the old one ends", || !runs(&pid)).await;
}

#[tokio::test]
async fn changes_are_told() {
    let desk = Desk::new();
    desk.plugin("own", ANSWER, json!({"executable": "./run"}));
    desk.plugin("bad", ANSWER, json!({"executable": "bin/run"}));
    desk.write("bad/bin/run", "#!/bin/sh\n", 0o644);
    let told = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = || told.load(std::sync::atomic::Ordering::Acquire);
    for change in [
        (|desk: &Desk| desk.write("own/run", "#!/bin/sh\n", 0o755)) as fn(&Desk),
        |desk| mode(&desk.path("own/run"), 0o644),
        |desk| desk.manifest("own", json!({"version": "2"})),
        |desk| fs::create_dir(desk.path("new")).unwrap(),
        |desk| fs::remove_dir_all(desk.path("own")).unwrap(),
        |desk| mode(&desk.path("bad/bin/run"), 0o755),
        |desk| fs::rename(desk.dir.path(), desk.dir.path().with_extension("moved")).unwrap(),
    ] {
        let plugins = desk.look();
        let teller = Arc::clone(&told);
        let _watching = plugins
            .watch(Arc::new(move || {
                teller.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
            }))
            .unwrap();
        let before = count();
        change(&desk);
        eventually("it is told", || count() > before).await;
    }
    fs::rename(desk.dir.path().with_extension("moved"), desk.dir.path()).unwrap();
}
