//! Tasks: what a server works on while its client is elsewhere (the extension `io.modelcontextprotocol/tasks`
//! of MCP 2026-07-28, SEP-2663). The id that a client holds seals the tool, the server's own id and the
//! caller: to anyone else there is no such task, and each look at it is a call of that tool, judged as one.

use durward_core::CallerId;
use durward_core::{
    Client, Era, Operation, ProtocolError, RawJson, Refusal, RefusalCode, Target, ToolName,
};
use durward_wire::{
    code,
    edit::{Change, changed},
    encode,
    scan::{Params, Request, members},
};
use serde::{Deserialize, Serialize};

use crate::{
    endpoint::Endpoint,
    gate::Gate,
    methods::unknown_method,
    request::{Asked, Origin, required},
    standing::Standing,
    walk::{Subject, Walk, recordable_tool},
};

/// The extension's name.
pub(crate) const EXTENSION: &str = "io.modelcontextprotocol/tasks";
const PURPOSE: &str = "task";
/// The spelling of what is sealed.
const FORM: &str = "dwt1.";
/// The longest id that is given or taken: it must fit into a header.
const LONGEST: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Sealed {
    caller: CallerId,
    /// By its name among all servers.
    tool: String,
    /// The server's own id.
    own: Box<str>,
}

/// Does any server have the extension that this caller sees something of here?
pub(crate) fn are_offered(standing: &Standing, endpoint: &Endpoint) -> bool {
    let mut shelves = standing.house().catalogue.shelves().iter();
    shelves.any(|(server, shelf)| {
        let is_here = endpoint.server().is_none_or(|only| only == server);
        is_here
            && standing.view().reaches(server)
            && shelf.capabilities.as_ref().is_some_and(declares)
    })
}

/// Does this client say, in this request, that it can be given a task?
pub(crate) fn are_declared(client: &Client) -> bool {
    client.revision.era() == Era::Modern && declares(&client.capabilities)
}

/// Do these capabilities, a client's or a server's, name the extension?
fn declares(capabilities: &RawJson) -> bool {
    let inner = |object: &RawJson, name: &str| {
        let found = members(object).into_iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    };
    inner(capabilities, "extensions").is_some_and(|all| inner(&all, EXTENSION).is_some())
}

impl Gate {
    /// What `tasks/get`, `tasks/update` and `tasks/cancel` ask to be done.
    pub(crate) fn read_task(
        &self,
        origin: &Origin,
        request: &Request,
    ) -> Result<Asked, ProtocolError> {
        let operation = match request.method.as_str() {
            "tasks/get" => Operation::GetTask,
            "tasks/update" => Operation::UpdateTask,
            _ => Operation::CancelTask,
        };
        let (standing, endpoint) = (&origin.standing, &origin.endpoint);
        if !are_offered(standing, endpoint) {
            return Err(unknown_method(operation.method()));
        }
        if !are_declared(origin.client()) {
            return Err(undeclared());
        }
        let id = required(&request.params, "taskId")?;
        let found = self.open_task(standing, endpoint, &id);
        let (target, subject, task) = match found {
            Some((place, tool, own)) => (Target::Tool(tool), Subject::Tool(place), Some(own)),
            None => (recordable_tool(&id), Subject::Unknown, None),
        };
        Ok(Asked {
            operation,
            target,
            subject,
            arguments: brought(operation, &request.params)?,
            params: request.params.raw().clone(),
            called: Some(id.into()),
            answers: None,
            state: None,
            task,
        })
    }

    /// The tool's place and name, and the server's own id. Forged, another caller's, of a tool that is no
    /// longer there or not at this endpoint: all alike.
    fn open_task(
        &self,
        standing: &Standing,
        endpoint: &Endpoint,
        id: &str,
    ) -> Option<(usize, ToolName, Box<str>)> {
        let token = id.strip_prefix(FORM).filter(|_| id.len() <= LONGEST)?;
        let sealed: Sealed = serde_json::from_slice(&self.sealer().open(PURPOSE, token)?).ok()?;
        let catalogue = &standing.house().catalogue;
        let place = catalogue.find_tool(&sealed.tool)?;
        let entry = &catalogue.tools()[place];
        let server = entry.provider.server()?;
        let is_here = endpoint.server().is_none_or(|only| only == server);
        (is_here && sealed.caller == standing.caller().id).then_some((
            place,
            entry.tool.name.clone(),
            sealed.own,
        ))
    }
}

/// What a task is brought, for the record and the judges.
fn brought(operation: Operation, params: &Params) -> Result<RawJson, ProtocolError> {
    if operation != Operation::UpdateTask {
        return Ok(RawJson::empty_object());
    }
    let responses = params
        .object("inputResponses")?
        .ok_or_else(|| code::invalid_params("`inputResponses` is missing"))?;
    Ok(encode::object(&[("inputResponses", &responses)]))
}

/// A task that a server made of a call, under an id of ours.
pub(crate) fn given(walk: &Walk<'_>, task: &RawJson) -> Result<RawJson, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Made {
        task_id: Box<str>,
    }
    let unsound = || {
        let sentence = "The server made a task of the call, and its id can't be used.";
        Refusal::new(RefusalCode::Unavailable, sentence).detail("task_id")
    };
    let Target::Tool(tool) = &walk.call.target else {
        return Err(unsound());
    };
    let made: Made = task.parse().map_err(|_| unsound())?;
    let sealed = Sealed {
        caller: walk.call.caller.id.clone(),
        tool: tool.to_string(),
        own: made.task_id,
    };
    let id = serde_json::to_vec(&sealed)
        .ok()
        .and_then(|text| walk.gate.sealer().seal(PURPOSE, &text))
        .map(|token| format!("{FORM}{token}"))
        .filter(|id| id.len() <= LONGEST)
        .ok_or_else(unsound)?;
    Ok(encode::replaced(task, "taskId", &encode::string(&id)))
}

/// What a server says of a task, under the id that the client knows it by.
pub(crate) fn shown(walk: &Walk<'_>, said: RawJson) -> RawJson {
    let has_id = members(&said).iter().any(|(key, _)| key == "taskId");
    match walk.called.as_deref().filter(|_| has_id) {
        Some(id) => changed(&said, &[("taskId", Change::Set(&encode::string(id)))]),
        None => said,
    }
}

fn undeclared() -> ProtocolError {
    code::error_with_data(
        code::MISSING_REQUIRED_CLIENT_CAPABILITY,
        format!("declare the extension `{EXTENSION}` in `_meta` of this request"),
        RawJson::from_static(
            r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#,
        ),
    )
}
