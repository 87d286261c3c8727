//! A provider that a test can watch: what reached it, when it began and whether it was stopped.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use durward_core::{
    Annotations, Answer, BoxFuture, Call, ClientRoots, Located, LogLevel, Offer, OnChange,
    Operation, PackName, Prompt, PromptText, Provider, Raise, RawJson, Refusal, RefusalCode,
    Resource, ResourceText, Shown, Template, TemplateText, Tier, Tool, ToolName, ToolText, Watch,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// What reached the provider.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) arguments: Value,
    /// The client's own roots.
    pub(super) roots: Option<Vec<String>>,
    /// What the journal held on disk at that moment, for tools that change something.
    pub(super) journal: Vec<Value>,
}

pub(super) struct Watched {
    name: PackName,
    journal: PathBuf,
    seen: Mutex<Vec<Seen>>,
    watches: Mutex<Vec<(String, OnChange, Weak<()>)>>,
    /// Do the client's own roots narrow what it does?
    pub(super) heeds_roots: AtomicBool,
    /// `slow` or `single` has begun.
    pub(super) begun: Notify,
    /// Lets one of them end.
    pub(super) release: Notify,
    /// How many of them have ended, by themselves or by being stopped.
    pub(super) ended: AtomicU32,
}

impl Watched {
    pub(super) fn new(journal: &Path) -> Self {
        Self {
            name: PackName::new("watched").unwrap(),
            journal: journal.to_owned(),
            seen: Mutex::default(),
            watches: Mutex::default(),
            heeds_roots: AtomicBool::new(false),
            begun: Notify::new(),
            release: Notify::new(),
            ended: AtomicU32::new(0),
        }
    }

    /// How many resources are watched.
    pub(super) fn watching(&self) -> usize {
        let mut watches = self.watches.lock().unwrap();
        watches.retain(|(_, _, held)| held.strong_count() > 0);
        watches.len()
    }

    /// A resource has changed.
    pub(super) fn change(&self, uri: &str) {
        self.watching();
        let all: Vec<_> = {
            let watches = self.watches.lock().unwrap();
            let of_uri = watches.iter().filter(|(watched, _, _)| watched == uri);
            of_uri.map(|(_, changed, _)| Arc::clone(changed)).collect()
        };
        for changed in all {
            changed();
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Did anything of this name reach it?
    pub(super) fn saw(&self, name: &str) -> bool {
        self.seen().iter().any(|seen| seen.name == name)
    }

    pub(super) fn ended(&self) -> u32 {
        self.ended.load(Ordering::SeqCst)
    }

    fn note(&self, call: &Call) {
        let name = call.target.name().to_owned();
        let changes = matches!(name.as_str(), "change" | "destroy" | "fetch");
        let journal = if changes {
            records(&self.journal)
        } else {
            Vec::new()
        };
        self.seen.lock().unwrap().push(Seen {
            name,
            arguments: call.arguments.value().clone(),
            roots: call.narrowed.as_ref().map(|roots| roots.0.clone()),
            journal,
        });
    }

    async fn tool(&self, call: &Call) -> Result<Answer, Refusal> {
        match call.target.name() {
            "slow" | "single" => {
                let _end = End(self);
                self.begun.notify_one();
                self.release.notified().await;
                Ok(text("done"))
            }
            "panics" => panic!("this tool panics while it works"),
            "big" => Ok(text(&"x".repeat(8 * 1024))),
            "chatty" => {
                chat(call);
                Ok(text("said"))
            }
            "strict" => Err(Refusal::new(RefusalCode::Conflict, "It changed meanwhile.")),
            _ => Ok(text("seen")),
        }
    }
}

/// Progress that does not always rise, and a log at two levels.
fn chat(call: &Call) {
    let Some(notify) = &call.notify else { return };
    for done in [1, 2, 2, 1, 3, u64::MAX, u64::MAX] {
        notify.progress(done, Some(3), Some("on it"));
    }
    for level in [LogLevel::Debug, LogLevel::Warning] {
        notify.log(level, "chatty", RawJson::from_static(r#"{"n":1}"#));
    }
}

struct End<'a>(&'a Watched);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

fn text(text: &str) -> Answer {
    let body = json!({"content": [{"type": "text", "text": text}]});
    Answer::Result(RawJson::of(&body).unwrap())
}

impl Provider for Watched {
    fn name(&self) -> &PackName {
        &self.name
    }

    fn offer(&self) -> Offer {
        let tools = [
            tool("look", Tier::Read, LOOK),
            tool("limited", Tier::Read, NOTHING),
            tool("slow", Tier::Read, NOTHING),
            tool("single", Tier::Read, NOTHING),
            tool("panics", Tier::Read, NOTHING),
            tool("panics_at_once", Tier::Read, NOTHING),
            tool("big", Tier::Read, NOTHING),
            tool("chatty", Tier::Read, NOTHING),
            tool("elsewhere", Tier::Read, NOTHING),
            tool("strict", Tier::Read, NOTHING),
            tool("change", Tier::Operate, CHANGE),
            tool("destroy", Tier::Danger, NOTHING),
            tool("fetch", Tier::Read, FETCH),
            tool("tagged", Tier::Read, TAGGED),
        ];
        let note = Resource {
            uri: "note://one".to_owned(),
            shown: Shown::Own(ResourceText {
                name: "one".to_owned(),
                title: "One".to_owned(),
                description: "A note.".to_owned(),
                mime_type: "text/plain".to_owned(),
            }),
        };
        let template = Template {
            uri_template: "note://{name}".to_owned(),
            shown: Shown::Own(TemplateText {
                name: "note".to_owned(),
                description: "Any note.".to_owned(),
            }),
        };
        let things = Template {
            uri_template: "thing:///{+path}".to_owned(),
            shown: Shown::Own(TemplateText {
                name: "thing".to_owned(),
                description: "Any thing.".to_owned(),
            }),
        };
        let prompt = Prompt {
            name: "greet".to_owned(),
            shown: Shown::Own(PromptText {
                title: "Greet".to_owned(),
                description: "A greeting.".to_owned(),
                arguments: Vec::new(),
            }),
        };
        Offer {
            tools: tools.into(),
            resources: vec![note],
            templates: vec![template, things],
            prompts: vec![prompt],
            notes: vec!["There is something to watch.".to_owned()],
            ..Offer::default()
        }
    }

    /// `thing:///…` is a template's: each has two spellings and a name of the host's.
    fn locate(&self, uri: &str, within: Option<&ClientRoots>) -> Option<Result<Located, Refusal>> {
        let name = uri.strip_prefix("thing:///")?;
        let refused =
            within.is_some_and(|roots| !roots.0.iter().any(|root| root == "file:///things"));
        if refused || name.contains("..") {
            let outside = Refusal::new(RefusalCode::PathOutsideRoot, "It lies elsewhere.");
            return Some(Err(outside));
        }
        let name = name.trim_start_matches("also/");
        Some(Ok(Located {
            uri: format!("thing:///{name}").into(),
            also: vec![format!("thing:///host/{name}")],
        }))
    }

    fn watch(&self, located: &Located, changed: OnChange) -> Result<Option<Watch>, Refusal> {
        let held = Arc::new(());
        let weak = Arc::downgrade(&held);
        let mut watches = self.watches.lock().unwrap();
        watches.push((located.uri.to_string(), changed, weak));
        Ok(Some(Watch::of(held)))
    }

    fn heeds_roots(&self) -> bool {
        self.heeds_roots.load(Ordering::SeqCst)
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        self.note(call);
        assert_ne!(call.target.name(), "panics_at_once");
        Box::pin(async move {
            let body = match call.operation {
                Operation::CallTool => return self.tool(call).await,
                Operation::ReadResource => {
                    r#"{"contents":[{"uri":"note://one","mimeType":"text/plain","text":"1"}]}"#
                }
                Operation::GetPrompt => r#"{"messages":[]}"#,
                Operation::Complete => r#"{"completion":{"values":["a"]}}"#,
                Operation::Subscribe => "{}",
                Operation::GetTask
                | Operation::UpdateTask
                | Operation::CancelTask
                | Operation::AwaitTask => "{}",
            };
            Ok(Answer::Result(RawJson::from_static(body)))
        })
    }
}

const FETCH: &str =
    r#"{"type":"object","properties":{"method":{"type":"string"}},"additionalProperties":false}"#;
const RAISES: &[Raise] = &[Raise {
    argument: "method",
    unless: &["GET"],
    to: Tier::Operate,
}];
const TAGGED: &str = r#"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}},"additionalProperties":false}"#;
const NOTHING: &str = r#"{"type":"object","additionalProperties":false}"#;
const LOOK: &str =
    r#"{"type":"object","properties":{"path":{"type":"string"}},"additionalProperties":false}"#;
const CHANGE: &str = r#"{"type":"object","properties":{"value":{"type":"integer"}},"required":["value"],
    "additionalProperties":false}"#;

fn tool(name: &str, tier: Tier, schema: &'static str) -> Tool {
    let is_look = name == "look";
    Tool {
        name: ToolName::new(name).unwrap(),
        aliases: is_look
            .then(|| ToolName::new("peek").unwrap())
            .into_iter()
            .collect(),
        shown: Shown::Own(ToolText {
            title: name.to_uppercase(),
            description: format!("The tool {name}. It is for tests."),
            annotations: Annotations {
                read_only_hint: tier == Tier::Read,
                destructive_hint: tier == Tier::Danger,
                idempotent_hint: false,
                open_world_hint: false,
            },
        }),
        tier,
        raises: if name == "fetch" { RAISES } else { &[] },
        input_schema: RawJson::from_static(schema),
        output_schema: (name == "strict").then(|| RawJson::from_static(r#"{"type":"object"}"#)),
        argument_aliases: match name {
            "look" => &[("file", "path")],
            "fetch" => &[("verb", "method")],
            _ => &[],
        },
    }
}

/// All records in the files of a journal: length, checksum, JSON.
pub(super) fn records(journal: &Path) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(journal.join("serve"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.retain(|file: &PathBuf| file.extension().is_some_and(|ending| ending == "dwj"));
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        let mut rest = bytes.as_slice();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (record, next) = after[4..].split_at(u32::from_le_bytes(*length) as usize);
            all.push(serde_json::from_slice(record).unwrap());
            rest = next;
        }
    }
    all
}
