//! The documentation is true: generated pages, links, examples, codes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use durward_core::RefusalCode;
use durward_testkit::refusal;
use serde_json::json;

use crate::house;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the project's folder")
}

fn page(name: &str) -> String {
    let path = top().join("docs/src").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("the pages")
        .map(|entry| entry.expect("a page").path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                pages(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn the_configuration_reference_is_what_the_program_prints() {
    let printed = house().run_bare(&["config", "docs"]).ok().stdout;
    let kept = page("reference/configuration.md");
    assert!(
        kept == printed,
        "renew it: `durward config docs > docs/src/reference/configuration.md`"
    );
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let docs = top().join("docs/src");
    let summary = page("SUMMARY.md");
    for path in pages(&docs) {
        let name = path
            .strip_prefix(&docs)
            .expect("inside")
            .display()
            .to_string();
        if name != "SUMMARY.md" {
            assert!(
                summary.contains(&format!("({name})")),
                "{name} is not in the summary"
            );
        }
        let text = fs::read_to_string(&path).expect("the page");
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            assert!(
                path.parent().expect("a folder").join(file).exists(),
                "{name} links to {target}"
            );
        }
    }
    for name in ["README.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = fs::read_to_string(top().join(name)).expect("the page");
        for target in links(&text) {
            assert!(
                top()
                    .join(target.split('#').next().unwrap_or_default())
                    .exists(),
                "{name} links to {target}"
            );
        }
    }
}

/// The targets of a page's links to other files of the project.
fn links(text: &str) -> Vec<&str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with('#'))
        .collect()
}

/// The three examples of what an agent gets hands for, each run in a folder of its own.
#[test]
fn the_examples_do_what_they_say() {
    let opened = |name: &str| {
        let house = house();
        house.file("src/a.rs", "fn a() {}\n");
        let example = fs::read_to_string(top().join("examples").join(name)).expect("the example");
        house.configure_exactly(&example);
        let pipe = house.stdio(&[]);
        (house, pipe)
    };
    let write = |path: &str| json!({"path": path, "content": "x"});
    let (_house, mut pipe) = opened("read-only-project.yaml");
    assert_eq!(
        refusal(&pipe.call("fs_read", json!({"path": "src/a.rs"}))),
        ""
    );
    assert!(pipe.call("fs_write", write("src/b.rs"))["error"].is_object());
    let (house, mut pipe) = opened("writable-workspace.yaml");
    assert_eq!(refusal(&pipe.call("fs_write", write("src/b.rs"))), "");
    assert_eq!(
        fs::read(house.root().join("src/b.rs")).expect("the file"),
        b"x"
    );
    assert_ne!(refusal(&pipe.call("fs_write", write("Cargo.toml"))), "");
    assert!(pipe.call("fs_delete", json!({"path": "src/b.rs"}))["error"].is_object());
    let (_house, mut pipe) = opened("fetch.yaml");
    for (url, code) in [
        ("https://example.com/", "host_not_allowed"),
        ("https://wikipedia.org/", "host_not_allowed"),
        ("http://127.0.0.1/", "private_ip_blocked"),
    ] {
        assert_eq!(
            refusal(&pipe.call("http_fetch", json!({"url": url}))),
            code,
            "{url}"
        );
    }
}

#[test]
fn every_example_passes_the_check() {
    for path in pages(&top().join("examples")) {
        let is_manifest = path.ends_with("manifest.yaml");
        if is_manifest || path.extension().is_none_or(|kind| kind != "yaml") {
            continue;
        }
        let house = house();
        let file = path.display().to_string();
        let state = house.state().display().to_string();
        let ran = house.run_bare(&["check", "--config", &file, "--state", &state]);
        assert_eq!(ran.code, 0, "{file}: {ran:?}");
    }
}

#[test]
fn every_refusal_code_is_explained() {
    let text = page("reference/refusals.md");
    let codes = [
        RefusalCode::Denied,
        RefusalCode::NeedsApproval,
        RefusalCode::ConfirmRequired,
        RefusalCode::RateLimited,
        RefusalCode::InvalidArguments,
        RefusalCode::PathOutsideRoot,
        RefusalCode::DenylistHit,
        RefusalCode::TooLarge,
        RefusalCode::NotARegularFile,
        RefusalCode::HostNotAllowed,
        RefusalCode::PrivateIpBlocked,
        RefusalCode::CommandNotAllowed,
        RefusalCode::Timeout,
        RefusalCode::Cancelled,
        RefusalCode::Unavailable,
        RefusalCode::NotFound,
        RefusalCode::Exists,
        RefusalCode::Conflict,
        RefusalCode::NoSpace,
        RefusalCode::BlockedContent,
        RefusalCode::DefinitionChanged,
        RefusalCode::Internal,
    ];
    for code in codes {
        assert!(
            text.contains(&format!("`{}`", code.as_str())),
            "{} is not explained",
            code.as_str()
        );
    }
}

#[test]
fn every_tool_and_command_has_its_place_in_the_reference() {
    let tools = page("reference/tools.md");
    let house = house();
    let writing = "files: { write: ['**'] }\nroles: { developer: { allow: ['*'] } }\n";
    house.configure(&format!(
        "{writing}packs: {{ http: {{ enabled: true }} }}\n"
    ));
    for tool in house.run(&["tools", "list", "--json"]).ok().lines() {
        let name = tool["name"].as_str().expect("a name");
        assert!(
            tools.contains(&format!("`{name}`")),
            "{name} is not in the reference"
        );
    }
    let commands = page("reference/commands.md");
    let help = house.run_bare(&["--help"]).ok().stdout;
    let listed = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1);
    for line in listed.take_while(|line| line.starts_with("  ")) {
        let name = line.split_whitespace().next().expect("a command");
        assert!(
            name == "help" || commands.contains(&format!("durward {name}")),
            "{name} is not in the reference"
        );
    }
}
