//! An MCP server for the tests: it speaks both eras on stdin and stdout, says what it got, and misbehaves as
//! it is told. Nothing here is shipped.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "it is a program")]

mod consent;
mod http;
mod tasks;

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, OpenOptions, read_to_string},
    io::{self, BufRead, Write, stdin, stdout},
    net::TcpStream,
    process::{exit, id as pid},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

const MODERN: &str = "2026-07-28";

/// How it is to behave, by its arguments.
#[derive(Default)]
struct Settings {
    legacy: bool,
    modern: bool,
    record: Option<File>,
    hang: bool,
    delay: Duration,
    die_after: Option<usize>,
    tools: usize,
    offer: Option<String>,
    http: Option<String>,
    redirect: Option<String>,
    stubborn: bool,
    tasks: bool,
}

fn settings() -> Settings {
    let mut settings = Settings {
        legacy: true,
        modern: true,
        ..Settings::default()
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        let number = |text: String| text.parse::<usize>().expect("a number");
        match option.as_str() {
            "--era" => {
                let era = value();
                settings.legacy = era != "modern";
                settings.modern = era != "legacy";
            }
            "--record" => {
                let file = OpenOptions::new().create(true).append(true).open(value());
                settings.record = Some(file.expect("a file to record to"));
            }
            "--hang" => settings.hang = true,
            "--delay-ms" => settings.delay = Duration::from_millis(number(value()) as u64),
            "--die-after" => settings.die_after = Some(number(value())),
            "--tools" => settings.tools = number(value()),
            "--offer" => settings.offer = Some(read_to_string(value()).expect("a file of tools")),
            "--http" => settings.http = Some(value()),
            "--redirect" => settings.redirect = Some(value()),
            "--stubborn" => settings.stubborn = true,
            "--tasks" => settings.tasks = true,
            // Only there to be found among the processes.
            "--mark" => drop(value()),
            "--garbage" => println!("this is no JSON\n{{\"half\":"),
            "--stderr" => eprintln!("{}", value()),
            "--die" => exit(3),
            other => panic!("unknown option {other}"),
        }
    }
    settings
}

#[derive(Deserialize)]
struct Message {
    id: Option<Box<RawValue>>,
    method: Option<String>,
    #[serde(default)]
    params: Option<Box<RawValue>>,
    result: Option<Box<RawValue>>,
    error: Option<Box<RawValue>>,
}

/// The server, shared by the threads of its calls.
#[derive(Clone)]
struct Server(Arc<Shared>);

struct Shared {
    legacy: bool,
    modern: bool,
    tools: usize,
    /// Tools beside its own, as they are spelled.
    offer: Vec<Box<RawValue>>,
    /// Where it sends all who ask it by HTTP.
    redirect: Option<String>,
    has_changes: bool,
    /// Tasks, where it has any.
    tasks: Option<tasks::Tasks>,
    /// Questions that wait for their answers, by their ids.
    asked: Mutex<HashMap<String, mpsc::Sender<String>>>,
    /// Calls that were cancelled.
    cancelled: Mutex<Vec<String>>,
    more: Mutex<bool>,
    subscribed: Mutex<Vec<String>>,
    listens: Mutex<BTreeMap<String, Value>>,
}

fn main() {
    let mut settings = settings();
    thread::sleep(settings.delay);
    let server = Server(Arc::new(Shared {
        legacy: settings.legacy,
        modern: settings.modern,
        tools: settings.tools,
        offer: settings.offer.map_or_else(Vec::new, |tools| {
            serde_json::from_str(&tools).expect("an array of tools")
        }),
        redirect: settings.redirect,
        has_changes: settings.http.is_none(),
        tasks: settings.tasks.then(tasks::Tasks::default),
        asked: Mutex::default(),
        cancelled: Mutex::default(),
        more: Mutex::default(),
        subscribed: Mutex::default(),
        listens: Mutex::default(),
    }));
    if let Some(address) = &settings.http {
        return http::serve(server, address);
    }
    let mut taken = 0;
    for line in stdin().lock().lines() {
        let Ok(line) = line else { break };
        if let Some(file) = &mut settings.record {
            writeln!(file, "{line}").expect("a line of the record");
        }
        if settings.hang {
            continue;
        }
        let message: Message = serde_json::from_str(&line).expect("a message of durward's");
        taken += usize::from(message.method.as_deref() == Some("tools/call"));
        if settings.die_after.is_some_and(|after| taken > after) {
            exit(4);
        }
        let server = server.clone();
        // Each on its own thread: calls overlap.
        thread::spawn(move || server.take(&message));
    }
    if settings.stubborn {
        loop {
            thread::park();
        }
    }
}

fn say(message: &str) {
    if http::said(message) {
        return;
    }
    let mut out = stdout().lock();
    // Whoever reads may be gone, and then so is this process soon.
    let _ = out.write_all(format!("{message}\n").as_bytes());
    let _ = out.flush();
}

fn tell(method: &str, params: &Value) {
    say(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string());
}

impl Server {
    fn take(&self, message: &Message) {
        let params = message.params.as_deref().map_or("{}", RawValue::get);
        let read: Value = serde_json::from_str(params).expect("params");
        match (&message.method, &message.id) {
            (Some(method), Some(id)) => match self.answer(method, params, &read, id.get()) {
                Ok(Some(result)) => {
                    say(&format!(
                        r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#,
                        id.get()
                    ));
                }
                Ok(None) => {}
                Err((code, text)) => say(&format!(
                    r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":{code},"message":"{text}","data":{}}}}}"#,
                    id.get(),
                    consent::data(code)
                )),
            },
            (Some(method), None) => {
                if method == "notifications/cancelled" {
                    let id = read["requestId"].to_string();
                    self.0.listens.lock().unwrap().remove(&id);
                    self.0.cancelled.lock().unwrap().push(id);
                }
            }
            (None, Some(id)) => {
                let answer = message.result.as_ref().or(message.error.as_ref());
                let asked = self.0.asked.lock().unwrap().remove(id.get());
                if let (Some(asked), Some(answer)) = (asked, answer) {
                    let _ = asked.send(answer.get().to_owned());
                }
            }
            (None, None) => {}
        }
    }

    /// The result, as text; none where there is none to give.
    fn answer(
        &self,
        method: &str,
        params: &str,
        read: &Value,
        id: &str,
    ) -> Result<Option<String>, (i64, String)> {
        let is_modern = read["_meta"]["io.modelcontextprotocol/protocolVersion"] == MODERN;
        let unknown = || (-32601, format!("no method {method}"));
        if is_modern && !self.0.modern || !is_modern && !self.0.legacy {
            return Err(unknown());
        }
        let about_tasks = self.0.tasks.as_ref();
        if let Some(answer) =
            about_tasks.and_then(|it| it.answer(self, method, read, id, is_modern))
        {
            return answer;
        }
        let result = match method {
            "server/discover" if is_modern => json!({
                "supportedVersions": [MODERN], "capabilities": self.capabilities(true), "instructions": "be kind",
                "ttlMs": 1000, "cacheScope": "public"
            }),
            "initialize" => json!({
                "protocolVersion": "2025-11-25", "capabilities": self.capabilities(false),
                "serverInfo": {"name": "raw", "version": "1"}, "instructions": "be kind"
            }),
            "tools/list" => {
                let tools = serde_json::to_string(&self.tools()).expect("tools");
                let more: String = self.0.offer.iter().map(|tool| format!(",{tool}")).collect();
                let all = tools.trim_end_matches(']');
                return Ok(Some(format!(r#"{{"tools":{all}{more}]}}"#)));
            }
            "resources/list" => json!({"resources": [{"uri": "raw://a", "name": "a", "x": 1}]}),
            "resources/templates/list" => {
                json!({"resourceTemplates": [{"uriTemplate": "raw://t/{x}", "name": "t"}]})
            }
            "prompts/list" => json!({"prompts": [{"name": "p", "arguments": [{"name": "a"}]}]}),
            "resources/read" if read["uri"] == "raw://none" && !is_modern => {
                return Err((-32002, "not there".into()));
            }
            "resources/read" => {
                json!({"contents": [{"uri": read["uri"], "text": "the text"}]})
            }
            "prompts/get" => json!({"messages": [{"role": "user", "content": {
                "type": "text", "text": read["arguments"].to_string()
            }}]}),
            "completion/complete" => json!({"completion": {"values": [read["ref"].to_string()]}}),
            "resources/subscribe" | "resources/unsubscribe" => {
                let uri = read["uri"].as_str().unwrap_or_default().to_owned();
                let mut subscribed = self.0.subscribed.lock().unwrap();
                subscribed.retain(|other| *other != uri);
                if method == "resources/subscribe" {
                    subscribed.push(uri);
                }
                json!({})
            }
            "logging/setLevel" | "ping" => json!({}),
            "subscriptions/listen" => {
                let filter = read["notifications"].clone();
                let meta = json!({"io.modelcontextprotocol/subscriptionId": raw(id)});
                tell(
                    "notifications/subscriptions/acknowledged",
                    &json!({"notifications": filter, "_meta": meta}),
                );
                self.0.listens.lock().unwrap().insert(id.to_owned(), filter);
                return Ok(None);
            }
            "tools/call" => return self.call(params, read, id, is_modern),
            _ => return Err(unknown()),
        };
        Ok(Some(result.to_string()))
    }

    fn capabilities(&self, is_modern: bool) -> Value {
        let mut all = capabilities(self.0.has_changes);
        if self.0.tasks.is_some() {
            tasks::Tasks::declare(&mut all, is_modern);
        }
        all
    }

    fn tools(&self) -> Vec<Value> {
        let mut names: Vec<String> = [
            "echo",
            "sleep",
            "die",
            "ask",
            "progress",
            "log",
            "big",
            "garbage",
            "change",
            "update",
            "error",
            "fail",
            "cancelled",
            "id",
            "pid",
            "half",
            "stray",
            "flood",
            "stderr",
            "read",
            "write",
            "connect",
            "variables",
            consent::TOOL,
        ]
        .map(ToOwned::to_owned)
        .into();
        names.extend((0..self.0.tools).map(|number| format!("more_{number}")));
        if *self.0.more.lock().unwrap() {
            names.push("later".to_owned());
        }
        let tool = |name: String| {
            json!({"name": name, "description": format!("does {name}"), "x-kept": raw(r#"{"n":1.50}"#),
                "inputSchema": {"type": "object"}})
        };
        let mut tools: Vec<_> = names.into_iter().map(tool).collect();
        if self.0.tasks.is_some() {
            tools.extend(tasks::Tasks::tools());
        }
        tools
    }

    fn call(
        &self,
        params: &str,
        read: &Value,
        id: &str,
        is_modern: bool,
    ) -> Result<Option<String>, (i64, String)> {
        let arguments = &read["arguments"];
        let number = |name: &str| arguments[name].as_u64().unwrap_or_default();
        let said = |name: &str| arguments[name].as_str().unwrap_or_default();
        let text = |text: &str| json!({"content": [{"type": "text", "text": text}]}).to_string();
        Ok(Some(match read["name"].as_str().unwrap_or_default() {
            // What came, as it came.
            "echo" => format!(
                r#"{{"content":[{{"type":"text","text":"echo"}}],"structuredContent":{{"params":{params}}},"unknown":{{"n":1.50}}}}"#
            ),
            consent::TOOL => consent::call(arguments)?,
            "id" => text(id),
            "pid" => text(&pid().to_string()),
            // Half a line, and the end.
            "half" => {
                let mut out = stdout().lock();
                let _ = out.write_all(br#"{"jsonrpc":"2.0","id"#).and_then(|()| out.flush());
                exit(6);
            }
            // Answers to what was answered, to what nobody asked, and one answer twice.
            "stray" => {
                let number = id.parse::<u64>().unwrap_or_default();
                for id in [0, number + 100_000, u64::MAX] {
                    say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, text("stray")));
                }
                say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, text("once")));
                text("twice")
            }
            "flood" => {
                for number in 0..number("count") {
                    let params = json!({"progressToken": number, "progress": number, "level": "info", "data": "flood"});
                    tell(["notifications/message", "notifications/progress"][number as usize % 2], &params);
                }
                text("flooded")
            }
            "stderr" => {
                let line = "e".repeat(1023);
                for _ in 0..number("kib") {
                    eprintln!("{line}");
                }
                text("complained")
            }
            "sleep" => {
                thread::sleep(Duration::from_millis(number("ms")));
                text("slept")
            }
            // What it may do on this machine, or the reason why not.
            "read" => text(&did(fs::read(said("path")).map(|all| String::from_utf8_lossy(&all).into_owned()))),
            "write" => text(&did(fs::write(said("path"), "written").map(|()| "written".to_owned()))),
            "connect" => text(&did(connected(said("address")))),
            "variables" => {
                let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
                text(&names.collect::<Vec<_>>().join(" "))
            }
            "die" => exit(5),
            "big" => text(&"x".repeat(usize::try_from(number("bytes")).unwrap_or(0))),
            "garbage" => {
                say("garbage");
                text("garbage")
            }
            "fail" => json!({"content": [{"type": "text", "text": "failed"}], "isError": true}).to_string(),
            "error" => return Err((number("code").try_into().map_or(0, |code: i64| -code), "an error".into())),
            "cancelled" => text(&self.0.cancelled.lock().unwrap().join(",")),
            "progress" => {
                let message = arguments["message"].as_str().unwrap_or("on the way");
                let token = &read["_meta"]["progressToken"];
                for step in 1..=number("steps") {
                    if !token.is_null() {
                        tell("notifications/progress", &json!({"progressToken": token,
                            "progress": step, "total": number("steps"), "message": message}));
                    }
                }
                text(message)
            }
            "log" => {
                thread::sleep(Duration::from_millis(number("ms")));
                let data = arguments.get("data").cloned().unwrap_or_else(|| json!({"n": 1}));
                let told = json!({"level": arguments["level"], "logger": "raw", "data": data});
                tell("notifications/message", &told);
                text("logged")
            }
            "change" => {
                *self.0.more.lock().unwrap() = true;
                self.told("toolsListChanged", "notifications/tools/list_changed", &json!({}));
                text("changed")
            }
            "update" => {
                let uri = arguments["uri"].clone();
                if self.0.subscribed.lock().unwrap().iter().any(|other| *other == uri) {
                    tell("notifications/resources/updated", &json!({"uri": uri}));
                }
                self.told("", "notifications/resources/updated", &json!({"uri": uri}));
                text("updated")
            }
            "ask" if is_modern => match &read["inputResponses"] {
                Value::Null => json!({"resultType": "input_required", "requestState": "kept-1",
                    "inputRequests": {"q": {"method": question(arguments), "params": arguments["params"]}}})
                .to_string(),
                answers => text(&json!([answers["q"], read["requestState"]]).to_string()),
            },
            "ask" => text(&self.ask(id, question(arguments), &arguments["params"])),
            _ => text("?"),
        }))
    }

    /// Tells legacy clients, and each listen that wanted it.
    fn told(&self, wanted: &str, method: &str, params: &Value) {
        let listens = self.0.listens.lock().unwrap();
        for (id, filter) in listens.iter() {
            let of_uri = filter["resourceSubscriptions"]
                .as_array()
                .is_some_and(|uris| uris.contains(&params["uri"]));
            if filter[wanted] == true || of_uri {
                let mut params = params.clone();
                params["_meta"] = json!({"io.modelcontextprotocol/subscriptionId": raw(id)});
                tell(method, &params);
            }
        }
        if listens.is_empty() && method.ends_with("list_changed") {
            tell(method, params);
        }
    }

    /// Puts a question to a legacy client, and waits.
    fn ask(&self, call: &str, method: &str, params: &Value) -> String {
        let id = format!("\"srv-{}\"", call.trim_matches('"'));
        let (sender, receiver) = mpsc::channel();
        self.0.asked.lock().unwrap().insert(id.clone(), sender);
        say(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#
        ));
        receiver
            .recv_timeout(Duration::from_secs(60))
            .unwrap_or_else(|_| "no answer".to_owned())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is a server of somebody else's"
)]
fn connected(address: &str) -> io::Result<String> {
    TcpStream::connect(address).map(|_| "connected".to_owned())
}

fn did(what: io::Result<String>) -> String {
    what.unwrap_or_else(|error| format!("no: {error}"))
}

fn question(arguments: &Value) -> &str {
    arguments["method"].as_str().unwrap_or("elicitation/create")
}

/// A value as it is spelled.
fn raw(id: &str) -> Value {
    serde_json::from_str(id).expect("a value")
}

fn capabilities(has_changes: bool) -> Value {
    json!({"tools": {"listChanged": has_changes},
        "resources": {"subscribe": has_changes, "listChanged": has_changes},
        "prompts": {"listChanged": has_changes}, "completions": {}, "logging": {}})
}
