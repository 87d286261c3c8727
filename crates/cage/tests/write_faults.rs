//! Writing a file where the system fails at each call of the way, or kills: the old content or the
//! new, and no other file.
//!
//! The test starts itself under `strace`, which makes one system call after the other fail.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use durward_cage::files::{RelPath, Root, RootSettings, Writing};
use tempfile::TempDir;

/// Names the folder in which the test, started again by itself, is to write.
const CHILD: &str = "DURWARD_WRITE_FAULTS_IN";
const OLD: &str = "old";

fn new() -> Vec<u8> {
    b"new ".repeat(4096)
}

/// What is done under `strace`: `file` written over, and `deep/new` made.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let root = Root::open(&RootSettings {
        path: folder.into(),
        ..RootSettings::default()
    });
    let Ok(root) = root else { return };
    for path in ["file", "deep/new"] {
        let path = RelPath::new(path).unwrap();
        let _ = root
            .spot_with_parents(path, true, &|_| Ok(()))
            .and_then(|spot| root.write(&spot, &new(), &Writing::default()));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test starts itself")]
fn strace(options: &[&str], folder: &Path) -> Option<Output> {
    let itself = std::env::current_exe().unwrap();
    Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/stderr"])
        .args(options)
        .arg(itself)
        .args(["--exact", "child", "--test-threads=1"])
        .env(CHILD, folder)
        .env("RUST_BACKTRACE", "0")
        // With it the loader looks for libraries in many places, by calls that would be counted.
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .ok()
}

/// Whether system calls can be made to fail here. Some systems don't allow it; CI must.
fn may_trace() -> bool {
    let folder = TempDir::new().unwrap();
    let may = strace(&["-e", "trace=none"], folder.path()).is_some_and(|ran| ran.status.success())
        && folder.path().join("deep/new").exists();
    assert!(may || std::env::var_os("CI").is_none(), "no strace here");
    if !may {
        eprintln!("skipped: no strace, or it may not trace");
    }
    may
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        fs::write(place.path("file"), OLD).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Fails the `nth` call of `call` in this way; false where there was none.
    fn write_with(&self, call: &str, how: &str, nth: usize) -> bool {
        let inject = format!("inject={call}:{how}:when={nth}");
        let trace = format!("trace={call}");
        let ran = strace(&["-e", &trace, "-e", &inject], self.0.path()).unwrap();
        let told = String::from_utf8_lossy(&ran.stderr);
        told.contains("(INJECTED)") || told.contains("killed by SIGKILL")
    }

    /// What stands in the folders under names that nobody gave.
    fn strays(&self) -> Vec<PathBuf> {
        let known = [self.path("file"), self.path("deep"), self.path("deep/new")];
        let mut found = Vec::new();
        for folder in [self.0.path().to_owned(), self.path("deep")] {
            let entries = fs::read_dir(folder).into_iter().flatten();
            found.extend(entries.map(|entry| entry.unwrap().path()));
        }
        found.retain(|path| !known.contains(path));
        found
    }

    fn check(&self, what: &str) {
        let file = fs::read(self.path("file")).unwrap();
        assert!(file == OLD.as_bytes() || file == new(), "{what}: a part");
        if let Ok(made) = fs::read(self.path("deep/new")) {
            assert!(made == new(), "{what}: a part of a new file");
        }
    }
}

/// The calls of the way. A kernel's library may use one or the other of some.
const CALLS: [&str; 14] = [
    "openat",
    "openat2",
    "write",
    "fchmod",
    "fchown",
    "fsync",
    "linkat",
    "renameat",
    "renameat2",
    "unlinkat",
    "mkdirat",
    "newfstatat",
    "faccessat2",
    "getrandom",
];

/// The same way through all calls of a kind; gives how many were disturbed.
fn each(call: &str, how: &str, mut judge: impl FnMut(&Place, &str)) -> usize {
    for nth in 1.. {
        let place = Place::new();
        if !place.write_with(call, how, nth) {
            return nth - 1;
        }
        judge(&place, &format!("{call} {how} {nth}"));
    }
    unreachable!("no program makes system calls for ever")
}

#[test]
fn a_call_that_fails_leaves_the_old_content_or_the_new_and_no_other_file() {
    if !may_trace() {
        return;
    }
    let mut disturbed = 0;
    for call in CALLS {
        for error in ["ENOSPC", "EDQUOT", "EIO"] {
            disturbed += each(call, &format!("error={error}"), |place, what| {
                place.check(what);
                assert!(place.strays().is_empty(), "{what}: {:?}", place.strays());
            });
        }
    }
    // Eight calls that a write can't do without, in two writes.
    assert!(disturbed > 3 * 16, "{disturbed}");
}

#[test]
fn a_kill_at_any_call_leaves_the_old_content_or_the_new() {
    if !may_trace() {
        return;
    }
    let (mut killed, mut left) = (0, 0);
    for call in CALLS {
        killed += each(call, "signal=KILL", |place, what| {
            place.check(what);
            // Between the two calls that replace a file the whole new one has a name of its own.
            let strays = place.strays();
            for stray in &strays {
                let name = stray.file_name().unwrap().to_string_lossy();
                assert!(
                    name.starts_with(".durward-") && name.ends_with(".tmp"),
                    "{name}"
                );
                assert!(
                    fs::read(stray).unwrap() == new(),
                    "{what}: a part of a draft"
                );
                assert!(call.starts_with("rename"), "{what}: {name}");
            }
            left += strays.len();
        });
    }
    assert!(killed > 16 && left <= 2, "{killed} killed, {left} left");
}
