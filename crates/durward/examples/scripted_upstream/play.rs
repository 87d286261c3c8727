//! One request, as the script has it.

use std::{collections::BTreeMap, process::exit, sync::mpsc, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    open::{Server, tell},
    script::{PATIENCE, Question, Step},
    way::{Way, lock},
};

/// A request under way.
struct Request<'a> {
    id: &'a str,
    params: &'a str,
    read: &'a Value,
    answers: BTreeMap<String, String>,
    state: Option<String>,
    last_asked: String,
}

impl Request<'_> {
    fn filled(&self, text: &str) -> String {
        let answers = self
            .answers
            .iter()
            .map(|(key, answer)| format!("{}:{answer}", json!(key)));
        let answers = format!("{{{}}}", answers.collect::<Vec<_>>().join(","));
        text.replace(r#""$params""#, self.params)
            .replace(
                r#""$token""#,
                &self.read["_meta"]["progressToken"].to_string(),
            )
            .replace(r#""$answers""#, &answers)
            .replace(r#""$id""#, self.id)
    }
}

impl Server {
    pub(crate) fn play(&self, method: &str, params: &str, read: &Value, id: &str, way: &Way) {
        let end = |member: &str, value: &str| {
            way.say(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"{member}":{value}}}"#
            ));
        };
        let named = read["name"]
            .as_str()
            .or(read["uri"].as_str())
            .unwrap_or_default();
        let script = &self.script.answers;
        let steps = script
            .get(&format!("{method} {named}"))
            .or(script.get(method));
        let Some(steps) = steps else {
            return match self.usual(method) {
                Some(result) => end("result", &result),
                None => end(
                    "error",
                    &json!({"code": -32601, "message": format!("no {method}")}).to_string(),
                ),
            };
        };
        // Another client's request may have had the same id.
        lock(&self.cancelled).remove(id);
        let mut request = Request {
            id,
            params,
            read,
            answers: BTreeMap::new(),
            state: None,
            last_asked: String::new(),
        };
        let steps = match steps.split_first() {
            Some((Step::Before(before), _)) if !*lock(&self.changed) => before.as_slice(),
            Some((Step::Before(_), after)) => after,
            _ => steps.as_slice(),
        };
        for step in steps {
            match step {
                Step::Result(result) => return end("result", &request.filled(result.get())),
                Step::Error(error) => return end("error", &request.filled(error.get())),
                Step::Tell(method, params) => {
                    if !(params.get().contains("$token")
                        && read["_meta"]["progressToken"].is_null())
                    {
                        tell(way, method, &request.filled(params.get()));
                    }
                }
                Step::TellAll(method, params) => {
                    self.tell_all(method, &request.filled(params.get()))
                }
                Step::Ask(questions) if self.is_modern() => {
                    match self.answered(&request, questions) {
                        Ok(answers) => request.answers.extend(answers),
                        Err(wanted) => return end("result", &wanted),
                    }
                }
                Step::Ask(questions) => {
                    let answers = self.ask(way, questions);
                    request.answers.extend(answers);
                }
                Step::AskOnly(question) => {
                    request.last_asked = self.ask_only(way, question).0;
                }
                Step::Withdraw => {
                    let params = format!(r#"{{"requestId":{}}}"#, request.last_asked);
                    tell(way, "notifications/cancelled", &params);
                }
                Step::State(state) => request.state = Some(state.clone()),
                Step::Again(times) => {
                    let mut again = lock(&self.again);
                    if *again < *times {
                        *again += 1;
                        let state = request.state.as_deref().unwrap_or("again");
                        return end(
                            "result",
                            &json!({"resultType": "input_required", "requestState": state})
                                .to_string(),
                        );
                    }
                }
                Step::Sleep(ms) => self.sleep(id, *ms, way),
                Step::Change => *lock(&self.changed) = true,
                Step::Before(_) => panic!("`before` is the first step"),
                Step::Exit(code) => exit(*code),
            }
        }
    }

    /// What a modern client brought, if it is all there; else what is wanted of it.
    fn answered(
        &self,
        request: &Request<'_>,
        questions: &BTreeMap<String, Question>,
    ) -> Result<BTreeMap<String, String>, String> {
        let brought = &request.read["inputResponses"];
        if questions.keys().all(|key| !brought[key].is_null()) {
            let of = |key: &String| (key.clone(), brought[key].to_string());
            return Ok(questions.keys().map(of).collect());
        }
        let wanted = questions.iter().map(|(key, question)| {
            let params = question.params.get();
            format!(
                r#"{}:{{"method":"{}","params":{params}}}"#,
                json!(key),
                question.method
            )
        });
        let wanted = wanted.collect::<Vec<_>>().join(",");
        let state = request
            .state
            .as_ref()
            .map(|state| format!(r#","requestState":{}"#, json!(state)));
        let state = state.unwrap_or_default();
        Err(format!(
            r#"{{"resultType":"input_required","inputRequests":{{{wanted}}}{state}}}"#
        ))
    }

    fn ask(&self, way: &Way, questions: &BTreeMap<String, Question>) -> BTreeMap<String, String> {
        let asked: Vec<_> = questions
            .iter()
            .map(|(key, question)| (key.clone(), self.ask_only(way, question).1))
            .collect();
        let wait = |answer: mpsc::Receiver<String>| {
            answer
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| json!("no answer").to_string())
        };
        asked
            .into_iter()
            .map(|(key, answer)| (key, wait(answer)))
            .collect()
    }

    fn ask_only(&self, way: &Way, question: &Question) -> (String, mpsc::Receiver<String>) {
        let number = {
            let mut questions = lock(&self.questions);
            *questions += 1;
            *questions
        };
        let id = json!(format!("srv-{number}")).to_string();
        let (sender, receiver) = mpsc::channel();
        lock(&self.asked).insert(id.clone(), sender);
        let (method, params) = (&question.method, question.params.get());
        way.say(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#
        ));
        (id, receiver)
    }

    fn sleep(&self, id: &str, ms: u64, way: &Way) {
        for _ in 0..ms.div_ceil(20) {
            if lock(&self.cancelled).contains(id) {
                return;
            }
            if way.is_gone() {
                self.note(&format!(r#"{{"gone":{id}}}"#));
                return;
            }
            thread::sleep(Duration::from_millis(20.min(ms)));
        }
    }
}
