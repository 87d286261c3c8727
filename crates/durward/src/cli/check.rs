//! `durward check`

use clap::Args;
use durward_core::{RoleName, ServerName, Tier, ToolName};
use durward_gate::{Catalogue, HouseSettings, ToolEntry};
use durward_guard::policy::{Decision, Kind, Policy, Subject};
use serde::Serialize;

use crate::{
    assembly::{self, AssemblyError},
    checks::{self, Connected, Finding},
    cli::{Common, init, setup},
    config::{Config, Reach, SandboxMode},
    egress,
    exit::Failure,
    plugins::{self, Plugins},
    sandbox::{Enclosed, Sandboxes},
};

/// Check the configuration, its secrets and paths, and list the servers behind the gate, and every tool
/// with its tier and the roles that may call it; and say what is likely to break in practice, with what mends
/// it. A configuration that can't be used is exit code 3.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Start the servers and list their tools, too; one that does not serve is exit code 3.
    #[arg(long)]
    connect: bool,
}

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
    /// What it runs in, if it is a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<&'static str>,
    /// How that is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
}

impl<'a> ServerRow<'a> {
    fn of(server: &'a ServerName, reach: &Reach, enclosed: &[Enclosed]) -> Self {
        let key = format!("servers.{server}");
        let enclosed = enclosed.iter().find(|enclosed| enclosed.key == key);
        Self {
            server,
            reach: match reach {
                Reach::Program(program) => program.command.to_string(),
                Reach::Http(http) => http.url.to_string(),
            },
            sandbox: enclosed.map(|enclosed| enclosed.word),
            level: enclosed.map(|enclosed| enclosed.level.name()),
        }
    }

    fn print(&self) {
        let sandbox = self.sandbox.map(|word| match self.level {
            Some(level @ ("full" | "light")) => format!("  (sandbox: {word}, {level})"),
            _ => format!("  (sandbox: {word})"),
        });
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
        let (loaded, sources) = setup::loaded(common, &[])?;
        let config = &loaded.config;
        let sandboxes = Sandboxes::new();
        let builder = sandboxes.builder(config);
        let connected = self
            .connect
            .then(|| Connected::to_all(config, &builder))
            .transpose()?;
        let plugins = Plugins::default()
            .plan(config, &builder)
            .map_err(AssemblyError::from)?;
        let house = match &connected {
            Some(connected) => {
                let planned = connected.planned(config, &builder)?;
                let connector = egress::connector(config).map_err(AssemblyError::from)?;
                assembly::house(config, &connector, (&planned, &plugins), &builder, None)?
            }
            None => assembly::tried_with(config, &plugins, &builder)?,
        };
        let mut enclosed = builder.enclosed();
        // What is refused runs in nothing.
        let offered: Vec<_> = plugins.items().map(|it| it.item).collect();
        enclosed.retain(|it| !it.key.starts_with("plugins.") || offered.contains(&it.key));
        servers(config, &enclosed, common.json);
        let refused = self::plugins(&plugins, common.json);
        walls(config, &enclosed, &sandboxes, common.json);
        tools(&house, &assembly::catalogue(&house, &plugins)?, common.json);
        let useless = findings(config, connected.as_ref(), common.json);
        for finding in init::past_the_gate(common, &sources, config) {
            say("note", &finding, common.json);
        }
        if let Some(wrong) = wrong(useless, refused) {
            return Err(Failure::Unusable(wrong));
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

/// What is not as it should be, in one line.
fn wrong(useless: usize, refused: usize) -> Option<String> {
    let servers = match useless {
        0 => None,
        1 => Some("a server does not serve".to_owned()),
        many => Some(format!("{many} servers do not serve")),
    };
    let plugins = match refused {
        0 => None,
        1 => Some("a plugin is refused".to_owned()),
        many => Some(format!("{many} plugins are refused")),
    };
    let all: Vec<_> = servers.into_iter().chain(plugins).collect();
    (!all.is_empty()).then(|| all.join(", and "))
}

fn servers(config: &Config, enclosed: &[Enclosed], as_json: bool) {
    for (key, server) in &config.servers {
        let row = ServerRow::of(key.name(), &server.reach, enclosed);
        if as_json {
            println!("{}", serde_json::json!(row));
        } else {
            row.print();
        }
    }
}

/// Lists the plugins, and says why some are refused. How many that are.
fn plugins(planned: &plugins::Planned, as_json: bool) -> usize {
    let all = planned.statuses();
    for plugin in &all {
        if as_json {
            println!("{}", serde_json::json!({ "plugin": plugin }));
        } else if !plugin.is_refused() {
            let said = [&plugin.version, &plugin.mode].map(|it| it.as_deref().unwrap_or_default());
            println!("{:<24} plugin   {} {}", plugin.name, said[0], said[1]);
        }
    }
    for note in planned.notes() {
        eprintln!("warning: {note}");
    }
    let refused = all.iter().filter(|plugin| plugin.is_refused());
    refused
        .inspect(|plugin| {
            let why = plugin.error.as_deref().unwrap_or_default();
            eprintln!("error: the plugin `{}` is refused: {why}", plugin.name);
        })
        .count()
}

/// What this machine can hold, what else runs in what, and what is missing.
fn walls(config: &Config, enclosed: &[Enclosed], sandboxes: &Sandboxes, as_json: bool) {
    for item in enclosed
        .iter()
        .filter(|item| !item.key.starts_with("servers."))
    {
        let (key, word, level) = (&item.key, item.word, item.level.name());
        if as_json {
            println!(
                "{}",
                serde_json::json!({"item": key, "sandbox": word, "level": level})
            );
        } else {
            println!("{key:<24} sandbox  {word}, {level}");
        }
    }
    if let Some(host) = sandboxes.known() {
        let level = host.level.name();
        let lacks: Vec<_> = host.lacks.iter().map(ToString::to_string).collect();
        if as_json {
            println!("{}", serde_json::json!({"walls": level, "lacks": lacks}));
        } else {
            println!("{:<24} level    {level}", "walls");
        }
        for lack in &host.lacks {
            let what = format!("walls of the level {}: {}", lack.level, lack.what);
            say("note", &Finding::new(what, lack.remedy), as_json);
        }
    }
    if config.sandbox.mode == SandboxMode::Off {
        let what = "`sandbox.mode` is off: whatever durward starts may do what you may";
        let mend = "take it out: `sandbox: host` beside one server opens that one alone";
        say("warning", &Finding::new(what, mend), as_json);
    }
    for item in enclosed {
        let Some(link) = &item.link else { continue };
        let what = format!(
            "`{}` can't be run: `{}` is a link, in a folder that it may write, where settings lie that others execute \
             later, and no link can be closed to it",
            item.key,
            link.display()
        );
        let mend = "put the thing itself there, or leave its folder out of `sandbox.write`";
        say("warning", &Finding::new(what, mend), as_json);
    }
    for item in enclosed
        .iter()
        .filter(|item| item.word != "off" && item.level < item.needed)
    {
        let what = format!(
            "`{}` asks for what needs the level {}, and runs at {}: `sandbox.mode` is best_effort",
            item.key, item.needed, item.level
        );
        let mend = "see what is missing above";
        say("warning", &Finding::new(what, mend), as_json);
    }
}

fn tools(house: &HouseSettings, catalogue: &Catalogue, as_json: bool) {
    let policy = &house.policy;
    for entry in catalogue.tools() {
        let tool = &entry.tool;
        let raised = tool.raises.iter().map(|raise| (raise.to, Some(*raise)));
        for (tier, raise) in std::iter::once((tool.tier, None)).chain(raised) {
            let row = Row {
                tool: tool.name.clone(),
                tier,
                with: raise.map(|raise| raise.to_string()),
                roles: roles_for(policy, entry, tier),
            };
            if as_json {
                println!("{}", serde_json::json!(row));
                continue;
            }
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
}

/// Says what is likely to break. How many servers are of no use as they are.
fn findings(config: &Config, connected: Option<&Connected>, as_json: bool) -> usize {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let programs = config.servers.iter().filter_map(|(key, server)| {
        let Reach::Program(program) = &server.reach else {
            return None;
        };
        checks::program(key.name().as_str(), program, &search)
    });
    let own = std::env::current_exe().ok();
    let own = own.as_deref().and_then(checks::own_program);
    own.iter().for_each(|it| say("note", it, as_json));
    let seen = connected.map(Connected::findings).unwrap_or_default();
    let useless = seen.iter().filter(|(useless, _)| *useless).count();
    checks::door(config)
        .into_iter()
        .chain(programs)
        .chain(checks::commands(&config.commands))
        .chain(seen.into_iter().map(|(_, finding)| finding))
        .for_each(|it| say("warning", &it, as_json));
    useless
}

fn say(word: &str, finding: &Finding, as_json: bool) {
    if as_json {
        println!("{}", serde_json::json!({ word: finding }));
    }
    eprintln!("{word}: {}\n  hint: {}", finding.what, finding.mend);
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
