//! Tasks in the words of two eras: part of the core in 2025-11-25 (basic/utilities/tasks), an extension of
//! 2026-07-28 (`io.modelcontextprotocol/tasks`, SEP-2663). Between the rooms a task has the modern shape.

use durward_core::{ProtocolError, RawJson};

use crate::{
    code,
    edit::{Change, changed},
    encode,
    scan::{member, members, without},
};

/// The extension's name.
pub const EXTENSION: &str = "io.modelcontextprotocol/tasks";
/// The member of a legacy `_meta` that says which task a message belongs to.
pub const RELATED: &str = "io.modelcontextprotocol/related-task";

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It goes on.
    Working,
    /// It waits for answers of its client.
    InputRequired,
    /// It has a result.
    Completed,
    /// It ended in an error.
    Failed,
    /// It was given up.
    Cancelled,
}

impl Status {
    /// The word in both eras.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Does nothing come after it?
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// What a tool of a legacy server says of tasks (`execution.taskSupport`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Support {
    /// Its calls never become tasks.
    #[default]
    Forbidden,
    /// They do where the client wants it.
    Optional,
    /// They do always.
    Required,
}

/// What a tool's definition says.
pub fn support(definition: &RawJson) -> Support {
    let said = member(definition, "execution").and_then(|it| member(&it, "taskSupport"));
    match said.as_ref().map(RawJson::as_str) {
        Some(r#""optional""#) => Support::Optional,
        Some(r#""required""#) => Support::Required,
        _ => Support::Forbidden,
    }
}

/// Do these capabilities, a client's or a server's, name the extension?
pub fn has_extension(capabilities: &RawJson) -> bool {
    member(capabilities, "extensions").is_some_and(|all| member(&all, EXTENSION).is_some())
}

/// Do these capabilities of a server say that calls of its tools can be legacy tasks
/// (`tasks.requests.tools.call`)?
pub fn has_legacy(capabilities: &RawJson) -> bool {
    let path = ["tasks", "requests", "tools", "call"];
    let mut at = Some(capabilities.clone());
    for key in path {
        at = at.and_then(|it| member(&it, key));
    }
    at.is_some()
}

/// How far this task has come; `None` where it says nothing that is known.
pub fn status(task: &RawJson) -> Option<Status> {
    let said = member(task, "status")?;
    [
        Status::Working,
        Status::InputRequired,
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
    ]
    .into_iter()
    .find(|status| said.as_str().trim_matches('"') == status.as_str())
}

/// The task's id.
pub fn id(task: &RawJson) -> Option<String> {
    member(task, "taskId")?.parse().ok()
}

/// What a legacy server made of a call (`CreateTaskResult`), in the modern shape; `None` where it is no task.
pub fn created(result: &RawJson) -> Option<RawJson> {
    let task = member(result, "task")?;
    id(&task)?;
    let kind = RawJson::from_static(r#""task""#);
    let mut changes = vec![("resultType", Change::Set(&kind))];
    let meta = member(result, "_meta");
    changes.extend(meta.as_ref().map(|meta| ("_meta", Change::Set(meta))));
    Some(changed(&to_modern(&task), &changes))
}

/// A legacy task in the modern shape.
pub fn to_modern(task: &RawJson) -> RawJson {
    let task = renamed(
        task,
        &[("ttl", "ttlMs"), ("pollInterval", "pollIntervalMs")],
    );
    let unlimited = RawJson::from_static("null");
    match member(&task, "ttlMs") {
        Some(_) => task,
        None => changed(&task, &[("ttlMs", Change::Set(&unlimited))]),
    }
}

/// A modern task as 2025-11-25 has it: without what only `tasks/result` gives there, and `failed` where its
/// result is an error of the tool's.
pub fn to_legacy(task: &RawJson) -> RawJson {
    let failed = RawJson::from_static(r#""failed""#);
    let is_error = member(task, "result")
        .and_then(|result| member(&result, "isError"))
        .is_some_and(|is_error| is_error.as_str() == "true");
    let mut changes: Vec<_> = ["resultType", "result", "error", "inputRequests"]
        .map(|name| (name, Change::Drop))
        .into();
    if is_error && status(task) == Some(Status::Completed) {
        changes.push(("status", Change::Set(&failed)));
    }
    let task = changed(task, &changes);
    renamed(
        &task,
        &[("ttlMs", "ttl"), ("pollIntervalMs", "pollInterval")],
    )
}

/// The task with the end that it came to.
pub fn ended(task: &RawJson, end: Result<&RawJson, &ProtocolError>) -> RawJson {
    let (status, name, value) = match end {
        Ok(result) => (Status::Completed, "result", result.clone()),
        Err(error) => (Status::Failed, "error", error_object(error)),
    };
    let status = encode::string(status.as_str());
    changed(
        task,
        &[
            ("status", Change::Set(&status)),
            (name, Change::Set(&value)),
        ],
    )
}

/// The error that ended a task, as its `error` says.
pub fn error_of(task: &RawJson) -> ProtocolError {
    let error = member(task, "error").unwrap_or_else(RawJson::empty_object);
    let read = |name| member(&error, name);
    ProtocolError {
        code: read("code")
            .and_then(|code| code.parse().ok())
            .unwrap_or(code::INTERNAL_ERROR),
        message: read("message")
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| "the task failed".to_owned()),
        data: read("data"),
    }
}

/// The message without the word which task it belongs to.
pub fn unrelated(message: &RawJson) -> RawJson {
    if memchr::memmem::find(message.bytes(), b"/related-task").is_none() {
        return message.clone();
    }
    let Some(meta) = member(message, "_meta") else {
        return message.clone();
    };
    let rest = without(&meta, |key| key == RELATED);
    let change = rest.as_ref().map_or(Change::Drop, Change::Set);
    changed(message, &[("_meta", change)])
}

/// The message with the word that it belongs to this task.
pub fn related(message: &RawJson, id: &str) -> RawJson {
    let meta = member(message, "_meta").filter(|meta| meta.as_str().starts_with('{'));
    let meta = meta.unwrap_or_else(RawJson::empty_object);
    let task = encode::object(&[("taskId", &encode::string(id))]);
    let meta = changed(&meta, &[(RELATED, Change::Set(&task))]);
    changed(message, &[("_meta", Change::Set(&meta))])
}

fn error_object(error: &ProtocolError) -> RawJson {
    let code = RawJson::of(&error.code).unwrap_or_else(|_| RawJson::from_static("-32603"));
    let message = encode::string(&error.message);
    let mut members = vec![("code", &code), ("message", &message)];
    members.extend(error.data.as_ref().map(|data| ("data", data)));
    encode::object(&members)
}

/// The object with other names for some members, in their order.
fn renamed(object: &RawJson, names: &[(&str, &str)]) -> RawJson {
    let all = members(object);
    if !all
        .iter()
        .any(|(key, _)| names.iter().any(|(old, _)| key == old))
    {
        return object.clone();
    }
    let name = |key: &str| {
        let new = names.iter().find(|(old, _)| *old == key);
        new.map_or_else(|| key.to_owned(), |(_, new)| (*new).to_owned())
    };
    let all: Vec<_> = all
        .into_iter()
        // A member of the other era's name would stand there twice.
        .filter(|(key, _)| !names.iter().any(|(_, new)| key == new))
        .map(|(key, value)| (name(&key), value))
        .collect();
    let all: Vec<_> = all
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    encode::object(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &'static str) -> RawJson {
        RawJson::from_static(text)
    }

    #[test]
    fn a_task_keeps_what_both_eras_have() {
        let legacy =
            raw(r#"{"taskId":"a","x":1.50,"status":"working","ttl":6e4,"pollInterval":5}"#);
        let modern = to_modern(&legacy);
        assert_eq!(
            modern.as_str(),
            r#"{"taskId":"a","x":1.50,"status":"working","ttlMs":6e4,"pollIntervalMs":5}"#
        );
        assert_eq!(to_legacy(&modern), legacy);
        assert_eq!(
            to_modern(&raw(r#"{"taskId":"a"}"#)).as_str(),
            r#"{"taskId":"a","ttlMs":null}"#
        );
    }

    #[test]
    fn what_a_legacy_server_made_of_a_call_is_flat() {
        let made = raw(r#"{"task":{"taskId":"a","ttl":null},"_meta":{"m":1.0}}"#);
        assert_eq!(
            created(&made).unwrap().as_str(),
            r#"{"taskId":"a","ttlMs":null,"resultType":"task","_meta":{"m":1.0}}"#
        );
        assert_eq!(created(&raw(r#"{"content":[]}"#)), None);
        assert_eq!(created(&raw(r#"{"task":{}}"#)), None);
    }

    #[test]
    fn a_tool_s_error_is_a_failure_before_2026_and_none_after() {
        let modern =
            raw(r#"{"taskId":"a","status":"completed","result":{"isError":true},"ttlMs":1}"#);
        assert_eq!(
            to_legacy(&modern).as_str(),
            r#"{"taskId":"a","status":"failed","ttl":1}"#
        );
        let legacy = raw(r#"{"taskId":"a","status":"failed"}"#);
        assert_eq!(
            ended(&legacy, Ok(&raw(r#"{"isError":true}"#))).as_str(),
            r#"{"taskId":"a","status":"completed","result":{"isError":true}}"#
        );
        let error = code::error_with_data(-5, "no", raw("1.0"));
        let failed = ended(&legacy, Err(&error));
        assert_eq!(
            failed.as_str(),
            r#"{"taskId":"a","status":"failed","error":{"code":-5,"message":"no","data":1.0}}"#
        );
        let read = error_of(&failed);
        assert_eq!((read.code, read.message.as_str()), (-5, "no"));
        assert_eq!(error_of(&legacy).code, code::INTERNAL_ERROR);
    }

    #[test]
    fn which_task_a_message_belongs_to_is_said_and_unsaid() {
        let own = raw(
            r#"{"_meta":{"a":1.0,"io.modelcontextprotocol/related-task":{"taskId":"up"}},"b":2}"#,
        );
        let bare = unrelated(&own);
        assert_eq!(bare.as_str(), r#"{"_meta":{"a":1.0},"b":2}"#);
        let ours = related(&own, "dw");
        assert_eq!(
            ours.as_str(),
            r#"{"_meta":{"a":1.0,"io.modelcontextprotocol/related-task":{"taskId":"dw"}},"b":2}"#
        );
        let only = raw(r#"{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"up"}}}"#);
        assert_eq!(unrelated(&only).as_str(), "{}");
        assert_eq!(unrelated(&raw(r#"{ "b":2}"#)).as_str(), r#"{ "b":2}"#);
    }

    #[test]
    fn capabilities_and_tools_say_who_has_tasks() {
        let modern = raw(r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#);
        let legacy = raw(r#"{"tasks":{"requests":{"tools":{"call":{}}}}}"#);
        let other = raw(r#"{"tasks":{"list":{}}}"#);
        assert!(has_extension(&modern) && !has_extension(&legacy));
        assert!(has_legacy(&legacy) && !has_legacy(&modern) && !has_legacy(&other));
        for (definition, wanted) in [
            ("{}", Support::Forbidden),
            (
                r#"{"execution":{"taskSupport":"optional"}}"#,
                Support::Optional,
            ),
            (
                r#"{"execution":{"taskSupport":"required"}}"#,
                Support::Required,
            ),
            (r#"{"execution":{"taskSupport":"x"}}"#, Support::Forbidden),
        ] {
            assert_eq!(support(&raw(definition)), wanted);
        }
        assert_eq!(
            status(&raw(r#"{"status":"cancelled"}"#)),
            Some(Status::Cancelled)
        );
        assert_eq!(status(&raw(r#"{"status":"x"}"#)), None);
    }
}
