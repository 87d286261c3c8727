//! A call's surroundings, as its server may use them.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use durward_core::{
    AskFault, BoxFuture, Call, Client, Era, LogLevel, Naming, ProtocolError, Question, RawJson,
    ServerName,
};
use durward_wire::{
    bridge::tasks::unrelated,
    code,
    edit::{self, Change},
    encode,
    headers::HeaderParams,
    members,
};

use crate::{Exchange, settings::May};

const TASKS: &str = durward_wire::bridge::tasks::EXTENSION;

/// One call of a client.
pub(crate) struct ClientExchange<'a> {
    pub(crate) server: &'a ServerName,
    pub(crate) may: May,
    pub(crate) call: &'a Call,
    /// What the client can do, less what the server may not ask for.
    pub(crate) capabilities: RawJson,
    pub(crate) headers: Option<&'a HeaderParams>,
    pub(crate) changes: Vec<(&'static str, Change<'a>)>,
}

impl<'a> ClientExchange<'a> {
    pub(crate) fn new(
        server: &'a ServerName,
        may: May,
        call: &'a Call,
        headers: Option<&'a HeaderParams>,
        changes: Vec<(&'static str, Change<'a>)>,
    ) -> Self {
        Self {
            server,
            may,
            call,
            capabilities: cut(&call.client, may),
            headers,
            changes,
        }
    }

    /// Says to a modern server that the call may become a task, whatever its client says.
    pub(crate) fn declare_tasks(&mut self) {
        if tasks(&self.call.client).is_none() {
            let tasks = RawJson::empty_object();
            let extensions = encode::object(&[(TASKS, &tasks)]);
            let change = [("extensions", Change::Set(&extensions))];
            self.capabilities = edit::changed(&self.capabilities, &change);
        }
    }

    /// Puts a question of the server to the client, if it may ask that.
    pub(crate) async fn put(
        &self,
        method: &str,
        params: RawJson,
    ) -> Result<RawJson, ProtocolError> {
        let (question, is_allowed) = match method {
            "elicitation/create" => (Question::Elicit, self.may.elicitation),
            "sampling/createMessage" => (Question::Sample, self.may.sampling),
            "roots/list" => (Question::Roots, self.may.roots),
            _ => {
                return Err(code::error(
                    code::METHOD_NOT_FOUND,
                    format!("`{method}` is no request that a client answers"),
                ));
            }
        };
        let undeclared = || {
            let sentence = format!("the client can't be asked for `{method}` here");
            code::error(code::METHOD_NOT_FOUND, sentence)
        };
        let Some(ask) = self.call.ask.as_ref().filter(|_| is_allowed) else {
            return Err(undeclared());
        };
        let params = said_by(self.server, question, params);
        ask.ask(question, params)
            .await
            .or_else(|fault| match fault {
                AskFault::Undeclared => Err(undeclared()),
                AskFault::ModeUndeclared => Err(code::invalid_params(
                    "the client does not take questions of this mode",
                )),
                AskFault::Refused(error) => Err(error),
                AskFault::Silent | AskFault::Gone => nobody(question),
            })
    }
}

/// What stands for an answer where nobody gave one (protocol.md, section 6.2).
fn nobody(question: Question) -> Result<RawJson, ProtocolError> {
    match question {
        Question::Elicit => Ok(RawJson::from_static(r#"{"action":"cancel"}"#)),
        Question::Sample => Err(code::error(
            code::SAMPLING_REFUSED,
            "nobody answered the request",
        )),
        Question::Roots => Err(code::error(
            code::INTERNAL_ERROR,
            "the client did not answer",
        )),
    }
}

/// The question in words that can't be taken for another server's: who asks is said to people, and a
/// sampling sees nothing of other servers (protocol.md, section 8).
pub(crate) fn said_by(server: &ServerName, question: Question, params: RawJson) -> RawJson {
    // Which task it belongs to is said by the server's own id, which the client does not know.
    let params = unrelated(&params);
    let all = members(&params);
    let get = |name: &str| {
        all.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    match question {
        Question::Elicit => {
            let message = get("message").and_then(|message| message.parse::<String>().ok());
            let message = encode::string(&format!("[{server}] {}", message.unwrap_or_default()));
            edit::changed(&params, &[("message", Change::Set(&message))])
        }
        Question::Sample if get("includeContext").is_some() => {
            let none = RawJson::from_static(r#""none""#);
            edit::changed(&params, &[("includeContext", Change::Set(&none))])
        }
        Question::Sample | Question::Roots => params,
    }
}

/// The client's capabilities, less what a server may not ask for.
fn cut(client: &Client, may: May) -> RawJson {
    let is_kept = |key: &str| match key {
        "sampling" => may.sampling,
        "elicitation" => may.elicitation,
        "roots" => may.roots,
        // Extensions are the gate's to carry.
        "tasks" | "extensions" | "experimental" => false,
        _ => true,
    };
    let all = &client.capabilities;
    let kept = durward_wire::without(all, |key| !is_kept(key));
    let kept = kept.unwrap_or_else(RawJson::empty_object);
    match tasks(client) {
        Some(tasks) => {
            let extensions = encode::object(&[(TASKS, &tasks)]);
            edit::changed(&kept, &[("extensions", Change::Set(&extensions))])
        }
        None => kept,
    }
}

/// What a modern client says of tasks that its calls may become (the extension
/// `io.modelcontextprotocol/tasks`).
pub(crate) fn tasks(client: &Client) -> Option<RawJson> {
    let inner = |object: &RawJson, name: &str| {
        let found = members(object).into_iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    };
    let extensions = inner(&client.capabilities, "extensions")?;
    inner(&extensions, TASKS).filter(|_| client.revision.era() == Era::Modern)
}

impl Exchange for ClientExchange<'_> {
    fn client_capabilities(&self) -> &RawJson {
        &self.capabilities
    }

    fn log_level(&self) -> Option<LogLevel> {
        self.call.level.filter(|_| self.may.logging)
    }

    fn wants_progress(&self) -> bool {
        self.call.wants_progress
    }

    fn caller(&self) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        self.call.caller.id.hash(&mut hasher);
        Some(hasher.finish())
    }

    fn header_params(&self) -> Option<&HeaderParams> {
        self.headers
    }

    fn changes(&self) -> &[(&'static str, Change<'_>)] {
        &self.changes
    }

    fn progress(&self, params: &RawJson) {
        if let Some(notify) = &self.call.notify {
            notify.relay_progress(&unrelated(params));
        }
    }

    fn log(&self, params: &RawJson) {
        let Some(notify) = self.call.notify.as_ref().filter(|_| self.may.logging) else {
            return;
        };
        let params = &unrelated(params);
        let all = members(params);
        let get = |name: &str| {
            all.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        let Some(level) = get("level").and_then(|level| level.parse::<LogLevel>().ok()) else {
            return;
        };
        if self.call.naming == Naming::Own {
            return notify.relay_log(level, params.clone());
        }
        let own = get("logger").and_then(|logger| logger.parse::<String>().ok());
        let logger = match own {
            Some(own) => encode::string(&format!("{}/{own}", self.server)),
            None => encode::string(self.server.as_str()),
        };
        let params = edit::changed(params, &[("logger", Change::Set(&logger))]);
        notify.relay_log(level, params);
    }

    fn ask<'a>(
        &'a self,
        method: &'a str,
        params: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, ProtocolError>> {
        Box::pin(self.put(method, params))
    }
}

#[cfg(test)]
mod tests {
    use durward_core::Revision;

    use super::*;

    #[test]
    fn people_see_which_server_asks_and_sampling_sees_no_other() {
        let crm = ServerName::new("crm").unwrap();
        let said = |question, params| said_by(&crm, question, RawJson::from_static(params));
        assert_eq!(
            said(
                Question::Elicit,
                r#"{"mode":"form","message":"Sure?","x":1.0}"#
            )
            .as_str(),
            r#"{"mode":"form","message":"[crm] Sure?","x":1.0}"#
        );
        assert_eq!(
            said(
                Question::Sample,
                r#"{"messages":[],"includeContext":"allServers"}"#
            )
            .as_str(),
            r#"{"messages":[],"includeContext":"none"}"#
        );
        assert_eq!(
            said(Question::Sample, r#"{ "a":1}"#).as_str(),
            r#"{ "a":1}"#
        );
    }

    #[test]
    fn a_server_hears_only_of_what_it_may_ask_for() {
        let all = RawJson::from_static(
            r#"{"sampling":{"tools":{}},"elicitation":{ },"roots":{},"tasks":{},"x":1.0}"#,
        );
        let none = May {
            tools: true,
            resources: true,
            prompts: true,
            completions: true,
            logging: true,
            sampling: false,
            elicitation: false,
            roots: false,
        };
        let cut = |may| {
            let client = Client::new(Revision::V2026_07_28, all.clone(), None);
            cut(&client, may)
        };
        assert_eq!(cut(none).as_str(), r#"{"x":1.0}"#);
        let may = May {
            elicitation: true,
            ..none
        };
        assert_eq!(cut(may).as_str(), r#"{"elicitation":{ },"x":1.0}"#);
    }

    #[test]
    fn of_extensions_a_server_hears_of_tasks_alone_and_from_modern_clients() {
        let all = RawJson::from_static(
            r#"{"extensions":{"x/y":{},"io.modelcontextprotocol/tasks":{"a":1.0}}}"#,
        );
        let may = May {
            tools: true,
            resources: true,
            prompts: true,
            completions: true,
            logging: true,
            sampling: true,
            elicitation: true,
            roots: true,
        };
        let heard = |revision| cut(&Client::new(revision, all.clone(), None), may);
        assert_eq!(
            heard(Revision::V2026_07_28).as_str(),
            r#"{"extensions":{"io.modelcontextprotocol/tasks":{"a":1.0}}}"#
        );
        assert_eq!(heard(Revision::V2025_11_25).as_str(), "{}");
    }
}
