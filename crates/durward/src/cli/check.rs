//! `durward check`

use clap::Args;
use durward_core::{RoleName, Tier, ToolName};
use durward_gate::ToolEntry;
use durward_guard::policy::{Decision, Kind, Policy, Subject};
use serde::Serialize;

use crate::{
    assembly,
    cli::{Common, setup},
    exit::Failure,
};

/// Check the configuration, its secrets and paths, and list every tool with its tier and the roles
/// that may call it. Any problem is exit code 3.
#[derive(Debug, Args)]
pub(super) struct Check {}

#[derive(Serialize)]
struct Row {
    tool: ToolName,
    tier: Tier,
    /// The arguments that make it this tier, where not all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<String>,
    roles: Vec<String>,
}

impl Check {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let (loaded, _) = setup::loaded(common, &[])?;
        let house = assembly::tried(&loaded.config)?;
        let catalogue = durward_gate::Catalogue::merge(&house.providers)
            .map_err(|error| Failure::Unusable(error.to_string()))?;
        let policy = &house.policy;
        let rows = catalogue.tools().iter().flat_map(|entry| {
            let tool = &entry.tool;
            let raised = tool.raises.iter().map(|raise| (raise.to, Some(*raise)));
            std::iter::once((tool.tier, None))
                .chain(raised)
                .map(|(tier, raise)| Row {
                    tool: tool.name.clone(),
                    tier,
                    with: raise.map(|raise| raise.to_string()),
                    roles: roles_for(policy, entry, tier),
                })
        });
        for row in rows {
            if common.json {
                println!("{}", serde_json::json!(row));
            } else {
                let with = row.with.map(|with| format!("  ({with})"));
                println!(
                    "{:<24} {:<8} {}{}",
                    row.tool,
                    row.tier,
                    row.roles.join(", "),
                    with.unwrap_or_default()
                );
            }
        }
        if !common.json {
            match &loaded.path {
                Some(path) => println!("{} is sound", path.display()),
                None => println!("there is no configuration; the defaults are sound"),
            }
        }
        Ok(())
    }
}

/// The roles that may call a tool at its own tier and at this one.
fn roles_for(policy: &Policy, entry: &ToolEntry, tier: Tier) -> Vec<String> {
    let may = |role: &RoleName, tier| {
        let subject = Subject {
            kind: Kind::Tool,
            name: entry.tool.name.as_str(),
            also: &[],
            provider: entry.provider.name().as_str(),
            tier,
        };
        let decision = policy.decide(std::slice::from_ref(role), &subject);
        !matches!(decision, Decision::Deny { .. })
    };
    policy
        .roles()
        .into_iter()
        .filter(|role| may(role, entry.tool.tier) && may(role, tier))
        .map(ToString::to_string)
        .collect()
}
