//! Clients of both eras in front of servers of both eras, each by a pipe and by HTTP: what the tests of the
//! bridge share. A server says what a script has it say (`examples/scripted_upstream`).

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use durward_testkit::{
    Daemon, House, Http, Pipe, Post, Session, initialize_with, legacy, modern, notification,
};
use serde_json::{Value, json};

use crate::{house, servers_faults::ROOM};

/// How long a busy machine may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
/// What the servers may offer and ask.
const ALL: &str = "[tools, resources, prompts, completions, logging, sampling, elicitation, roots]";

/// Which era, by which transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) is_modern: bool,
    pub(crate) is_pipe: bool,
}

pub(crate) const KINDS: [Kind; 4] = [
    Kind {
        is_modern: false,
        is_pipe: true,
    },
    Kind {
        is_modern: false,
        is_pipe: false,
    },
    Kind {
        is_modern: true,
        is_pipe: true,
    },
    Kind {
        is_modern: true,
        is_pipe: false,
    },
];

impl Kind {
    /// The server of this kind.
    pub(crate) fn name(self) -> &'static str {
        match (self.is_modern, self.is_pipe) {
            (false, true) => "lp",
            (false, false) => "lh",
            (true, true) => "mp",
            (true, false) => "mh",
        }
    }
}

/// The program of the scripts.
pub(crate) fn scripted_upstream() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_BIN_EXE_durward"));
    path.set_file_name("examples");
    path.join("scripted_upstream")
}

/// A server over HTTP that the test started. It is killed when dropped.
pub(crate) struct Away {
    child: Child,
    pub(crate) url: String,
}

impl Away {
    #[expect(
        clippy::disallowed_methods,
        reason = "a server that durward did not start"
    )]
    pub(crate) fn start(script: &PathBuf, record: &PathBuf) -> Self {
        let mut command = Command::new(scripted_upstream());
        command
            .arg(script)
            .arg(record)
            .args(["--http", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server");
        let mut url = String::new();
        let output = child.stdout.as_mut().expect("its stdout");
        BufReader::new(output).read_line(&mut url).expect("its URL");
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://"), "it does not listen: {url}");
        Self { child, url }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A house with a server of each kind, all with one script.
pub(crate) struct Stage {
    pub(crate) house: House,
    /// Another caller's.
    pub(crate) other_key: String,
    daemon: Daemon,
    _away: Vec<Away>,
}

impl Stage {
    /// Servers that have these answers.
    pub(crate) fn answering(answers: Value) -> Self {
        Self::playing(json!({"answers": answers}), "")
    }

    /// Servers with this script, of which the era is said here; `more` is YAML beside the servers.
    pub(crate) fn playing(script: Value, more: &str) -> Self {
        let house = house();
        let (mut away, mut sections) = (Vec::new(), String::new());
        for kind in KINDS {
            let name = kind.name();
            let mut script = script.clone();
            script["era"] = json!(if kind.is_modern { "modern" } else { "legacy" });
            let path = house.path(&format!("{name}.json"));
            fs::write(&path, script.to_string()).expect("the script");
            let record = house.path(&format!("{name}.record"));
            let how = if kind.is_pipe {
                format!(
                    "command: [{:?}, {path:?}, {record:?}], sandbox: host",
                    scripted_upstream()
                )
            } else {
                let server = Away::start(&path, &record);
                let how = format!("url: \"{}\"", server.url);
                away.push(server);
                how
            };
            sections.push_str(&format!("  {name}: {{ {how}, capabilities: {ALL} }}\n"));
        }
        let room = if more.contains("limits:") { "" } else { ROOM };
        house.configure(&format!("servers:\n{sections}{room}{more}"));
        let [key, other_key] = [(); 2].map(|()| house.key("developer"));
        let daemon = house.serve(&[]).with_key(key);
        Self {
            house,
            other_key,
            daemon,
            _away: away,
        }
    }

    /// The durward that serves HTTP.
    pub(crate) fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Ends durward and starts it again, with the same callers and a new record.
    pub(crate) fn restart(&mut self) {
        self.daemon.signal(rustix::process::Signal::TERM);
        assert_eq!(self.daemon.wait(SOON), Some(0));
        for kind in KINDS {
            let record = self.house.path(&format!("{}.record", kind.name()));
            fs::OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(record)
                .expect("the record");
        }
        let key = self.daemon.key.clone();
        self.daemon = self.house.serve(&[]).with_key(key);
    }

    /// Each client in front of each server.
    pub(crate) fn each(&self, each: impl FnMut(&mut Client<'_>, Kind)) {
        self.each_as("2025-11-25", &json!({}), each);
    }

    /// The same with clients of this legacy revision and these capabilities.
    pub(crate) fn each_as(
        &self,
        revision: &str,
        capabilities: &Value,
        mut each: impl FnMut(&mut Client<'_>, Kind),
    ) {
        for kind in KINDS {
            let mut client = self.client(kind, revision, capabilities.clone());
            for server in KINDS {
                each(&mut client, server);
            }
        }
    }

    /// A client.
    pub(crate) fn client(&self, kind: Kind, revision: &str, capabilities: Value) -> Client<'_> {
        let way = match (kind.is_pipe, kind.is_modern) {
            (true, is_modern) => {
                let mut pipe = self.house.stdio(&[]);
                if !is_modern {
                    pipe.send(&initialize_with(revision, capabilities.clone()));
                    pipe.message();
                    pipe.send(&notification("notifications/initialized", json!({})));
                }
                Way::Pipe(Box::new(pipe))
            }
            (false, true) => Way::Posts(&self.daemon),
            (false, false) => {
                let session = self.daemon.session_with(revision, capabilities.clone());
                Way::Session(&self.daemon, session)
            }
        };
        Client {
            kind,
            capabilities,
            key: None,
            way,
            next: 0,
        }
    }

    /// What another legacy client hears at its opening.
    pub(crate) fn opening(&self, is_pipe: bool) -> Value {
        let message = initialize_with("2025-11-25", json!({}));
        if is_pipe {
            let mut pipe = self.house.stdio(&[]);
            pipe.send(&message);
            return pipe.message();
        }
        self.daemon
            .ask(&self.daemon.post(message.to_string()))
            .json()
    }

    /// All that the server of this kind got, oldest first.
    pub(crate) fn record(&self, server: Kind) -> Vec<Value> {
        let record = self.house.path(&format!("{}.record", server.name()));
        let lines = fs::read_to_string(record).unwrap_or_default();
        let lines = lines
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines.collect()
    }

    /// The messages of this method that the server of this kind got.
    pub(crate) fn got(&self, server: Kind, method: &str) -> Vec<Value> {
        let lines = self.record(server).into_iter();
        let messages = lines.map(|line| line["message"].clone());
        messages
            .filter(|message| message["method"] == method)
            .collect()
    }
}

enum Way<'a> {
    Pipe(Box<Pipe>),
    Posts(&'a Daemon),
    Session(&'a Daemon, Session<'a>),
}

/// One client.
pub(crate) struct Client<'a> {
    pub(crate) kind: Kind,
    pub(crate) capabilities: Value,
    /// Whose it is over HTTP, where that is not the daemon's usual caller.
    pub(crate) key: Option<String>,
    way: Way<'a>,
    next: u64,
}

/// An answer, and what came before it.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) answer: Value,
    pub(crate) told: Vec<Value>,
}

impl Got {
    /// The params of the notifications of this method.
    pub(crate) fn told(&self, method: &str) -> Vec<&Value> {
        let told = self.told.iter().filter(|told| told["method"] == method);
        told.map(|told| &told["params"]).collect()
    }
}

impl Client<'_> {
    /// Asks, and answers nothing.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Got {
        self.converse(method, params, |question| {
            panic!("not expected: {question}")
        })
    }

    /// Calls a tool of this server.
    pub(crate) fn call(&mut self, server: Kind, tool: &str, arguments: Value) -> Got {
        let name = format!("{}__{tool}", server.name());
        self.ask("tools/call", json!({"name": name, "arguments": arguments}))
    }

    /// Asks, and answers the questions on the way: each is a request with `method` and `params`, whatever the
    /// client's era; none for one that is not answered. The answer is its result, or `{"error": …}`.
    pub(crate) fn converse(
        &mut self,
        method: &str,
        mut params: Value,
        mut answer: impl FnMut(&Value) -> Value,
    ) -> Got {
        let mut told = Vec::new();
        loop {
            let got = self.exchange(method, &params, &mut answer);
            told.extend(got.told);
            let result = &got.answer["result"];
            if result["resultType"] != "input_required" {
                return Got {
                    answer: got.answer,
                    told,
                };
            }
            let mut responses = json!({});
            for (key, question) in result["inputRequests"].as_object().into_iter().flatten() {
                responses[key] = answer(question);
            }
            params["inputResponses"] = responses;
            params["requestState"] = result["requestState"].clone();
            if params["requestState"].is_null() {
                params
                    .as_object_mut()
                    .expect("params")
                    .remove("requestState");
            }
        }
    }

    /// One request and its one answer; a legacy server's questions are answered on the way.
    pub(crate) fn exchange(
        &mut self,
        method: &str,
        params: &Value,
        answer: &mut dyn FnMut(&Value) -> Value,
    ) -> Got {
        self.next += 1;
        let id = format!("c-{}", self.next);
        let message = self.message(&id, method, params.clone());
        let mut told = Vec::new();
        let mut reply = |message: &Value| -> Option<Value> {
            let said = answer(message);
            let reply = match said.get("error") {
                Some(error) => json!({"jsonrpc": "2.0", "id": message["id"], "error": error}),
                None => json!({"jsonrpc": "2.0", "id": message["id"], "result": said}),
            };
            (!said.is_null()).then_some(reply)
        };
        let mut take = |message: Value| match (message.get("method"), message.get("id")) {
            (Some(_), Some(_)) => (None, reply(&message)),
            (Some(_), None) => {
                told.push(message);
                (None, None)
            }
            _ if message["id"] == id => (Some(message), None),
            // The answer to what was begun and not waited for.
            _ => (None, None),
        };
        let answer = match &mut self.way {
            Way::Pipe(pipe) => {
                pipe.send(&message);
                loop {
                    let line = pipe
                        .line(SOON)
                        .unwrap_or_else(|| panic!("silence: {message}"));
                    let (answer, reply) = take(serde_json::from_str(&line).expect("JSON"));
                    if let Some(reply) = reply {
                        pipe.send(&reply);
                    }
                    if let Some(answer) = answer {
                        break answer;
                    }
                }
            }
            Way::Posts(daemon) => {
                let post = signed(daemon.modern_post(&message), self.key.as_deref());
                stream(&mut daemon.connect(), &post.bytes(), |message| {
                    take(message).0
                })
            }
            Way::Session(daemon, session) => {
                let post = session.post(message.to_string());
                stream(&mut daemon.connect(), &post.bytes(), |message| {
                    let (answer, reply) = take(message);
                    if let Some(reply) = reply {
                        assert_eq!(session.send(&reply).status, 202);
                    }
                    answer
                })
            }
        };
        Got { answer, told }
    }

    /// Sends a message that has no answer.
    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        let message = notification(method, params);
        match &mut self.way {
            Way::Pipe(pipe) => pipe.send(&message),
            Way::Posts(_) => panic!("modern clients tell nothing over HTTP"),
            Way::Session(_, session) => assert_eq!(session.send(&message).status, 202),
        }
    }

    /// Begins a request and does not wait: over HTTP, its connection.
    pub(crate) fn begin(&mut self, id: &str, method: &str, params: Value) -> Option<Http> {
        let message = self.message(id, method, params);
        let (daemon, post) = match &mut self.way {
            Way::Pipe(pipe) => {
                pipe.send(&message);
                return None;
            }
            Way::Posts(daemon) => {
                let post = daemon.modern_post(&message);
                (*daemon, signed(post, self.key.as_deref()))
            }
            Way::Session(daemon, session) => (*daemon, session.post(message.to_string())),
        };
        let mut http = daemon.connect();
        http.send(&post.bytes());
        Some(http)
    }

    /// The pipe, where it is one.
    pub(crate) fn pipe(&mut self) -> &mut Pipe {
        match &mut self.way {
            Way::Pipe(pipe) => pipe,
            _ => panic!("it is no pipe"),
        }
    }

    /// Answers a question, where it is a session.
    pub(crate) fn reply(&mut self, id: &Value, result: &Value) {
        let Way::Session(_, session) = &self.way else {
            panic!("it is no session");
        };
        let message = json!({"jsonrpc": "2.0", "id": id, "result": result});
        assert_eq!(session.send(&message).status, 202);
    }

    /// Goes on behind an event of a stream that broke; the status says whether it can.
    pub(crate) fn resume(&self, place: &str) -> (u16, Http) {
        let Way::Session(daemon, session) = &self.way else {
            panic!("it is no session");
        };
        let mut http = daemon.connect();
        let get = session.bodiless("GET").header("Last-Event-ID", place);
        http.send(&get.bytes());
        let status = http.opening().expect("an answer").status;
        (status, http)
    }

    /// Ends a request that [`Client::begin`] began, as its era and transport do.
    pub(crate) fn cancel(&mut self, id: &str, begun: Option<Http>) {
        drop(begun);
        if self.kind.is_pipe || !self.kind.is_modern {
            self.notify("notifications/cancelled", json!({"requestId": id}));
        }
    }

    /// Listens to what it did not ask for: a modern client by a request for this, a legacy one by its session.
    pub(crate) fn listen(&mut self, filter: Value) -> Option<Http> {
        if !self.kind.is_modern {
            return (!self.kind.is_pipe).then(|| self.unasked());
        }
        let params = json!({"notifications": filter});
        let mut begun = self.begin("listen", "subscriptions/listen", params);
        if let Some(http) = &mut begun {
            assert_eq!(http.opening().expect("a stream").status, 200);
        }
        let told = self.hear(&mut begun, "notifications/subscriptions/acknowledged");
        assert_eq!(told["_meta"][SUBSCRIPTION], "listen", "{told}");
        begun
    }

    /// The params of the next notification of this method.
    pub(crate) fn hear(&mut self, ear: &mut Option<Http>, method: &str) -> Value {
        self.heard(ear, method, SOON)
            .unwrap_or_else(|| panic!("no {method}"))
    }

    /// The same; none where it does not come in time.
    pub(crate) fn heard(
        &mut self,
        ear: &mut Option<Http>,
        method: &str,
        within: Duration,
    ) -> Option<Value> {
        loop {
            let said = match (&mut self.way, &mut *ear) {
                (_, Some(http)) => http.event(within)?.data,
                (Way::Pipe(pipe), None) => pipe.line(within)?,
                _ => panic!("it does not listen"),
            };
            let message: Value = serde_json::from_str(&said).unwrap_or_default();
            if message["method"] == method {
                return Some(message["params"].clone());
            }
        }
    }

    /// The session's own stream, opened.
    fn unasked(&self) -> Http {
        let Way::Session(daemon, session) = &self.way else {
            panic!("it has no such stream");
        };
        let mut http = daemon.connect();
        http.send(&session.bodiless("GET").bytes());
        assert_eq!(http.opening().expect("a stream").status, 200);
        http
    }

    fn message(&self, id: &str, method: &str, mut params: Value) -> Value {
        if !self.kind.is_modern {
            return legacy(id, method, params);
        }
        let capabilities = self.capabilities.clone();
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        modern(id, method, params)
    }
}

fn signed(post: Post, key: Option<&str>) -> Post {
    match key {
        Some(key) => post.with("Authorization", &format!("Bearer {key}")),
        None => post,
    }
}

/// A value as it is spelled here.
pub(crate) fn spelled(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// Sends a request and takes what comes until that gives the answer.
fn stream(http: &mut Http, request: &[u8], mut take: impl FnMut(Value) -> Option<Value>) -> Value {
    http.send(request);
    let head = http.opening().expect("an answer");
    let is_stream = head
        .header("content-type")
        .is_some_and(|it| it.starts_with("text/event-stream"));
    if !is_stream {
        let body = http.body(&head).expect("a body");
        return serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {head:?}"));
    }
    loop {
        let event = http.event(SOON).expect("an event");
        if event.data.is_empty() {
            continue;
        }
        if let Some(answer) = take(serde_json::from_str(&event.data).expect("JSON")) {
            return answer;
        }
    }
}
