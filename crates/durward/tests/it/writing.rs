//! The writing tools, through the door.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, thread, time::Duration};

use durward_testkit::{House, Pipe, modern, refusal, text};
use serde_json::{Value, json};

use crate::{
    house,
    ledger_faults::{may_mount, shell},
    times,
};

const WRITABLE: &str = "files: { write: ['**'] }\nroles: { developer: { allow: ['*'] } }\n";

fn writable() -> House {
    let house = house();
    house.configure(WRITABLE);
    house
}

fn tools(pipe: &mut Pipe) -> Vec<String> {
    let listed = pipe.modern("tools/list", json!({}))["result"]["tools"].clone();
    let listed = listed.as_array().expect("tools").clone();
    listed
        .iter()
        .map(|tool| tool["name"].as_str().expect("a name").to_owned())
        .collect()
}

fn done(answer: &Value) -> &Value {
    assert_eq!(refusal(answer), "", "{answer}");
    &answer["result"]["structuredContent"]
}

/// V15: whoever may write the configuration says what runs, and where.
#[test]
fn what_durward_itself_reads_is_neither_read_nor_written() {
    let house = House::new(env!("CARGO_BIN_EXE_durward"));
    let root = house.root();
    fs::create_dir_all(root.join("conf/deep")).unwrap();
    fs::write(root.join("token.txt"), "hunter2").unwrap();
    fs::write(root.join("other.txt"), "mine").unwrap();
    let file = root.join("conf/deep/durward.yaml");
    let text = format!(
        "version: 1\nsecrets: {{ it: {{ file: {} }} }}\n{WRITABLE}",
        root.join("token.txt").display(),
    );
    fs::write(&file, &text).unwrap();
    let mut command = house.command(&["stdio"]);
    command.arg("--config").arg(&file);
    let mut pipe = Pipe::of(command);
    let yaml = "conf/deep/durward.yaml";
    let own = [
        ("fs_write", json!({"path": yaml, "content": "version: 1\n"})),
        ("fs_read", json!({"path": yaml})),
        ("fs_delete", json!({"path": yaml})),
        (
            "fs_move",
            json!({"from": "other.txt", "to": yaml, "overwrite": true}),
        ),
        ("fs_move", json!({"from": yaml, "to": "mine.yaml"})),
        (
            "fs_copy",
            json!({"from": "other.txt", "to": yaml, "overwrite": true}),
        ),
        ("fs_move", json!({"from": "conf", "to": "put-aside"})),
        ("fs_delete", json!({"path": "conf", "recursive": true})),
        ("fs_read", json!({"path": "token.txt"})),
        ("fs_write", json!({"path": "token.txt", "content": "x"})),
    ];
    for (tool, arguments) in own {
        let answer = pipe.call(tool, arguments.clone());
        assert_ne!(refusal(&answer), "", "{tool} {arguments}: {answer}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(
        fs::read_to_string(root.join("token.txt")).unwrap(),
        "hunter2"
    );
    done(&pipe.call("fs_write", json!({"path": "new.txt", "content": "x"})));
}

#[test]
fn where_nothing_may_be_written_nothing_that_writes_is_there() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    assert_eq!(tools(&mut pipe).len(), 5);
    for tool in ["fs_write", "fs.write", "fs_delete"] {
        let answer = pipe.call(tool, json!({"path": "a", "content": "x"}));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    // A role that may only read has none of them either, and the one for people no delete.
    house.configure("files: { write: ['**'] }\n");
    let mut pipe = house.stdio(&[]);
    let listed = tools(&mut pipe);
    assert!(listed.contains(&"fs_write".to_owned()) && !listed.contains(&"fs_delete".to_owned()));
    let seen = house.run(&["tools", "list", "--as", "reader"]).ok().stdout;
    assert!(!seen.contains("fs_write"), "{seen}");
}

#[test]
fn what_is_written_edited_moved_copied_and_deleted_is_so() {
    let house = writable();
    let mut pipe = house.stdio(&[]);
    let root = house.root();
    let read = |name: &str| fs::read_to_string(root.join(name)).expect("the file");
    let wrote = pipe.call(
        "fs.write",
        json!({"file_path": "n/a.txt", "text": "one\ntwo\n"}),
    );
    assert_eq!(done(&wrote)["bytes_written"], 8);
    assert!(
        text(&wrote).starts_with("Created `n/a.txt`: 8 bytes"),
        "{}",
        text(&wrote)
    );
    // The words that others use for the arguments, also inside of a list.
    let edits = json!([{"oldText": "two", "newText": "zwei"}]);
    let edited = pipe.call("fs_edit", json!({"path": "n/a.txt", "edits": edits}));
    assert!(
        done(&edited)["diff"]
            .as_str()
            .expect("a diff")
            .contains("-two\n+zwei\n")
    );
    assert_eq!(read("n/a.txt"), "one\nzwei\n");
    done(&pipe.call(
        "fs_copy",
        json!({"source": "n/a.txt", "destination": "b.txt"}),
    ));
    done(&pipe.call("fs_move", json!({"from": "n", "to": "m/n"})));
    assert_eq!(
        (read("b.txt"), read("m/n/a.txt")),
        ("one\nzwei\n".into(), "one\nzwei\n".into())
    );
    assert_eq!(
        done(&pipe.call("fs_mkdir", json!({"path": "x/y"})))["created"],
        true
    );
    assert_eq!(
        refusal(&pipe.call("fs_delete", json!({"path": "m"}))),
        "confirm_required"
    );
    let deleted = pipe.call("fs_delete", json!({"path": "m", "recursive": true}));
    assert_eq!(done(&deleted)["deleted"], 3);
    assert_eq!(text(&deleted), "Deleted `m`, 3 in all");
    let bad = pipe.call(
        "fs_write",
        json!({"path": "c", "content": "a", "encoding": "base64"}),
    );
    let told = &bad["result"]["_meta"]["dev.durward/refusal"];
    assert_eq!(
        (&told["code"], &told["detail"]),
        (&json!("invalid_arguments"), &json!("invalid_base64"))
    );
    assert!(!root.join("c").exists());
}

#[test]
fn the_guide_and_the_check_say_who_may_write() {
    let house = writable();
    let mut pipe = house.stdio(&[]);
    let guide = pipe
        .modern("resources/read", json!({"uri": "durward://guide"}))
        .to_string();
    for line in [
        "`fs_write` (changes things)",
        "`fs_delete` (can destroy)",
        "`fs_read` (changes nothing)",
    ] {
        assert!(guide.contains(line), "{line}: {guide}");
    }
    let check = house.run(&["check"]).ok();
    assert!(
        format!("{}{}", check.stdout, check.stderr).contains("fs_delete"),
        "{check:?}"
    );
}

#[test]
fn each_root_is_written_where_it_says() {
    let house = house();
    for name in ["code", "docs"] {
        fs::create_dir(house.root().join(name)).expect("a root");
    }
    house.configure(
        "files: { roots: { code: { path: code, write: ['src/**'] }, docs: { path: docs } }, max_write: 10 }\n",
    );
    let mut pipe = house.stdio(&[]);
    let mut write = |path: &str, content: &str| {
        let answer = pipe.call("fs_write", json!({"path": path, "content": content}));
        refusal(&answer).to_owned()
    };
    assert_eq!(write("code:src/deep/a", "0123456789"), "");
    assert_eq!(write("code:src/b", "0123456789-"), "too_large");
    assert_eq!(write("code:a", "x"), "denied");
    assert_eq!(write("docs:a", "x"), "denied");
    assert_eq!(write("a", "x"), "invalid_arguments");
    assert!(!house.root().join("code/src/b").exists());
}

/// The trail has the intent of a change before it is made, and no more of it than of any other call.
#[test]
fn a_change_is_recorded() {
    let house = writable();
    let mut pipe = house.stdio(&[]);
    done(&pipe.call("fs_write", json!({"path": "a.txt", "content": "hello"})));
    refusal(&pipe.call("fs_write", json!({"path": "../a.txt", "content": "hello"})));
    pipe.end(Duration::from_secs(3));
    let rows = house.run(&["audit", "query", "--json"]).ok().stdout;
    assert!(
        rows.contains("fs_write") && rows.contains("path_outside_root"),
        "{rows}"
    );
    house.run(&["audit", "verify"]).ok();
}

/// F30: whoever is killed while it writes leaves the old content or the new.
#[test]
fn a_kill_while_writing_leaves_a_whole_file() {
    let house = writable();
    let whole = |letter: &str| letter.repeat(64 * 1024);
    house.file("f", whole("a"));
    let rounds = times("DURWARD_KILLS", 10);
    for round in 0..rounds {
        let mut pipe = house.stdio(&["--set", "limits.calls=1000000/s"]);
        pipe.call("fs_write", json!({"path": "f", "content": whole("a")}));
        let lines: String = (0..64)
            .map(|id| {
                let content = whole(if id % 2 == 0 { "b" } else { "c" });
                let arguments = json!({"path": "f", "content": content});
                let params = json!({"name": "fs_write", "arguments": arguments});
                format!("{}\n", modern(id, "tools/call", params))
            })
            .collect();
        thread::scope(|scope| {
            let pid = pipe.pid();
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(2 + (round as u64 * 7) % 40));
                let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid"));
                let kill = rustix::process::Signal::KILL;
                let _ = rustix::process::kill_process(pid.expect("a pid"), kill);
            });
            pipe.raw(lines.as_bytes());
        });
        pipe.wait(Duration::from_secs(5)).expect("it was killed");
        let content = fs::read(house.root().join("f")).expect("the file");
        assert!(content.len() == 64 * 1024 && content.iter().all(|byte| *byte == content[0]));
    }
    let left = drafts(&house.root());
    assert!(left.len() < rounds, "{left:?} of {rounds} kills");
}

/// Names that are not ours; each holds a whole file.
fn drafts(root: &Path) -> Vec<String> {
    let names = fs::read_dir(root).expect("the root").map(|entry| {
        let entry = entry.expect("an entry");
        let content = fs::read(entry.path()).expect("it");
        assert!(content.len() == 64 * 1024 && content.iter().all(|byte| *byte == content[0]));
        entry.file_name().to_string_lossy().into_owned()
    });
    names
        .filter(|name| name != "f")
        .inspect(|name| assert!(name.starts_with(".durward-")))
        .collect()
}

/// A root on a disk of its own, of 256 KiB: what does not fit leaves the old content and nothing else.
#[test]
fn a_full_disk_leaves_what_was_there() {
    if !may_mount() {
        return;
    }
    let house = writable();
    let root = house.root();
    let script = format!(
        "mount -t tmpfs -o size=256k,mode=755 none {0} && cd {0} && exec \"$@\"",
        root.display()
    );
    let script =
        format!("exec unshare --user --map-root-user --mount bash -c '{script}' bash \"$@\"");
    let inner = house.command(&["stdio"]);
    let mut pipe = Pipe::of(shell(house.bare_command::<&str>(&[]), &script, &inner));
    let mut write = |path: &str, kib: usize| {
        let content = "x".repeat(kib * 1024);
        pipe.call("fs_write", json!({"path": path, "content": content}))
    };
    done(&write("old", 100));
    for path in ["old", "new", "deep/new"] {
        let answer = write(path, 200);
        assert_eq!(refusal(&answer), "no_space", "{answer}");
    }
    done(&write("small", 10));
    let seen = Path::new("/proc")
        .join(pipe.pid().to_string())
        .join("root")
        .join(root.strip_prefix("/").expect("absolute"));
    let mut names: Vec<_> = fs::read_dir(&seen)
        .expect("the root")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    names.sort();
    assert_eq!(names, ["deep", "old", "small"]);
    assert_eq!(
        fs::metadata(seen.join("old")).expect("it").len(),
        100 * 1024
    );
    let edits = json!([{"old": "x", "new": "xx", "all": true}]);
    assert_eq!(
        refusal(&pipe.call("fs_edit", json!({"path": "old", "edits": edits}))),
        "no_space"
    );
    assert_eq!(
        refusal(&pipe.call("fs_copy", json!({"from": "old", "to": "b"}))),
        ""
    );
    assert_eq!(
        refusal(&pipe.call("fs_copy", json!({"from": "old", "to": "c"}))),
        "no_space"
    );
}

/// Whatever is in the root already counts, also what others put there or take away meanwhile.
#[test]
fn a_root_takes_no_more_than_its_quota() {
    let house = house();
    for name in ["code", "docs"] {
        fs::create_dir(house.root().join(name)).expect("a root");
    }
    house.configure(
        "files: { write: ['**'], quota: 100KiB, roots: { code: { path: code }, docs: { path: docs, quota: 1MiB } } }\n",
    );
    house.file("code/deep/old", [b'x'; 60 * 1024]);
    let mut pipe = house.stdio(&[]);
    let mut write = |path: &str, kib: usize| {
        let content = "x".repeat(kib * 1024);
        let answer = pipe.call("fs_write", json!({"path": path, "content": content}));
        refusal(&answer).to_owned()
    };
    assert_eq!(write("code:a", 30), "");
    assert_eq!(write("code:b", 11), "no_space");
    assert_eq!(write("docs:b", 11), "");
    // In the place of what is there, only the growth counts.
    assert_eq!(write("code:a", 40), "");
    assert_eq!(write("code:a", 41), "no_space");
    assert_eq!(write("code:a", 5), "");
    assert_eq!(write("code:b", 35), "");
    fs::remove_file(house.root().join("code/b")).expect("it is there");
    house.file("code/others", [b'x'; 30 * 1024]);
    assert_eq!(write("code:c", 6), "no_space");
    assert_eq!(write("code:c", 5), "");
    let copy = pipe.call("fs_copy", json!({"from": "code:c", "to": "code:d"}));
    let facts = &copy["result"]["_meta"]["dev.durward/refusal"];
    assert_eq!(
        (&facts["code"], &facts["detail"]),
        (&json!("no_space"), &json!("quota")),
        "{copy}"
    );
    let edits = json!([{"old": "x", "new": "xx", "all": true}]);
    let edit = pipe.call("fs_edit", json!({"path": "code:c", "edits": edits}));
    assert_eq!(refusal(&edit), "no_space");
    let emptied = pipe.call("fs_delete", json!({"path": "code:c"}));
    assert_ne!(refusal(&emptied), "no_space");
    let mut names: Vec<_> = fs::read_dir(house.root().join("code"))
        .expect("the root")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names.first().expect("a name"), "a");
    assert!(!names.iter().any(|name| name == "b" || name == "d"));
}

#[test]
fn a_file_that_the_system_keeps_from_us_is_kept() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may write everything");
        return;
    }
    let house = writable();
    let file = house.file("a", "mine");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).expect("its mode");
    let mut pipe = house.stdio(&[]);
    let answer = pipe.call("fs_write", json!({"path": "a", "content": "x"}));
    assert_eq!(refusal(&answer), "denied");
    assert_eq!(fs::read_to_string(file).expect("it"), "mine");
}
