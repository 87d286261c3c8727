//! Tasks of both eras, for `--tasks`: what calls of some tools become, and the methods that look at them.

use std::{
    collections::HashMap,
    sync::{Condvar, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{Server, raw, tell};

const EXTENSION: &str = "io.modelcontextprotocol/tasks";
const RELATED: &str = "io.modelcontextprotocol/related-task";
/// How long anything waits for anything.
const LONG: Duration = Duration::from_secs(60);

/// Tools, and what a legacy server says of their calls: `job` may become a task, `must` always does, `quick`
/// is answered at once by a modern server.
const TOOLS: [(&str, &str); 3] = [
    ("job", "optional"),
    ("must", "required"),
    ("quick", "optional"),
];

type Answer = Result<Option<String>, (i64, String)>;

#[derive(Default)]
pub(super) struct Tasks {
    all: Mutex<HashMap<String, Task>>,
    changed: Condvar,
}

#[derive(Default)]
struct Task {
    status: &'static str,
    ttl: Value,
    /// What it wants to know, until somebody was asked.
    question: Option<Value>,
    answered: Option<String>,
    end: Option<Result<Value, (i64, String)>>,
    /// It goes on, whoever cancels it.
    deaf: bool,
}

impl Tasks {
    pub(super) fn tools() -> Vec<Value> {
        let tool = |(name, support): (&str, &str)| {
            json!({"name": name, "inputSchema": {"type": "object"},
                "execution": {"taskSupport": support, "x": raw("1.50")}})
        };
        TOOLS.into_iter().map(tool).collect()
    }

    pub(super) fn declare(capabilities: &mut Value, is_modern: bool) {
        if is_modern {
            capabilities["extensions"] = json!({EXTENSION: {}});
        } else {
            capabilities["tasks"] =
                json!({"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}});
        }
    }

    /// The answer to a request that is about tasks; none to any other.
    pub(super) fn answer(
        &self,
        server: &Server,
        method: &str,
        read: &Value,
        id: &str,
        is_modern: bool,
    ) -> Option<Answer> {
        let own = read["taskId"].as_str().unwrap_or_default();
        Some(match method {
            "tools/call" => {
                let name = read["name"].as_str().unwrap_or_default();
                TOOLS.iter().find(|(tool, _)| *tool == name)?;
                self.call(server, name, read, id, is_modern)
            }
            "tasks/get" => self.look(own, is_modern),
            "tasks/cancel" => self.cancel(server, own, is_modern),
            "tasks/update" if is_modern => self.update(server, own, &read["inputResponses"]),
            "tasks/result" if !is_modern => self.result(server, own, id),
            _ => return None,
        })
    }

    fn call(&self, server: &Server, name: &str, read: &Value, id: &str, is_modern: bool) -> Answer {
        let capabilities = &read["_meta"]["io.modelcontextprotocol/clientCapabilities"];
        let is_wanted = match is_modern {
            true => capabilities["extensions"][EXTENSION].is_object(),
            false => read["task"].is_object(),
        };
        let at_once = is_modern && name == "quick";
        if !is_wanted && name == "must" {
            return Err(match is_modern {
                // What is required stands in the data, which is not this server's usual.
                true => (-32021, "tasks are required".to_owned()),
                false => (-32601, "it is called as a task".to_owned()),
            });
        }
        let arguments = &read["arguments"];
        if !is_wanted || at_once {
            return Ok(Some(end(arguments, None)?.to_string()));
        }
        let mut first = None;
        if arguments["ask_first"] == true {
            let question = json!({"message": "First?", "requestedSchema": {"type": "object"}});
            first = match (is_modern, &read["inputResponses"]["k"]) {
                (true, Value::Null) => {
                    let wanted = json!({"k": {"method": "elicitation/create", "params": question}});
                    let asks = json!({"resultType": "input_required", "inputRequests": wanted});
                    return Ok(Some(asks.to_string()));
                }
                (true, answer) => Some(answer.to_string()),
                (false, _) => Some(server.ask(id, "elicitation/create", &question)),
            };
        }
        let number = {
            let mut all = self.all.lock().unwrap();
            let own = format!("task-{}", all.len() + 1);
            let task = Task {
                status: "working",
                ttl: read["task"].get("ttl").cloned().unwrap_or(json!(60_000)),
                deaf: arguments["deaf"] == true,
                ..Task::default()
            };
            all.insert(own.clone(), task);
            own
        };
        let (worker, own, given) = (server.clone(), number.clone(), arguments.clone());
        thread::spawn(move || {
            if let Some(tasks) = &worker.0.tasks {
                tasks.work(&worker, &own, &given, first);
            }
        });
        let task = self.shown(&number, is_modern).expect("it was just made");
        Ok(Some(match is_modern {
            true => {
                let mut task = task;
                task["resultType"] = json!("task");
                task.to_string()
            }
            false => json!({"task": task, "_meta": {"made": raw("1.50")}}).to_string(),
        }))
    }

    /// Takes its time, asks if it is to, and ends.
    fn work(&self, server: &Server, own: &str, arguments: &Value, first: Option<String>) {
        let ms = arguments["ms"].as_u64().unwrap_or(50);
        thread::sleep(Duration::from_millis(ms));
        if arguments["dies"] == true {
            std::process::exit(7);
        }
        let mut answered = first;
        if arguments["ask"] == true {
            let message = arguments["message"].as_str().unwrap_or("Sure?");
            let question = json!({"message": message, "requestedSchema": {"type": "object"}});
            self.change(server, own, |task| {
                task.status = "input_required";
                task.question = Some(question.clone());
            });
            let all = self.all.lock().unwrap();
            let waits = |all: &mut HashMap<String, Task>| {
                all.get(own)
                    .is_some_and(|it| it.answered.is_none() && it.status == "input_required")
            };
            let (all, _) = self.changed.wait_timeout_while(all, LONG, waits).unwrap();
            answered = all.get(own).and_then(|task| task.answered.clone());
        }
        let end = end(arguments, answered);
        self.change(server, own, |task| {
            if task.status == "cancelled" {
                return;
            }
            task.status = match &end {
                Ok(result) if result["isError"] != true => "completed",
                _ => "failed",
            };
            task.end = Some(end.clone());
        });
    }

    /// Changes a task, and tells whoever listens.
    fn change(&self, server: &Server, own: &str, change: impl FnOnce(&mut Task)) {
        if let Some(task) = self.all.lock().unwrap().get_mut(own) {
            change(task);
        }
        self.changed.notify_all();
        // Over HTTP there is no stream for it.
        if !server.0.has_changes {
            return;
        }
        let listens = server.0.listens.lock().unwrap();
        for (listen, filter) in listens.iter() {
            let ids = filter["taskIds"].as_array();
            if ids.is_some_and(|ids| ids.contains(&json!(own))) {
                let mut task = self.shown(own, true).unwrap_or_default();
                task["_meta"] = json!({"io.modelcontextprotocol/subscriptionId": raw(listen)});
                tell("notifications/tasks", &task);
            }
        }
        if server.0.legacy && !server.0.modern {
            let task = self.shown(own, false).unwrap_or_default();
            tell("notifications/tasks/status", &task);
        }
    }

    fn shown(&self, own: &str, is_modern: bool) -> Result<Value, (i64, String)> {
        let all = self.all.lock().unwrap();
        let unknown = || (-32602, "no such task".to_owned());
        let task = all.get(own).ok_or_else(unknown)?;
        let (ttl, poll) = match is_modern {
            true => ("ttlMs", "pollIntervalMs"),
            false => ("ttl", "pollInterval"),
        };
        let mut shown = json!({"taskId": own, "status": task.status, "x-kept": raw("1.50"),
            "createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z",
            ttl: task.ttl, poll: 50});
        if !is_modern {
            return Ok(shown);
        }
        if let (Some(question), None) = (&task.question, &task.answered) {
            shown["inputRequests"] =
                json!({"k": {"method": "elicitation/create", "params": question}});
        }
        match &task.end {
            Some(Ok(result)) => {
                shown["status"] = json!("completed");
                shown["result"] = result.clone();
            }
            Some(Err((code, message))) => {
                shown["error"] = json!({"code": code, "message": message});
            }
            None => {}
        }
        Ok(shown)
    }

    fn look(&self, own: &str, is_modern: bool) -> Answer {
        Ok(Some(self.shown(own, is_modern)?.to_string()))
    }

    fn cancel(&self, server: &Server, own: &str, is_modern: bool) -> Answer {
        let shown = self.shown(own, is_modern)?;
        let has_ended = ["completed", "failed", "cancelled"]
            .contains(&shown["status"].as_str().unwrap_or_default());
        if has_ended {
            return match is_modern {
                true => Ok(Some("{}".to_owned())),
                false => Err((-32602, "it has ended".to_owned())),
            };
        }
        self.change(server, own, |task| {
            if !task.deaf {
                task.status = "cancelled";
            }
        });
        match is_modern {
            true => Ok(Some("{}".to_owned())),
            false => self.look(own, false),
        }
    }

    fn update(&self, server: &Server, own: &str, answers: &Value) -> Answer {
        self.shown(own, true)?;
        if let Some(answer) = answers.get("k") {
            self.change(server, own, |task| {
                task.status = "working";
                task.answered = Some(answer.to_string());
            });
        }
        Ok(Some("{}".to_owned()))
    }

    /// `tasks/result`: waits for the end, and asks meanwhile.
    fn result(&self, server: &Server, own: &str, id: &str) -> Answer {
        self.shown(own, false)?;
        let related = json!({RELATED: {"taskId": own}});
        tell(
            "notifications/message",
            &json!({"level": "info", "data": "waited for", "_meta": related}),
        );
        let all = self.all.lock().unwrap();
        let idle = |all: &mut HashMap<String, Task>| {
            all.get(own).is_some_and(|task| {
                task.question.is_none() && task.end.is_none() && task.status != "cancelled"
            })
        };
        let (mut all, _) = self.changed.wait_timeout_while(all, LONG, idle).unwrap();
        let question = all.get_mut(own).and_then(|task| task.question.take());
        drop(all);
        if let Some(mut question) = question {
            question["_meta"] = json!({RELATED: {"taskId": own}});
            let answer = server.ask(id, "elicitation/create", &question);
            self.change(server, own, |task| {
                task.status = "working";
                task.answered = Some(answer.clone());
            });
        }
        let all = self.all.lock().unwrap();
        let goes_on = |all: &mut HashMap<String, Task>| {
            all.get(own)
                .is_some_and(|task| task.end.is_none() && task.status != "cancelled")
        };
        let (all, _) = self.changed.wait_timeout_while(all, LONG, goes_on).unwrap();
        match all.get(own).and_then(|task| task.end.clone()) {
            Some(Ok(mut result)) => {
                result["_meta"] = json!({RELATED: {"taskId": own}});
                Ok(Some(result.to_string()))
            }
            Some(Err(error)) => Err(error),
            None => Err((-32603, "it was cancelled".to_owned())),
        }
    }
}

/// What the arguments want to come of it.
fn end(arguments: &Value, answered: Option<String>) -> Result<Value, (i64, String)> {
    if arguments["fail"] == "error" {
        return Err((-32050, "the job broke".to_owned()));
    }
    let text = answered.unwrap_or_else(|| "done".to_owned());
    let mut result = json!({"content": [{"type": "text", "text": text}], "x-kept": raw("1.50")});
    if arguments["link"] == true {
        let link = json!({"type": "resource_link", "uri": "raw://a", "name": "a"});
        result["content"]
            .as_array_mut()
            .expect("content")
            .push(link);
    }
    if arguments["fail"] == "tool" {
        result["isError"] = json!(true);
    }
    Ok(result)
}
