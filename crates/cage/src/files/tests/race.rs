//! A thread swaps a folder with a link to a secret, and a file with a link, as fast as it can.
//! `DURWARD_RACE` sets how often each operation is tried.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;
use crate::files::Kind;

struct Swapper {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<u64>>,
}

impl Swapper {
    fn start(pairs: Vec<(std::path::PathBuf, std::path::PathBuf)>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut swaps = 0;
            while !seen.load(Ordering::Relaxed) {
                for (one, other) in &pairs {
                    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
                    swaps += 1;
                }
            }
            swaps
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    fn finish(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

fn tries() -> usize {
    std::env::var("DURWARD_RACE")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(500)
}

#[test]
fn no_swap_lets_anything_out() {
    let place = Place::new();
    place.write("dir/secret", "harmless");
    place.write("file", "harmless");
    fs::write(place.outside().join("only-outside"), "SECRET").unwrap();
    place.link("dir-link", place.outside());
    place.link("file-link", place.outside().join("secret"));
    let swapper = Swapper::start(vec![
        (place.path("dir"), place.path("dir-link")),
        (place.path("file"), place.path("file-link")),
    ]);
    for root in place.all_ways() {
        let mut reached = 0;
        for _ in 0..tries() {
            for path in ["dir/secret", "file", "file-link", "dir-link/secret"] {
                if let Ok(content) = read(&root, path) {
                    assert_eq!(content, "harmless", "{path}");
                    reached += 1;
                }
            }
            for path in ["dir", "dir-link"] {
                if let Ok(names) = names(&root, path) {
                    assert_eq!(names, ["secret"], "{path}");
                }
            }
            let stat = root.stat(RelPath::new("dir/secret").unwrap(), &anything);
            if let Ok(meta) = stat {
                assert_eq!((meta.kind, meta.size), (Kind::File, 8));
            }
        }
        assert!(reached > 0, "the race was never won by either side");
    }
    assert!(swapper.finish() > 0);
}
