//! What a provider offers.

use serde::Serialize;

use crate::{RawJson, Tier, ToolName};

/// All that one provider offers, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// Tools.
    pub tools: Vec<Tool>,
    /// Resources that can be listed.
    pub resources: Vec<Resource>,
    /// Resources by pattern.
    pub templates: Vec<Template>,
    /// Prompts.
    pub prompts: Vec<Prompt>,
}

/// One tool.
#[derive(Debug, Clone)]
pub struct Tool {
    /// The canonical name, the one that is listed.
    pub name: ToolName,
    /// Other names that are accepted and never listed.
    pub aliases: Vec<ToolName>,
    /// What people read.
    pub title: String,
    /// What a model reads.
    pub description: String,
    /// How much harm it can do.
    pub tier: Tier,
    /// JSON Schema 2020-12 of the arguments.
    pub input_schema: RawJson,
    /// JSON Schema 2020-12 of `structuredContent`.
    pub output_schema: Option<RawJson>,
    /// Hints for clients.
    pub annotations: Annotations,
    /// What an argument is called elsewhere, and its name here; `list[].alias` is a member of each
    /// object of a list.
    pub argument_aliases: &'static [(&'static str, &'static str)],
}

/// Tool annotations (schema.ts, `ToolAnnotations`).
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// Changes nothing.
    pub read_only_hint: bool,
    /// May destroy something.
    pub destructive_hint: bool,
    /// A second time changes nothing more.
    pub idempotent_hint: bool,
    /// Reaches beyond what durward guards.
    pub open_world_hint: bool,
}

/// One resource that can be listed (schema.ts, `Resource`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its URI.
    pub uri: String,
    /// Its name.
    pub name: String,
    /// What people read.
    pub title: String,
    /// What it is.
    pub description: String,
    /// Its media type.
    pub mime_type: String,
}

/// A resource by pattern (schema.ts, `ResourceTemplate`; RFC 6570).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The pattern.
    pub uri_template: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
}

/// One prompt (schema.ts, `Prompt`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompt {
    /// Its name.
    pub name: String,
    /// What people read.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// What it takes.
    pub arguments: Vec<PromptArgument>,
}

/// An argument of a prompt.
#[derive(Debug, Clone, Serialize)]
pub struct PromptArgument {
    /// Its name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Must it be given?
    pub required: bool,
}
