//! What is offered: a tool for each command, with a schema made from its places.

use durward_core::{Annotations, RawJson, Shown, Tier, Tool, ToolText};

use super::CommandSettings;

/// The tool of a command.
pub(super) fn tool(settings: &CommandSettings) -> Tool {
    let tier = settings.tier;
    let schema = settings.template.input_schema().to_string();
    Tool {
        name: settings.name.clone(),
        aliases: Vec::new(),
        shown: Shown::Own(ToolText {
            title: settings.name.to_string(),
            description: match &settings.description {
                Some(said) => said.clone(),
                None => format!("Runs `{}` and gives what it prints.", settings.template),
            },
            annotations: Annotations {
                read_only_hint: tier == Tier::Read,
                destructive_hint: tier == Tier::Danger,
                idempotent_hint: tier == Tier::Read,
                open_world_hint: true,
            },
        }),
        tier,
        raises: &[],
        input_schema: RawJson::from_scanned(schema.into()),
        output_schema: Some(RawJson::from_static(include_str!("../run/ran.output.json"))),
        argument_aliases: &[],
    }
}
