//! The reading tools, through the door.

use std::{
    fs,
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use durward_testkit::{Pipe, refusal, text};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

use crate::house;

fn read(pipe: &mut Pipe, path: &str) -> Value {
    pipe.call("fs_read", json!({"path": path}))
}

fn refused(pipe: &mut Pipe, tool: &str, path: &str) -> String {
    refusal(&pipe.call(tool, json!({"path": path}))).to_owned()
}

#[test]
fn a_listing_names_files_and_folders_with_their_types() {
    let house = house();
    house.file("a.txt", "hello");
    house.file("sub/b.txt", "");
    let mut pipe = house.stdio(&[]);
    let entries = pipe.call("fs_list", json!({}))["result"]["structuredContent"]["entries"].clone();
    let of = |name: &str| {
        entries
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["name"] == name)
            .cloned()
    };
    assert_eq!(of("a.txt").unwrap()["type"], "file");
    assert_eq!(of("a.txt").unwrap()["size"], 5);
    assert_eq!(of("sub").unwrap()["type"], "directory");
}

#[test]
fn text_of_any_kind_comes_as_text_and_bytes_as_base64() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    for name in [
        "src/config.ts",
        "a.py",
        "m.rs",
        "t.toml",
        "s.sh",
        "Makefile",
        "i.svg",
        "..foo",
        "café.txt",
    ] {
        house.file(name, "plain <b>é</b>\n");
        let answer = read(&mut pipe, name)["result"]["structuredContent"].clone();
        assert_eq!(answer["content"], "plain <b>é</b>\n", "{name}");
        assert_eq!(answer["encoding"], "utf8", "{name}");
    }
    house.file("x.png", b"\x89PNG\r\n\x1a\n\x00\x00");
    house.file("latin1.txt", b"caf\xe9");
    for (name, base64) in [("x.png", "iVBORw0KGgoAAA=="), ("latin1.txt", "Y2Fm6Q==")] {
        for encoding in ["auto", "utf8", "base64"] {
            let answer = pipe.call("fs_read", json!({"path": name, "encoding": encoding}));
            let found = &answer["result"]["structuredContent"];
            assert_eq!(
                (found["content"].as_str(), found["encoding"].as_str()),
                (Some(base64), Some("base64")),
                "{name} as {encoding}"
            );
        }
    }
    let forced = pipe.call("fs_read", json!({"path": "a.py", "encoding": "base64"}));
    assert_eq!(forced["result"]["structuredContent"]["encoding"], "base64");
}

#[test]
fn paths_that_lead_outside_are_refused_whether_or_not_anything_is_there() {
    let house = house();
    fs::create_dir(house.path("root-evil")).expect("a sibling");
    fs::write(house.path("root-evil/x"), "secret").expect("its file");
    let mut pipe = house.stdio(&[]);
    let outside = [
        "..",
        "../",
        "../x",
        "../../etc/passwd",
        "/etc/passwd",
        "/",
        "/no/such/thing",
        "a/../../x",
        "./../x",
        "../root-evil/x",
        "/proc/self/environ",
    ];
    for path in outside {
        for tool in ["fs_read", "fs_list", "fs_stat", "fs_tree"] {
            let code = refused(&mut pipe, tool, path);
            assert_eq!(code, "path_outside_root", "{tool} {path}");
        }
        let search = pipe.call("fs_search", json!({"pattern": "x", "path": path}));
        assert!(!refusal(&search).is_empty(), "fs_search {path}");
    }
}

#[test]
fn links_may_point_inside_and_never_outside() {
    let house = house();
    house.file("real/a.txt", "hello");
    fs::write(house.path("outside"), "secret").expect("a file outside");
    let root = house.root();
    symlink("real", root.join("inner")).expect("a link");
    symlink("../real/a.txt", root.join("real/up")).expect("a link");
    symlink("/etc", root.join("etc")).expect("a link");
    symlink("/etc/passwd", root.join("passwd")).expect("a link");
    symlink("../outside", root.join("relative")).expect("a link");
    symlink("relative", root.join("chain")).expect("a link");
    symlink("loop", root.join("loop")).expect("a link");
    symlink("/proc/self/root/etc/passwd", root.join("magic")).expect("a link");
    let mut pipe = house.stdio(&[]);
    assert_eq!(text(&read(&mut pipe, "inner/a.txt")), "hello");
    assert_eq!(text(&read(&mut pipe, "real/up")), "hello");
    for path in ["passwd", "etc/passwd", "relative", "chain", "magic"] {
        assert_eq!(
            refused(&mut pipe, "fs_read", path),
            "path_outside_root",
            "{path}"
        );
    }
    assert_eq!(refused(&mut pipe, "fs_list", "etc"), "path_outside_root");
    assert!(!refused(&mut pipe, "fs_read", "loop").is_empty());
    let tree = pipe.call("fs_tree", json!({})).to_string();
    assert!(
        !tree.contains("hostname"),
        "the tree goes through a link: {tree}"
    );
    let search = pipe.call("fs_search", json!({"pattern": "secret|root:"}));
    assert_eq!(
        search["result"]["structuredContent"]["matches"],
        json!([]),
        "the search goes through a link"
    );
}

#[test]
fn a_root_that_is_itself_a_link_works() {
    let house = house();
    house.file("a.txt", "hello");
    symlink(house.root(), house.path("alias")).expect("a link");
    let alias = format!("files.root={}", house.path("alias").display());
    let mut pipe = house.stdio(&["--set", &alias]);
    assert_eq!(text(&read(&mut pipe, "a.txt")), "hello");
    let absolute = house.path("alias/a.txt").display().to_string();
    assert_eq!(
        text(&read(&mut pipe, &absolute)),
        "hello",
        "an absolute path inside the root"
    );
}

#[test]
fn odd_bytes_in_paths_are_refused_and_percent_signs_are_plain() {
    let house = house();
    house.file("100%.txt", "percent");
    let mut pipe = house.stdio(&[]);
    let nul = pipe.call("fs_read", json!({"path": "a\u{0}b"}));
    assert_eq!(refusal(&nul), "invalid_arguments");
    assert_eq!(
        nul["result"]["_meta"]["dev.durward/refusal"]["detail"], "null_byte",
        "{nul}"
    );
    for path in ["a\nb", "a\u{7f}b", &"x".repeat(300), &"x/".repeat(4000)] {
        assert!(
            !refused(&mut pipe, "fs_read", path).is_empty(),
            "{path:.20}"
        );
    }
    assert_eq!(text(&read(&mut pipe, "100%.txt")), "percent");
    for path in ["..%2f..%2fetc%2fpasswd", "%2e%2e/x", "%252e%252e%252f"] {
        assert_eq!(refused(&mut pipe, "fs_read", path), "not_found", "{path}");
    }
}

#[test]
fn names_on_the_deny_list_are_refused_wherever_and_however_they_are_spelled() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    let denied = [
        ".env",
        ".env.local",
        "k/a.key",
        "a.pem",
        "a.p12",
        "sub/.env",
        ".secrets/b.key",
        "keys/.hidden.key",
        "keys/A.KEY",
        "x.PEM",
        ".ENV",
        ".ssh/id_rsa",
        ".aws/credentials",
        ".gnupg/x",
        "secrets/x",
        ".git/config",
    ];
    for name in denied {
        house.file(name, "SECRET-VALUE");
        for tool in ["fs_read", "fs_stat"] {
            assert_eq!(
                refused(&mut pipe, tool, name),
                "denylist_hit",
                "{tool} {name}"
            );
        }
    }
    for folder in [".ssh", "secrets", ".aws", ".gnupg"] {
        for tool in ["fs_list", "fs_tree"] {
            assert_eq!(
                refused(&mut pipe, tool, folder),
                "denylist_hit",
                "{tool} {folder}"
            );
        }
    }
    symlink(".env", house.root().join("ok.txt")).expect("a link");
    symlink("secrets", house.root().join("open")).expect("a link");
    assert_eq!(refused(&mut pipe, "fs_read", "ok.txt"), "denylist_hit");
    assert_eq!(refused(&mut pipe, "fs_read", "open/x"), "denylist_hit");
    assert_eq!(refused(&mut pipe, "fs_list", "open"), "denylist_hit");
    let search = pipe.call("fs_search", json!({"pattern": "SECRET-VALUE"}));
    assert_eq!(
        search["result"]["structuredContent"]["matches"],
        json!([]),
        "the search tells"
    );
    let listing = pipe.call("fs_list", json!({"hidden": true})).to_string();
    for name in [".ssh", "secrets", "a.pem", ".env"] {
        assert!(
            !listing.contains(&format!("\"{name}\"")),
            "{name} is listed"
        );
    }
}

#[test]
fn what_the_configuration_denies_or_does_not_allow_is_refused() {
    let house = house();
    for name in ["projects/a.txt", "projects2/x", "notes/private/p", "other"] {
        house.file(name, "text");
    }
    house.configure(
        "files: { read: [\"projects/**\", \"notes/**\"], deny: [\"notes/private/**\"] }\n",
    );
    let mut pipe = house.stdio(&[]);
    assert_eq!(text(&read(&mut pipe, "projects/a.txt")), "text");
    assert_eq!(
        refused(&mut pipe, "fs_list", "projects"),
        "",
        "the folder of an allowed pattern"
    );
    assert_eq!(
        refused(&mut pipe, "fs_read", "notes/private/p"),
        "denylist_hit"
    );
    for path in ["projects2/x", "other"] {
        assert!(!refused(&mut pipe, "fs_read", path).is_empty(), "{path}");
    }
}

#[test]
fn several_roots_are_told_apart_by_name() {
    let house = house();
    house.file("code/a.rs", "code");
    house.file("docs/a.md", "docs");
    let (code, docs) = (house.root().join("code"), house.root().join("docs"));
    house.configure(&format!(
        "files: {{ roots: {{ code: {{ path: {} }}, docs: {{ path: {} }} }} }}\n",
        code.display(),
        docs.display()
    ));
    let mut pipe = house.stdio(&[]);
    assert_eq!(text(&read(&mut pipe, "code:a.rs")), "code");
    assert_eq!(text(&read(&mut pipe, "docs:a.md")), "docs");
    assert_eq!(
        refused(&mut pipe, "fs_read", "code:../docs/a.md"),
        "path_outside_root"
    );
    assert!(!refused(&mut pipe, "fs_read", "nowhere:a.rs").is_empty());
}

#[test]
fn what_is_no_regular_file_is_refused_at_once_and_others_go_on() {
    let house = house();
    house.file("a.txt", "hello");
    let root = house.root();
    mknodat(
        CWD,
        root.join("fifo"),
        FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a FIFO");
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).expect("a socket");
    let mut pipe = house.stdio(&[]);
    let started = now();
    for _ in 0..8 {
        for name in ["fifo", "socket", "."] {
            assert_eq!(
                refused(&mut pipe, "fs_read", name),
                "not_a_regular_file",
                "{name}"
            );
        }
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "a FIFO held it up"
    );
    assert_eq!(text(&read(&mut pipe, "a.txt")), "hello");
}

#[test]
fn a_file_over_the_limit_is_refused_whole_and_read_in_ranges() {
    let house = house();
    house.file("big", "0123456789\n".repeat(200));
    house.file("fits", "x".repeat(1024));
    house.file("over", "x".repeat(1025));
    let mut pipe = house.stdio(&["--set", "files.max_read=1KiB"]);
    assert_eq!(refused(&mut pipe, "fs_read", "fits"), "");
    for name in ["over", "big"] {
        assert_eq!(refused(&mut pipe, "fs_read", name), "too_large", "{name}");
    }
    let lines = pipe.call("fs_read", json!({"path": "big", "offset": 100, "limit": 2}));
    assert_eq!(text(&lines), "0123456789\n0123456789\n");
    let bytes = pipe.call(
        "fs_read",
        json!({"path": "big", "byte_offset": 5, "byte_limit": 4}),
    );
    assert_eq!(bytes["result"]["structuredContent"]["content"], "5678");
    let tail = pipe.call("fs_read", json!({"path": "big", "tail": 1}));
    assert_eq!(text(&tail), "0123456789\n");
}

#[test]
fn a_sparse_giant_costs_no_memory() {
    let house = house();
    let giant = fs::File::create(house.root().join("giant")).expect("a file");
    giant.set_len(1 << 40).expect("a terabyte of nothing");
    let mut pipe = house.stdio(&[]);
    assert_eq!(refused(&mut pipe, "fs_read", "giant"), "too_large");
    let head = pipe.call(
        "fs_read",
        json!({"path": "giant", "byte_offset": 1_u64 << 39, "byte_limit": 16}),
    );
    assert_eq!(refusal(&head), "", "{head}");
}

#[test]
fn a_missing_file_is_told_apart_without_naming_a_path_of_the_host() {
    let house = house();
    let mut pipe = house.stdio(&[]);
    let answer = read(&mut pipe, "no/such.txt");
    assert_eq!(refusal(&answer), "not_found");
    let host = house.root().display().to_string();
    for path in ["no/such.txt", "../x", "/etc/passwd", ".env"] {
        let answer = read(&mut pipe, path).to_string();
        assert!(!answer.contains(&host), "{answer}");
    }
}

#[test]
fn a_great_folder_is_listed_page_by_page_and_completely() {
    let house = house();
    for number in 0..3000 {
        house.file(&format!("many/{number:05}"), "");
    }
    let mut pipe = house.stdio(&[]);
    let mut names = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let mut arguments = json!({"path": "many", "limit": 700});
        if !cursor.is_null() {
            arguments["cursor"] = cursor.clone();
        }
        let page = pipe.call("fs_list", arguments)["result"]["structuredContent"].clone();
        let entries = page["entries"].as_array().expect("entries").clone();
        assert!(entries.len() <= 700);
        names.extend(
            entries
                .iter()
                .filter_map(|entry| entry["name"].as_str().map(str::to_owned)),
        );
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(
        names,
        (0..3000)
            .map(|number| format!("{number:05}"))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_megabyte_over_http_ends_when_it_is_complete() {
    let house = house();
    house.file("a", "x".repeat(300_000));
    house.file("b", "y".repeat(1 << 20));
    let daemon = house.serve(&[]);
    for (name, size) in [("a", 300_000), ("b", 1 << 20)] {
        let started = now();
        let answer = daemon.call("fs_read", json!({"path": name}));
        assert_eq!(text(&answer).len(), size);
        assert!(
            started.elapsed() < Duration::from_secs(1),
            "{name}: {:?}",
            started.elapsed()
        );
    }
}

#[test]
fn durwards_own_state_is_never_served() {
    let house = house();
    house.key("reader");
    let state = house.root().join("state");
    fs::rename(house.state(), &state).expect("the state inside the root");
    let stdio = house.bare_command(&["stdio", "--state", state.to_str().unwrap()]);
    let mut pipe = Pipe::of(stdio);
    for path in ["state/keys.json", "state"] {
        for tool in ["fs_read", "fs_list", "fs_stat"] {
            assert!(!refused(&mut pipe, tool, path).is_empty(), "{tool} {path}");
        }
    }
    let found = pipe.call("fs_search", json!({"name": "*.json"}));
    assert!(!found.to_string().contains("keys.json"), "{found}");
}

#[test]
fn the_ignored_are_left_out_of_trees_and_searches() {
    let house = house();
    house.file(".gitignore", "target/\n*.log\n");
    house.file("target/x.txt", "needle");
    house.file("a.log", "needle");
    house.file("src/a.txt", "a needle here\n");
    let mut pipe = house.stdio(&[]);
    let found = pipe.call("fs_search", json!({"pattern": "needle"}))["result"]["structuredContent"]
        ["matches"]
        .clone();
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(found[0]["path"], "src/a.txt");
    assert_eq!(found[0]["line"], 1);
    let tree = text(&pipe.call("fs_tree", json!({}))).to_owned();
    assert!(tree.contains("src") && !tree.contains("target"), "{tree}");
}

#[expect(clippy::disallowed_methods, reason = "a test measures real time")]
fn now() -> Instant {
    Instant::now()
}
