//! mcp-secure-server (<https://github.com/agileandy/mcp-secure-server>, 1.0): a policy file on stdio, and
//! tools that are built in.

use super::{
    desk::{Desk, key_of, line, name_of},
    draft::Value,
    given::{ConfigFile, Setting, absolute},
};
use crate::config::{EgressHost, EgressNetwork, Glob, Tree};

/// Its variables; those of its Figma plugin are not in use elsewhere under these names, but for `AI_`.
pub(super) fn knows(variable: &str) -> bool {
    ["MCP_PROJECT_PATH", "FIGMA_API_TOKEN"].contains(&variable)
        || [
            "AI_ENABLED",
            "AI_ENDPOINT_URL",
            "AI_MODEL",
            "AI_API_KEY",
            "AI_TEMPERATURE",
            "AI_MAX_TOKENS",
            "AI_TIMEOUT",
        ]
        .contains(&variable)
}

const FIGMA: &str = "no stories from Figma: put a server that has them under `servers`";

pub(super) fn account(desk: &mut Desk<'_>) {
    let given = desk.given;
    for config in &given.configs {
        policy(desk, config);
    }
    for setting in &given.variables {
        if !desk.is_beaten(setting) {
            variable(desk, setting);
        }
    }
    for command in &given.commands {
        let from = line(&command.at, "command line");
        desk.otherwise(&from, "that is `durward stdio`");
    }
    for remote in &given.remotes {
        desk.no_equal(&line(&remote.at, "url"), "mcp-secure-server serves no HTTP");
    }
    if !given.is_empty() {
        unsaid(desk);
    }
}

fn variable(desk: &mut Desk<'_>, setting: &Setting) {
    match setting.name.as_str() {
        "MCP_PROJECT_PATH" => desk.no_equal(
            setting,
            "the bug tracker (`packs.bugs`) is not built into this version yet; it will read the same variable",
        ),
        name if knows(name) => desk.no_equal(setting, FIGMA),
        _ => desk.not_its(setting, "no setting of mcp-secure-server"),
    }
}

fn policy(desk: &mut Desk<'_>, config: &ConfigFile) {
    let file = &config.file;
    for (section, tree) in config.tree.entries() {
        match section.as_str() {
            "version" => {
                desk.otherwise(
                    &key_of(file, tree, "version"),
                    "durward's own: `version: 1`",
                );
            }
            "network" => network(desk, file, tree),
            "filesystem" => filesystem(desk, config, tree),
            "commands" => {
                for (key, list) in tree.entries() {
                    for item in list.items() {
                        desk.no_equal(
                            &key_of(file, item, &format!("commands.{key}")),
                            "no list of forbidden programs: what may run is named (`packs.shell.allow`)",
                        );
                    }
                }
            }
            "tools" => tools(desk, file, tree),
            "audit" => audit(desk, config, tree),
            other => desk.no_equal(
                &key_of(file, tree, other),
                "mcp-secure-server does not read it either",
            ),
        }
    }
}

fn network(desk: &mut Desk<'_>, file: &str, tree: &Tree) {
    for (key, value) in tree.entries() {
        let path = format!("network.{key}");
        match key.as_str() {
            "allowed_ranges" => {
                for item in value.items() {
                    let range = item.text().unwrap_or_default();
                    let from = key_of(file, item, &path);
                    match range.parse::<EgressNetwork>() {
                        Ok(_) => desk.take_item(&from, &["egress", "networks"], Value::text(range)),
                        Err(_) => desk.no_equal(&from, "no network that may be named"),
                    }
                }
            }
            "allowed_endpoints" => {
                for item in value.items() {
                    endpoint(desk, file, item, &path);
                }
            }
            "blocked_ports" => {
                for ours in [22, 25] {
                    desk.draft
                        .push(&["egress", "block_ports"], Value::word(ours));
                }
                for item in value.items() {
                    let from = key_of(file, item, &path);
                    match item.text().unwrap_or_default().parse::<u16>() {
                        Ok(port) if port > 0 => {
                            desk.take_item(&from, &["egress", "block_ports"], Value::word(port));
                        }
                        _ => desk.no_equal(&from, "no port"),
                    }
                }
            }
            "allow_dns" => {
                let on = Value::word(value.text() == Some("true"));
                desk.take(
                    &key_of(file, value, &path),
                    &["egress", "dns", "enabled"],
                    on,
                );
            }
            "dns_allowlist" => {
                for item in value.items() {
                    let name = item.text().unwrap_or_default();
                    let from = key_of(file, item, &path);
                    match name.parse::<EgressHost>() {
                        Ok(_) => {
                            desk.take_item(&from, &["egress", "dns", "allow"], Value::text(name))
                        }
                        Err(_) => desk.no_equal(&from, "no name of a host"),
                    }
                }
            }
            _ => desk.no_equal(
                &key_of(file, value, &path),
                "mcp-secure-server does not read it either",
            ),
        }
    }
    if tree.get("allow_dns").is_none() {
        let off = Value::word(false);
        desk.unsaid("network.allow_dns", &["egress", "dns", "enabled"], off);
    }
    if tree.get("dns_allowlist").is_none() {
        let none = Value::List(Vec::new());
        desk.unsaid("network.dns_allowlist", &["egress", "dns", "allow"], none);
    }
}

fn endpoint(desk: &mut Desk<'_>, file: &str, item: &Tree, path: &str) {
    let from = key_of(file, item, path);
    let host = item.get("host").and_then(Tree::text).unwrap_or_default();
    let ports = item.get("ports").map(Tree::items).unwrap_or_default();
    for port in ports.iter().filter_map(Tree::text) {
        let whole = format!("{host}:{port}");
        match whole.parse::<EgressHost>() {
            Ok(_) => desk.take_item(&from, &["egress", "hosts"], Value::text(whole)),
            Err(_) => desk.no_equal(&from, "no host that may be named"),
        }
    }
    if ports.is_empty() {
        desk.no_equal(&from, "without ports nothing was allowed");
    }
    if let Some(text) = item.get("description") {
        desk.otherwise(
            &key_of(file, text, &format!("{path}.description")),
            "a comment; write one",
        );
    }
}

/// `/srv/code/**` is a root; other patterns have no place of their own.
fn filesystem(desk: &mut Desk<'_>, config: &ConfigFile, tree: &Tree) {
    let file = &config.file;
    let mut names = Vec::new();
    for (key, value) in tree.entries() {
        let path = format!("filesystem.{key}");
        for item in value.items() {
            let pattern = item.text().unwrap_or_default();
            let from = key_of(file, item, &path);
            match key.as_str() {
                "allowed_paths" => {
                    let folder = pattern
                        .strip_suffix("/**")
                        .or_else(|| pattern.strip_suffix("/*"))
                        .unwrap_or(pattern);
                    if folder.is_empty() || folder.contains(['*', '?', '[']) {
                        desk.no_equal(
                            &from,
                            "a root is a folder, not a pattern; name it in `files.roots`",
                        );
                        continue;
                    }
                    let folder = absolute(folder, &config.folder);
                    let name = root_name(&folder, &mut names);
                    let root = Value::map([("path", Value::Reference(folder))]);
                    desk.take(&from, &["files", "roots", &name], root);
                }
                "denied_paths" => {
                    let relative = !pattern.starts_with(['/', '$', '~']);
                    match pattern.parse::<Glob>() {
                        Ok(_) if relative => {
                            desk.take_item(&from, &["files", "deny"], Value::text(pattern));
                        }
                        _ => desk.no_equal(
                            &from,
                            "what is denied begins at a root: write it so in `files.deny`",
                        ),
                    }
                }
                _ => desk.no_equal(&from, "mcp-secure-server does not read it either"),
            }
        }
    }
}

fn root_name(folder: &str, taken: &mut Vec<String>) -> String {
    let last = folder.rsplit('/').next().unwrap_or_default();
    let name = name_of(last, 28);
    let free = (1..)
        .map(|number| match number {
            1 => name.clone(),
            _ => format!("{name}-{number}"),
        })
        .find(|name| !taken.contains(name))
        // There are more numbers than folders.
        .unwrap_or_default();
    taken.push(free.clone());
    free
}

/// Tools of theirs that this version does not have yet, or never will under this name.
const BUGS: [&str; 7] = [
    "init_bugtracker",
    "add_bug",
    "get_bug",
    "update_bug",
    "close_bug",
    "list_bugs",
    "search_bugs_global",
];
const OTHERS: [&str; 3] = ["web_search", "search_tools", "list_categories"];

fn tools(desk: &mut Desk<'_>, file: &str, tree: &Tree) {
    for (key, value) in tree.entries() {
        let path = format!("tools.{key}");
        let from = key_of(file, value, &path);
        match key.as_str() {
            "timeout" => match value.text().unwrap_or_default().parse::<u32>() {
                Ok(seconds) => {
                    desk.take(
                        &from,
                        &["limits", "timeout"],
                        Value::word(format!("{seconds}s")),
                    );
                }
                Err(_) => desk.no_equal(&from, "no number of seconds"),
            },
            "rate_limits" => {
                for (tool, limit) in value.entries() {
                    let from = key_of(file, limit, &format!("{path}.{tool}"));
                    rate(desk, &from, tool, limit.text().unwrap_or_default());
                }
            }
            _ => desk.no_equal(&from, "mcp-secure-server does not read it either"),
        }
    }
}

fn rate(desk: &mut Desk<'_>, from: &super::desk::Line, tool: &str, limit: &str) {
    let Some(count) = limit.parse::<u32>().ok().filter(|count| *count > 0) else {
        desk.no_equal(from, "no number above 0");
        return;
    };
    let rate = Value::word(format!("{count}/min"));
    if tool == "default" {
        desk.draft.set(&["limits", "calls"], rate);
        let how = "of each caller over all tools, where it was of each tool";
        desk.taken_otherwise(from, &["limits", "calls"], how);
    } else if BUGS.contains(&tool) || OTHERS.contains(&tool) {
        desk.take(from, &["limits", "tools", tool], rate);
    } else {
        desk.no_equal(from, "no tool has this name, there or here");
    }
}

fn audit(desk: &mut Desk<'_>, config: &ConfigFile, tree: &Tree) {
    for (key, value) in tree.entries() {
        let from = key_of(&config.file, value, &format!("audit.{key}"));
        let text = value.text().unwrap_or_default();
        match key.as_str() {
            "log_file" => {
                let path = Value::Reference(absolute(text, &config.folder));
                desk.take(&from, &["audit", "export", "file"], path);
            }
            "log_level" => {
                let level = match text.to_lowercase().as_str() {
                    "warning" => "warn".to_owned(),
                    "critical" => "error".to_owned(),
                    other => other.to_owned(),
                };
                desk.take(&from, &["telemetry", "log"], Value::text(level));
            }
            "include" => {
                for item in value.items() {
                    let from = key_of(&config.file, item, "audit.include");
                    desk.otherwise(
                        &from,
                        "every record has all of it; `audit.content` says how much of the content",
                    );
                }
            }
            _ => desk.no_equal(&from, "mcp-secure-server does not read it either"),
        }
    }
}

/// What it offers though nobody says it.
fn unsaid(desk: &mut Desk<'_>) {
    desk.unsaid("stdio alone", &["listen", "http"], Value::text("off"));
    desk.unsaid(
        "no file tools",
        &["packs", "fs", "enabled"],
        Value::word(false),
    );
    let on = || Value::word(true);
    desk.unsaid("web_search", &["packs", "search", "enabled"], on());
    desk.unsaid(
        "the bug tracker's tools",
        &["packs", "bugs", "enabled"],
        on(),
    );
    desk.no_equal(
        &line("their default", "bugs in ~/.mcp-bugtracker/bugs.db"),
        "what is recorded there is not moved",
    );
    desk.unsaid(
        "search_tools, list_categories",
        &["packs", "discovery", "enabled"],
        on(),
    );
    desk.no_equal(&line("their default", "the Figma plugin's tools"), FIGMA);
}
