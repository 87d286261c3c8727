use std::fs;

use proptest::prelude::*;

use super::*;

#[test]
fn a_link_that_stays_inside_is_followed() {
    let place = Place::new();
    place.write("d/a.txt", "hello");
    place.link("l", "d/a.txt");
    place.link("dl", "d");
    place.link("d/up", "../d/a.txt");
    place.link("chain", "l");
    place.link("absolute", place.path("d/a.txt").canonicalize().unwrap());
    for root in place.all_ways() {
        for path in ["l", "dl/a.txt", "d/up", "chain", "absolute", "dl/up"] {
            assert_eq!(read(&root, path).as_deref(), Ok("hello"), "{path}");
        }
        assert_eq!(names(&root, "dl").unwrap(), ["a.txt", "up"]);
    }
}

#[test]
fn a_link_that_leads_outside_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("sub")).unwrap();
    place.link("abs", "/etc/passwd");
    place.link("absdir", "/etc");
    place.link("rel", "../outside/secret");
    place.link("reldir", "../outside");
    place.link("sub/deep", "../../outside/secret");
    place.link("chain", "rel");
    place.link("self", "/proc/self/root/etc/passwd");
    // Out and in again is out: what lies between is not ours to walk.
    place.link("round", "../r/sub");
    fs::create_dir(place.dir.path().join("r-evil")).unwrap();
    fs::write(place.dir.path().join("r-evil/x"), "SECRET").unwrap();
    place.link(
        "sibling",
        place.dir.path().canonicalize().unwrap().join("r-evil/x"),
    );
    for root in place.all_ways() {
        for path in [
            "abs",
            "rel",
            "sub/deep",
            "chain",
            "self",
            "sibling",
            "absdir/passwd",
        ] {
            assert_eq!(read(&root, path), Err(FileFault::OutsideRoot), "{path}");
        }
        for path in ["absdir", "reldir", "round"] {
            assert_eq!(names(&root, path), Err(FileFault::OutsideRoot), "{path}");
            let stat = root.stat(RelPath::new(path).unwrap(), &anything);
            assert_eq!(stat.err(), Some(FileFault::OutsideRoot), "{path}");
        }
    }
}

#[test]
fn loops_and_dangling_links_end() {
    let place = Place::new();
    place.link("a", "b");
    place.link("b", "a");
    place.link("me", "me");
    place.link("gone", "nowhere");
    place.link("dots", "d/../".repeat(800));
    fs::create_dir(place.path("d")).unwrap();
    for root in place.all_ways() {
        assert_eq!(read(&root, "a"), Err(FileFault::LinkLoop));
        assert_eq!(read(&root, "me/x"), Err(FileFault::LinkLoop));
        assert_eq!(read(&root, "gone"), Err(FileFault::NotFound));
        assert!(
            root.open_dir(RelPath::new("dots").unwrap(), &anything)
                .is_ok()
        );
    }
}

#[test]
fn the_judge_sees_where_a_link_led() {
    let place = Place::new();
    place.write(".env", "KEY=1");
    place.link("ok.txt", ".env");
    let judge = |path: &str| match path {
        ".env" => Err(FileFault::Denied {
            pattern: ".env".into(),
        }),
        _ => Ok(()),
    };
    for root in place.all_ways() {
        for path in ["ok.txt", ".env"] {
            let fault = root
                .open_file(RelPath::new(path).unwrap(), &judge)
                .unwrap_err();
            assert!(matches!(fault, FileFault::Denied { .. }), "{path}");
        }
    }
}

#[test]
fn durwards_own_folder_is_refused_under_every_name() {
    let place = Place::new();
    place.write("state/keys.json", "{}");
    place.write("statement", "fine");
    place.link("alias", "state");
    for mut root in place.all_ways() {
        root.forbid(&place.path("state")).unwrap();
        for path in ["state/keys.json", "alias/keys.json", "state", "alias"] {
            let fault = root
                .open_node(RelPath::new(path).unwrap(), &anything)
                .unwrap_err();
            assert!(matches!(fault, FileFault::Denied { .. }), "{path}: {fault}");
        }
        assert_eq!(read(&root, "statement").as_deref(), Ok("fine"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_path_leads_to_the_secret(names in prop::collection::vec(
        prop::sample::select(vec!["..", ".", "", "d", "out", "up", "round", "outside", "secret", "r"]),
        0..8,
    )) {
        let place = Place::new();
        fs::create_dir(place.path("d")).unwrap();
        place.link("out", "../outside");
        place.link("d/up", "..");
        place.link("d/round", "../../outside");
        place.link("d/out", place.outside().join("secret"));
        for root in place.all_ways() {
            prop_assert!(read(&root, &names.join("/")).is_err());
        }
    }
}
