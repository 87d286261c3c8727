//! A root whose parts are swapped for links to the outside while it is read: nothing may escape.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use durward_testkit::House;
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

fn never_escapes(tool: &str, arguments: Value) {
    let house = trapped();
    let tries = times("DURWARD_RACE", 2000);
    let done = AtomicBool::new(false);
    let root = house.root();
    thread::scope(|scope| {
        scope.spawn(|| swapping(&root, &done));
        let _ending = Ending(&done);
        let mut pipe = house.stdio(&["--set", "limits.calls=1000000/s"]);
        let mut inside = 0;
        for _ in 0..tries {
            let answer = pipe.call(tool, arguments.clone());
            assert!(!answer.to_string().contains(CANARY), "{answer}");
            inside += usize::from(answer["result"]["isError"] != json!(true));
        }
        assert!(
            inside > 0,
            "the file was never there: the race tests nothing"
        );
    });
}

#[test]
fn no_read_escapes_a_race() {
    never_escapes("fs_read", json!({"path": "here/file"}));
}

#[test]
fn no_stat_escapes_a_race() {
    let house = trapped();
    let size = CANARY.len() as u64;
    let done = AtomicBool::new(false);
    let root = house.root();
    thread::scope(|scope| {
        scope.spawn(|| swapping(&root, &done));
        let _ending = Ending(&done);
        let mut pipe = house.stdio(&["--set", "limits.calls=1000000/s"]);
        for _ in 0..times("DURWARD_RACE", 2000) {
            let answer = pipe.call("fs_stat", json!({"path": "here/file"}));
            assert_ne!(
                answer["result"]["structuredContent"]["size"],
                json!(size),
                "{answer}"
            );
        }
    });
}

#[test]
fn no_listing_escapes_a_race() {
    never_escapes("fs_list", json!({"path": "here"}));
}

#[test]
fn no_tree_escapes_a_race() {
    never_escapes("fs_tree", json!({"path": "."}));
}

#[test]
fn no_search_escapes_a_race() {
    never_escapes("fs_search", json!({"name": "*"}));
}
