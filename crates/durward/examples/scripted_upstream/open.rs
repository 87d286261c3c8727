//! The server: what it is by itself, before the script says more.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::Write,
    sync::{Mutex, mpsc},
};

use serde_json::{Value, json, value::RawValue};

use crate::{
    script::{Message, Script},
    way::{Way, lock},
};

pub(crate) const MODERN: &str = "2026-07-28";

/// Said of each one who hears what belongs to no request.
const LISTENED: &str = r#"{"listened": true}"#;

pub(crate) struct Server {
    pub(crate) script: Script,
    record: Mutex<File>,
    /// Who hears what belongs to no request.
    listeners: Mutex<Vec<Listener>>,
    pub(crate) asked: Mutex<HashMap<String, mpsc::Sender<String>>>,
    pub(crate) cancelled: Mutex<HashSet<String>>,
    /// How many there were, so that ids are used once.
    pub(crate) questions: Mutex<u64>,
    pub(crate) again: Mutex<usize>,
    pub(crate) changed: Mutex<bool>,
}

/// One who hears what belongs to no request.
struct Listener {
    way: Way,
    /// Of a `subscriptions/listen`: its id and what it wants.
    listen: Option<(String, Value)>,
}

impl Server {
    pub(crate) fn new(script: Script, record: File) -> Self {
        Self {
            script,
            record: Mutex::new(record),
            listeners: Mutex::default(),
            asked: Mutex::default(),
            cancelled: Mutex::default(),
            questions: Mutex::default(),
            again: Mutex::default(),
            changed: Mutex::default(),
        }
    }

    pub(crate) fn is_modern(&self) -> bool {
        self.script.era == "modern"
    }

    /// Keeps a line for the test.
    pub(crate) fn note(&self, line: &str) {
        let line = format!("{line}\n");
        lock(&self.record)
            .write_all(line.as_bytes())
            .expect("a line of the record");
    }

    /// Whatever belongs to no request goes there from now on.
    pub(crate) fn listen(&self, way: &Way) {
        if !self.is_modern() {
            let way = way.clone();
            lock(&self.listeners).push(Listener { way, listen: None });
            self.note(LISTENED);
        }
    }

    /// Takes a message. True where its answer is still to come, on a stream that stays open.
    pub(crate) fn take(&self, message: &Message, way: &Way) -> bool {
        let params = message.params.as_deref().map_or("{}", RawValue::get);
        let read: Value = serde_json::from_str(params).expect("params");
        match (&message.method, &message.id) {
            (Some(method), Some(id)) => {
                if method == "subscriptions/listen" && self.is_modern() {
                    self.acknowledge(id.get(), &read["notifications"], way);
                    return true;
                }
                self.play(method, params, &read, id.get(), way);
            }
            (Some(method), None) if method == "notifications/cancelled" => {
                let id = read["requestId"].to_string();
                lock(&self.listeners)
                    .retain(|it| it.listen.as_ref().is_none_or(|(own, _)| *own != id));
                lock(&self.cancelled).insert(id);
            }
            (Some(_), None) | (None, None) => {}
            (None, Some(id)) => {
                let answer = message.result.as_ref().or(message.error.as_ref());
                let asked = lock(&self.asked).remove(id.get());
                if let (Some(asked), Some(answer)) = (asked, answer) {
                    let _ = asked.send(answer.get().to_owned());
                }
            }
        }
        false
    }

    fn acknowledge(&self, id: &str, filter: &Value, way: &Way) {
        let params = json!({"notifications": filter, "_meta": subscription(id)});
        tell(
            way,
            "notifications/subscriptions/acknowledged",
            &params.to_string(),
        );
        let listen = Some((id.to_owned(), filter.clone()));
        let way = way.clone();
        lock(&self.listeners).push(Listener { way, listen });
        self.note(LISTENED);
    }

    /// Tells all who listen for it.
    pub(crate) fn tell_all(&self, method: &str, params: &str) {
        let listeners = lock(&self.listeners);
        for Listener { way, listen } in listeners.iter() {
            let Some((id, filter)) = listen else {
                tell(way, method, params);
                continue;
            };
            let mut params: Value = serde_json::from_str(params).expect("params");
            let lists = [
                ("tools", "toolsListChanged"),
                ("prompts", "promptsListChanged"),
                ("resources", "resourcesListChanged"),
            ];
            let is_list = lists.iter().any(|(list, wanted)| {
                method == format!("notifications/{list}/list_changed") && filter[*wanted] == true
            });
            let uris = filter["resourceSubscriptions"].as_array();
            let is_uri = uris.is_some_and(|uris| uris.contains(&params["uri"]));
            if is_list || is_uri {
                params["_meta"] = subscription(id);
                tell(way, method, &params.to_string());
            }
        }
    }

    /// What it says where the script says nothing.
    pub(crate) fn usual(&self, method: &str) -> Option<String> {
        let capabilities = self.script.capabilities.get();
        let said = self.script.instructions.as_ref();
        let instructions = said.map(|text| format!(r#","instructions":{}"#, json!(text)));
        let instructions = instructions.unwrap_or_default();
        let is_modern = self.is_modern();
        Some(match method {
            "server/discover" if is_modern => format!(
                r#"{{"resultType":"complete","supportedVersions":["{MODERN}"],"capabilities":{capabilities},"ttlMs":1000,"cacheScope":"public"{instructions}}}"#
            ),
            "initialize" if !is_modern => format!(
                r#"{{"protocolVersion":"{}","capabilities":{capabilities},"serverInfo":{{"name":"scripted","version":"1"}}{instructions}}}"#,
                self.script.revision
            ),
            "tools/list" => format!(
                r#"{{"tools":[{}]{}}}"#,
                self.tools().join(","),
                self.fresh()
            ),
            "prompts/list" => format!(r#"{{"prompts":[]{}}}"#, self.fresh()),
            "resources/list" => format!(r#"{{"resources":[]{}}}"#, self.fresh()),
            "resources/templates/list" => format!(r#"{{"resourceTemplates":[]{}}}"#, self.fresh()),
            "ping" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe"
                if !is_modern =>
            {
                "{}".to_owned()
            }
            _ => return None,
        })
    }

    fn fresh(&self) -> &'static str {
        match self.is_modern() {
            true => r#","resultType":"complete","ttlMs":60000,"cacheScope":"public""#,
            false => "",
        }
    }

    fn tools(&self) -> Vec<String> {
        let given: BTreeMap<String, String> = self
            .script
            .tools
            .iter()
            .map(|tool| {
                let read: Value = serde_json::from_str(tool.get()).expect("a tool");
                (
                    read["name"].as_str().unwrap_or_default().to_owned(),
                    tool.get().to_owned(),
                )
            })
            .collect();
        let called = self
            .script
            .answers
            .keys()
            .filter_map(|key| key.strip_prefix("tools/call "));
        let plain = called
            .filter(|name| !given.contains_key(*name))
            .map(|name| json!({"name": name, "inputSchema": {"type": "object"}}).to_string());
        plain.chain(given.values().cloned()).collect()
    }
}

pub(crate) fn tell(way: &Way, method: &str, params: &str) {
    way.say(&format!(
        r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#
    ));
}

fn subscription(id: &str) -> Value {
    let id: Value = serde_json::from_str(id).expect("an id");
    json!({"io.modelcontextprotocol/subscriptionId": id})
}
