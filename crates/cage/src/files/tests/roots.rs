use std::fs;

use super::*;
use crate::files::RootFault;

#[test]
fn a_root_may_be_given_as_a_link() {
    let place = Place::new();
    place.write("a", "x");
    let link = place.dir.path().join("link");
    std::os::unix::fs::symlink(place.path(""), &link).unwrap();
    let root = open(&link).unwrap();
    assert_eq!(read(&root, "a").as_deref(), Ok("x"));
}

#[test]
fn what_is_no_folder_or_a_dangerous_one_is_no_root() {
    let place = Place::new();
    place.write("file", "");
    assert!(matches!(
        open(&place.path("file")),
        Err(RootFault::NotADirectory(_))
    ));
    assert!(matches!(
        open(&place.path("none")),
        Err(RootFault::Unreachable { .. })
    ));
    for path in [
        "/",
        "/proc",
        "/proc/self",
        "/sys",
        "/dev",
        "/proc/self/root",
    ] {
        assert!(
            matches!(open(Path::new(path)), Err(RootFault::Dangerous(_))),
            "{path}"
        );
        let settings = RootSettings {
            path: path.into(),
            allow_dangerous: true,
            ..RootSettings::default()
        };
        assert!(Root::open(&settings).is_ok(), "{path}");
    }
}

#[test]
fn a_dangerous_root_still_has_no_magic_links() {
    let settings = RootSettings {
        path: "/proc/self".into(),
        allow_dangerous: true,
        ..RootSettings::default()
    };
    let ways = [
        Root::open(&settings).unwrap(),
        Root::open(&settings).unwrap().without_openat2(),
    ];
    for root in ways {
        for path in ["root/etc/passwd", "cwd/Cargo.toml", "exe"] {
            assert!(read(&root, path).is_err(), "{path}");
        }
    }
}

#[test]
fn a_root_inside_durwards_own_folder_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("sub")).unwrap();
    let mut root = open(&place.path("sub")).unwrap();
    assert!(matches!(
        root.forbid(&place.path("")),
        Err(RootFault::Own { .. })
    ));
    assert!(root.forbid(&place.outside()).is_ok());
}
