//! What becomes a call: tools, resources, prompts, completions.

use std::{borrow::Cow, sync::Arc};

use durward_core::{Located, Operation, ProtocolError, RawJson, Shown, Target};
use durward_guard::{names, policy::Decision, uri};
use durward_wire::scan::{Params, Request};
use serde::Deserialize;

use crate::{
    catalogue::Covered,
    endpoint::Endpoint,
    methods::{invalid, unknown_method},
    request::{Asked, Origin, required},
    standing::Standing,
    tasks::Part,
    updates::about,
    view::{ListKind, judge_place},
    walk::{Subject, recordable_tool},
};

/// What a request asks to be done.
pub(crate) fn read(origin: &Origin, request: &Request) -> Result<Asked, ProtocolError> {
    let (standing, endpoint) = (&origin.standing, &origin.endpoint);
    let params = &request.params;
    match request.method.as_str() {
        "tools/call" => tool(standing, endpoint, params),
        "resources/read" => resource(standing, endpoint, params),
        "prompts/get" => prompt(standing, endpoint, params),
        "completion/complete" => completion(standing, endpoint, params),
        other => Err(unknown_method(other)),
    }
}

/// `tools/call`.
pub(crate) fn tool(
    standing: &Standing,
    endpoint: &Endpoint,
    params: &Params,
) -> Result<Asked, ProtocolError> {
    let name = required(params, "name")?;
    let arguments = object(params, "arguments")?;
    let catalogue = &standing.house().catalogue;
    let (target, subject) = match catalogue.find_tool_at(endpoint, &name) {
        Some(place) => {
            let name = catalogue.tools()[place].tool.name.clone();
            (Target::Tool(name), Subject::Tool(place))
        }
        None => (recordable_tool(&name), Subject::Unknown),
    };
    let called = (target.name() != name).then(|| name.into());
    Ok(Asked {
        operation: Operation::CallTool,
        target,
        subject,
        arguments,
        params: params.raw().clone(),
        called,
        answers: answers(params)?,
        state: state(params)?,
        part: Part::None,
    })
}

/// `resources/read`.
pub(crate) fn resource(
    standing: &Standing,
    endpoint: &Endpoint,
    params: &Params,
) -> Result<Asked, ProtocolError> {
    let uri = required(params, "uri")?;
    Ok(Asked {
        params: params.raw().clone(),
        answers: answers(params)?,
        state: state(params)?,
        ..of_resource(standing, endpoint, &uri, Operation::ReadResource)
    })
}

/// A resource, listed or covered by a template, under the name that its provider has for it.
pub(crate) fn of_resource(
    standing: &Standing,
    endpoint: &Endpoint,
    uri: &str,
    operation: Operation,
) -> Asked {
    let catalogue = &standing.house().catalogue;
    let exposed = exposed_uri(standing, endpoint, uri);
    let covered = catalogue.cover(&exposed, None);
    let name = match &covered {
        Some(Covered {
            place: Ok(place), ..
        }) => Arc::clone(&place.uri),
        _ => exposed.as_ref().into(),
    };
    let subject = match (catalogue.resources().get(name.as_ref()), covered) {
        (Some(entry), _) => Subject::Listed(Arc::clone(&entry.provider)),
        (None, Some(covered)) => Subject::Covered(covered),
        (None, None) => Subject::Unknown,
    };
    let called = (name.as_ref() != uri).then(|| uri.into());
    Asked {
        operation,
        target: Target::Resource(name),
        subject,
        arguments: RawJson::empty_object(),
        params: about(uri),
        called,
        answers: None,
        state: None,
        part: Part::None,
    }
}

/// What a URI of this client is called among all servers. Without its server's name it is taken where one
/// server alone lists it, or gave it to this caller.
pub(crate) fn exposed_uri<'a>(
    standing: &Standing,
    endpoint: &Endpoint,
    uri: &'a str,
) -> Cow<'a, str> {
    let catalogue = &standing.house().catalogue;
    if let Some(exposed) = catalogue.on_shelf(endpoint, ListKind::Resources, uri) {
        return Cow::Owned(exposed.to_owned());
    }
    if *endpoint == Endpoint::Merged && catalogue.place(uri, None).is_none() {
        let is_denied =
            |decision: Option<&Decision>| matches!(decision, None | Some(Decision::Deny { .. }));
        let mut leads = catalogue.shelves().iter().filter_map(|(server, shelf)| {
            if let Some(exposed) = shelf.exposed(ListKind::Resources, uri) {
                let is_seen = !is_denied(standing.view().resource(exposed));
                return is_seen.then(|| exposed.to_string());
            }
            if !shelf.provider.gave(&standing.caller().id, uri) {
                return None;
            }
            let exposed = names::exposed_uri(server, uri).ok()?;
            let place = Located {
                uri: exposed.as_str().into(),
                also: Vec::new(),
            };
            let (policy, roles) = (&standing.house().settings.policy, &standing.caller().roles);
            let decision = judge_place(policy, roles, shelf.provider.as_ref(), &place);
            (!is_denied(Some(&decision))).then_some(exposed)
        });
        if let (Some(only), None) = (leads.next(), leads.next()) {
            return Cow::Owned(only);
        }
    }
    endpoint.exposed(uri)
}

/// `prompts/get`.
pub(crate) fn prompt(
    standing: &Standing,
    endpoint: &Endpoint,
    params: &Params,
) -> Result<Asked, ProtocolError> {
    let name = required(params, "name")?;
    let arguments = object(params, "arguments")?;
    Ok(Asked {
        answers: answers(params)?,
        state: state(params)?,
        ..of_prompt(
            standing,
            endpoint,
            &name,
            Operation::GetPrompt,
            arguments,
            params,
        )
    })
}

fn of_prompt(
    standing: &Standing,
    endpoint: &Endpoint,
    name: &str,
    operation: Operation,
    arguments: RawJson,
    params: &Params,
) -> Asked {
    let catalogue = &standing.house().catalogue;
    let exposed = catalogue.exposed(endpoint, ListKind::Prompts, name);
    let entry = exposed.and_then(|exposed| catalogue.prompts().get(exposed));
    let subject = entry.map_or(Subject::Unknown, |entry| {
        Subject::Listed(Arc::clone(&entry.provider))
    });
    let target = exposed.unwrap_or(name);
    Asked {
        operation,
        target: Target::Prompt(target.into()),
        subject,
        arguments,
        params: params.raw().clone(),
        called: (target != name).then(|| name.into()),
        answers: None,
        state: None,
        part: Part::None,
    }
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Reference {
    #[serde(rename = "ref/prompt")]
    Prompt { name: String },
    #[serde(rename = "ref/resource")]
    Resource { uri: String },
}

#[derive(Deserialize)]
struct Argument {
    name: String,
    value: String,
}

/// `completion/complete`.
pub(crate) fn completion(
    standing: &Standing,
    endpoint: &Endpoint,
    params: &Params,
) -> Result<Asked, ProtocolError> {
    let reference: Reference = params
        .object("ref")?
        .ok_or_else(|| invalid("`ref` is missing"))?
        .parse()
        .map_err(|error| invalid(format!("`ref` does not fit: {error}")))?;
    let argument = params
        .object("argument")?
        .ok_or_else(|| invalid("`argument` is missing"))?;
    let read: Argument = argument
        .parse()
        .map_err(|error| invalid(format!("`argument` does not fit: {error}")))?;
    Ok(match reference {
        Reference::Prompt { name } => of_prompt(
            standing,
            endpoint,
            &name,
            Operation::Complete,
            argument,
            params,
        ),
        Reference::Resource { uri } => Asked {
            arguments: argument,
            params: params.raw().clone(),
            ..of_template(standing, endpoint, &uri, &read)
        },
    })
}

/// A template whose argument is to be completed. Where the argument is a path (`{+name}` at the end),
/// the folder that was typed so far is what the call is about, and judged as such.
fn of_template(
    standing: &Standing,
    endpoint: &Endpoint,
    pattern: &str,
    argument: &Argument,
) -> Asked {
    let catalogue = &standing.house().catalogue;
    let exposed = catalogue.exposed(endpoint, ListKind::Templates, pattern);
    let Some(entry) = exposed.and_then(|exposed| catalogue.templates().get(exposed)) else {
        return of_resource(standing, endpoint, pattern, Operation::Complete);
    };
    // What a server's patterns mean is the server's to say.
    let prefix = match entry.item.shown {
        Shown::Own(_) => pattern.strip_suffix(&format!("{{+{}}}", argument.name)),
        Shown::Given(_) => None,
    };
    match prefix {
        Some(prefix) => {
            let typed = &argument.value;
            let folder = &typed[..typed.rfind('/').map_or(0, |at| at + 1)];
            let uri = format!("{prefix}{}", uri::expanded(folder));
            of_resource(standing, endpoint, &uri, Operation::Complete)
        }
        None => Asked {
            operation: Operation::Complete,
            target: Target::Resource(entry.item.uri_template.as_str().into()),
            subject: Subject::Template(Arc::clone(&entry.provider)),
            arguments: RawJson::empty_object(),
            params: RawJson::empty_object(),
            called: (entry.item.uri_template != pattern).then(|| pattern.into()),
            answers: None,
            state: None,
            part: Part::None,
        },
    }
}

/// `inputResponses`, if there are any (MCP 2026-07-28, basic/patterns/mrtr).
fn answers(params: &Params) -> Result<Option<RawJson>, ProtocolError> {
    Ok(params.object("inputResponses")?)
}

/// `requestState`, if there is one.
fn state(params: &Params) -> Result<Option<String>, ProtocolError> {
    params
        .string("requestState")
        .map_err(|_| invalid("`requestState` must be a string"))
}

/// The object at `key`; `{}` where there is none.
fn object(params: &Params, key: &str) -> Result<RawJson, ProtocolError> {
    match params.get(key) {
        None => Ok(RawJson::empty_object()),
        Some(value) if value.as_str().starts_with('{') => Ok(value),
        Some(_) => Err(invalid(format!("`{key}` must be an object"))),
    }
}
