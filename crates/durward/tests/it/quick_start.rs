//! The quick start of the documentation, run from top to bottom as it is written.

use std::{fs, process::Command, time::Duration};

use durward_testkit::{Pipe, Ran};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::init_desk::{Desk, write};

const SOON: Duration = Duration::from_secs(30);

/// A block of the page: what people type, paste or write into a file.
enum Block {
    Commands(Vec<Vec<String>>),
    Client(Value),
    Configuration(String),
    /// A new heading: what ran for the last one ends.
    Section,
}

/// The page's blocks, in order. What is indented is a block.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("## ") {
            blocks.push(Block::Section);
        }
        let Some(first) = line.strip_prefix("    ") else {
            continue;
        };
        let mut block = vec![first];
        while let Some(next) = lines.peek().and_then(|line| line.strip_prefix("    ")) {
            block.push(next);
            lines.next();
        }
        blocks.push(match first.split(' ').next() {
            Some("durward") => {
                let words = |line: &&str| line.split_whitespace().map(str::to_owned).collect();
                Block::Commands(block.iter().map(words).collect())
            }
            Some("version:") => Block::Configuration(block.join("\n")),
            // How it is built: whoever runs this has done that.
            Some("cargo") => continue,
            _ => Block::Client(serde_json::from_str(first).expect("what a client takes")),
        });
    }
    blocks
}

/// The person who reads it, in a folder of their own.
struct Reader {
    desk: Desk,
    running: Vec<Pipe>,
}

impl Reader {
    fn command(&self, words: &[String]) -> Command {
        let home = self.desk.home("").display().to_string();
        let said = |word: &String| match word.strip_prefix("~/") {
            Some(rest) => format!("{home}{rest}"),
            None => word.clone(),
        };
        let arguments: Vec<_> = words[1..].iter().map(said).collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let mut command = self.desk.command(&arguments);
        // Another durward may have the usual port.
        command.env("DURWARD_LISTEN__HTTP", "127.0.0.1:0");
        command
    }

    fn run(&mut self, words: &[String]) {
        let mut command = self.command(words);
        if words[1] == "serve" {
            let mut served = Pipe::of(command);
            let said = served.line(SOON);
            assert!(said.is_some(), "{words:?}: {}", served.log());
            self.running.push(served);
            return;
        }
        let output = command.output().expect("the program runs");
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
    }

    /// Starts what the client's line says, and asks for the folder, as a client does.
    fn paste(&self, entry: &Value) {
        let entry = &entry["mcpServers"]["durward"];
        assert_eq!(entry["command"], "/path/to/durward");
        let project = self.desk.home("project").display().to_string();
        let words: Vec<String> = serde_json::from_value(entry["args"].clone()).expect("texts");
        let words = words
            .iter()
            .map(|word| word.replace("/path/to/project", &project));
        let words: Vec<_> = std::iter::once("durward".to_owned()).chain(words).collect();
        let mut pipe = Pipe::of(self.command(&words));
        pipe.initialize("2025-11-25");
        let answer = pipe.call("fs_list", json!({"path": "."}));
        assert!(answer.to_string().contains("a.txt"), "{words:?}: {answer}");
        assert_eq!(pipe.end(SOON), Some(0));
    }

    fn end(&mut self) {
        for mut served in self.running.drain(..) {
            served.signal(Signal::TERM);
            assert_eq!(served.wait(SOON), Some(0), "{}", served.log());
        }
    }
}

#[test]
fn the_quick_start_runs_as_it_is_written() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/start.md");
    let page = fs::read_to_string(page).expect("the page");
    let mut reader = Reader {
        desk: Desk::new(),
        running: Vec::new(),
    };
    write(&reader.desk.home("project/a.txt"), "hello\n", 0o644);
    let cursor = r#"{"mcpServers": {"a": {"command": "cat"}}}"#;
    write(&reader.desk.home(".cursor/mcp.json"), cursor, 0o644);
    let (mut commands, mut pasted, mut written) = (0, 0, 0);
    for block in blocks(&page) {
        match block {
            Block::Section => reader.end(),
            Block::Client(entry) => {
                reader.paste(&entry);
                pasted += 1;
            }
            Block::Configuration(text) => {
                let srv = reader.desk.home("srv").display().to_string();
                for folder in ["srv/handbook", "srv/code"] {
                    fs::create_dir_all(reader.desk.home(folder)).expect("a folder");
                }
                let text = text.replace("/srv", &srv);
                write(&reader.desk.home("work/durward.yaml"), &text, 0o644);
                written += 1;
            }
            Block::Commands(all) => {
                for words in all {
                    reader.run(&words);
                    commands += 1;
                }
            }
        }
    }
    reader.end();
    assert!(
        commands >= 8 && pasted >= 2 && written == 1,
        "{commands} {pasted} {written}"
    );
}
