//! The pack as the gate meets it: calls in, answers or refusals out. Every answer is held against
//! the tool's own output schema.

mod changing;
mod editing;
mod judging;
mod listing;
mod parts;
mod reading;
mod resources;
mod searching;
mod writing;

use std::{fs, path::PathBuf};

use durward_cage::files::RootSettings;
use durward_core::{Answer, Call, Provider, Refusal, RefusalCode};
use durward_guard::schema::Schema;
use durward_testkit::call;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{FsPack, FsSettings};

/// A root `r`, with things outside of it.
struct Place {
    dir: TempDir,
    settings: FsSettings,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("r")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/secret"), "SECRET").unwrap();
        let root = RootSettings {
            path: dir.path().join("r"),
            ..RootSettings::default()
        };
        let settings = FsSettings {
            roots: vec![root],
            ..FsSettings::default()
        };
        Self { dir, settings }
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let place = Self::new();
        for (name, content) in files {
            place.write(name, content);
        }
        place
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join("r").join(below)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn link(&self, name: &str, target: impl AsRef<std::path::Path>) {
        std::os::unix::fs::symlink(target, self.path(name)).unwrap();
    }

    /// Hard links: a new name costs less than a new file.
    fn names_for_one_file(&self, names: impl Iterator<Item = String>) {
        let file = self.dir.path().join("outside/secret");
        for name in names {
            fs::hard_link(&file, self.path(&name)).unwrap();
        }
    }

    fn pack(&self) -> FsPack {
        FsPack::open(&self.settings).unwrap()
    }

    /// A place where everything may be written.
    fn writable(files: &[(&str, &str)]) -> Self {
        let mut place = Self::with(files);
        place.settings.write = vec!["**".to_owned()];
        place.settings.durable = false;
        place
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names below the root, sorted.
    fn all_names(&self) -> Vec<String> {
        fn below(folder: &std::path::Path, prefix: &str, names: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                if entry.file_type().unwrap().is_dir() {
                    below(&entry.path(), &format!("{name}/"), names);
                }
                names.push(name);
            }
        }
        let mut names = Vec::new();
        below(&self.path(""), "", &mut names);
        names.sort();
        names
    }

    async fn ask(&self, tool: &str, arguments: Value) -> Result<Value, Refusal> {
        ask(&self.pack(), tool, arguments).await
    }

    async fn refusal(&self, tool: &str, arguments: Value) -> Refusal {
        self.ask(tool, arguments).await.unwrap_err()
    }

    async fn code(&self, tool: &str, path: &str) -> RefusalCode {
        self.refusal(tool, json!({ "path": path })).await.code
    }

    async fn names(&self, arguments: Value) -> Vec<String> {
        let listing = self.ask("fs_list", arguments).await.unwrap();
        let entries = listing["entries"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Makes a call; what is answered must fit the output schema.
async fn ask(pack: &FsPack, tool: &str, arguments: Value) -> Result<Value, Refusal> {
    answer(pack, &call(tool, &arguments.to_string()))
        .await
        .map(|answer| answer["structuredContent"].clone())
}

async fn answer(pack: &FsPack, call: &Call) -> Result<Value, Refusal> {
    let Answer::Own(body) = pack.call(call).await? else {
        panic!("no result")
    };
    let answer: Value = body.to_raw().parse().unwrap();
    let offer = pack.offer();
    let tool = offer
        .tools
        .iter()
        .find(|tool| tool.name.as_str() == call.target.name())
        .unwrap();
    let schema = Schema::compile(tool.output_schema.as_ref().unwrap()).unwrap();
    schema.check(&answer["structuredContent"]).unwrap();
    Ok(answer)
}

#[test]
fn the_offer_is_sound() {
    let mut place = Place::new();
    place.settings.write = vec!["**".to_owned()];
    let offer = place.pack().offer();
    assert_eq!(offer.tools.len(), 11);
    assert_eq!(offer.tools[0].name.as_str(), "fs_list");
    for tool in &offer.tools {
        let schema = Schema::compile(&tool.input_schema).unwrap();
        let names = schema.properties();
        let tops = tool.argument_aliases.iter();
        for (alias, name) in tops.filter(|(alias, _)| !alias.contains("[].")) {
            let known = names.iter().any(|known| known == name);
            // An alias of a path must not be the name of another argument.
            assert!(
                known && !names.iter().any(|known| known == alias),
                "{}: {alias}",
                tool.name
            );
        }
        let text = tool.input_schema.parse::<Value>().unwrap();
        assert_eq!(text["additionalProperties"], json!(false), "{}", tool.name);
        for (name, property) in text["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{}: {name}", tool.name);
        }
    }
    let list = Schema::compile(&offer.tools[0].input_schema).unwrap();
    assert!(list.check(&json!({})).is_ok());
}

#[tokio::test]
async fn the_first_tool_needs_no_arguments() {
    let place = Place::with(&[("a.txt", "x"), ("d/b.txt", "y")]);
    assert_eq!(place.names(json!({})).await, ["a.txt", "d"]);
}
