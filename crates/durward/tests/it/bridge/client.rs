//! One client: of either era, by a pipe or by HTTP, spoken to in one way.

use std::time::Duration;

use durward_testkit::{Daemon, Http, Pipe, Post, Session, legacy, modern, notification};
use serde_json::{Value, json};

use super::{Kind, SOON, SUBSCRIPTION};

pub(super) enum Way<'a> {
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

impl<'a> Client<'a> {
    pub(super) fn new(kind: Kind, capabilities: Value, way: Way<'a>) -> Self {
        Self {
            kind,
            capabilities,
            key: None,
            way,
            next: 0,
        }
    }

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
