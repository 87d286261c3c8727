//! A root whose parts are swapped for links to the outside while it is read and written: nothing may
//! escape, and nothing outside change.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use durward_testkit::{House, modern};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::{Value, json};

use crate::{house, times};

const CANARY: &str = "OUTSIDE-CANARY";

/// A root with `here/file` and, in its place every few microseconds, a link to a folder outside.
fn trapped() -> House {
    let house = house();
    house.configure("files: { write: ['**'] }\nroles: { developer: { allow: ['*'] } }\n");
    house.file("here/file", "inside");
    fs::create_dir(house.path("outside")).expect("a folder outside");
    for name in ["file", CANARY] {
        fs::write(house.path("outside").join(name), CANARY).expect("a file outside");
    }
    symlink(house.path("outside"), house.root().join("there")).expect("the link");
    house
}

/// Ends the swapping, however the test ends.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn swapping(root: &Path, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let swap = renameat_with(
            CWD,
            root.join("here"),
            CWD,
            root.join("there"),
            RenameFlags::EXCHANGE,
        );
        swap.expect("the swap");
    }
}

/// Asks again and again while the trap is swapped, for one call after the other; gives each answer to
/// `judge`. Nothing outside may have changed afterwards.
fn race(tries: usize, calls: &[(&str, Value)], mut judge: impl FnMut(&Value)) {
    const AT_ONCE: usize = 16;
    let house = trapped();
    let done = AtomicBool::new(false);
    let root = house.root();
    thread::scope(|scope| {
        scope.spawn(|| swapping(&root, &done));
        let _ending = Ending(&done);
        let mut pipe = house.stdio(&["--set", "limits.calls=1000000/s"]);
        for _ in 0..tries.div_ceil(AT_ONCE) {
            let (mut lines, mut asked) = (String::new(), 0);
            for (tool, arguments) in calls.iter().cycle().take(AT_ONCE) {
                let params = json!({"name": tool, "arguments": arguments});
                lines += &format!("{}\n", modern(asked, "tools/call", params));
                asked += 1;
            }
            pipe.raw(lines.as_bytes());
            for _ in 0..asked {
                judge(&pipe.message());
            }
        }
    });
    let inside = house.bytes_below(&house.root());
    assert!(
        !String::from_utf8_lossy(&inside).contains(CANARY),
        "it was copied in"
    );
    let mut outside: Vec<_> = fs::read_dir(house.path("outside"))
        .expect("the folder outside")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    outside.sort();
    let names = [CANARY, "file"].map(|name| house.path("outside").join(name));
    assert_eq!(outside, names);
    for path in outside {
        assert_eq!(fs::read_to_string(&path).expect("it"), CANARY, "{path:?}");
    }
}

fn never_escapes(tries: usize, tool: &str, arguments: &Value) {
    let mut inside = 0;
    race(tries, &[(tool, arguments.clone())], |answer| {
        assert!(!answer.to_string().contains(CANARY), "{answer}");
        inside += usize::from(answer["result"]["isError"] != json!(true));
    });
    assert!(
        inside > 0,
        "the file was never there: the race tests nothing"
    );
}

fn tries() -> usize {
    times("DURWARD_RACE", 2000)
}

#[test]
fn no_read_escapes_a_race() {
    never_escapes(tries(), "fs_read", &json!({"path": "here/file"}));
}

#[test]
fn no_listing_escapes_a_race() {
    never_escapes(tries(), "fs_list", &json!({"path": "here"}));
}

#[test]
fn no_stat_escapes_a_race() {
    let size = json!(CANARY.len());
    race(
        tries(),
        &[("fs_stat", json!({"path": "here/file"}))],
        |answer| {
            let facts = &answer["result"]["structuredContent"];
            assert_ne!(facts["size"], size, "{answer}");
        },
    );
}

// These two walk a tree for each call: a fifth of the tries takes as long.
#[test]
fn no_tree_escapes_a_race() {
    never_escapes(tries() / 5, "fs_tree", &json!({"path": "."}));
}

#[test]
fn no_search_escapes_a_race() {
    never_escapes(tries() / 5, "fs_search", &json!({"name": "*"}));
}

/// Changes, each beside what undoes it. Some must be made while the trap is swapped, and all inside.
fn changes_nothing_outside(tries: usize, calls: &[(&str, Value)]) {
    let mut made = 0;
    race(tries, calls, |answer| {
        assert!(!answer.to_string().contains(CANARY), "{answer}");
        made += usize::from(answer["result"]["isError"] != json!(true));
    });
    assert!(made > 0, "nothing was ever changed: the race tests nothing");
}

#[test]
fn no_write_escapes_a_race() {
    let write = |path: &str| ("fs_write", json!({"path": path, "content": "written"}));
    changes_nothing_outside(
        tries(),
        &[write("here/file"), write("here/new"), write("there/file")],
    );
}

#[test]
fn no_edit_escapes_a_race() {
    let edit = |old: &str, new: &str| {
        let edits = json!([{"old": old, "new": new}]);
        ("fs_edit", json!({"path": "here/file", "edits": edits}))
    };
    // The last fits only what lies outside.
    let calls = [
        edit("inside", "INSIDE"),
        edit("INSIDE", "inside"),
        edit(CANARY, "changed"),
    ];
    changes_nothing_outside(tries(), &calls);
}

#[test]
fn no_move_escapes_a_race() {
    let relocate = |from: &str, to: &str| ("fs_move", json!({"from": from, "to": to}));
    let calls = [
        relocate("here/file", "here/other"),
        relocate("here/other", "here/file"),
        relocate("here/file", "out"),
        relocate("out", "here/file"),
    ];
    changes_nothing_outside(tries(), &calls);
}

#[test]
fn no_copy_escapes_a_race() {
    let copy = |from: &str, to: &str| {
        (
            "fs_copy",
            json!({"from": from, "to": to, "overwrite": true}),
        )
    };
    let calls = [
        copy("here/file", "here/copy"),
        copy("here/file", "kept"),
        copy("kept", "here/file"),
    ];
    changes_nothing_outside(tries(), &calls);
}

#[test]
fn no_directory_is_made_outside_in_a_race() {
    let make = |path: &str| ("fs_mkdir", json!({"path": path}));
    let calls = [make("here/new/deep"), make("here/flat")];
    changes_nothing_outside(tries(), &calls);
}

#[test]
fn no_delete_escapes_a_race() {
    let calls = [
        ("fs_delete", json!({"path": "here/file"})),
        ("fs_write", json!({"path": "here/file", "content": "again"})),
        (
            "fs_write",
            json!({"path": "here/sub/file", "content": "again"}),
        ),
        ("fs_delete", json!({"path": "here/sub", "recursive": true})),
    ];
    changes_nothing_outside(tries(), &calls);
}
