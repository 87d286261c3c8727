//! What the server is to say, and what it is told.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::value::RawValue;

/// The whole part.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// `legacy` or `modern`.
    pub(crate) era: String,
    /// The legacy revision that it agrees to.
    #[serde(default = "newest")]
    pub(crate) revision: String,
    #[serde(default = "all")]
    pub(crate) capabilities: Box<RawValue>,
    pub(crate) instructions: Option<String>,
    /// What `tools/list` gives; and by default a tool for each `tools/call NAME`.
    #[serde(default)]
    pub(crate) tools: Vec<Box<RawValue>>,
    /// What it does for a request: by `METHOD NAME`, `METHOD URI` or `METHOD`, whichever is found first.
    #[serde(default)]
    pub(crate) answers: BTreeMap<String, Vec<Step>>,
    /// After so many requests a session over HTTP is unknown.
    #[serde(default)]
    pub(crate) forget_after: Option<usize>,
}

fn newest() -> String {
    "2025-11-25".to_owned()
}

fn all() -> Box<RawValue> {
    let all = r#"{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"prompts":{"listChanged":true},"completions":{},"logging":{}}"#;
    RawValue::from_string(all.to_owned()).expect("JSON")
}

/// One thing that it does. In `params`, `result` and `error`, `"$token"` stands for the request's progress token,
/// `"$params"` for its params, `"$answers"` for what was answered so far and `"$id"` for its id.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Step {
    /// Answers, and that is the end.
    Result(Box<RawValue>),
    /// The same with an error.
    Error(Box<RawValue>),
    /// Tells something that belongs to the request.
    Tell(String, Box<RawValue>),
    /// Tells something to whoever listens.
    TellAll(String, Box<RawValue>),
    /// Asks, each question under its key, and waits for all answers.
    Ask(BTreeMap<String, Question>),
    /// Asks without waiting for an answer; on a pipe and in the legacy era alone.
    AskOnly(Question),
    /// Takes back the last that was asked so.
    Withdraw,
    /// What a modern client is to bring back, from here on.
    State(String),
    /// Asks to be asked again with the state, and nothing else, so many times.
    Again(usize),
    /// Does this until it changes, and what follows from then on.
    Before(Vec<Step>),
    /// Changes.
    Change,
    /// Waits, or until the request is cancelled.
    Sleep(u64),
    /// Ends the process.
    Exit(i32),
}

#[derive(Deserialize)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) params: Box<RawValue>,
}

/// A message as it came.
#[derive(Deserialize)]
pub(crate) struct Message {
    pub(crate) id: Option<Box<RawValue>>,
    pub(crate) method: Option<String>,
    pub(crate) params: Option<Box<RawValue>>,
    pub(crate) result: Option<Box<RawValue>>,
    pub(crate) error: Option<Box<RawValue>>,
}

/// How long it waits for an answer to a question.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
