//! What is offered, as a client of some revision may see it.

use durward_core::{
    Annotations, Era, Given, Naming, Prompt, PromptText, RawJson, Resource, ResourceText, Revision,
    Shown, Template, TemplateText, Tier, Tool, ToolName,
};
use durward_wire::{
    bridge::tasks::{self as wire_tasks, Support},
    edit::{self, Change},
    encode, scan,
};
use serde::Serialize;

use crate::{
    catalogue::Catalogue,
    endpoint::Endpoint,
    tasks,
    view::{ListKind, Listed},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnTool<'a> {
    name: &'a ToolName,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    description: &'a str,
    input_schema: &'a RawJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_schema: Option<&'a RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

#[derive(Serialize)]
struct Meta {
    #[serde(rename = "dev.durward/tier")]
    tier: Tier,
}

/// Something of the catalogue, as a list at this endpoint has it.
pub(crate) fn listed(
    catalogue: &Catalogue,
    endpoint: &Endpoint,
    kind: ListKind,
    name: &str,
    revision: Revision,
) -> Option<Listed> {
    let naming = endpoint.naming();
    let called = |definition: Option<RawJson>, own: Option<&str>| {
        let name = own.filter(|_| naming == Naming::Own).unwrap_or(name);
        Some(Listed {
            name: name.to_owned(),
            definition: definition?,
        })
    };
    match kind {
        ListKind::Tools => {
            let place = catalogue.find_tool(name)?;
            let entry = &catalogue.tools()[place];
            let definition = tool(&entry.tool, revision, naming);
            let has_tasks = revision == Revision::V2025_11_25
                && tasks::support(catalogue, place) == Support::Optional;
            let definition = match has_tasks {
                true => definition.map(|it| with_tasks(&it)),
                false => definition,
            };
            called(definition, own_name(&entry.tool.shown))
        }
        ListKind::Resources => {
            let item = &catalogue.resources().get(name)?.item;
            called(resource(item, naming), own_name(&item.shown))
        }
        ListKind::Templates => {
            let item = &catalogue.templates().get(name)?.item;
            called(template(item, naming), own_name(&item.shown))
        }
        ListKind::Prompts => {
            let item = &catalogue.prompts().get(name)?.item;
            called(prompt(item, naming), own_name(&item.shown))
        }
    }
}

fn own_name<T>(shown: &Shown<T>) -> Option<&str> {
    match shown {
        Shown::Own(_) => None,
        Shown::Given(given) => Some(&given.name),
    }
}

/// A tool. One of our own is told without what the revision does not have (protocol.md, section 1); one
/// of a server is passed on, but for an output schema that the revision can't hold.
fn tool(tool: &Tool, revision: Revision, naming: Naming) -> Option<RawJson> {
    let since = |first: Revision| revision >= first;
    match &tool.shown {
        Shown::Own(text) => RawJson::of(&OwnTool {
            name: &tool.name,
            title: since(Revision::V2025_06_18).then_some(text.title.as_str()),
            description: &text.description,
            input_schema: &tool.input_schema,
            output_schema: tool
                .output_schema
                .as_ref()
                .filter(|_| since(Revision::V2025_06_18)),
            annotations: since(Revision::V2025_03_26).then_some(text.annotations),
            meta: since(Revision::V2025_06_18).then_some(Meta { tier: tool.tier }),
        })
        .ok(),
        Shown::Given(given) => {
            let fits = revision.era() == Era::Modern
                || tool.output_schema.as_ref().is_none_or(is_of_objects);
            if fits {
                return Some(given_as(given, naming, "name", tool.name.as_str()));
            }
            let fitting = scan::without(&given.definition, |key| key == "outputSchema")?;
            let given = Given {
                definition: fitting,
                ..given.clone()
            };
            Some(given_as(&given, naming, "name", tool.name.as_str()))
        }
    }
}

/// The tool as one whose calls may become tasks. A modern server says nothing of it: it decides at each call.
fn with_tasks(definition: &RawJson) -> RawJson {
    if wire_tasks::support(definition) == Support::Optional {
        return definition.clone();
    }
    let execution = RawJson::from_static(r#"{"taskSupport":"optional"}"#);
    edit::changed(definition, &[("execution", Change::Set(&execution))])
}

/// Is this a schema of objects, the only ones that output had before 2026-07-28?
fn is_of_objects(schema: &RawJson) -> bool {
    #[derive(serde::Deserialize)]
    struct Typed {
        r#type: String,
    }
    schema
        .parse::<Typed>()
        .is_ok_and(|typed| typed.r#type == "object")
}

#[derive(Serialize)]
struct OwnResource<'a> {
    uri: &'a str,
    #[serde(flatten)]
    text: &'a ResourceText,
}

/// A resource.
fn resource(resource: &Resource, naming: Naming) -> Option<RawJson> {
    let uri = &resource.uri;
    match &resource.shown {
        Shown::Own(text) => RawJson::of(&OwnResource { uri, text }).ok(),
        Shown::Given(given) => Some(given_as(given, naming, "uri", uri)),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnTemplate<'a> {
    uri_template: &'a str,
    #[serde(flatten)]
    text: &'a TemplateText,
}

/// A template.
fn template(template: &Template, naming: Naming) -> Option<RawJson> {
    let uri_template = &template.uri_template;
    match &template.shown {
        Shown::Own(text) => RawJson::of(&OwnTemplate { uri_template, text }).ok(),
        Shown::Given(given) => Some(given_as(given, naming, "uriTemplate", uri_template)),
    }
}

#[derive(Serialize)]
struct OwnPrompt<'a> {
    name: &'a str,
    #[serde(flatten)]
    text: &'a PromptText,
}

/// A prompt.
fn prompt(prompt: &Prompt, naming: Naming) -> Option<RawJson> {
    let name = &prompt.name;
    match &prompt.shown {
        Shown::Own(text) => RawJson::of(&OwnPrompt { name, text }).ok(),
        Shown::Given(given) => Some(given_as(given, naming, "name", name)),
    }
}

/// A server's definition, among all servers under another name.
fn given_as(given: &Given, naming: Naming, key: &str, name: &str) -> RawJson {
    match naming {
        Naming::Own => given.definition.clone(),
        Naming::Merged => encode::replaced(&given.definition, key, &encode::string(name)),
    }
}
