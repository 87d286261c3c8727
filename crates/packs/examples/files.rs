//! What the file tools cost, beside the shortest other way to do the same. Prints one JSON object of
//! times in microseconds, the median of many; `benches/run` reads it.

use std::{
    fs::{self, File},
    hint::black_box,
    io::{Read, Write},
    path::Path,
    time::Instant,
};

use durward_cage::files::{LastLink, RelPath, Root, RootSettings, Writing};
use durward_core::Provider;
use durward_packs::fs::{FsPack, FsSettings};
use durward_testkit::call;

/// As many files as a large project has.
const FILES: usize = 50_000;
const DEEP: &str = "src/some/folder/deep/file.txt";

/// The median time of `work`, in microseconds.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn median(rounds: usize, mut work: impl FnMut(usize)) -> f64 {
    let mut times: Vec<f64> = (0..rounds)
        .map(|round| {
            let started = Instant::now();
            work(round);
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[rounds / 2]
}

fn main() {
    let dir = tempfile::TempDir::new().expect("a folder");
    let path = dir.path().canonicalize().expect("its path");
    fs::create_dir_all(path.join(DEEP).parent().expect("a folder")).expect("folders");
    fs::write(path.join(DEEP), "hello").expect("a file");
    let root = Root::open(&RootSettings {
        path: path.clone(),
        ..RootSettings::default()
    })
    .expect("a root");
    let (opened, realpath) = opening(&root, &path);
    let (wrote, bare) = writing(&root, &path);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let pack = |root: &Path| {
        let mut settings = FsSettings {
            write: vec!["**".to_owned()],
            max_write: 4 << 20,
            durable: false,
            ..FsSettings::default()
        };
        settings.roots[0].path = root.to_owned();
        FsPack::open(&settings).expect("the pack")
    };
    let editing = pack(&path);
    let edited = edit(&path, |arguments| {
        let call = call("fs_edit", arguments);
        runtime.block_on(editing.call(&call)).expect("an edit");
    });
    let many = path.join("many");
    fill(&many);
    let searching = pack(&many);
    let search = call("fs_search", r#"{"pattern": "needle [0-9]+"}"#);
    let searched = median(5, |_| {
        black_box(runtime.block_on(searching.call(&search)).expect("a search"));
    });
    let ripgrep = ripgrep(&many).map_or("null".to_owned(), |time| format!("{time:.1}"));
    let line = format!(
        "{{\"open\":{opened:.2},\"realpath_open\":{realpath:.2},\"write_4k\":{wrote:.1},\
         \"bare_write_4k\":{bare:.1},\"edit_1m\":{edited:.0},\"search\":{searched:.0},\
         \"ripgrep\":{ripgrep}}}\n"
    );
    std::io::stdout()
        .write_all(line.as_bytes())
        .expect("stdout");
}

fn opening(root: &Root, path: &Path) -> (f64, f64) {
    const AT_ONCE: usize = 100;
    let deep = RelPath::new(DEEP).expect("a path");
    let by_handle = median(501, |_| {
        for _ in 0..AT_ONCE {
            black_box(root.open_file(deep, &|_| Ok(())).expect("the file"));
        }
    });
    let (whole, prefix) = (path.join(DEEP), path.to_owned());
    let by_name = median(501, |_| {
        for _ in 0..AT_ONCE {
            let real = fs::canonicalize(&whole).expect("the file");
            assert!(real.starts_with(&prefix));
            let file = File::open(real).expect("the file");
            black_box(file.metadata().expect("its facts"));
        }
    });
    (by_handle / AT_ONCE as f64, by_name / AT_ONCE as f64)
}

fn writing(root: &Root, path: &Path) -> (f64, f64) {
    let content = [b'x'; 4096];
    let how = Writing {
        durable: false,
        ..Writing::default()
    };
    let target = RelPath::new("src/written.txt").expect("a path");
    let wrote = median(2001, |_| {
        let spot = root.spot(target, LastLink::Follow, &|_| Ok(()));
        root.write(&spot.expect("a place"), &content, &how)
            .expect("a write");
    });
    let (draft, name) = (path.join("src/bare.tmp"), path.join("src/bare.txt"));
    let bare = median(2001, |_| {
        fs::write(&draft, content).expect("a write");
        fs::rename(&draft, &name).expect("a rename");
    });
    (wrote, bare)
}

/// One line of a file of 1 MiB, there and back.
fn edit(path: &Path, mut edit: impl FnMut(&str)) -> f64 {
    let line = |number: usize| format!("line {number:05} of a file that is edited in its middle\n");
    let text: String = (0..).map(line).take((1 << 20) / line(0).len()).collect();
    fs::write(path.join("large.txt"), text).expect("a file");
    median(51, |round| {
        let (old, new) = match round % 2 {
            0 => ("line 09000", "LINE 09000"),
            _ => ("LINE 09000", "line 09000"),
        };
        edit(&format!(
            r#"{{"path": "large.txt", "edits": [{{"old": "{old}", "new": "{new}"}}]}}"#
        ));
    })
}

fn fill(folder: &Path) {
    for number in 0..FILES {
        let inner = folder.join(format!("d{:03}", number / 200));
        if number % 200 == 0 {
            fs::create_dir_all(&inner).expect("a folder");
        }
        let needle = if number % 500 == 0 {
            "needle 42"
        } else {
            "hay"
        };
        let text = format!(
            "fn file_{number}() {{}}\n{}{needle}\n",
            "some more hay\n".repeat(20)
        );
        fs::write(inner.join(format!("f{number}.rs")), text).expect("a file");
    }
}

/// What ripgrep takes, where it is there.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench starts what it compares with"
)]
fn ripgrep(folder: &Path) -> Option<f64> {
    let mut found = String::new();
    let mut run = || {
        let mut child = std::process::Command::new("rg")
            .args([
                "--no-config",
                "--line-number",
                "--column",
                "needle [0-9]+",
                ".",
            ])
            .current_dir(folder)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .ok()?;
        found.clear();
        child.stdout.take()?.read_to_string(&mut found).ok()?;
        child.wait().ok()
    };
    run()?;
    let time = median(5, |_| {
        run();
    });
    (!found.is_empty()).then_some(time)
}
