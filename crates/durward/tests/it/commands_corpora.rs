//! Hostile values in every place of a template, and what a program then saw: the value as one argument, or
//! nothing.

use durward_testkit::Pipe;
use serde_json::json;

use crate::{
    commands::{argv, is_refused, showing},
    corpora::{corpus, files},
};

/// A place of each kind; the flag and the path have verdicts of their own.
const PLACES: &str = "  strict: 'SHOW {x}'\n  text: 'SHOW {x:text}'\n  behind: 'SHOW -- {x:text}'\n  \
    joined: 'SHOW --name={x:text}'\n  middle: 'SHOW a{x}b'\n  regex: 'SHOW {x:regex}'\n  \
    pattern: 'SHOW {x:regex(.*)}'\n  chosen: 'SHOW {x:enum(one|two)}'\n  flag: 'SHOW {x:flag(-v)}'\n  \
    line: 'SHOW {x:command(ls|git)}'\n  path: 'SHOW {x:path}'\n  number: 'SHOW {x:int}'\n  yes: 'SHOW {x:bool}'\n";

const NAMES: [&str; 13] = [
    "strict", "text", "behind", "joined", "middle", "regex", "pattern", "chosen", "flag", "line",
    "path", "number", "yes",
];

/// What became of values: how many reached a program.
#[derive(Default)]
struct Seen {
    ran: usize,
    refused: usize,
}

/// Sends a value to every place, and looks at what the program was given.
fn everywhere(pipe: &mut Pipe, value: &str, root: &str, seen: &mut Seen) {
    for name in NAMES {
        let answer = pipe.call(name, json!({"x": value}));
        if is_refused(&answer) {
            seen.refused += 1;
            continue;
        }
        seen.ran += 1;
        let given = argv(&answer);
        let wanted = match name {
            "behind" => vec!["--".to_owned(), value.to_owned()],
            "joined" => vec![format!("--name={value}")],
            "middle" => vec![format!("a{value}b")],
            "path" => given.iter().map(|it| (*it).to_owned()).collect(),
            _ => vec![value.to_owned()],
        };
        assert_eq!(given, wanted, "{name}: {value:?}");
        match name {
            "path" => {
                assert_eq!(given.len(), 1, "{value:?}");
                assert!(given[0].starts_with(root), "{value:?}: {given:?}");
            }
            "behind" | "joined" => {}
            _ => assert!(!given[0].starts_with('-'), "{name}: {value:?}"),
        }
    }
}

#[test]
fn every_line_of_the_corpora_is_one_argument_or_none() {
    let Some(folder) = corpus("cmd") else { return };
    let house = showing(PLACES);
    house.file("one", "");
    let root = house.root().canonicalize().unwrap().display().to_string();
    let mut pipe = house.stdio(&[]);
    let mut seen = Seen::default();
    let mut lines: Vec<String> = files(&folder)
        .into_iter()
        .flat_map(|(_, bytes)| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    lines.sort();
    lines.dedup();
    for line in &lines {
        everywhere(&mut pipe, line, &root, &mut seen);
    }
    eprintln!(
        "{} lines: {} ran, {} refused",
        lines.len(),
        seen.ran,
        seen.refused
    );
    assert!(seen.ran > 0 && seen.refused > 0);
}

/// Arguments by which programs run others, write or read files: what people who collect them found.
const VECTORS: &[&str] = &[
    "--checkpoint=1",
    "--checkpoint-action=exec=sh",
    "--to-command=sh",
    "--use-compress-program=sh",
    "-I sh",
    "-exec sh ;",
    "-execdir id ;",
    "-ok id ;",
    "-delete",
    "-fprintf /tmp/x y",
    "--pre=sh",
    "--pre sh",
    "-oProxyCommand=id",
    "-o ProxyCommand=id",
    "-F/tmp/x",
    "--upload-pack=id",
    "--receive-pack=id",
    "-u id",
    "-c alias.x=!id",
    "--exec=id",
    "--output=/tmp/x",
    "-o/tmp/x",
    "--config=/tmp/x",
    "-K/tmp/x",
    "-T/etc/passwd",
    "-d@/etc/passwd",
    "@/etc/passwd",
    "--data-binary @/etc/passwd",
    "-O/tmp/x",
    "--post-file=/etc/passwd",
    "--use-askpass=/bin/sh",
    "-e sh",
    "--rsh=sh",
    "-e 'sh -c id'",
    "--compress-program=sh",
    "--files0-from=/etc/passwd",
    "--filter=sh",
    "-S /bin/sh",
    "--split-string=sh",
    "-P sh",
    "--pager=sh",
    "+!id",
    "+:!sh",
    "-S-",
    "--rcfile /tmp/x",
    "--init-file=/tmp/x",
    "--eval=1",
    "-E 1",
    "-e1",
    "-i.bak",
    "--in-place",
    "-n1e id",
    "1e id",
    "w /tmp/x",
    "--debugger=sh",
    "-D 2345",
    "--batch",
    "-x /tmp/x",
    "--plugin=x.so",
    "-fplugin=x.so",
    "-wrapper sh,-c,id",
    "-B/tmp",
    "-specs=/tmp/x",
    "--script=x",
    "--script-args=x",
    "-iL /etc/passwd",
    "-z sh",
    "-w /tmp/x",
    "-W /etc/hosts",
    "--interactive",
    "-v",
    "-h",
    "--help",
    "--version",
    "-V",
    "-1",
    "-",
    "--",
    "---",
    "\u{2010}exec",
    "\u{2013}exec",
    "\u{2014}-exec",
    "ext::sh -c id",
    "file:///etc/passwd",
    "-oX=`id`",
    "$(id)",
    "`id`",
    "x -exec id",
    "x --checkpoint-action=exec=id",
    "\" -exec id",
    "' --exec=id '",
    "a\u{a0}-exec",
    "a\u{3000}-exec",
];

#[test]
fn v16_no_known_vector_is_an_option() {
    let house = showing(PLACES);
    let root = house.root().canonicalize().unwrap().display().to_string();
    let mut pipe = house.stdio(&[]);
    let mut seen = Seen::default();
    for vector in VECTORS {
        everywhere(&mut pipe, vector, &root, &mut seen);
        let (name, value) = vector.split_once(['=', ' ']).unwrap_or((vector, ""));
        for part in [name, value] {
            everywhere(&mut pipe, part, &root, &mut seen);
        }
    }
    assert!(
        seen.ran > 0 && seen.refused > seen.ran,
        "{} ran, {} refused",
        seen.ran,
        seen.refused
    );
}
