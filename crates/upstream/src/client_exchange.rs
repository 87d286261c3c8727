//! A call's surroundings, as its server may use them.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use durward_core::{
    BoxFuture, Call, Client, Era, LogLevel, Naming, ProtocolError, RawJson, Revision, ServerName,
};
use durward_wire::{
    bridge::tasks::unrelated,
    edit::{self, Change},
    encode,
    headers::HeaderParams,
    member, members,
};

use crate::{Exchange, questions::Questions, settings::May};

const TASKS: &str = durward_wire::bridge::tasks::EXTENSION;

/// One call of a client.
pub(crate) struct ClientExchange<'a> {
    pub(crate) server: &'a ServerName,
    pub(crate) questions: &'a Questions,
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
        questions: &'a Questions,
        may: May,
        call: &'a Call,
        headers: Option<&'a HeaderParams>,
        changes: Vec<(&'static str, Change<'a>)>,
    ) -> Self {
        Self {
            server,
            questions,
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
}

/// The client's capabilities, less what a server may not ask for and what its revision does not have.
fn cut(client: &Client, may: May) -> RawJson {
    let since = |first: Revision| client.revision >= first;
    let is_kept = |key: &str| match key {
        "sampling" => may.sampling,
        "elicitation" => may.elicitation && since(Revision::V2025_06_18),
        "roots" => may.roots,
        // Extensions are the gate's to carry.
        "tasks" | "extensions" | "experimental" => false,
        _ => true,
    };
    let all = &client.capabilities;
    let kept = durward_wire::without(all, |key| !is_kept(key));
    let kept = kept.unwrap_or_else(RawJson::empty_object);
    let kept = if since(Revision::V2025_11_25) {
        kept
    } else {
        plain(&kept)
    };
    match tasks(client) {
        Some(tasks) => {
            let extensions = encode::object(&[(TASKS, &tasks)]);
            edit::changed(&kept, &[("extensions", Change::Set(&extensions))])
        }
        None => kept,
    }
}

/// Sampling had no tools before 2025-11-25, and elicitation no URLs.
fn plain(capabilities: &RawJson) -> RawJson {
    let empty = RawJson::empty_object();
    let refined = |key: &str, value: &RawJson| {
        ["sampling", "elicitation"].contains(&key) && value.as_str() != "{}"
    };
    let changes: Vec<_> = ["sampling", "elicitation"]
        .into_iter()
        .filter(|name| {
            members(capabilities)
                .iter()
                .any(|(key, value)| key == name && refined(key, value))
        })
        .map(|name| (name, Change::Set(&empty)))
        .collect();
    match changes.is_empty() {
        true => capabilities.clone(),
        false => edit::changed(capabilities, &changes),
    }
}

/// What a modern client says of tasks that its calls may become (the extension
/// `io.modelcontextprotocol/tasks`).
pub(crate) fn tasks(client: &Client) -> Option<RawJson> {
    if client.revision.era() != Era::Modern {
        return None;
    }
    member(&member(&client.capabilities, "extensions")?, TASKS)
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
        Box::pin(self.questions.put(self.call, method, params))
    }

    fn came_to_nothing(&self, method: &str, word: &'static str) {
        self.questions
            .came_to_nothing(Some(self.call), method, word);
    }
}

#[cfg(test)]
mod tests {
    use durward_core::Revision;

    use super::*;

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
    fn a_server_hears_of_nothing_that_the_client_s_revision_does_not_have() {
        let all = RawJson::from_static(
            r#"{"sampling":{"tools":{}},"elicitation":{"url":{}},"roots":{},"x":1.0}"#,
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
        for (revision, heard) in [
            (Revision::V2025_11_25, all.as_str()),
            (
                Revision::V2025_06_18,
                r#"{"sampling":{},"elicitation":{},"roots":{},"x":1.0}"#,
            ),
            (
                Revision::V2025_03_26,
                r#"{"sampling":{},"roots":{},"x":1.0}"#,
            ),
        ] {
            let client = Client::new(revision, all.clone(), None);
            assert_eq!(cut(&client, may).as_str(), heard);
        }
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
