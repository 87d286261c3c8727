use std::fs;

use super::{
    writing::{all_names, ways},
    *,
};
use crate::files::{Kind, LastLink, Moving, Survey, WalkLimits};

const LIMITS: WalkLimits = WalkLimits {
    depth: 8,
    entries: 20,
};
const SURVEY: Survey<'static> = Survey {
    limits: LIMITS,
    is_cancelled: &|| false,
};

fn spot(root: &Root, path: &str, last: LastLink) -> Result<crate::files::Spot, FileFault> {
    root.spot(RelPath::new(path)?, last, &anything)
}

fn rename(root: &Root, from: &str, to: &str, overwrite: bool) -> Result<(), FileFault> {
    let from = spot(root, from, LastLink::Keep)?;
    let to = spot(root, to, LastLink::Follow)?;
    let how = Moving {
        overwrite,
        durable: false,
    };
    root.rename(&from, &to, how, &|_, _, _| Ok(()), &SURVEY)
}

fn delete(root: &Root, path: &str, recursive: bool) -> Result<usize, FileFault> {
    let spot = spot(root, path, LastLink::Keep)?;
    root.delete(&spot, recursive, true, &|_, _| Ok(()), &SURVEY)
}

#[test]
fn a_name_is_moved_and_what_is_there_stays_unless_asked() {
    for way in 0..4 {
        let place = Place::new();
        let root = &ways(&place)[way];
        place.write("a", "A");
        place.write("b", "B");
        place.write("d/x", "X");
        place.link("l", "a");
        assert_eq!(rename(root, "a", "b", false), Err(FileFault::Exists));
        assert_eq!(
            rename(root, "a", "d", true),
            Err(FileFault::NotARegularFile)
        );
        assert_eq!(
            rename(root, "d", "b", true),
            Err(FileFault::NotARegularFile)
        );
        assert_eq!(rename(root, "none", "c", false), Err(FileFault::NotFound));
        assert_eq!(rename(root, "a", "none/c", false), Err(FileFault::NotFound));
        assert_eq!(rename(root, "", "c", false), Err(FileFault::RootItself));
        assert_eq!(rename(root, "d", "", false), Err(FileFault::RootItself));
        assert!(matches!(
            rename(root, "d", "d/e", false),
            Err(FileFault::Malformed(_))
        ));
        assert_eq!(
            rename(root, "a", "../outside/a", false),
            Err(FileFault::OutsideRoot)
        );
        rename(root, "a", "b", true).unwrap();
        rename(root, "d", "e", false).unwrap();
        rename(root, "l", "e/l", false).unwrap();
        assert_eq!(all_names(&place), ["b", "e", "e/l", "e/x"]);
        assert_eq!(fs::read(place.path("b")).unwrap(), b"A");
    }
}

#[test]
fn every_name_below_is_judged_at_both_ends_before_anything_moves() {
    let place = Place::new();
    place.write("d/sub/x", "X");
    for root in ways(&place) {
        let (from, to) = (
            spot(&root, "d", LastLink::Keep),
            spot(&root, "e", LastLink::Follow),
        );
        let (from, to) = (from.unwrap(), to.unwrap());
        let how = Moving {
            overwrite: false,
            durable: false,
        };
        let seen = std::cell::RefCell::new(Vec::new());
        let judge = |from: &str, to: &str, kind: Kind| {
            seen.borrow_mut().push(format!("{from} {to} {kind:?}"));
            match to {
                "e/sub/x" => Err(FileFault::NotShared),
                _ => Ok(()),
            }
        };
        let fault = root.rename(&from, &to, how, &judge, &SURVEY);
        assert_eq!(fault, Err(FileFault::NotShared));
        let all = [
            "d e Directory",
            "d/sub e/sub Directory",
            "d/sub/x e/sub/x File",
        ];
        assert_eq!(*seen.borrow(), all);
        assert!(place.path("d/sub/x").exists());
    }
}

#[test]
fn a_thing_that_was_swapped_is_not_moved_or_deleted() {
    let place = Place::new();
    for root in ways(&place) {
        place.write("a", "A");
        let there = spot(&root, "a", LastLink::Keep).unwrap();
        let to = spot(&root, "c", LastLink::Follow).unwrap();
        place.write("b", "B");
        fs::rename(place.path("b"), place.path("a")).unwrap();
        let how = Moving {
            overwrite: false,
            durable: false,
        };
        let moved = root.rename(&there, &to, how, &|_, _, _| Ok(()), &SURVEY);
        assert_eq!(moved, Err(FileFault::Conflict));
        let deleted = root.delete(&there, false, false, &|_, _| Ok(()), &SURVEY);
        assert_eq!(deleted, Err(FileFault::Conflict));
        assert_eq!(fs::read(place.path("a")).unwrap(), b"B");
    }
}

#[test]
fn deleting_goes_as_deep_as_asked_and_over_no_link() {
    for way in 0..4 {
        let place = Place::new();
        let root = &ways(&place)[way];
        place.write("d/sub/x", "X");
        place.write("d/y", "Y");
        place.link("d/out", place.outside());
        place.link("link", place.outside().join("secret"));
        fs::create_dir(place.path("empty")).unwrap();
        assert_eq!(delete(root, "d", false), Err(FileFault::NotEmpty));
        assert_eq!(delete(root, "none", true), Err(FileFault::NotFound));
        assert_eq!(delete(root, "", true), Err(FileFault::RootItself));
        assert_eq!(
            delete(root, "d/out/secret", true),
            Err(FileFault::OutsideRoot)
        );
        assert_eq!(delete(root, "d", true), Ok(5));
        assert_eq!(delete(root, "link", true), Ok(1));
        assert_eq!(delete(root, "empty", false), Ok(1));
        assert!(all_names(&place).is_empty());
        assert_eq!(fs::read(place.outside().join("secret")).unwrap(), b"SECRET");
    }
}

#[test]
fn what_is_denied_below_or_too_much_is_refused_before_the_first_name_goes() {
    let place = Place::new();
    place.write("d/a", "A");
    place.write("d/z/.env", "KEY");
    for number in 0..21 {
        place.write(&format!("many/{number}"), "");
    }
    place.write("deep/1/2/3/4/5/6/7/8/9", "");
    let before = all_names(&place);
    for root in ways(&place) {
        let there = spot(&root, "d", LastLink::Keep).unwrap();
        let judge = |path: &str, _: Kind| match path.ends_with(".env") {
            true => Err(FileFault::NotShared),
            false => Ok(()),
        };
        let fault = root.delete(&there, true, false, &judge, &SURVEY);
        assert_eq!(fault, Err(FileFault::NotShared));
        let too_many = FileFault::TooMany {
            entries: 20,
            depth: 8,
        };
        for path in ["many", "deep"] {
            assert_eq!(delete(&root, path, true), Err(too_many.clone()), "{path}");
            assert_eq!(
                rename(&root, path, "x", false),
                Err(too_many.clone()),
                "{path}"
            );
        }
        let stopping = Survey {
            limits: LIMITS,
            is_cancelled: &|| true,
        };
        let stopped = root.delete(&there, true, false, &|_, _| Ok(()), &stopping);
        assert_eq!(stopped, Err(FileFault::Stopped));
    }
    assert_eq!(all_names(&place), before);
}

#[test]
fn durwards_own_folder_stays_where_it_is() {
    for way in 0..4 {
        let place = Place::new();
        place.write("in/state/keys.json", "{}");
        place.link("alias", "in/state");
        let mut root = ways(&place).into_iter().nth(way).unwrap();
        root.forbid(&place.path("in/state")).unwrap();
        let before = all_names(&place);
        for path in [
            "in",
            "in/state",
            "in/state/keys.json",
            "alias/keys.json",
            "alias",
        ] {
            let moved = rename(&root, path, "x", false).unwrap_err();
            assert!(matches!(moved, FileFault::Denied { .. }), "{path}: {moved}");
            let deleted = delete(&root, path, true).unwrap_err();
            assert!(
                matches!(deleted, FileFault::Denied { .. }),
                "{path}: {deleted}"
            );
        }
        assert_eq!(all_names(&place), before);
    }
}
