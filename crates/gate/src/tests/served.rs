//! A server behind the gate, as its provider shows it: a test changes what it offers while clients look.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use durward_core::{
    Answer, AskFault, BoxFuture, Call, ClientRoots, Freshness, Given, Located, LogLevel, Naming,
    Offer, OnChange, Operation, PackName, Prompt, Provider, Question, RawJson, Refusal,
    RefusalCode, Resource, Resumed, ServerName, Shown, Template, Tier, Tool, ToolName, Watch,
};
use tokio::sync::{Notify, watch};

/// What reached it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) operation: Operation,
    /// Its target's name among all servers.
    pub(super) target: String,
    pub(super) naming: Naming,
    pub(super) params: String,
}

pub(super) struct Served {
    server: ServerName,
    offer: Mutex<Offer>,
    freshness: Mutex<Freshness>,
    changed: Mutex<Option<OnChange>>,
    known: watch::Sender<bool>,
    reached: Mutex<Vec<Reached>>,
    watches: Mutex<Vec<(String, OnChange)>>,
    /// What came of its questions.
    heard: Mutex<Vec<String>>,
    /// How many of its calls have ended, by themselves or by being stopped.
    ended: AtomicU32,
    /// It dies.
    pub(super) dies: Notify,
    /// What it says of its task, where that is not done.
    task: Mutex<Option<&'static str>>,
    task_watches: Mutex<Vec<OnChange>>,
}

impl Served {
    /// One of which everything is known.
    pub(super) fn new(server: &str, offer: Offer) -> Arc<Self> {
        Arc::new(Self {
            server: ServerName::new(server).unwrap(),
            offer: Mutex::new(offer),
            freshness: Mutex::default(),
            changed: Mutex::default(),
            known: watch::Sender::new(true),
            reached: Mutex::default(),
            watches: Mutex::default(),
            heard: Mutex::default(),
            ended: AtomicU32::new(0),
            dies: Notify::new(),
            task: Mutex::default(),
            task_watches: Mutex::default(),
        })
    }

    /// From now on its task is like this; whoever watches it is told.
    pub(super) fn task_is(&self, task: &'static str) {
        *self.task.lock().unwrap() = Some(task);
        let watches = self.task_watches.lock().unwrap().clone();
        watches.iter().for_each(|changed| changed());
    }

    /// One whose tools ask; each is named for how.
    pub(super) fn asking() -> Arc<Self> {
        let mut offer = tools(&[
            "asks",
            "samples",
            "roots",
            "opens",
            "asks_both",
            "asks_again",
            "asks_on",
            "gives_up",
            "dies",
            "finishes",
            "tells",
            "modern",
            "modern_on",
        ]);
        offer.prompts = vec![prompt("crm", "greet")];
        Self::new("crm", offer)
    }

    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn ended(&self) -> u32 {
        self.ended.load(Ordering::SeqCst)
    }

    /// Asks, and notes what came of it.
    async fn ask(&self, call: &Call, question: Question, params: &'static str) -> String {
        let Some(ask) = &call.ask else {
            return "nobody".to_owned();
        };
        let asked = ask.ask(question, RawJson::from_static(params)).await;
        let word = match asked {
            Ok(answer) => answer.as_str().to_owned(),
            Err(AskFault::Undeclared) => "undeclared".to_owned(),
            Err(AskFault::ModeUndeclared) => "mode".to_owned(),
            Err(AskFault::Refused(error)) => format!("refused {}", error.code),
            Err(AskFault::Silent) => "silent".to_owned(),
            Err(AskFault::Gone) => "gone".to_owned(),
        };
        self.heard.lock().unwrap().push(word.clone());
        word
    }

    async fn tool(&self, call: &Call) -> Result<Answer, Refusal> {
        const NAME: &str = r#"{"message":"Your name?","requestedSchema":{"type":"object"}}"#;
        const MODEL: &str = r#"{"messages":[],"maxTokens":1.0}"#;
        const PAGE: &str = r#"{"mode":"url","message":"Open","url":"https://a.example/"}"#;
        let died = || Refusal::new(RefusalCode::Unavailable, "The server is gone.");
        let name = || self.ask(call, Question::Elicit, NAME);
        let text = match call.target.name().trim_start_matches("crm__") {
            "asks" => name().await,
            "samples" => self.ask(call, Question::Sample, MODEL).await,
            "roots" => self.ask(call, Question::Roots, "{}").await,
            "opens" => self.ask(call, Question::Elicit, PAGE).await,
            "asks_both" => {
                let model = self.ask(call, Question::Sample, MODEL);
                let (first, second) = tokio::join!(name(), model);
                format!("{first} {second}")
            }
            "asks_again" => format!("{} {}", name().await, name().await),
            "asks_on" => loop {
                name().await;
            },
            "gives_up" => {
                let patient = tokio::time::timeout(Duration::from_millis(100), name()).await;
                patient.unwrap_or_else(|_| "gave up".to_owned())
            }
            "dies" => tokio::select! {
                _ = name() => unreachable!("it dies first"),
                () = self.dies.notified() => return Err(died()),
            },
            "finishes" => tokio::select! {
                _ = name() => unreachable!("it is done first"),
                () = self.dies.notified() => "done".to_owned(),
            },
            "tells" => {
                let notify = call.notify.as_ref().unwrap();
                notify.log(LogLevel::Error, "before", RawJson::empty_object());
                let answer = tokio::join!(name(), async {
                    self.dies.notified().await;
                    for number in 0..70_u64 {
                        notify.progress(number, None, None);
                        let number = RawJson::of(&number).unwrap();
                        notify.log(LogLevel::Error, "between", number);
                    }
                });
                answer.0
            }
            "modern" | "modern_on" => return Ok(modern(call)),
            "works" | "works_too" => {
                let task = r#"{"resultType":"task","taskId":"up-1","status":"working","x":1.50}"#;
                return Ok(Answer::Task(RawJson::from_static(task)));
            }
            _ => "seen".to_owned(),
        };
        let body = serde_json::json!({"content": [{"type": "text", "text": text}]});
        Ok(Answer::Result(RawJson::of(&body).unwrap()))
    }

    /// One of which nothing is known yet.
    pub(super) fn unknown(server: &str) -> Arc<Self> {
        let served = Self::new(server, Offer::default());
        served.known.send_replace(false);
        served
    }

    /// From now on it offers this.
    pub(super) fn offers(&self, offer: Offer) {
        *self.offer.lock().unwrap() = offer;
        let changed = self.changed.lock().unwrap().clone();
        if let Some(changed) = changed {
            changed();
        }
        self.known.send_replace(true);
    }

    /// How well that holds.
    pub(super) fn holds(&self, stale: bool, ttl: Option<Duration>) {
        *self.freshness.lock().unwrap() = Freshness { stale, ttl };
    }

    /// A resource has changed.
    pub(super) fn updates(&self, uri: &str) {
        let watches = self.watches.lock().unwrap().clone();
        for (_, changed) in watches.iter().filter(|(watched, _)| watched == uri) {
            changed();
        }
    }

    pub(super) fn reached(&self) -> Vec<Reached> {
        self.reached.lock().unwrap().clone()
    }
}

impl Provider for Served {
    fn name(&self) -> &PackName {
        self.server.as_provider()
    }

    fn offer(&self) -> Offer {
        self.offer.lock().unwrap().clone()
    }

    fn freshness(&self) -> Freshness {
        *self.freshness.lock().unwrap()
    }

    fn server(&self) -> Option<&ServerName> {
        Some(&self.server)
    }

    fn attend(&self, changed: OnChange) {
        *self.changed.lock().unwrap() = Some(changed);
    }

    fn ready(&self) -> Option<BoxFuture<'_, ()>> {
        let mut known = self.known.subscribe();
        let is_known = *known.borrow();
        (!is_known).then(|| -> BoxFuture<'_, ()> {
            Box::pin(async move {
                let _ = known.wait_for(|known| *known).await;
            })
        })
    }

    fn locate(&self, uri: &str, _: Option<&ClientRoots>) -> Option<Result<Located, Refusal>> {
        let begins = format!("{}+note:///", self.server);
        uri.starts_with(&begins).then(|| {
            Ok(Located {
                uri: uri.into(),
                also: Vec::new(),
            })
        })
    }

    fn watch(&self, located: &Located, changed: OnChange) -> Result<Option<Watch>, Refusal> {
        let mut watches = self.watches.lock().unwrap();
        watches.push((located.uri.to_string(), changed));
        Ok(Some(Watch::of(())))
    }

    fn watch_task(&self, own: &str, changed: OnChange) -> Option<Watch> {
        assert_eq!(own, "up-1");
        self.task_watches.lock().unwrap().push(changed);
        Some(Watch::of(()))
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, Refusal>> {
        self.reached.lock().unwrap().push(Reached {
            operation: call.operation,
            target: call.target.name().to_owned(),
            naming: call.naming,
            params: call.params.as_str().to_owned(),
        });
        Box::pin(async move {
            let _end = End(&self.ended);
            let body = match call.operation {
                Operation::CallTool => return self.tool(call).await,
                Operation::ReadResource => r#"{"contents":[]}"#,
                Operation::GetPrompt => {
                    self.ask(call, Question::Elicit, "{}").await;
                    r#"{"messages":[]}"#
                }
                Operation::Complete => {
                    self.ask(call, Question::Elicit, "{}").await;
                    r#"{"completion":{"values":["a"]}}"#
                }
                Operation::Subscribe => "{}",
                Operation::GetTask
                | Operation::UpdateTask
                | Operation::CancelTask
                | Operation::AwaitTask => {
                    let task = call.task.as_deref().unwrap_or("none");
                    let heard = format!("{} {task}", call.operation.method());
                    self.heard.lock().unwrap().push(heard);
                    match call.operation {
                        Operation::GetTask => {
                            let task = *self.task.lock().unwrap();
                            task.unwrap_or(r#"{"taskId":"up-1","status":"completed","result":{}}"#)
                        }
                        Operation::AwaitTask => {
                            const SURE: &str = r#"{"message":"Sure?","requestedSchema":{}}"#;
                            let answer = self.ask(call, Question::Elicit, SURE).await;
                            let body =
                                serde_json::json!({"content": [{"type": "text", "text": answer}]});
                            return Ok(Answer::Result(RawJson::of(&body).unwrap()));
                        }
                        _ => "{}",
                    }
                }
            };
            Ok(Answer::Result(RawJson::from_static(body)))
        })
    }
}

/// A server that asks in the modern way, once or always.
fn modern(call: &Call) -> Answer {
    let is_back = |it: &&Resumed| {
        it.state
            .as_ref()
            .is_some_and(|it| it.as_str() == r#""up 1.0""#)
    };
    match call.resumed.as_ref().filter(is_back) {
        Some(resumed) if call.target.name() == "crm__modern" => {
            let answered = resumed.responses.clone();
            let text = answered.map_or("none".to_owned(), |it| it.as_str().to_owned());
            let body = serde_json::json!({"content": [{"type": "text", "text": text}]});
            Answer::Result(RawJson::of(&body).unwrap())
        }
        _ => Answer::Asks(RawJson::from_static(
            r#"{"resultType":"input_required","x":1.50,"inputRequests":{"k":{"method":"roots/list"}},"requestState":"up 1.0"}"#,
        )),
    }
}

struct End<'a>(&'a AtomicU32);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn given(name: &str, definition: String) -> Given {
    Given {
        name: name.into(),
        definition: RawJson::from_scanned(definition.into()),
    }
}

/// A tool that goes by `exposed` among all servers; `rest` are members of its definition.
pub(super) fn tool_as(exposed: &str, own: &str, rest: &str) -> Tool {
    let definition =
        format!(r#"{{"x":1.50, "name":"{own}","inputSchema":{{"type":"object"}}{rest}}}"#);
    let read: serde_json::Value = serde_json::from_str(&definition).unwrap();
    let schema = |key: &str| read.get(key).map(|schema| RawJson::of(schema).unwrap());
    Tool {
        name: ToolName::new(exposed).unwrap(),
        aliases: Vec::new(),
        input_schema: schema("inputSchema").unwrap(),
        output_schema: schema("outputSchema"),
        shown: Shown::Given(given(own, definition)),
        tier: Tier::Read,
        raises: &[],
        argument_aliases: &[],
    }
}

/// Tools of `crm` of these names, in this order.
pub(super) fn tools(own: &[&str]) -> Offer {
    Offer {
        tools: own
            .iter()
            .map(|own| tool_as(&format!("crm__{own}"), own, ""))
            .collect(),
        ..Offer::default()
    }
}

pub(super) fn resource(server: &str, uri: &str) -> Resource {
    let definition = format!(r#"{{"uri":"{uri}","name":"n"}}"#);
    Resource {
        uri: format!("{server}+{uri}"),
        shown: Shown::Given(given(uri, definition)),
    }
}

pub(super) fn template(server: &str, pattern: &str) -> Template {
    let definition = format!(r#"{{"uriTemplate":"{pattern}","name":"n"}}"#);
    Template {
        uri_template: format!("{server}+{pattern}"),
        shown: Shown::Given(given(pattern, definition)),
    }
}

pub(super) fn prompt(server: &str, name: &str) -> Prompt {
    Prompt {
        name: format!("{server}__{name}"),
        shown: Shown::Given(given(name, format!(r#"{{"name":"{name}"}}"#))),
    }
}
