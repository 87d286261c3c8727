//! The house's own laws: which room may use which, how long a file may be, who may touch files.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

/// A room may use what has a lower rank, and nothing else.
const RANKS: [(&str, u8); 11] = [
    ("durward-core", 0),
    ("durward-wire", 1),
    ("durward-guard", 2),
    ("durward-cage", 3),
    ("durward-ledger", 3),
    ("durward-store", 3),
    ("durward-packs", 4),
    ("durward-upstream", 4),
    ("durward-gate", 4),
    ("durward", 5),
    ("durward-testkit", 9),
];

/// Where the standard library's file functions may be named.
const MAY_TOUCH_FILES: [&str; 6] = [
    "crates/cage/",
    "crates/ledger/",
    "crates/store/",
    "crates/durward/src/config",
    "crates/durward/src/init",
    "crates/testkit/",
];

const LONGEST_FILE: usize = 700;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the project's folder")
}

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![top().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|name| name == "rs") {
                let name = path
                    .strip_prefix(top())
                    .expect("inside")
                    .display()
                    .to_string();
                found.push((name, fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    found
}

/// The part of a source that ships: what stands before its tests.
fn shipped(source: &str) -> &str {
    source.split("#[cfg(test)]").next().unwrap_or(source)
}

#[test]
fn the_arrows_between_rooms_point_down() {
    let ranks: HashMap<&str, u8> = RANKS.into();
    for entry in fs::read_dir(top().join("crates")).expect("the rooms") {
        let manifest = entry.expect("a room").path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("its manifest");
        let name = quoted(
            text.lines()
                .find(|line| line.starts_with("name"))
                .expect("a name"),
        );
        let own = *ranks
            .get(name)
            .unwrap_or_else(|| panic!("{name} has no rank"));
        for used in dependencies(&text) {
            let theirs = *ranks
                .get(used)
                .unwrap_or_else(|| panic!("{used} has no rank"));
            assert!(theirs < own, "{name} may not use {used}");
        }
    }
}

fn quoted(line: &str) -> &str {
    line.split('"').nth(1).unwrap_or_default()
}

/// The rooms that a manifest names, its tests' aside.
fn dependencies(manifest: &str) -> Vec<&str> {
    let section = manifest
        .split("\n[")
        .find(|section| section.starts_with("dependencies]"));
    let names = section
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| name.starts_with("durward-")).collect()
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    for (name, source) in sources() {
        let lines = source.lines().count();
        assert!(lines <= LONGEST_FILE, "{name} has {lines} lines");
    }
}

#[test]
fn files_are_touched_in_four_rooms_alone() {
    for (name, source) in sources() {
        // What is never shipped may: tests, and the example that benches measure.
        let exempt = MAY_TOUCH_FILES.iter().any(|room| name.starts_with(room))
            || name.contains("/tests")
            || name.contains("/examples/");
        if exempt {
            continue;
        }
        for (number, line) in shipped(&source).lines().enumerate() {
            let touches = line.contains("std::fs")
                || line.contains("tokio::fs")
                || line.contains("File::open");
            let says = line.trim_start().starts_with("//");
            assert!(
                !touches || says,
                "{name}:{}: files belong to cage, ledger, store and config",
                number + 1
            );
        }
    }
}

#[test]
fn nothing_unsafe_stands_outside_the_cage() {
    for (name, source) in sources() {
        let uses = source.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            ["unsafe {", "unsafe fn", "unsafe impl"]
                .iter()
                .any(|word| code.contains(word))
        });
        let here = name.ends_with("tests/it/house.rs");
        assert!(!uses || here || name.starts_with("crates/cage/"), "{name}");
    }
}

#[test]
fn lints_are_expected_with_a_reason_and_never_silenced() {
    let silencer = ["#[al", "low("].concat();
    let crate_silencer = ["#![al", "low("].concat();
    for (name, source) in sources() {
        assert!(
            !source.contains(&silencer) && !source.contains(&crate_silencer),
            "{name}"
        );
    }
}
