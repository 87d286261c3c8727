//! Tasks: what a server works on while its client is elsewhere (the extension `io.modelcontextprotocol/tasks`
//! of MCP 2026-07-28, SEP-2663; basic/utilities/tasks of 2025-11-25). Within the gate a task has the modern
//! shape. The id that a client holds seals the tool, the server's own id and the caller: to anyone else there
//! is no such task, and each look at it is a call of that tool, judged as one.

mod followed;
mod held;
mod kept;
pub(crate) mod legacy;
mod look;

use durward_core::{
    CallerId, Client, Era, Operation, ProtocolError, RawJson, Refusal, RefusalCode, Shown, Target,
    ToolName,
};
use durward_wire::{
    bridge::tasks::{self, Support},
    code,
    edit::{Change, changed},
    encode,
    scan::{Params, Request},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    catalogue::Catalogue,
    endpoint::Endpoint,
    gate::Gate,
    methods::unknown_method,
    request::{Asked, Origin, required},
    standing::Standing,
    walk::{Subject, Walk, recordable_tool},
};

pub(crate) use followed::Followed;
pub(crate) use held::Holds;
pub(crate) use kept::Kept;
pub(crate) use look::look;

const PURPOSE: &str = "task";
/// The spelling of what is sealed.
const FORM: &str = "dwt1.";
/// The longest id that is given or taken: it must fit into a header.
const LONGEST: usize = 4096;

/// What a call has to do with tasks.
#[derive(Default)]
pub(crate) enum Part {
    /// Nothing, as far as its client says.
    #[default]
    None,
    /// It is to become one.
    Wants(legacy::Wanted),
    /// It is about one.
    Of(Place),
}

/// Where a task is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Place {
    /// At its server, by the server's own id; of a legacy client's, also what is remembered of it here.
    Served { own: Box<str>, entry: Option<Uuid> },
    /// Here alone: its call was answered at once.
    Kept(Uuid),
}

impl Part {
    /// The server's own id of the task that the call is about.
    pub(crate) fn own(&self) -> Option<Box<str>> {
        match self {
            Self::Of(place) => place.own().map(Box::from),
            Self::None | Self::Wants(_) => None,
        }
    }
}

impl Place {
    /// The server's own id.
    pub(crate) fn own(&self) -> Option<&str> {
        match self {
            Self::Served { own, .. } => Some(own),
            Self::Kept(_) => None,
        }
    }

    /// What is remembered of it, by its name.
    fn entry(&self) -> Option<Uuid> {
        match self {
            Self::Served { entry, .. } => *entry,
            Self::Kept(entry) => Some(*entry),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    caller: CallerId,
    /// By its name among all servers.
    tool: String,
    place: Place,
}

/// Does any server have tasks that this caller sees something of here?
pub(crate) fn are_offered(standing: &Standing, endpoint: &Endpoint) -> bool {
    let mut shelves = standing.house().catalogue.shelves().iter();
    shelves.any(|(server, shelf)| {
        let is_here = endpoint.server().is_none_or(|only| only == server);
        is_here && shelf.tasks.is_some() && standing.view().reaches(server)
    })
}

/// May calls of the tool at this place become tasks?
pub(crate) fn support(catalogue: &Catalogue, place: usize) -> Support {
    let entry = &catalogue.tools()[place];
    let shelf = entry
        .provider
        .server()
        .and_then(|server| catalogue.shelves().get(server));
    match (shelf.and_then(|shelf| shelf.tasks), &entry.tool.shown) {
        // A modern server decides it itself.
        (Some(Era::Modern), _) => Support::Optional,
        (Some(Era::Legacy), Shown::Given(given)) => tasks::support(&given.definition),
        _ => Support::Forbidden,
    }
}

/// Does this client say, in this request, that it can be given a task?
pub(crate) fn are_declared(client: &Client) -> bool {
    client.revision.era() == Era::Modern && tasks::has_extension(&client.capabilities)
}

impl Gate {
    /// What `tasks/get`, `tasks/update`, `tasks/cancel` and `tasks/result` ask to be done.
    pub(crate) fn read_task(
        &self,
        origin: &Origin,
        request: &Request,
    ) -> Result<Asked, ProtocolError> {
        let operation = match request.method.as_str() {
            "tasks/get" => Operation::GetTask,
            "tasks/update" => Operation::UpdateTask,
            "tasks/result" => Operation::AwaitTask,
            _ => Operation::CancelTask,
        };
        let is_there = match origin.era() {
            Era::Modern => are_offered(&origin.standing, &origin.endpoint),
            Era::Legacy => legacy::are_for(origin),
        };
        if !is_there {
            return Err(unknown_method(operation.method()));
        }
        if origin.era() == Era::Modern && !are_declared(origin.client()) {
            return Err(undeclared());
        }
        let id = required(&request.params, "taskId")?;
        let params = &request.params;
        Ok(Asked {
            arguments: brought(operation, params)?,
            params: params.raw().clone(),
            ..self.of_task(origin, operation, &id)
        })
    }

    /// Something to be done with the task of this id.
    pub(crate) fn of_task(&self, origin: &Origin, operation: Operation, id: &str) -> Asked {
        let (target, subject, part) = match self.open_task(origin, id) {
            Some((place, tool, part)) => (Target::Tool(tool), Subject::Tool(place), Part::Of(part)),
            None => (recordable_tool(id), Subject::Unknown, Part::None),
        };
        Asked {
            operation,
            target,
            subject,
            arguments: RawJson::empty_object(),
            params: encode::object(&[("taskId", &encode::string(id))]),
            called: Some(id.into()),
            answers: None,
            state: None,
            part,
        }
    }

    /// The tool's place and name, and where the task is. Forged, another caller's, of a tool that is no
    /// longer there or not at this endpoint: all alike.
    fn open_task(&self, origin: &Origin, id: &str) -> Option<(usize, ToolName, Place)> {
        let token = id.strip_prefix(FORM).filter(|_| id.len() <= LONGEST)?;
        let sealed: Sealed = serde_json::from_slice(&self.sealer().open(PURPOSE, token)?).ok()?;
        let catalogue = &origin.standing.house().catalogue;
        let place = catalogue.find_tool(&sealed.tool)?;
        let entry = &catalogue.tools()[place];
        let server = entry.provider.server()?;
        let is_here = origin.endpoint.server().is_none_or(|only| only == server);
        (is_here && sealed.caller == origin.standing.caller().id).then_some((
            place,
            entry.tool.name.clone(),
            sealed.place,
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

/// The id that this call's client gets for a task.
fn sealed(walk: &Walk<'_>, place: Place) -> Result<String, Refusal> {
    let Target::Tool(tool) = &walk.call.target else {
        return Err(unsound());
    };
    let sealed = Sealed {
        caller: walk.call.caller.id.clone(),
        tool: tool.to_string(),
        place,
    };
    serde_json::to_vec(&sealed)
        .ok()
        .and_then(|text| walk.gate.sealer().seal(PURPOSE, &text))
        .map(|token| format!("{FORM}{token}"))
        .filter(|id| id.len() <= LONGEST)
        .ok_or_else(unsound)
}

fn unsound() -> Refusal {
    let sentence = "The server made a task of the call, and its id can't be used.";
    Refusal::new(RefusalCode::Unavailable, sentence).detail("task_id")
}

/// A task that a server made of a modern client's call, under an id of ours.
pub(crate) fn given(walk: &Walk<'_>, task: &RawJson) -> Result<RawJson, Refusal> {
    let own = tasks::id(task).ok_or_else(unsound)?.into();
    let id = sealed(walk, Place::Served { own, entry: None })?;
    Ok(named(task, &id))
}

/// The task under this id.
fn named(task: &RawJson, id: &str) -> RawJson {
    changed(task, &[("taskId", Change::Set(&encode::string(id)))])
}

pub(crate) fn undeclared() -> ProtocolError {
    code::error_with_data(
        code::MISSING_REQUIRED_CLIENT_CAPABILITY,
        format!(
            "declare the extension `{}` in `_meta` of this request",
            tasks::EXTENSION
        ),
        RawJson::from_static(
            r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#,
        ),
    )
}
