//! Hostile data that others collected, on every door, where `DURWARD_CORPORA` says that it is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use durward_testkit::{legacy, modern, refusal};
use serde_json::json;

use crate::house;

/// A folder of the corpora; none, said aloud, where there are none.
pub(crate) fn corpus(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("DURWARD_CORPORA").map(|all| Path::new(&all).join(name));
    let found = folder.filter(|folder| folder.exists());
    if found.is_none() {
        eprintln!("skipped: no corpus `{name}` (./test --corpora DIR)");
    }
    found
}

pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the corpus");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&path).expect("its bytes"),
            )
        })
        .collect();
    files.sort();
    files
}

/// The corpus's document as a parameter of an otherwise sound request.
fn wrapped(document: &[u8]) -> Vec<u8> {
    let request = modern(1, "tools/list", json!({"x": "HERE"})).to_string();
    let (before, after) = request.split_once("\"HERE\"").expect("the place");
    [before.as_bytes(), document, after.as_bytes()].concat()
}

#[test]
fn every_json_document_is_judged_right_over_http() {
    let Some(folder) = corpus("json/test_parsing") else {
        return;
    };
    let house = house();
    let daemon = house.serve(&[]);
    let template = daemon.modern_post(&modern(1, "tools/list", json!({})));
    for (name, document) in files(&folder) {
        let alone = daemon.ask(&template.clone().body(document.clone()));
        assert_eq!(alone.status, 400, "{name} alone");
        let inside = daemon.ask(&template.clone().body(wrapped(&document)));
        let duplicate = name.contains("duplicated_key");
        match name.as_bytes()[0] {
            b'y' if !duplicate => assert_eq!(inside.status, 200, "{name}: {inside:?}"),
            b'n' => assert_eq!(inside.status, 400, "{name}: {inside:?}"),
            _ => assert!([200, 400].contains(&inside.status), "{name}"),
        }
    }
}

#[test]
fn every_json_document_is_judged_right_on_a_pipe() {
    let Some(folder) = corpus("json/test_parsing") else {
        return;
    };
    let house = house();
    let mut pipe = house.stdio(&[]);
    for (name, document) in files(&folder) {
        if document.contains(&b'\n') || document.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        for (mut line, inside) in [(document.clone(), false), (wrapped(&document), true)] {
            line.push(b'\n');
            pipe.raw(&line);
            let answer = pipe.message();
            let accepted = answer["result"].is_object();
            match name.as_bytes()[0] {
                b'y' if inside && !name.contains("duplicated_key") => {
                    assert!(accepted, "{name}: {answer}")
                }
                b'n' => assert!(!accepted, "{name}: {answer}"),
                _ => {}
            }
        }
    }
}

#[test]
fn naughty_strings_are_answered_wherever_they_stand() {
    let Some(file) = corpus("json/blns.json") else {
        return;
    };
    let strings: Vec<String> =
        serde_json::from_slice(&fs::read(file).expect("the corpus")).expect("strings");
    let house = house();
    let mut pipe = house.stdio(&["--set", "limits.calls=1000000/s"]);
    for text in strings {
        assert!(
            pipe.call("fs_read", json!({"path": text}))["result"].is_object(),
            "{text:?}"
        );
        assert!(
            pipe.call("fs_search", json!({"name": text}))["result"].is_object(),
            "{text:?}"
        );
        assert!(pipe.call(&text, json!({}))["error"].is_object(), "{text:?}");
        let odd = pipe.answer_to(&legacy(text.as_str(), "ping", json!({})).to_string());
        assert!(
            odd["result"].is_object() || odd["error"].is_object(),
            "{text:?}"
        );
    }
}

#[test]
fn no_traversal_string_leads_outside() {
    let Some(folder) = corpus("paths") else {
        return;
    };
    let house = house();
    fs::write(house.path("canary"), "OUTSIDE-CANARY").expect("a file outside");
    let mut pipe = house.stdio(&["--set", "limits.calls=1000000/s"]);
    for (name, lines) in files(&folder) {
        for line in String::from_utf8_lossy(&lines).lines() {
            for tool in ["fs_read", "fs_stat", "fs_list"] {
                let answer = pipe.call(tool, json!({"path": line}));
                let empty_or_root = tool != "fs_read" && refusal(&answer).is_empty();
                let harmless = !answer.to_string().contains("root:x:")
                    && !answer.to_string().contains("canary");
                assert!(
                    harmless && (empty_or_root || !refusal(&answer).is_empty()),
                    "{name}: {tool} {line:?}: {answer}"
                );
            }
        }
    }
}
