//! What a program begins with, and why one does not.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[tokio::test]
async fn a_program_reads_and_answers() {
    let launcher = Launcher::new();
    assert_eq!(launcher.spawner(), None, "nothing runs before it is needed");
    let mut child = launcher.spawn(&Plan::new(["cat"])).await.unwrap();
    assert!(launcher.spawner().is_some());
    child.stdin.write_all(b"hello").await.unwrap();
    let mut answer = [0; 5];
    child.stdout.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
    drop(child.stdin);
    assert_eq!(child.process.exited().await, Exit::Code(0));
    assert_eq!(child.process.gone().await, Exit::Code(0));
}

#[tokio::test]
async fn arguments_reach_it_as_they_are() {
    let long = "x".repeat(100_000);
    let plan = Plan::new(["printf", "%s\\n", "", "a b", "$HOME", "*", "é\n\"'", &long]);
    let (text, exit) = output(&plan).await;
    assert_eq!(text, format!("\na b\n$HOME\n*\né\n\"'\n{long}\n"));
    assert_eq!(exit, Exit::Code(0));
}

#[tokio::test]
async fn its_environment_is_what_was_given_and_nothing_else() {
    let (text, _) = output(&Plan::new(["env"])).await;
    assert_eq!(text, "");
    let plan = Plan::new(["env"])
        .inherit([
            "PATH",
            "LD_LIBRARY_PATH",
            "NODE_OPTIONS",
            "GIT_DIR",
            "NOT_SET",
        ])
        .env("TOKEN", "hunter2");
    let (text, _) = output(&plan).await;
    let path = std::env::var("PATH").unwrap();
    assert_eq!(text, format!("PATH={path}\nTOKEN=hunter2\n"));
}

#[tokio::test]
async fn it_has_three_descriptors_which_are_pipes() {
    // One that anybody left open is not passed on either.
    let leaked = rustix::io::dup(rustix::stdio::stderr()).unwrap();
    let mut child = Launcher::new().spawn(&Plan::new(["cat"])).await.unwrap();
    child.stdin.write_all(b"x").await.unwrap();
    child.stdout.read_u8().await.unwrap();
    let open = fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
    let open = open.flatten().map(|entry| {
        let target = fs::read_link(entry.path()).unwrap();
        (
            entry.file_name(),
            target.to_str().unwrap().starts_with("pipe:"),
        )
    });
    let mut open: Vec<_> = open.collect();
    open.sort();
    assert_eq!(open, ["0", "1", "2"].map(|number| (number.into(), true)));
    drop(leaked);
}

#[tokio::test]
async fn it_has_a_session_of_its_own_no_terminal_and_strict_defaults() {
    let script =
        "set -- $(cut -d')' -f2 /proc/$$/stat); echo $$ $3 $4 $5; umask; ulimit -c; ulimit -n";
    let (text, _) = output(&shell(script).files(64)).await;
    let lines: Vec<_> = text.lines().collect();
    let [own, group, session, terminal] = lines[0].split(' ').collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    assert_eq!((group, session, terminal), (own, own, "0"));
    assert_eq!(lines[1..], ["0077", "0", "64"]);
}

#[tokio::test]
async fn it_begins_with_every_signal_open_and_at_its_default() {
    let (text, _) = output(&Plan::new(["cat", "/proc/self/status"])).await;
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    for name in ["SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:", "SigCgt:"] {
        assert_eq!(field(name), "0000000000000000", "{name}");
    }
}

#[tokio::test]
async fn it_runs_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap();
    let (text, _) = output(&Plan::new(["pwd", "-P"]).folder(folder.path())).await;
    assert_eq!(text.trim_end(), real.to_str().unwrap());
    let (text, _) = output(&Plan::new(["pwd", "-P"])).await;
    let own = std::env::current_dir().unwrap().canonicalize().unwrap();
    assert_eq!(text.trim_end(), own.to_str().unwrap());
}

#[tokio::test]
async fn why_it_does_not_run_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let launcher = Launcher::new();
    let fault = async |plan: Plan| launcher.spawn(&plan).await.unwrap_err();
    let no_interpreter = file("a", "#!/none/such\n", 0o755);
    let no_program = file("b", "\u{1}\u{2}", 0o755);
    let not_executable = file("c", "#!/bin/sh\n", 0o644);
    assert!(matches!(
        fault(Plan::new([no_interpreter])).await,
        LaunchFault::NoInterpreter(_)
    ));
    assert!(matches!(
        fault(Plan::new([no_program])).await,
        LaunchFault::NotAProgram(_)
    ));
    assert!(matches!(
        fault(Plan::new([not_executable])).await,
        LaunchFault::NotExecutable(_)
    ));
    assert!(matches!(
        fault(Plan::new(["no-such-program"])).await,
        LaunchFault::NotInPath(_)
    ));
    assert!(matches!(
        fault(Plan::new(["/no/such"])).await,
        LaunchFault::NotThere(_)
    ));
    assert!(matches!(
        fault(Plan::new(["true"]).folder("/no/such")).await,
        LaunchFault::Folder { .. }
    ));
    let long = "x".repeat(3_000_000);
    let fault = fault(Plan::new(["true", &long])).await;
    assert!(matches!(fault, LaunchFault::TooLong(_)), "{fault:?}");
    assert!(!fault.started() && fault.to_string().len() < 200);
    // It goes on.
    assert_eq!(output(&Plan::new(["true"])).await.1, Exit::Code(0));
}
