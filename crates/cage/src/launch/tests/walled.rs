//! Programs within walls: what they find, and what they do not.

use std::{os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use super::*;

/// A box that may use what programs are made of.
pub(super) fn walls(level: Level) -> Walls {
    let read = ["/usr", "/bin", "/lib", "/lib64"].map(Into::into).to_vec();
    Walls {
        level,
        read,
        write: Vec::new(),
        hide: Vec::new(),
        deny_write: Vec::new(),
        network: Network::None,
        limits: Limits {
            memory: 512 << 20,
            cpu: Duration::from_secs(30),
            processes: 64,
            files: 256,
            file_size: Some(64 << 20),
        },
    }
}

pub(super) fn within(walls: Walls, script: &str) -> Plan {
    shell(script).walls(Arc::new(walls))
}

/// All that a script prints, errors too.
pub(super) async fn said(walls: Walls, script: &str) -> String {
    let plan = within(walls, &format!("exec 2>&1; {script}"));
    output(&plan).await.0
}

const HELD: [Level; 2] = [Level::Light, Level::Full];

#[tokio::test]
async fn this_machine_holds_what_it_says() {
    let host = Launcher::new().host().await.unwrap();
    for lack in &host.lacks {
        eprintln!("{}: {lack}", lack.level);
    }
    assert_eq!(host.level, Level::Full, "{:?}", host.lacks);
}

#[tokio::test]
async fn programs_run_at_every_level_and_say_which() {
    for level in [Level::None, Level::Light, Level::Full] {
        let plan = within(walls(level), "echo hello; exit 3");
        let mut child = Launcher::new().spawn(&plan).await.unwrap();
        assert_eq!(child.level(), level);
        let mut text = String::new();
        child.stdout.read_to_string(&mut text).await.unwrap();
        assert_eq!(
            (text.as_str(), child.exited().await),
            ("hello\n", Exit::Code(3))
        );
    }
}

#[tokio::test]
async fn the_number_that_durward_knows_is_the_machines() {
    let plan = within(walls(Level::Full), "echo $$; read x");
    let mut child = Launcher::new().spawn(&plan).await.unwrap();
    assert_eq!(child.stdout.read_u8().await.unwrap(), b'2');
    let name = fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap();
    assert_eq!(name, "sh\n");
}

#[tokio::test]
async fn what_is_not_said_is_not_there() {
    let secret = tempfile::tempdir_in("/var/tmp").unwrap();
    let file = secret.path().join("secret");
    fs::write(&file, "hunter2").unwrap();
    for level in HELD {
        let text = said(
            walls(level),
            &format!("cat {}; ls /root /home", file.display()),
        )
        .await;
        assert!(!text.contains("hunter2"), "{level}: {text}");
    }
    let listed = said(walls(Level::Full), "ls -A / /etc /dev /tmp").await;
    let expected = "/:\nbin\ndev\netc\nlib\nlib64\nproc\ntmp\nusr\nvar\n\n\
        /dev:\nfd\nfull\nnull\nrandom\nshm\nstderr\nstdin\nstdout\nurandom\nzero\n\n\
        /etc:\nalternatives\ngroup\nhosts\nld.so.cache\nlocaltime\npasswd\n\n/tmp:\n";
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn what_may_be_written_can_be_and_nothing_else() {
    for level in HELD {
        let (work, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut walls = walls(level);
        walls.write.push(work.path().into());
        walls.read.push(other.path().into());
        let script = format!(
            "echo a > {0}/a && cat {0}/a; echo b > {1}/b; echo c > /usr/c; mkdir {0}/d && mv {0}/a {0}/d/a; ls {0}",
            work.path().display(),
            other.path().display()
        );
        let text = said(walls, &script).await;
        assert!(
            text.starts_with("a\n") && text.ends_with("d\n"),
            "{level}: {text}"
        );
        assert!(work.path().join("d/a").exists());
        assert!(!other.path().join("b").exists() && !Path::new("/usr/c").exists());
    }
}

#[tokio::test]
async fn what_is_hidden_is_gone_from_what_may_be_reached() {
    for level in HELD {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["open", "shut", "deep/shut"] {
            fs::create_dir_all(at(name)).unwrap();
            fs::write(at(name).join("file"), name).unwrap();
        }
        fs::write(at("key"), "hunter2").unwrap();
        for write in [false, true] {
            let mut walls = walls(level);
            let list = if write {
                &mut walls.write
            } else {
                &mut walls.read
            };
            list.push(folder.path().into());
            walls.hide = ["shut", "deep/shut", "key", "none"].map(at).to_vec();
            let script = format!(
                "cd /; cat {0}/open/file {0}/shut/file {0}/deep/shut/file {0}/key; mv {0}/deep {0}/other; cat {0}/other/shut/file",
                folder.path().display()
            );
            let text = said(walls, &script).await;
            assert!(text.starts_with("open"), "{level}: {text}");
            assert!(
                !text.contains("hunter2") && !text.contains("\nshut"),
                "{level}: {text}"
            );
            assert!(at("deep/shut/file").exists());
        }
    }
}

#[tokio::test]
async fn nobody_is_there_but_the_box() {
    let text = said(
        walls(Level::Full),
        "ls /proc | grep -c '^[0-9]'; hostname; id -u; kill -9 1; kill -9 -1; echo alive",
    )
    .await;
    eprintln!("{text}");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[1], "box");
}

#[tokio::test]
async fn the_whole_machine_can_be_let_in_but_its_meeting_places() {
    let mut walls = walls(Level::Full);
    walls.read = vec!["/".into()];
    walls.network = Network::Host;
    let text = said(
        walls,
        "cat /etc/hostname | wc -l; ls /run /dev; echo x > /etc/durward-was-here; ls /tmp; echo y > /tmp/y; cat /tmp/y",
    )
    .await;
    assert!(
        text.ends_with("y\n") && !Path::new("/etc/durward-was-here").exists(),
        "{text}"
    );
}

#[tokio::test]
async fn a_working_folder_and_a_program_outside_are_refused_by_name() {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let launcher = Launcher::new();
    let plan = within(walls(Level::Full), "true").folder(folder.path());
    let fault = launcher.spawn(&plan).await.unwrap_err();
    assert!(
        matches!(fault, LaunchFault::FolderOutOfReach(_)),
        "{fault:?}"
    );
    let tool = folder.path().join("tool");
    fs::write(&tool, "#!/bin/sh\necho\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    for level in HELD {
        let plan = Plan::new([tool.to_str().unwrap()]).walls(Arc::new(walls(level)));
        let fault = launcher.spawn(&plan).await.unwrap_err();
        assert!(
            matches!(fault, LaunchFault::OutOfReach(_)),
            "{level}: {fault:?}"
        );
        let mut walls = walls(level);
        walls.read.push(folder.path().into());
        let plan = Plan::new(["./tool"])
            .folder(folder.path())
            .walls(Arc::new(walls));
        assert_eq!(output(&plan).await, ("\n".into(), Exit::Code(0)));
    }
}

#[tokio::test]
async fn no_device_is_let_in_with_the_whole_machine() {
    let devices = fs::read_dir("/dev").unwrap().flatten();
    let names = devices.filter(|entry| {
        use std::os::unix::fs::FileTypeExt;
        entry
            .file_type()
            .is_ok_and(|kind| kind.is_block_device() || kind.is_char_device())
    });
    let known = ["null", "zero", "full", "random", "urandom"];
    let names: Vec<_> = names
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    for level in HELD {
        let mut walls = walls(level);
        walls.read = vec!["/".into()];
        walls.network = Network::Host;
        let script = format!(
            "cd /dev; for d in {}; do true < $d && echo opened $d; done; true < null && echo done",
            names.join(" ")
        );
        let text = said(walls, &script).await;
        assert!(
            !text.contains("opened") && text.ends_with("done\n"),
            "{level}: {text}"
        );
    }
}

/// Runs one of the ignored tests below in a process of its own, after this script.
#[expect(clippy::disallowed_methods, reason = "it stands for durward itself")]
fn after(unshare: &str, script: &str, test: &str) {
    let ran = std::process::Command::new("unshare")
        .args([
            unshare,
            "sh",
            "-c",
            &format!("{script} && exec \"$0\" \"$@\""),
        ])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("launch::tests::walled::{test}"),
            "--ignored",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}");
}

#[test]
fn a_machine_without_user_namespaces_is_at_light_and_says_why() {
    let none = "echo 0 > /proc/sys/user/max_user_namespaces";
    after("-Ur", none, "without_namespaces");
}

#[tokio::test]
#[ignore = "the one above runs it"]
async fn without_namespaces() {
    let launcher = Launcher::new();
    let host = launcher.host().await.unwrap();
    assert_eq!(host.level, Level::Light);
    assert_eq!(host.lacks[0].level, Level::Full);
    let said = host.lacks[0].to_string();
    assert!(
        said.contains("(namespaces)") && said.contains("max_user_namespaces"),
        "{said}"
    );
    let fault = launcher
        .spawn(&within(walls(Level::Full), "true"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            fault,
            LaunchFault::Walls {
                level: Level::Full,
                ..
            }
        ),
        "{fault:?}"
    );
    assert_eq!(
        output(&within(walls(Level::Light), "exit 3")).await.1,
        Exit::Code(3)
    );
}

#[test]
fn a_machine_whose_proc_is_covered_in_part_has_boxes_without_one() {
    if !rustix::process::getuid().is_root() {
        // Others can cover nothing.
        return;
    }
    after(
        "-m",
        "mount --bind /dev/null /proc/cpuinfo",
        "with_proc_covered",
    );
}

#[tokio::test]
#[ignore = "the one above runs it"]
async fn with_proc_covered() {
    let host = Launcher::new().host().await.unwrap();
    assert_eq!(host.level, Level::Full);
    let lack = host.lacks[0].to_string();
    assert!(lack.contains("empty /proc"), "{lack}");
    for whole in [false, true] {
        let mut walls = walls(Level::Full);
        if whole {
            walls.read.push("/".into());
        }
        let text = said(walls, "ls /proc | wc -l").await;
        assert_eq!(text, "0\n");
    }
}
