//! `durward check`

use clap::Args;
use durward_core::{Tier, ToolName};
use serde::Serialize;

use crate::{
    assembly::{self, as_roles},
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
    roles: Vec<String>,
}

impl Check {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let (loaded, _) = setup::loaded(common, &[])?;
        let house = assembly::house(&loaded.config)?;
        let catalogue = durward_gate::Catalogue::merge(&house.providers)
            .map_err(|error| Failure::Unusable(error.to_string()))?;
        let policy = &house.policy;
        let rows = catalogue.tools().iter().map(|entry| {
            let subject = durward_guard::policy::Subject {
                kind: durward_guard::policy::Kind::Tool,
                name: entry.tool.name.as_str(),
                also: &[],
                provider: entry.provider.name().as_str(),
                tier: entry.tool.tier,
            };
            let may = |role: &&durward_core::RoleName| {
                let caller = as_roles(vec![(**role).clone()]);
                !matches!(
                    policy.decide(&caller.roles, &subject),
                    durward_guard::policy::Decision::Deny { .. }
                )
            };
            let roles = policy
                .roles()
                .into_iter()
                .filter(may)
                .map(ToString::to_string)
                .collect();
            Row {
                tool: entry.tool.name.clone(),
                tier: entry.tool.tier,
                roles,
            }
        });
        for row in rows {
            if common.json {
                println!("{}", serde_json::json!(row));
            } else {
                println!("{:<24} {:<8} {}", row.tool, row.tier, row.roles.join(", "));
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
