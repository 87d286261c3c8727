use std::{fs, os::unix::fs::PermissionsExt, os::unix::net::UnixListener};

use rustix::fs::{CWD, FileType, mknodat};

use super::*;
use crate::files::{LastLink, Writing};

/// Without waiting for the disk, so that tests are quick.
pub(super) const QUICK: Writing<'static> = Writing {
    create_only: false,
    mode: 0o644,
    durable: false,
    unchanged: None,
    is_cancelled: &|| false,
};

/// The ways, and where no file can be without a name.
pub(super) fn ways(place: &Place) -> [Root; 4] {
    let [one, two, three] = place.all_ways();
    [one, two, three, place.root().without_unnamed()]
}

pub(super) fn write(root: &Root, path: &str, content: &str) -> Result<bool, FileFault> {
    write_so(root, path, content, &QUICK)
}

fn write_so(root: &Root, path: &str, content: &str, how: &Writing<'_>) -> Result<bool, FileFault> {
    let spot = root.spot_with_parents(RelPath::new(path)?, how.durable, &anything)?;
    root.write(&spot, content.as_bytes(), how)
}

fn mode(place: &Place, name: &str) -> u32 {
    fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o7777
}

/// Every name below the root, of whatever kind.
pub(super) fn all_names(place: &Place) -> Vec<String> {
    fn below(folder: &Path, prefix: &str, names: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                below(&entry.path(), &format!("{name}/"), names);
            }
            names.push(name);
        }
    }
    let mut names = Vec::new();
    below(&place.path(""), "", &mut names);
    names.sort();
    names
}

#[test]
fn a_file_is_made_and_then_replaced_and_nothing_else_is_left() {
    for way in 0..4 {
        let place = Place::new();
        let root = &ways(&place)[way];
        let durable = Writing::default();
        assert_eq!(write_so(root, "new/deep/c.txt", "one", &durable), Ok(true));
        assert_eq!(
            write_so(root, "new/deep/c.txt", "two!", &durable),
            Ok(false)
        );
        assert_eq!(read(root, "new/deep/c.txt").as_deref(), Ok("two!"));
        assert_eq!(all_names(&place), ["new", "new/deep", "new/deep/c.txt"]);
        let spot = |path| root.spot(RelPath::new(path).unwrap(), LastLink::Follow, &anything);
        assert_eq!(spot("none/x").err(), Some(FileFault::NotFound));
        assert_eq!(spot("").err(), Some(FileFault::RootItself));
    }
}

#[test]
fn an_old_file_keeps_its_mode_and_loses_its_set_id_bits() {
    for way in 0..4 {
        let place = Place::new();
        let root = &ways(&place)[way];
        for (name, before, after) in [
            ("a", 0o600, 0o600),
            ("b", 0o755, 0o755),
            ("c", 0o6711, 0o711),
        ] {
            place.write(name, "old");
            fs::set_permissions(place.path(name), PermissionsExt::from_mode(before)).unwrap();
            write(root, name, "new").unwrap();
            assert_eq!(mode(&place, name), after, "{name}");
        }
        write(root, "fresh", "new").unwrap();
        assert_eq!(mode(&place, "fresh") & !0o644, 0);
        assert_eq!(mode(&place, "fresh") & 0o600, 0o600);
    }
}

#[test]
fn only_a_file_of_one_name_is_written_over() {
    let place = Place::new();
    fs::create_dir(place.path("dir")).unwrap();
    mknodat(
        CWD,
        place.path("fifo"),
        FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(place.path("socket")).unwrap();
    fs::hard_link(place.outside().join("secret"), place.path("hard")).unwrap();
    let before = all_names(&place);
    for root in ways(&place) {
        for name in ["dir", "fifo", "socket"] {
            assert_eq!(
                write(&root, name, "x"),
                Err(FileFault::NotARegularFile),
                "{name}"
            );
        }
        assert_eq!(write(&root, "hard", "x"), Err(FileFault::HardLinked));
        assert_eq!(write(&root, "fifo/x", "x"), Err(FileFault::NotADirectory));
        assert_eq!(
            write(&root, "../outside/x", "x"),
            Err(FileFault::OutsideRoot)
        );
    }
    assert_eq!(all_names(&place), before);
    assert_eq!(fs::read(place.outside().join("secret")).unwrap(), b"SECRET");
}

#[test]
fn a_link_stands_for_what_it_points_at_inside_and_for_nothing_outside() {
    for way in 0..4 {
        let place = Place::new();
        let root = &ways(&place)[way];
        place.write("d/a", "old");
        place.link("l", "d/a");
        place.link("dl", "d");
        place.link("gone", "d/none");
        place.link("out", place.outside().join("secret"));
        place.link("outdir", place.outside());
        place.link("dangling", place.outside().join("none"));
        place.link("loop", "loop");
        assert_eq!(write(root, "l", "one"), Ok(false));
        assert_eq!(read(root, "d/a").as_deref(), Ok("one"));
        assert_eq!(write(root, "dl/b", "two"), Ok(true));
        assert_eq!(write(root, "gone", "three"), Ok(true));
        assert_eq!(fs::read_to_string(place.path("d/none")).unwrap(), "three");
        for link in ["l", "dl", "gone"] {
            assert!(place.path(link).is_symlink(), "{link}");
        }
        for path in ["out", "outdir/x", "dangling", "outdir/sub/x"] {
            assert_eq!(
                write(root, path, "x"),
                Err(FileFault::OutsideRoot),
                "{path}"
            );
        }
        assert_eq!(write(root, "loop", "x"), Err(FileFault::LinkLoop));
        assert_eq!(fs::read_dir(place.outside()).unwrap().count(), 1);
        assert_eq!(fs::read(place.outside().join("secret")).unwrap(), b"SECRET");
    }
}

#[test]
fn the_judge_sees_where_the_name_really_is_before_anything_is_made() {
    let place = Place::new();
    fs::create_dir(place.path("real")).unwrap();
    place.link("alias", "real");
    place.link("ok.txt", "real/denied");
    let judge = |path: &str| match path.contains("denied") && path.starts_with("real") {
        true => Err(FileFault::Denied {
            pattern: "denied".into(),
        }),
        false => Ok(()),
    };
    for root in ways(&place) {
        for path in [
            "alias/denied",
            "ok.txt",
            "alias/denied/deep/x",
            "real/denied",
        ] {
            let fault = root.spot_with_parents(RelPath::new(path).unwrap(), false, &judge);
            assert!(
                matches!(fault, Err(FileFault::Denied { .. })),
                "{path}: {fault:?}"
            );
        }
        let alias = root.spot(RelPath::new("ok.txt").unwrap(), LastLink::Keep, &judge);
        assert!(matches!(alias, Err(FileFault::Denied { .. })), "{alias:?}");
    }
    assert_eq!(all_names(&place), ["alias", "ok.txt", "real"]);
}

#[test]
fn a_new_file_takes_nobodys_place() {
    let place = Place::new();
    place.write("a", "old");
    for root in ways(&place) {
        let how = Writing {
            create_only: true,
            ..QUICK
        };
        assert_eq!(write_so(&root, "a", "new", &how), Err(FileFault::Exists));
        // One that comes in between is not overwritten either.
        let spot = root
            .spot(RelPath::new("late").unwrap(), LastLink::Follow, &anything)
            .unwrap();
        place.write("late", "first");
        assert_eq!(root.write(&spot, b"second", &how), Err(FileFault::Exists));
        assert_eq!(root.write(&spot, b"second", &QUICK), Ok(false));
        fs::remove_file(place.path("late")).unwrap();
    }
    assert_eq!(all_names(&place), ["a"]);
    assert_eq!(fs::read(place.path("a")).unwrap(), b"old");
}

#[test]
fn what_changed_meanwhile_is_a_conflict() {
    for way in 0..4 {
        let place = Place::new();
        place.write("a", "old");
        let root = &ways(&place)[way];
        let same = |file: &crate::files::OpenFile| {
            let mut content = Vec::new();
            file.read_all(100, &mut content)?;
            Ok(content == b"old")
        };
        let how = Writing {
            unchanged: Some(&same),
            ..QUICK
        };
        let spot = || {
            root.spot(RelPath::new("a").unwrap(), LastLink::Follow, &anything)
                .unwrap()
        };
        let there = spot();
        place.write("a", "other");
        assert_eq!(root.write(&there, b"new", &how), Err(FileFault::Conflict));
        // The same content in another file is another file.
        place.write("b", "old");
        fs::rename(place.path("b"), place.path("a")).unwrap();
        assert_eq!(root.write(&there, b"new", &how), Err(FileFault::Conflict));
        let there = spot();
        fs::remove_file(place.path("a")).unwrap();
        assert_eq!(root.write(&there, b"new", &how), Err(FileFault::Conflict));
        place.write("a", "old");
        let there = spot();
        // It is swapped while it is looked at.
        let swapped = |_: &crate::files::OpenFile| {
            place.write("c", "old");
            fs::rename(place.path("c"), place.path("a")).unwrap();
            Ok(true)
        };
        let swapping = Writing {
            unchanged: Some(&swapped),
            ..QUICK
        };
        assert_eq!(
            root.write(&there, b"new", &swapping),
            Err(FileFault::Conflict)
        );
        assert_eq!(root.write(&spot(), b"new", &how), Ok(false));
        assert_eq!(all_names(&place), ["a"]);
    }
}

#[test]
fn what_nobody_wants_any_more_is_not_put_there() {
    for way in 0..4 {
        let place = Place::new();
        place.write("a", "old");
        let root = &ways(&place)[way];
        let how = Writing {
            is_cancelled: &|| true,
            ..QUICK
        };
        for path in ["a", "new"] {
            assert_eq!(write_so(root, path, "x", &how), Err(FileFault::Stopped));
        }
        assert_eq!(all_names(&place), ["a"]);
        assert_eq!(read(root, "a").as_deref(), Ok("old"));
    }
}

#[test]
fn a_place_that_changes_hands_is_judged_again() {
    for way in 0..4 {
        let place = Place::new();
        place.write("a", "old");
        let root = &ways(&place)[way];
        let there = root
            .spot(RelPath::new("a").unwrap(), LastLink::Follow, &anything)
            .unwrap();
        fs::remove_file(place.path("a")).unwrap();
        assert_eq!(root.write(&there, b"anew", &QUICK), Ok(true));
        fs::remove_file(place.path("a")).unwrap();
        place.link("a", place.outside().join("secret"));
        assert_eq!(
            root.write(&there, b"x", &QUICK),
            Err(FileFault::NotARegularFile)
        );
        assert_eq!(fs::read(place.outside().join("secret")).unwrap(), b"SECRET");
        assert_eq!(all_names(&place), ["a"]);
    }
}

#[test]
fn a_directory_that_is_moved_away_takes_what_is_written_along_and_no_other() {
    let place = Place::new();
    fs::create_dir(place.path("d")).unwrap();
    let root = place.root();
    let spot = root
        .spot(RelPath::new("d/x").unwrap(), LastLink::Follow, &anything)
        .unwrap();
    fs::rename(place.path("d"), place.path("moved")).unwrap();
    place.link("d", place.outside());
    root.write(&spot, b"x", &QUICK).unwrap();
    assert_eq!(fs::read(place.path("moved/x")).unwrap(), b"x");
    assert_eq!(fs::read_dir(place.outside()).unwrap().count(), 1);
}

#[test]
fn directories_are_made_once() {
    for way in 0..4 {
        let place = Place::new();
        let root = &ways(&place)[way];
        place.write("file", "x");
        let make = |path: &str| {
            let spot = root.spot_with_parents(RelPath::new(path).unwrap(), true, &anything)?;
            root.make_dir(&spot, true)
        };
        assert_eq!(make("a/b/c"), Ok(true));
        assert_eq!(make("a/b/c"), Ok(false));
        assert_eq!(make("file"), Err(FileFault::Exists));
        assert_eq!(make("file/x"), Err(FileFault::NotADirectory));
        place.link("out", place.outside());
        assert_eq!(make("out/x"), Err(FileFault::OutsideRoot));
        assert_eq!(all_names(&place), ["a", "a/b", "a/b/c", "file", "out"]);
    }
}

#[test]
fn durwards_own_folder_is_not_written() {
    for way in 0..4 {
        let place = Place::new();
        place.write("in/state/keys.json", "{}");
        place.link("alias", "in/state");
        place.link("key", "in/state/keys.json");
        let [one, two, three, four] = ways(&place);
        let mut root = [one, two, three, four].into_iter().nth(way).unwrap();
        root.forbid(&place.path("in/state")).unwrap();
        for path in [
            "in/state/keys.json",
            "in/state/new",
            "alias/new",
            "key",
            "in/state",
        ] {
            let fault = write(&root, path, "x").unwrap_err();
            assert!(matches!(fault, FileFault::Denied { .. }), "{path}: {fault}");
        }
        assert_eq!(fs::read(place.path("in/state/keys.json")).unwrap(), b"{}");
    }
}

#[test]
fn a_disk_that_folds_names_gets_none_that_it_would_change() {
    let place = Place::new();
    let root = place.root().folding();
    for name in ["id.pem.", "id.pem ", "dir./x", "dir /x"] {
        assert!(
            matches!(write(&root, name, "x"), Err(FileFault::Malformed(_))),
            "{name}"
        );
    }
    assert!(all_names(&place).is_empty());
}
