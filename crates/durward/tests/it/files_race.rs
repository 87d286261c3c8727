//! A root whose parts are swapped for links to the outside while it is read: nothing may escape.

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

/// Asks again and again while the trap is swapped; gives each answer to `judge`.
fn race(tries: usize, tool: &str, arguments: &Value, mut judge: impl FnMut(&Value)) {
    const AT_ONCE: usize = 16;
    let house = trapped();
    let done = AtomicBool::new(false);
    let root = house.root();
    let params = json!({"name": tool, "arguments": arguments});
    thread::scope(|scope| {
        scope.spawn(|| swapping(&root, &done));
        let _ending = Ending(&done);
        let mut pipe = house.stdio(&["--set", "limits.calls=1000000/s"]);
        for _ in 0..tries.div_ceil(AT_ONCE) {
            let calls: String = (0..AT_ONCE)
                .map(|id| format!("{}\n", modern(id, "tools/call", params.clone())))
                .collect();
            pipe.raw(calls.as_bytes());
            for _ in 0..AT_ONCE {
                judge(&pipe.message());
            }
        }
    });
}

fn never_escapes(tries: usize, tool: &str, arguments: &Value) {
    let mut inside = 0;
    race(tries, tool, arguments, |answer| {
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
        "fs_stat",
        &json!({"path": "here/file"}),
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
