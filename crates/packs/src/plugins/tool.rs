//! From a manifest's tool to one that is offered.

use std::time::Duration;

use durward_core::{Annotations, RawJson, Shown, Tier, Tool, ToolName, ToolText};
use durward_guard::{names::LONGEST_EXPOSED, schema::Schema};
use serde_json::Value;

use super::manifest::{Hints, ManifestTool};

/// A tool of a plugin.
#[derive(Debug)]
pub(super) struct PluginTool {
    /// As it is offered.
    pub(super) tool: Tool,
    /// What its structured answers must fit.
    pub(super) output: Option<Schema>,
    /// How long a call may take, where the manifest says so.
    pub(super) timeout: Option<Duration>,
}

/// So long may what people and models read be.
const LONGEST_TEXT: usize = 16 * 1024;

/// Makes it. `reaches_out`: the plugin may talk to others.
///
/// # Errors
/// What is wrong with it, for whoever wrote the manifest.
pub(super) fn made(
    written: &ManifestTool,
    timeout: Option<Duration>,
    reaches_out: bool,
) -> Result<PluginTool, String> {
    let name = named(&written.name)?;
    for text in [Some(&written.description), written.title.as_ref()] {
        if text.is_some_and(|text| text.trim().is_empty() || text.len() > LONGEST_TEXT) {
            return Err(format!(
                "`title` and `description` have 1 to {LONGEST_TEXT} bytes each"
            ));
        }
    }
    let (input_schema, _) = schema("input_schema", &written.input_schema)?;
    let output = written
        .output_schema
        .as_ref()
        .map(|written| schema("output_schema", written))
        .transpose()?;
    let (output_schema, output) = output.unzip();
    let title = written
        .title
        .as_ref()
        .or(written.annotations.title.as_ref());
    Ok(PluginTool {
        tool: Tool {
            aliases: Vec::new(),
            shown: Shown::Own(ToolText {
                title: title.unwrap_or(&written.name).clone(),
                description: written.description.clone(),
                annotations: annotations(written.tier, &written.annotations, reaches_out)?,
            }),
            name,
            tier: written.tier,
            raises: &[],
            input_schema,
            output_schema,
            argument_aliases: &[],
        },
        output,
        timeout: written.timeout.map(|span| span.duration()).or(timeout),
    })
}

/// What models accept, and no name that says it is another server's.
fn named(name: &str) -> Result<ToolName, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if name.is_empty() || name.len() > LONGEST_EXPOSED || !name.bytes().all(fits) {
        return Err(format!(
            "models accept names of 1 to {LONGEST_EXPOSED} letters, digits, `_` and `-`"
        ));
    }
    if name.contains("__") {
        return Err("`__` stands between a server's name and its tool's; use `_`".to_owned());
    }
    ToolName::new(name).map_err(|error| error.to_string())
}

/// A schema of objects, compiled.
fn schema(key: &str, written: &Value) -> Result<(RawJson, Schema), String> {
    let Value::Object(members) = written else {
        return Err(format!("`{key}` is a JSON Schema, an object"));
    };
    let mut members = members.clone();
    let kind = members
        .entry("type")
        .or_insert_with(|| Value::from("object"));
    if kind != "object" {
        return Err(format!("`{key}` must say `type: object`"));
    }
    let raw = RawJson::of(&members).map_err(|error| format!("`{key}`: {error}"))?;
    let compiled = Schema::compile(&raw).map_err(|error| format!("`{key}`: {error}"))?;
    Ok((raw, compiled))
}

/// What the tier says, but for what the manifest says otherwise; it may not make the tool look more harmless
/// than its tier.
fn annotations(tier: Tier, hints: &Hints, reaches_out: bool) -> Result<Annotations, String> {
    let contradicts = |key: &str| Err(format!("`annotations.{key}` contradicts `tier: {tier}`"));
    if hints
        .read_only_hint
        .is_some_and(|it| it != (tier == Tier::Read))
    {
        return contradicts("readOnlyHint");
    }
    let destroys = tier == Tier::Danger;
    let destructive = hints.destructive_hint.unwrap_or(destroys);
    if destroys && !destructive || tier == Tier::Read && destructive {
        return contradicts("destructiveHint");
    }
    Ok(Annotations {
        read_only_hint: tier == Tier::Read,
        destructive_hint: destructive,
        idempotent_hint: hints.idempotent_hint.unwrap_or(tier == Tier::Read),
        open_world_hint: hints.open_world_hint.unwrap_or(reaches_out),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(change: Value) -> Result<PluginTool, String> {
        let mut written = json!({"name": "sha256", "description": "d", "input_schema": {}});
        for (key, value) in change.as_object().unwrap() {
            written[key] = value.clone();
        }
        made(&serde_json::from_value(written).unwrap(), None, false)
    }

    #[test]
    fn a_tool_says_what_its_tier_says() {
        for (tier, read_only, destructive) in [
            ("read", true, false),
            ("operate", false, false),
            ("danger", false, true),
        ] {
            let tool = tool(json!({"tier": tier})).unwrap().tool;
            let Shown::Own(text) = tool.shown else {
                panic!("a tool of our own");
            };
            let hints = text.annotations;
            assert_eq!(
                (hints.read_only_hint, hints.destructive_hint),
                (read_only, destructive)
            );
            assert_eq!((tool.tier.as_str(), text.title.as_str()), (tier, "sha256"));
            assert_eq!(tool.input_schema.as_str(), r#"{"type":"object"}"#);
        }
        let reaching = serde_json::from_value(json!({
            "name": "a", "description": "d", "input_schema": {}, "annotations": {"idempotentHint": true},
        }));
        let Shown::Own(text) = made(&reaching.unwrap(), None, true).unwrap().tool.shown else {
            panic!("a tool of our own");
        };
        assert!(text.annotations.open_world_hint && text.annotations.idempotent_hint);
    }

    #[test]
    fn what_can_not_be_offered_is_told() {
        for (change, told) in [
            (json!({"name": "a.b"}), "models accept"),
            (json!({"name": "größe"}), "models accept"),
            (json!({"name": "x".repeat(65)}), "models accept"),
            (json!({"name": ""}), "models accept"),
            (json!({"name": "github__merge"}), "a server's name"),
            (json!({"description": "  "}), "1 to 16384"),
            (json!({"description": "x".repeat(20_000)}), "1 to 16384"),
            (json!({"input_schema": []}), "an object"),
            (json!({"input_schema": {"type": "array"}}), "type: object"),
            (json!({"input_schema": {"properties": 1}}), "input_schema"),
            (json!({"output_schema": {"type": "string"}}), "type: object"),
            (
                json!({"tier": "operate", "annotations": {"readOnlyHint": true}}),
                "readOnlyHint` contradicts `tier: operate",
            ),
            (
                json!({"tier": "danger", "annotations": {"destructiveHint": false}}),
                "destructiveHint` contradicts",
            ),
        ] {
            let told_is = tool(change.clone()).unwrap_err();
            assert!(told_is.contains(told), "{change}: {told_is}");
        }
    }
}
