//! Thousands of paths that try to lead outside, against every file tool: nothing outside is opened,
//! listed or changed. A folder outside is watched by the kernel, so that the test need not believe
//! the answers.

use std::{
    fs,
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::fs::symlink},
    path::Path,
};

use durward_testkit::{House, Pipe, modern, refusal};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use serde_json::{Value, json};

use crate::house;

const CANARY: &str = "OUTSIDE-CANARY";

/// A root with links to a folder beside it, and a watch on that folder and its file.
struct Watched {
    house: House,
    watch: OwnedFd,
}

impl Watched {
    fn new() -> Self {
        let house = house();
        house.configure("files: { write: ['**'] }\nroles: { developer: { allow: ['*'] } }\n");
        fs::create_dir(house.path("canary")).expect("a folder outside");
        fs::write(house.path("canary/secret"), CANARY).expect("a file outside");
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("inotify");
        for path in ["canary", "canary/secret"] {
            inotify::add_watch(&watch, house.path(path), WatchFlags::ALL_EVENTS).expect("a watch");
        }
        Self { house, watch }
    }

    /// Sets the traps again where the last calls took one away, as they may.
    fn plant(&self) {
        let root = self.house.root();
        let absolute = self.house.path("canary");
        let links = [
            ("link", Path::new("../canary")),
            ("dir/up", Path::new("..")),
            ("dir/out", Path::new("../../canary/secret")),
            ("absolute", &absolute),
            ("magic", Path::new("/proc/self/root")),
        ];
        if links.iter().all(|(link, target)| {
            fs::read_link(root.join(link)).is_ok_and(|there| there == *target)
        }) {
            return;
        }
        // The root itself is held open: it stays.
        for entry in fs::read_dir(&root).expect("the root") {
            let entry = entry.expect("an entry");
            match entry.file_type().expect("its type").is_dir() {
                true => fs::remove_dir_all(entry.path()).expect("a folder is removed"),
                false => fs::remove_file(entry.path()).expect("a file is removed"),
            }
        }
        for name in ["a.txt", "m.txt", "dir/b.txt"] {
            self.house.file(name, "inside");
        }
        for (link, target) in links {
            symlink(target, root.join(link)).expect("a link");
        }
    }

    /// Fails where anything outside was opened, read, listed or changed since the watch began.
    fn check(&self) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.watch, &mut buffer);
        if let Ok(event) = events.next() {
            panic!("outside was touched: {event:?}");
        }
        let mut names: Vec<_> = fs::read_dir(self.house.path(""))
            .expect("the house")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["canary", "config", "home", "root", "run", "state"]);
        let inside = self.house.bytes_below(&self.house.root());
        assert!(
            !String::from_utf8_lossy(&inside).contains(CANARY),
            "it was copied in"
        );
    }
}

/// Every operation on a path, as calls; the file that is moved away was made for it.
fn calls(path: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("fs_read", json!({"path": path})),
        ("fs_stat", json!({"path": path})),
        ("fs_list", json!({"path": path})),
        ("fs_tree", json!({"path": path})),
        ("fs_search", json!({"path": path, "pattern": "OUTSIDE"})),
        ("fs_write", json!({"path": path, "content": "written"})),
        (
            "fs_edit",
            json!({"path": path, "edits": [{"old": "OUTSIDE", "new": "x"}]}),
        ),
        (
            "fs_copy",
            json!({"from": path, "to": "stolen", "overwrite": true}),
        ),
        (
            "fs_copy",
            json!({"from": "a.txt", "to": path, "overwrite": true}),
        ),
        ("fs_move", json!({"from": path, "to": "stolen"})),
        (
            "fs_move",
            json!({"from": "m.txt", "to": path, "overwrite": true}),
        ),
        (
            "fs_write",
            json!({"path": "m.txt", "content": "to be moved"}),
        ),
        ("fs_mkdir", json!({"path": path})),
        ("fs_delete", json!({"path": path, "recursive": true})),
        ("fs_write", json!({"path": "a.txt", "content": "inside"})),
    ]
}

/// Asks for everything with each path; gives the number of requests, and of those that were served.
fn ask_all(watched: &Watched, paths: impl Iterator<Item = String>) -> (usize, usize) {
    watched.plant();
    let mut pipe: Pipe = watched.house.stdio(&["--set", "limits.calls=1000000/s"]);
    let (mut asked, mut served) = (0, 0);
    for path in paths {
        watched.plant();
        let calls = calls(&path);
        let lines: String = calls
            .iter()
            .enumerate()
            .map(|(id, (tool, arguments))| {
                let params = json!({"name": tool, "arguments": arguments});
                format!("{}\n", modern(id, "tools/call", params))
            })
            .collect();
        pipe.raw(lines.as_bytes());
        for _ in &calls {
            let answer = pipe.message();
            served += usize::from(refusal(&answer).is_empty());
            let answer = answer.to_string();
            assert!(
                !answer.contains(CANARY) && !answer.contains("root:x:"),
                "{path:?}: {answer}"
            );
        }
        asked += calls.len();
    }
    (asked, served)
}

/// Paths put together of what leads elsewhere somewhere: the same ones in each run.
fn generated(house: &Path) -> impl Iterator<Item = String> {
    const PARTS: [&str; 32] = [
        "..",
        "..",
        "..",
        ".",
        "",
        "canary",
        "canary/secret",
        "secret",
        "link",
        "absolute",
        "magic",
        "dir",
        "up",
        "out",
        "a.txt",
        "root",
        "%2e%2e",
        "..%2f",
        "%2e%2e%2fcanary",
        "..\\",
        "\\..\\canary",
        "..;",
        "\u{ff0e}\u{ff0e}",
        "..\u{2215}canary",
        "~",
        "proc/self/root",
        "proc/self/cwd",
        "dev/fd/3",
        "etc/passwd",
        "....//",
        ". .",
        "..\u{0}",
    ];
    let house = house.to_str().expect("UTF-8").to_owned();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("it is small")
    };
    (0..1400).map(move |_| {
        let count = 1 + next(7);
        let parts: Vec<_> = (0..count).map(|_| PARTS[next(PARTS.len())]).collect();
        let path = parts.join("/");
        match next(8) {
            0 => format!("/{path}"),
            1 => format!("{house}/{path}"),
            2 => format!("{house}/root/{path}"),
            _ => path,
        }
    })
}

#[test]
fn no_path_that_was_put_together_leads_outside() {
    let watched = Watched::new();
    let (asked, served) = ask_all(&watched, generated(&watched.house.path("")));
    // Some paths lead somewhere inside: all refused would say little.
    assert!(asked >= 20_000 && served > 3 * 1400, "{served} of {asked}");
    watched.check();
}

#[test]
fn no_path_that_others_collected_leads_outside() {
    let Some(folder) = std::env::var_os("DURWARD_CORPORA") else {
        eprintln!("skipped: no corpora (./test --corpora DIR)");
        return;
    };
    let watched = Watched::new();
    let mut lines = Vec::new();
    for entry in fs::read_dir(Path::new(&folder).join("paths")).expect("the corpus") {
        let bytes = fs::read(entry.expect("an entry").path()).expect("its bytes");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        lines.extend(
            text.lines()
                .map(|line| line.replace("{FILE}", "canary/secret")),
        );
    }
    ask_all(&watched, lines.into_iter());
    watched.check();
}

/// The watch sees what it is there for.
#[test]
#[should_panic(expected = "outside was touched")]
fn a_touch_is_seen() {
    let watched = Watched::new();
    fs::read(watched.house.path("canary/secret")).expect("the file");
    watched.check();
}
