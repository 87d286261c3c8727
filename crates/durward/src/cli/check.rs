//! `durward check`

use clap::Args;
use durward_core::{RoleName, ServerName, Tier, ToolName};
use durward_gate::ToolEntry;
use durward_guard::policy::{Decision, Kind, Policy, Subject};
use serde::Serialize;

use crate::{
    assembly,
    cli::{Common, setup},
    config::Reach,
    exit::Failure,
};

/// Check the configuration, its secrets and paths, and list the servers behind the gate, and every tool
/// with its tier and the roles that may call it. Any problem is exit code 3.
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

/// A server, and how it is reached.
#[derive(Serialize)]
struct ServerRow<'a> {
    server: &'a ServerName,
    /// A program and its arguments, or an address.
    reach: String,
    /// The walls that it runs within, if it is a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<&'static str>,
}

impl<'a> ServerRow<'a> {
    fn of(server: &'a ServerName, reach: &Reach) -> Self {
        let (reach, sandbox) = match reach {
            Reach::Program(program) => (program.command.to_string(), Some("host")),
            Reach::Http(http) => (http.url.to_string(), None),
        };
        Self {
            server,
            reach,
            sandbox,
        }
    }

    fn print(&self) {
        let sandbox = self.sandbox.map(|word| format!("  (sandbox: {word})"));
        println!(
            "{:<24} server   {}{}",
            self.server,
            self.reach,
            sandbox.unwrap_or_default()
        );
    }
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
        for (key, server) in &loaded.config.servers {
            if let Reach::Program(program) = &server.reach
                && !program.is_there(&std::env::var_os("PATH").unwrap_or_default())
            {
                let name = program.command.program();
                eprintln!(
                    "warning: there is no program `{name}` here, so `{key}` can't be started"
                );
            }
            let row = ServerRow::of(key.name(), &server.reach);
            if common.json {
                println!("{}", serde_json::json!(row));
            } else {
                row.print();
            }
        }
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
