//! What is refused before anything runs. What runs is tested through the door.

use std::{
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use durward_cage::files::RootSettings;
use durward_testkit::call;
use serde_json::{Value, json};

use super::*;

fn pack(root: &Path, allow: &[&str], interpreters: &[&str]) -> ShellPack {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    ShellPack::open(ShellSettings {
        programs: Programs::find(&names(allow), &names(interpreters)),
        launcher: Launcher::new(),
        walls: None,
        room: "off",
        inherit: vec!["PATH".to_owned()],
        env: vec![("GIVEN".to_owned(), "value".to_owned())],
        output: 64 * 1024,
        files: FsSettings {
            roots: vec![RootSettings {
                path: root.to_owned(),
                ..RootSettings::default()
            }],
            ..FsSettings::default()
        },
    })
    .unwrap()
}

async fn exec(pack: &ShellPack, arguments: Value) -> Result<Value, Refusal> {
    let call = call("shell_exec", &arguments.to_string());
    match pack.call(&call).await? {
        Answer::Own(result) => {
            let body: Value = serde_json::from_slice(result.to_raw().bytes()).unwrap();
            Ok(body["structuredContent"].clone())
        }
        other => panic!("{other:?}"),
    }
}

async fn word(pack: &ShellPack, arguments: Value) -> (RefusalCode, &'static str) {
    let refusal = exec(pack, arguments).await.unwrap_err();
    (refusal.code, refusal.detail.unwrap_or_default())
}

#[tokio::test]
async fn only_what_is_allowed_runs_by_its_name_alone() {
    let root = tempfile::tempdir().unwrap();
    let some = pack(root.path(), &["ls", "no-such-program"], &[]);
    let none = pack(root.path(), &[], &[]);
    for command in [
        "cat", "/bin/ls", r"..\ls", "./ls", "LS", "ls ", "ls;id", "ls -l", "-x", "é",
    ] {
        let refused = (RefusalCode::CommandNotAllowed, "");
        assert_eq!(
            word(&some, json!({"command": command})).await,
            refused,
            "{command}"
        );
        assert_eq!(
            word(&none, json!({"command": command})).await,
            refused,
            "{command}"
        );
    }
    let missing = word(&some, json!({"command": "no-such-program"})).await;
    assert_eq!(missing, (RefusalCode::NotFound, "program_missing"));
    let description = some.offer().tools[0].description().into_owned();
    assert!(
        description.contains("Programs that may be run: `ls`."),
        "{description}"
    );
}

#[tokio::test]
async fn what_runs_others_is_refused_under_any_name_unless_it_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "bash",
        "BASH",
        "sh",
        "python3",
        "python3.11",
        "node",
        "sudo",
        "rm",
        "kill",
        "curl",
        "mawk",
        "busybox",
        "nohup",
        "setsid",
        "timeout",
        "stdbuf",
        "ionice",
        "vi",
        "php",
        "npx",
        "make",
        "fish",
        "env",
        "xargs",
    ];
    let refusing = pack(folder.path(), &names, &[]);
    for name in names {
        let refused = (RefusalCode::CommandNotAllowed, "interpreter");
        assert_eq!(
            word(&refusing, json!({"command": name})).await,
            refused,
            "{name}"
        );
    }
    let warnings = refusing.settings.programs.warnings();
    assert_eq!(warnings.len(), names.len(), "{warnings:?}");
    let meant = pack(folder.path(), &["sh"], &["sh"]);
    let ran = exec(
        &meant,
        json!({"command": "sh", "args": ["-c", "echo $GIVEN"]}),
    )
    .await;
    assert_eq!(ran.unwrap()["stdout"], "value\n");
    assert!(meant.settings.programs.warnings().is_empty());
}

#[tokio::test]
async fn arguments_that_run_others_or_can_t_be_passed_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let pack = pack(root.path(), &["find", "sort", "echo"], &[]);
    for (arguments, code, detail, path) in [
        (
            json!({"command": "find", "args": [".", "-exec", "id", ";"]}),
            RefusalCode::Denied,
            "argument_not_allowed",
            "/args/1",
        ),
        (
            json!({"command": "sort", "args": ["--compress-prog=sh"]}),
            RefusalCode::Denied,
            "argument_not_allowed",
            "/args/0",
        ),
        (
            json!({"command": "echo", "args": ["a", "b\0c"]}),
            RefusalCode::InvalidArguments,
            "null_byte",
            "/args/1",
        ),
    ] {
        let refusal = exec(&pack, arguments).await.unwrap_err();
        let found = (refusal.code, refusal.detail, refusal.path.as_deref());
        assert_eq!(found, (code, Some(detail), Some(path)));
    }
    let plain = [
        "; id", "$(id)", "`id`", "*", "$HOME", "\"", "'", "\n", "", "-n?",
    ];
    let ran = exec(&pack, json!({"command": "echo", "args": plain}))
        .await
        .unwrap();
    assert_eq!(ran["stdout"], format!("{}\n", plain.join(" ")));
}

#[tokio::test]
async fn a_program_begins_in_a_folder_of_the_root_and_nowhere_else() {
    let outside = tempfile::tempdir().unwrap();
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("sub/deep")).unwrap();
    std::fs::write(root.path().join("file"), "").unwrap();
    symlink(outside.path(), root.path().join("out")).unwrap();
    symlink("sub/deep", root.path().join("in")).unwrap();
    let pack = pack(root.path(), &["pwd", "env"], &["env"]);
    let real = root.path().canonicalize().unwrap();
    for (cwd, expected) in [
        (None, ""),
        (Some("."), ""),
        (Some("sub"), "sub"),
        (Some("in"), "sub/deep"),
        (Some("sub/deep/.."), "sub"),
    ] {
        let mut arguments = json!({"command": "pwd"});
        if let Some(cwd) = cwd {
            arguments["cwd"] = cwd.into();
        }
        let ran = exec(&pack, arguments).await.unwrap();
        let found = Path::new(ran["stdout"].as_str().unwrap().trim_end());
        assert_eq!(found, real.join(expected).components().as_path(), "{cwd:?}");
    }
    for (cwd, code, detail) in [
        ("..", RefusalCode::PathOutsideRoot, "cwd_outside_root"),
        (
            "sub/../..",
            RefusalCode::PathOutsideRoot,
            "cwd_outside_root",
        ),
        ("/etc", RefusalCode::PathOutsideRoot, "cwd_outside_root"),
        ("out", RefusalCode::PathOutsideRoot, "cwd_outside_root"),
        ("file", RefusalCode::InvalidArguments, "cwd_not_dir"),
        ("missing", RefusalCode::NotFound, "cwd_not_found"),
    ] {
        let found = word(&pack, json!({"command": "pwd", "cwd": cwd})).await;
        assert_eq!(found, (code, detail), "{cwd}");
    }
}

#[tokio::test]
async fn the_file_that_was_found_runs_or_nothing() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, says: &str| {
        let path = root.path().join(name);
        let draft = root.path().join("draft");
        std::fs::write(&draft, format!("#!/bin/sh\necho {says}\n")).unwrap();
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(draft, &path).unwrap();
        path
    };
    let real = write("real", "itself");
    // What it is called decides nothing about the file: a path would do as well, and never reaches the pack.
    let pin = durward_cage::launch::Pin::of(&Plan::new([real.to_str().unwrap()])).unwrap();
    let run = async |plan: Plan| {
        let run = Run {
            plan,
            stdin: None,
            timeout: std::time::Duration::from_secs(20),
            output: 1024,
        };
        run.run(&Launcher::new(), &call("shell_exec", "{}")).await
    };
    let plan = Plan::new(["other", "name"]).pinned(pin);
    assert_eq!(run(plan.clone()).await.unwrap().stdout, b"itself\n");
    write("real", "impostor");
    let refusal = run(plan).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::DefinitionChanged);
    assert_eq!(refusal.detail, Some("program_replaced"));
}
