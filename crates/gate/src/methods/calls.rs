//! What becomes a call: tools, resources, prompts, completions.

use std::sync::Arc;

use durward_core::{Operation, ProtocolError, RawJson, Target};
use durward_guard::uri;
use durward_wire::scan::Params;
use serde::Deserialize;

use crate::{
    catalogue::Covered,
    methods::invalid,
    request::{Asked, required},
    standing::Standing,
    updates::about,
    walk::{Subject, recordable_tool},
};

/// `tools/call`.
pub(crate) fn tool(standing: &Standing, params: &Params) -> Result<Asked, ProtocolError> {
    let name = required(params, "name")?;
    let arguments = object(params, "arguments")?;
    let catalogue = &standing.house().catalogue;
    let (target, subject) = match catalogue.find_tool(&name) {
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
    })
}

/// `resources/read`.
pub(crate) fn resource(standing: &Standing, params: &Params) -> Result<Asked, ProtocolError> {
    let uri = required(params, "uri")?;
    Ok(Asked {
        params: params.raw().clone(),
        answers: answers(params)?,
        ..of_resource(standing, &uri, Operation::ReadResource)
    })
}

/// A resource, listed or covered by a template, under the name that its provider has for it.
pub(crate) fn of_resource(standing: &Standing, uri: &str, operation: Operation) -> Asked {
    let catalogue = &standing.house().catalogue;
    let covered = catalogue.cover(uri, None);
    let name = match &covered {
        Some(Covered {
            place: Ok(place), ..
        }) => Arc::clone(&place.uri),
        _ => uri.into(),
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
    }
}

/// `prompts/get`.
pub(crate) fn prompt(standing: &Standing, params: &Params) -> Result<Asked, ProtocolError> {
    let name = required(params, "name")?;
    let arguments = object(params, "arguments")?;
    Ok(Asked {
        answers: answers(params)?,
        ..of_prompt(standing, &name, Operation::GetPrompt, arguments, params)
    })
}

fn of_prompt(
    standing: &Standing,
    name: &str,
    operation: Operation,
    arguments: RawJson,
    params: &Params,
) -> Asked {
    let subject = standing
        .house()
        .catalogue
        .prompts()
        .get(name)
        .map_or(Subject::Unknown, |entry| {
            Subject::Listed(Arc::clone(&entry.provider))
        });
    Asked {
        operation,
        target: Target::Prompt(name.into()),
        subject,
        arguments,
        params: params.raw().clone(),
        called: None,
        answers: None,
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
pub(crate) fn completion(standing: &Standing, params: &Params) -> Result<Asked, ProtocolError> {
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
        Reference::Prompt { name } => {
            of_prompt(standing, &name, Operation::Complete, argument, params)
        }
        Reference::Resource { uri } => Asked {
            arguments: argument,
            params: params.raw().clone(),
            ..of_template(standing, &uri, &read)
        },
    })
}

/// A template whose argument is to be completed. Where the argument is a path (`{+name}` at the end),
/// the folder that was typed so far is what the call is about, and judged as such.
fn of_template(standing: &Standing, pattern: &str, argument: &Argument) -> Asked {
    let Some(entry) = standing.house().catalogue.templates().get(pattern) else {
        return of_resource(standing, pattern, Operation::Complete);
    };
    match pattern.strip_suffix(&format!("{{+{}}}", argument.name)) {
        Some(prefix) => {
            let typed = &argument.value;
            let folder = &typed[..typed.rfind('/').map_or(0, |at| at + 1)];
            let uri = format!("{prefix}{}", uri::expanded(folder));
            of_resource(standing, &uri, Operation::Complete)
        }
        None => Asked {
            operation: Operation::Complete,
            target: Target::Resource(pattern.into()),
            subject: Subject::Template(Arc::clone(&entry.provider)),
            arguments: RawJson::empty_object(),
            params: RawJson::empty_object(),
            called: None,
            answers: None,
        },
    }
}

/// `inputResponses`, if there are any (MCP 2026-07-28, basic/patterns/mrtr).
fn answers(params: &Params) -> Result<Option<RawJson>, ProtocolError> {
    Ok(params.object("inputResponses")?)
}

/// The object at `key`; `{}` where there is none.
fn object(params: &Params, key: &str) -> Result<RawJson, ProtocolError> {
    match params.get(key) {
        None => Ok(RawJson::empty_object()),
        Some(value) if value.as_str().starts_with('{') => Ok(value),
        Some(_) => Err(invalid(format!("`{key}` must be an object"))),
    }
}
