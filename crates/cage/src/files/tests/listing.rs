use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

use super::*;
use crate::files::{Ended, Entry, Found, Kind, OpenDir, Step, Visitor, WalkLimits};

#[test]
fn pages_follow_one_another_in_order() {
    let place = Place::new();
    for number in 0..2500 {
        let name = place.path(&format!("f{number:04}"));
        fs::hard_link(place.outside().join("secret"), name).unwrap();
    }
    let root = place.root();
    let dir = root.open_dir(RelPath::ROOT, &anything).unwrap();
    let mut seen = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = dir.page(after.as_deref(), 1000, &mut |_| Ok(true)).unwrap();
        assert!(page.entries.len() <= 1000);
        seen.extend(page.entries.iter().map(|entry| entry.name().into_owned()));
        if !page.more {
            break;
        }
        after = page.entries.last().map(|entry| entry.bytes().to_vec());
    }
    let expected: Vec<_> = (0..2500).map(|number| format!("f{number:04}")).collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_name_that_is_not_utf8_is_seen_and_not_opened() {
    let place = Place::new();
    fs::write(place.path("").join(OsStr::from_bytes(b"a\xe9b")), "x").unwrap();
    let root = place.root();
    assert_eq!(names(&root, ".").unwrap(), ["a\\xE9b"]);
    let dir = root.open_dir(RelPath::ROOT, &anything).unwrap();
    let page = dir.page(None, 10, &mut |_| Ok(true)).unwrap();
    assert_eq!(page.entries[0].utf8(), None);
    assert_eq!(dir.stat(&page.entries[0]).unwrap().size, 1);
    assert_eq!(read(&root, "a\\xE9b"), Err(FileFault::NotFound));
}

#[derive(Default)]
struct Log {
    paths: Vec<String>,
    open: usize,
}

impl Visitor for Log {
    fn enter(&mut self, _: &OpenDir) -> Result<(), FileFault> {
        self.open += 1;
        Ok(())
    }

    fn keeps(&mut self, _: &OpenDir, _: &str, entry: &Entry) -> bool {
        entry.bytes() != b"pruned"
    }

    fn visit(&mut self, found: &Found<'_>) -> Step {
        self.paths.push(found.path.to_owned());
        Step::On
    }

    fn leave(&mut self) {
        self.open -= 1;
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

#[test]
fn a_walk_goes_in_order_and_over_no_link() {
    let place = Place::new();
    for name in ["b/x", "b/y", "a", "pruned/z", "state/key"] {
        place.write(name, "");
    }
    place.link("out", "/etc");
    place.link("in", "b");
    let mut root = place.root();
    root.forbid(&place.path("state")).unwrap();
    let mut log = Log::default();
    let limits = WalkLimits {
        depth: 10,
        entries: 100,
    };
    let ended = root
        .walk(RelPath::ROOT, &anything, limits, &mut log)
        .unwrap();
    assert_eq!((ended, log.open), (Ended::Complete, 0));
    assert_eq!(log.paths, ["a", "b", "b/x", "b/y", "in", "out"]);
}

#[test]
fn a_walk_ends_at_its_limits() {
    let place = Place::new();
    place.write("a/b/c/d", "");
    for number in 0..50 {
        place.write(&format!("z{number}"), "");
    }
    let root = place.root();
    let walk = |depth, entries| {
        let mut log = Log::default();
        let limits = WalkLimits { depth, entries };
        let ended = root
            .walk(RelPath::ROOT, &anything, limits, &mut log)
            .unwrap();
        (ended, log.paths.len())
    };
    assert_eq!(walk(2, 1000), (Ended::Complete, 52));
    assert_eq!(walk(9, 10), (Ended::AtLimit, 10));
    assert_eq!(walk(9, 54), (Ended::Complete, 54));
}

#[test]
fn a_deep_tree_is_walked_to_its_limit() {
    let place = Place::new();
    let mut dir = rustix::fs::open(
        place.path(""),
        rustix::fs::OFlags::PATH,
        rustix::fs::Mode::empty(),
    )
    .unwrap();
    let flags = rustix::fs::OFlags::PATH;
    for _ in 0..2100 {
        rustix::fs::mkdirat(&dir, "d", rustix::fs::Mode::RWXU).unwrap();
        dir = rustix::fs::openat(&dir, "d", flags, rustix::fs::Mode::empty()).unwrap();
    }
    let root = place.root();
    let mut log = Log::default();
    let limits = WalkLimits {
        depth: 64,
        entries: 10_000,
    };
    let ended = root
        .walk(RelPath::ROOT, &anything, limits, &mut log)
        .unwrap();
    assert_eq!((ended, log.paths.len()), (Ended::Complete, 64));
    assert!(
        root.open_dir(RelPath::new(&["d"; 2000].join("/")).unwrap(), &anything)
            .is_ok()
    );
    assert_eq!(
        names(&root, &["d"; 2048].join("/")).map(|_| ()),
        Ok(()),
        "as long as a path may be"
    );
    assert_eq!(
        Kind::Directory,
        root.stat(RelPath::new("d/d").unwrap(), &anything)
            .unwrap()
            .kind
    );
}
