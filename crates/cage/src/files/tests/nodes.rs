use std::{fs, os::unix::net::UnixListener};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::*;

#[test]
fn fifos_sockets_and_devices_are_refused_at_once() {
    let place = Place::new();
    mknodat(CWD, place.path("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = UnixListener::bind(place.path("socket")).unwrap();
    let mut names = vec!["fifo", "socket"];
    let zero = makedev(1, 5);
    // Only root may make devices.
    if mknodat(
        CWD,
        place.path("zero"),
        FileType::CharacterDevice,
        Mode::RUSR,
        zero,
    )
    .is_ok()
    {
        names.push("zero");
    }
    fs::create_dir(place.path("dir")).unwrap();
    names.push("dir");
    for root in place.all_ways() {
        for name in &names {
            assert_eq!(read(&root, name), Err(FileFault::NotARegularFile), "{name}");
        }
        assert_eq!(super::names(&root, "fifo"), Err(FileFault::NotADirectory));
    }
}

#[test]
fn a_hard_link_shows_its_count() {
    let place = Place::new();
    fs::hard_link(place.outside().join("secret"), place.path("hard")).unwrap();
    for root in place.all_ways() {
        assert_eq!(
            root.stat(RelPath::new("hard").unwrap(), &anything)
                .unwrap()
                .links,
            2
        );
    }
}

#[test]
fn names_may_be_long_and_odd_but_not_too_long() {
    let place = Place::new();
    let (longest, longer) = ("n".repeat(255), "n".repeat(256));
    for name in [
        "..foo",
        "a b",
        "back\\slash",
        "%2e%2e",
        "ü",
        longest.as_str(),
    ] {
        place.write(name, name);
        for root in place.all_ways() {
            assert_eq!(read(&root, name).as_deref(), Ok(name));
        }
    }
    for root in place.all_ways() {
        assert_eq!(read(&root, &longer), Err(FileFault::NameTooLong));
        assert_eq!(read(&root, &"n/".repeat(3000)), Err(FileFault::NameTooLong));
        assert_eq!(read(&root, "..foo/x"), Err(FileFault::NotADirectory));
        assert_eq!(read(&root, "nothing"), Err(FileFault::NotFound));
    }
}

#[test]
fn a_file_is_read_up_to_the_limit_and_not_beyond() {
    let place = Place::new();
    place.write("ten", "0123456789");
    for root in place.all_ways() {
        let file = root
            .open_file(RelPath::new("ten").unwrap(), &anything)
            .unwrap();
        let mut content = Vec::new();
        assert_eq!(
            file.read_all(9, &mut content),
            Err(FileFault::TooLarge { size: 10, limit: 9 })
        );
        // It grows after it was opened.
        fs::write(place.path("ten"), "0123456789-").unwrap();
        assert!(matches!(
            file.read_all(10, &mut content),
            Err(FileFault::TooLarge { .. })
        ));
        content.clear();
        file.read_all(11, &mut content).unwrap();
        let mut middle = [0; 20];
        assert_eq!(file.read_range(8, &mut middle), Ok(3));
        assert_eq!(&middle[..3], b"89-");
        fs::write(place.path("ten"), "0123456789").unwrap();
    }
}

#[test]
fn a_sparse_tebibyte_costs_nothing() {
    let place = Place::new();
    let file = fs::File::create(place.path("sparse")).unwrap();
    file.set_len(1 << 40).unwrap();
    let root = place.root();
    let file = root
        .open_file(RelPath::new("sparse").unwrap(), &anything)
        .unwrap();
    let mut content = Vec::new();
    assert!(matches!(
        file.read_all(1 << 20, &mut content),
        Err(FileFault::TooLarge { .. })
    ));
    assert!(content.capacity() < 1 << 20);
}
