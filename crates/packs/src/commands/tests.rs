//! The pack without a gate: what runs, and what never does.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use durward_cage::{files::RootSettings, launch::Launcher};
use durward_core::{Answer, Provider, Refusal, RefusalCode, Tier, ToolName};
use durward_guard::{schema::Schema, template::Template};
use durward_testkit::call;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// A folder that is shared, and one for programs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        for folder in ["root", "bin"] {
            fs::create_dir(place.path().join(folder)).unwrap();
        }
        Self(place)
    }

    fn path(&self, below: &str) -> std::path::PathBuf {
        self.0.path().join(below)
    }

    fn program(&self, name: &str, script: &str) -> String {
        let file = self.path("bin").join(name);
        write(&file, script);
        file.display().to_string()
    }

    fn files(&self) -> FsSettings {
        FsSettings {
            roots: vec![RootSettings {
                path: self.path("root"),
                ..RootSettings::default()
            }],
            ..FsSettings::default()
        }
    }

    fn pack(&self, commands: Vec<CommandSettings>) -> Result<CommandsPack, PacksError> {
        CommandsPack::open(&CommandsSettings {
            commands,
            files: Some(self.files()),
            forbidden: Vec::new(),
            launcher: Launcher::new(),
        })
    }
}

fn write(file: &Path, script: &str) {
    let draft = file.with_extension("draft");
    fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(draft, file).unwrap();
}

fn command(name: &str, run: &str) -> CommandSettings {
    let template = Template::parse(run).unwrap().refine([]).unwrap();
    CommandSettings {
        name: ToolName::new(name).unwrap(),
        program: find(&template),
        template,
        description: None,
        tier: Tier::Operate,
        timeout: Duration::from_secs(20),
        cwd: None,
        dangerous: false,
        missing: Missing::Refuse,
        walls: None,
        room: "off",
        inherit: vec!["PATH".to_owned()],
        env: Vec::new(),
        output: 64 * 1024,
    }
}

async fn run(pack: &CommandsPack, name: &str, arguments: Value) -> Result<Value, Refusal> {
    let answer = pack.call(&call(name, &arguments.to_string())).await?;
    let Answer::Own(result) = answer else {
        panic!("an answer of our own");
    };
    let body: Value = serde_json::from_slice(result.to_raw().bytes()).unwrap();
    let schema = pack.offer().tools[0].output_schema.clone().unwrap();
    let told = &body["structuredContent"];
    assert!(
        Schema::compile(&schema).unwrap().check(told).is_ok(),
        "{told}"
    );
    Ok(told.clone())
}

fn why(opened: Result<CommandsPack, PacksError>) -> String {
    match opened {
        Err(PacksError::Commands(faults)) => {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            faults.join("\n")
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}

#[tokio::test]
async fn a_command_runs_with_what_it_is_given() {
    let place = Place::new();
    let show = place.program("show", r#"printf '%s,' "$0" "$@"; pwd"#);
    let pack = place
        .pack(vec![command("x", &format!("{show} {{a:text}} {{p:path}}"))])
        .unwrap();
    let told = run(&pack, "x", json!({"a": "1; 2", "p": "new/file"}))
        .await
        .unwrap();
    let root = place
        .path("root")
        .canonicalize()
        .unwrap()
        .display()
        .to_string();
    let wanted = format!("{show},1; 2,{root}/new/file,{root}\n");
    assert_eq!(
        (told["stdout"].as_str(), &told["exit_code"]),
        (Some(wanted.as_str()), &json!(0))
    );
    for (arguments, code) in [
        (json!({"a": "x"}), RefusalCode::InvalidArguments),
        (
            json!({"a": "x", "p": "y", "q": 1}),
            RefusalCode::InvalidArguments,
        ),
        (json!({"a": 1, "p": "y"}), RefusalCode::InvalidArguments),
        (json!({"a": "-x", "p": "y"}), RefusalCode::InvalidArguments),
        (json!({"a": "x", "p": "../y"}), RefusalCode::PathOutsideRoot),
        (
            json!({"a": "x", "p": "/etc/passwd"}),
            RefusalCode::PathOutsideRoot,
        ),
        (json!({"a": "x", "p": ".env"}), RefusalCode::DenylistHit),
    ] {
        let refused = run(&pack, "x", arguments.clone()).await.unwrap_err();
        assert_eq!(refused.code, code, "{arguments}: {refused:?}");
    }
}

#[test]
fn all_that_can_t_be_offered_is_said_at_once() {
    let place = Place::new();
    std::os::unix::fs::symlink("/bin/rm", place.path("bin/tidy")).unwrap();
    let tidy = place.path("bin/tidy").display().to_string();
    let faults = why(place.pack(vec![
        command("ok", "echo {x}"),
        command("gone", "no-such-program"),
        command("a", "rm {x}"),
        command("b", &format!("{tidy} {{x}}")),
        command("c", "/no/such/bash"),
        CommandSettings {
            cwd: Some("../x".into()),
            ..command("d", "echo")
        },
        CommandSettings {
            missing: Missing::Warn,
            ..command("e", "bash -c x")
        },
    ]));
    let lines: Vec<_> = faults.lines().collect();
    assert_eq!(lines.len(), 6, "{faults}");
    for (line, wanted) in lines.iter().zip([
        "commands.gone: there is no program `no-such-program`",
        "commands.a: `rm` is a program that deletes",
        "commands.b: `rm` is a program that deletes",
        "commands.c: `bash` is a shell",
        "commands.d: `cwd: ../x` can't be used",
        "commands.e: `bash` is a shell",
    ]) {
        assert!(line.starts_with(wanted), "{line}");
    }
}

#[tokio::test]
async fn what_is_meant_is_let_through_and_said() {
    let place = Place::new();
    let dangerous = CommandSettings {
        dangerous: true,
        ..command("sh", "sh -c 'echo run'")
    };
    let missing = CommandSettings {
        missing: Missing::Warn,
        ..command("gone", "no-such-program")
    };
    let pack = place.pack(vec![dangerous, missing]).unwrap();
    assert_eq!(
        run(&pack, "sh", json!({})).await.unwrap()["stdout"],
        "run\n"
    );
    let refused = run(&pack, "gone", json!({})).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::Unavailable);
    let warnings = pack.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].contains("calls of it are refused"),
        "{warnings:?}"
    );
    assert!(warnings[1].contains("which is a shell"), "{warnings:?}");
}

#[tokio::test]
async fn t20_what_takes_a_program_s_place_never_runs() {
    let place = Place::new();
    let tool = place.program("tool", "echo real");
    let pack = place.pack(vec![command("x", &tool)]).unwrap();
    assert_eq!(
        run(&pack, "x", json!({})).await.unwrap()["stdout"],
        "real\n"
    );
    write(Path::new(&tool), "echo impostor");
    let refused = run(&pack, "x", json!({})).await.unwrap_err();
    assert_eq!(refused.detail, Some("program_replaced"), "{refused:?}");
    write(Path::new(&tool), "echo real");
    assert_eq!(
        run(&pack, "x", json!({})).await.unwrap()["stdout"],
        "real\n"
    );
}

#[tokio::test]
async fn a_value_by_which_a_program_would_run_another_is_refused() {
    let place = Place::new();
    let git = place.program("git", "echo ran");
    let pack = place
        .pack(vec![command("clone", &format!("{git} clone {{url:text}}"))])
        .unwrap();
    let refused = run(&pack, "clone", json!({"url": "ext::sh -c id"}))
        .await
        .unwrap_err();
    assert_eq!(refused.detail, Some("argument_not_allowed"), "{refused:?}");
    let told = run(&pack, "clone", json!({"url": "https://example.com/x.git"}))
        .await
        .unwrap();
    assert_eq!(told["stdout"], "ran\n");
}

#[tokio::test]
async fn a_folder_stays_the_one_that_it_was() {
    let place = Place::new();
    fs::create_dir(place.path("root/sub")).unwrap();
    let here = CommandSettings {
        cwd: Some("sub".into()),
        ..command("here", "ls")
    };
    let pack = place.pack(vec![here]).unwrap();
    fs::rename(place.path("root/sub"), place.path("moved")).unwrap();
    std::os::unix::fs::symlink("/", place.path("root/sub")).unwrap();
    fs::write(place.path("moved/mark"), "").unwrap();
    assert_eq!(
        run(&pack, "here", json!({})).await.unwrap()["stdout"],
        "mark\n"
    );
}

#[tokio::test]
async fn with_nothing_shared_a_path_reaches_as_far_as_the_walls() {
    let place = Place::new();
    let show = place.program("show", r#"printf '%s' "$1""#);
    let shown = command("x", &format!("{show} {{p:path}}"));
    let pack = |walls| {
        CommandsPack::open(&CommandsSettings {
            commands: vec![CommandSettings {
                walls,
                ..shown.clone()
            }],
            files: None,
            forbidden: vec![place.path("root")],
            launcher: Launcher::new(),
        })
        .unwrap()
    };
    let open = pack(None);
    assert_eq!(
        run(&open, "x", json!({"p": "/usr/bin"})).await.unwrap()["stdout"],
        "/usr/bin"
    );
    let own = place
        .path("root")
        .canonicalize()
        .unwrap()
        .display()
        .to_string();
    for path in [
        "usr/bin",
        ".",
        "/proc/self/environ",
        "/sys",
        "/dev/null",
        "/a/.ssh/id_rsa",
        &own,
    ] {
        assert!(run(&open, "x", json!({"p": path})).await.is_err(), "{path}");
    }
    let walled = pack(Some(Arc::new(durward_cage::launch::Walls {
        level: durward_cage::launch::Level::None,
        read: vec!["/usr".into()],
        write: Vec::new(),
        hide: vec!["/usr/lib".into()],
        deny_write: Vec::new(),
        network: durward_cage::launch::Network::Host,
        limits: durward_cage::launch::Limits {
            memory: 1 << 40,
            cpu: Duration::from_secs(60),
            processes: 1024,
            files: 1024,
            file_size: None,
        },
    })));
    let refused = |path: &'static str| {
        let call = run(&walled, "x", json!({"p": path}));
        async move { call.await.unwrap_err().code }
    };
    assert_eq!(refused("/etc").await, RefusalCode::PathOutsideRoot);
    assert_eq!(refused("/usr/lib").await, RefusalCode::PathOutsideRoot);
    assert!(run(&walled, "x", json!({"p": "/usr/bin"})).await.is_ok());
}
