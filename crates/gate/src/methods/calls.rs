//! What becomes a call: tools, resources, prompts, completions.

use std::sync::Arc;

use durward_core::{Operation, ProtocolError, RawJson, Target};
use durward_wire::scan::Params;
use serde::Deserialize;

use crate::{
    methods::invalid,
    request::{Asked, required},
    standing::Standing,
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
        called,
    })
}

/// `resources/read`.
pub(crate) fn resource(standing: &Standing, params: &Params) -> Result<Asked, ProtocolError> {
    let uri = required(params, "uri")?;
    Ok(of_resource(standing, &uri, Operation::ReadResource))
}

/// `resources/subscribe`, and a URI of `subscriptions/listen`.
pub(crate) fn of_resource(standing: &Standing, uri: &str, operation: Operation) -> Asked {
    let subject = standing
        .house()
        .catalogue
        .resources()
        .get(uri)
        .map_or(Subject::Unknown, |entry| {
            Subject::Listed(Arc::clone(&entry.provider))
        });
    let target = Target::Resource(uri.into());
    Asked {
        operation,
        target,
        subject,
        arguments: RawJson::empty_object(),
        called: None,
    }
}

/// `prompts/get`.
pub(crate) fn prompt(standing: &Standing, params: &Params) -> Result<Asked, ProtocolError> {
    let name = required(params, "name")?;
    let arguments = object(params, "arguments")?;
    Ok(of_prompt(standing, &name, Operation::GetPrompt, arguments))
}

fn of_prompt(standing: &Standing, name: &str, operation: Operation, arguments: RawJson) -> Asked {
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
        called: None,
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
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "value")]
    _value: String,
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
    argument
        .parse::<Argument>()
        .map_err(|error| invalid(format!("`argument` does not fit: {error}")))?;
    Ok(match reference {
        Reference::Prompt { name } => of_prompt(standing, &name, Operation::Complete, argument),
        Reference::Resource { uri } => Asked {
            arguments: argument,
            ..of_resource(standing, &uri, Operation::Complete)
        },
    })
}

/// The object at `key`; `{}` where there is none.
fn object(params: &Params, key: &str) -> Result<RawJson, ProtocolError> {
    match params.get(key) {
        None => Ok(RawJson::empty_object()),
        Some(value) if value.as_str().starts_with('{') => Ok(value),
        Some(_) => Err(invalid(format!("`{key}` must be an object"))),
    }
}
