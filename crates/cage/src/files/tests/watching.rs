//! Changes are told, whatever way they come; and a burst is told once or twice.

use std::{
    fs,
    io::Write,
    sync::{Arc, mpsc},
    time::Duration,
};

use super::Place;
use crate::files::{RelPath, Root, WatchFault, Watched, Watcher};

/// How long a change may take to be told on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

struct Ear {
    root: Root,
    path: String,
    is_folder: bool,
    told: mpsc::Sender<()>,
}

impl Watched for Ear {
    fn root(&self) -> &Root {
        &self.root
    }

    fn paths(&self) -> Vec<String> {
        let rel = RelPath::new(&self.path).unwrap();
        let opened = self.root.open_node(rel, &|_| Ok(())).ok();
        let led = opened.and_then(|file| file.resolved().map(str::to_owned));
        std::iter::once(self.path.clone()).chain(led).collect()
    }

    fn is_folder(&self) -> bool {
        self.is_folder
    }

    fn changed(&self) {
        let _ = self.told.send(());
    }
}

fn ear(place: &Place, path: &str, is_folder: bool) -> (Arc<Ear>, mpsc::Receiver<()>) {
    let (told, hears) = mpsc::channel();
    let ear = Ear {
        root: place.root(),
        path: path.to_owned(),
        is_folder,
        told,
    };
    (Arc::new(ear), hears)
}

/// A change is told, and afterwards it is quiet again.
fn hears(hears: &mpsc::Receiver<()>, what: &str, change: impl FnOnce()) {
    change();
    assert!(hears.recv_timeout(PATIENCE).is_ok(), "{what}");
    while hears.recv_timeout(Duration::from_millis(300)).is_ok() {}
}

#[test]
fn what_becomes_of_a_file_is_told() {
    let place = Place::new();
    let watcher = Watcher::start().unwrap();
    let (ear, told) = ear(&place, "a/b/c.txt", false);
    let watching = watcher.watch(ear).unwrap();
    let at = |name: &str| place.path(name);
    hears(&told, "created with its folders", || {
        place.write("a/b/c.txt", "1")
    });
    hears(&told, "written", || place.write("a/b/c.txt", "2"));
    hears(&told, "replaced by a rename", || {
        fs::write(at("a/b/new"), "3").unwrap();
        fs::rename(at("a/b/new"), at("a/b/c.txt")).unwrap();
    });
    hears(&told, "written after that", || {
        place.write("a/b/c.txt", "4")
    });
    hears(&told, "deleted", || {
        fs::remove_file(at("a/b/c.txt")).unwrap()
    });
    hears(&told, "created again", || place.write("a/b/c.txt", "5"));
    hears(&told, "its folder moved away", || {
        fs::rename(at("a"), at("z")).unwrap()
    });
    hears(&told, "another folder put there", || {
        fs::create_dir_all(at("y/b")).unwrap();
        fs::rename(at("y"), at("a")).unwrap();
    });
    hears(&told, "created in that one", || {
        place.write("a/b/c.txt", "6")
    });
    place.write("z/b/c.txt", "the old one, which nobody asked for");
    place.write("a/b/other.txt", "not what is watched");
    assert!(told.recv_timeout(Duration::from_millis(400)).is_err());
    drop(watching);
    assert_eq!(watcher.folders(), 0);
    place.write("a/b/c.txt", "7");
    assert!(told.recv_timeout(Duration::from_millis(400)).is_err());
}

#[test]
fn a_file_behind_a_link_is_watched_where_it_lies() {
    let place = Place::new();
    place.write("real/x", "1");
    place.link("link", "real/x");
    let watcher = Watcher::start().unwrap();
    let (ear, told) = ear(&place, "link", false);
    let _watching = watcher.watch(ear).unwrap();
    hears(&told, "the file", || place.write("real/x", "2"));
    place.write("real/y", "3");
    hears(&told, "the link", || {
        fs::remove_file(place.path("link")).unwrap();
        place.link("link", "real/y");
    });
    hears(&told, "what it leads to now", || place.write("real/y", "4"));
}

#[test]
fn of_a_folder_all_names_count() {
    let place = Place::new();
    fs::create_dir(place.path("d")).unwrap();
    let watcher = Watcher::start().unwrap();
    let (ear, told) = ear(&place, "d", true);
    let _watching = watcher.watch(ear).unwrap();
    hears(&told, "a name more", || place.write("d/a", "1"));
    hears(&told, "a name less", || {
        fs::remove_file(place.path("d/a")).unwrap()
    });
    hears(&told, "the folder", || {
        fs::remove_dir(place.path("d")).unwrap()
    });
}

#[test]
fn ten_thousand_writes_give_few_messages() {
    let place = Place::new();
    place.write("f", "");
    let watcher = Watcher::start().unwrap();
    let (ear, told) = ear(&place, "f", false);
    let watching = watcher.watch(ear).unwrap();
    let mut file = fs::File::create(place.path("f")).unwrap();
    for _ in 0..10_000 {
        file.write_all(b"x").unwrap();
    }
    assert!(told.recv_timeout(PATIENCE).is_ok());
    std::thread::sleep(Duration::from_millis(500));
    drop(watching);
    let more = told.try_iter().count();
    assert!(more < 1000, "{more}");
}

#[test]
fn so_many_are_watched_and_no_more() {
    let place = Place::new();
    let watcher = Watcher::start().unwrap();
    let (one, _told) = ear(&place, "f", false);
    let mut all: Vec<_> = (0..1024)
        .map(|_| watcher.watch(one.clone()).unwrap())
        .collect();
    assert_eq!(watcher.folders(), 1, "one folder, however many names");
    assert_eq!(watcher.watch(one.clone()).err(), Some(WatchFault::TooMany));
    all.pop();
    assert!(watcher.watch(one).is_ok());
    let (deep, _told) = ear(&place, "d/".repeat(100).trim_end_matches('/'), false);
    all.pop();
    assert_eq!(watcher.watch(deep).err(), Some(WatchFault::TooDeep));
}
