//! mcp-guard (<https://github.com/jmolz/mcp-guard>, 0.1): one `mcp-guard.yaml` with servers, policies and
//! how callers prove who they are.

mod policies;
mod servers;

use super::{
    desk::{Desk, key_of, line, name_of},
    draft::Value,
    given::ConfigFile,
};
use crate::config::Tree;

/// Is this its own file, and not that of a client? Theirs have other words beside the servers, or say what
/// no client does of one.
pub(super) fn is_own(tree: &Tree) -> bool {
    let sections = ["daemon", "auth", "interceptors", "pii", "audit", "extends"];
    let servers = tree.get("servers").map(Tree::entries).unwrap_or_default();
    let own = |server: &Tree| {
        ["policy", "upstream_auth_token", "transport"]
            .iter()
            .any(|key| server.get(key).is_some())
    };
    sections.iter().any(|section| tree.get(section).is_some())
        || servers.iter().any(|(_, server)| own(server))
}

pub(super) fn account(desk: &mut Desk<'_>) {
    let given = desk.given;
    for config in &given.configs {
        file(desk, config);
    }
    for setting in &given.variables {
        if desk.is_beaten(setting) {
            continue;
        }
        match setting.name.as_str() {
            "MCP_GUARD_CONFIG" => {
                desk.otherwise(setting, "`--config`, or the place where it is looked for")
            }
            "MCP_GUARD_LOG_LEVEL" => {
                let level = Value::text(setting.value.to_lowercase());
                desk.take(setting, &["telemetry", "log"], level);
            }
            _ => desk.not_its(
                setting,
                "a variable for the file's `${…}`, or no setting of mcp-guard",
            ),
        }
    }
    for command in &given.commands {
        let from = line(&command.at, "command line");
        let word = command
            .words
            .first()
            .map(String::as_str)
            .unwrap_or_default();
        let server = command
            .words
            .windows(2)
            .find(|pair| ["-s", "--server"].contains(&pair[0].as_str()));
        match (word, server) {
            ("connect", Some(pair)) => {
                let how = format!(
                    "that is `durward connect --server {}`",
                    name_of(&pair[1], 31)
                );
                desk.otherwise(&from, &how);
            }
            ("start", _) => desk.otherwise(&from, "that is `durward serve`"),
            _ => desk.otherwise(&from, "a command; see `durward --help` for ours"),
        }
    }
    for remote in &given.remotes {
        desk.no_equal(
            &line(&remote.at, "url"),
            "mcp-guard serves no MCP over HTTP",
        );
    }
    for port in &given.published {
        desk.not_its(
            &line(&port.at, "ports"),
            "mcp-guard serves no MCP over HTTP",
        );
    }
    for mount in &given.mounts {
        desk.not_its(&line(&mount.at, "volumes"), "the container's own");
    }
    if !given.configs.is_empty() {
        desk.unsaid(
            "no file tools",
            &["packs", "fs", "enabled"],
            Value::word(false),
        );
        let by_user = |config: &ConfigFile| policies::mode(&config.tree) == "os";
        if given.configs.iter().all(by_user) {
            desk.unsaid("no MCP over HTTP", &["listen", "http"], Value::text("off"));
        } else {
            let from = line("their default", "no MCP over HTTP");
            desk.otherwise(
                &from,
                "keys are shown over HTTP, on loopback; on the socket the OS user is the proof",
            );
        }
    }
}

fn file(desk: &mut Desk<'_>, config: &ConfigFile) {
    let file = &config.file;
    let names = servers::names(&config.tree);
    for (section, tree) in config.tree.entries() {
        match section.as_str() {
            "servers" => servers::account(desk, config, tree),
            "auth" => policies::auth(desk, file, tree, &names),
            "daemon" => daemon(desk, file, tree),
            "interceptors" => each(desk, file, tree, section, |desk, from, _, _| {
                desk.otherwise(
                    from,
                    "a stage that can't decide refuses; none has a time of its own",
                );
            }),
            "audit" => audit(desk, file, tree),
            "pii" => pii(desk, file, tree),
            "extends" => extends(desk, file, tree),
            _ => desk.no_equal(
                &key_of(file, tree, section),
                "mcp-guard does not read it either",
            ),
        }
    }
    if config.tree.get("auth").is_none() {
        policies::without_auth(desk);
    }
    let pii = config.tree.get("pii").and_then(|pii| pii.get("enabled"));
    if pii.and_then(Tree::text) != Some("false") {
        desk.no_equal(
            &line("their default", "personal data and secrets are looked for both ways"),
            "not built into this version yet (`inspect`): NOTHING IS REDACTED OR BLOCKED until it is",
        );
    }
}

/// Goes through the keys of a section.
fn each(
    desk: &mut Desk<'_>,
    file: &str,
    tree: &Tree,
    section: &str,
    mut told: impl FnMut(&mut Desk<'_>, &super::desk::Line, &str, &Tree),
) {
    for (key, value) in tree.entries() {
        let from = key_of(file, value, &format!("{section}.{key}"));
        told(desk, &from, key, value);
    }
}

fn daemon(desk: &mut Desk<'_>, file: &str, tree: &Tree) {
    each(desk, file, tree, "daemon", |desk, from, key, value| {
        let text = value.text().unwrap_or_default();
        match key {
            "log_level" => desk.take(from, &["telemetry", "log"], Value::text(text)),
            "shutdown_timeout" => {
                let path = ["listen", "limits", "drain"];
                match text.parse::<u32>() {
                    Ok(seconds) => desk.take(from, &path, Value::word(format!("{seconds}s"))),
                    Err(_) => desk.no_equal(from, "no number of seconds"),
                }
            }
            "dashboard_port" => {
                let address = Value::text(format!("127.0.0.1:{text}"));
                desk.take(from, &["dashboard", "listen"], address);
            }
            "socket_path" => desk.otherwise(
                from,
                "`listen.socket` is another one: both can run, and clients come by `durward connect`",
            ),
            "home" => desk.otherwise(from, "`state` is durward's own folder; what mcp-guard recorded stays there"),
            "encryption" => match value.get("enabled").and_then(Tree::text) {
                Some("true") => desk.no_equal(from, "the ledger is not encrypted yet (`audit.encrypt`)"),
                _ => desk.otherwise(from, "off, as it is unless said"),
            },
            _ => desk.no_equal(from, "mcp-guard does not read it either"),
        }
    });
}

fn audit(desk: &mut Desk<'_>, file: &str, tree: &Tree) {
    each(desk, file, tree, "audit", |desk, from, key, value| {
        let text = value.text().unwrap_or_default();
        match (key, text) {
            ("enabled", "false") => {
                desk.no_equal(from, "every call is recorded: it can't be switched off")
            }
            ("enabled", _) => desk.otherwise(from, "every call is recorded"),
            ("stdout", "false") => desk.otherwise(from, "off, as it is unless said"),
            ("stdout", _) => desk.take(from, &["audit", "export", "stderr"], Value::word(true)),
            ("retention_days", days) => match days.parse::<u32>() {
                Ok(days) => desk.take(from, &["audit", "retention", "days"], Value::word(days)),
                Err(_) => desk.no_equal(from, "no number of days"),
            },
            _ => desk.no_equal(from, "mcp-guard does not read it either"),
        }
    });
}

/// Kept for the version that inspects; the names of kinds are durward's.
fn pii(desk: &mut Desk<'_>, file: &str, tree: &Tree) {
    let kind = |name: &str| match name {
        "credit_card" => "card".to_owned(),
        other => other.to_owned(),
    };
    let actions = |tree: &Tree| {
        let said = |key: &str| tree.get(key).and_then(Tree::text);
        let both =
            ["request", "response"].map(|way| Some((way.to_owned(), Value::text(said(way)?))));
        Value::Map(both.into_iter().flatten().collect())
    };
    each(
        desk,
        file,
        tree,
        "pii",
        |desk, from, key, value| match key {
            "enabled" => {
                let word = match value.text() {
                    Some("false") => "off",
                    _ => "redact",
                };
                let both = Value::map([
                    ("request", Value::text(word)),
                    ("response", Value::text(word)),
                ]);
                desk.take(from, &["inspect", "pii"], both);
            }
            "actions" => {
                for (name, of) in value.entries() {
                    let from = key_of(file, of, &format!("pii.actions.{name}"));
                    desk.take(&from, &["inspect", "kinds", &kind(name)], actions(of));
                }
            }
            "custom_types" => {
                for (name, of) in value.entries() {
                    let from = key_of(file, of, &format!("pii.custom_types.{name}"));
                    custom(
                        desk,
                        &from,
                        name,
                        of,
                        actions(&of.get("actions").cloned().unwrap_or_else(|| of.clone())),
                    );
                }
            }
            "confidence_threshold" => {
                desk.no_equal(from, "a detector finds it or not: there is no threshold")
            }
            _ => desk.no_equal(from, "mcp-guard does not read it either"),
        },
    );
}

fn custom(desk: &mut Desk<'_>, from: &super::desk::Line, name: &str, tree: &Tree, actions: Value) {
    let patterns = tree.get("patterns").map(Tree::items).unwrap_or_default();
    let regexes: Vec<&str> = patterns
        .iter()
        .filter_map(|pattern| pattern.get("regex")?.text())
        .collect();
    let joined = match regexes.as_slice() {
        [one] => (*one).to_owned(),
        many => format!("(?:{})", many.join(")|(?:")),
    };
    let mut entries = vec![("pattern".to_owned(), Value::text(joined))];
    if let Value::Map(actions) = actions {
        entries.extend(actions);
    }
    desk.take(from, &["inspect", "custom", name], Value::Map(entries));
}

fn extends(desk: &mut Desk<'_>, file: &str, tree: &Tree) {
    each(desk, file, tree, "extends", |desk, from, key, value| {
        let text = Value::text(value.text().unwrap_or_default());
        match key {
            "url" => {
                desk.draft.set(&["extends", "source"], text);
                desk.no_equal(
                    from,
                    "no base configuration yet (`extends`): WHAT THE BASE FORBIDS IS NOT FORBIDDEN by this file",
                );
            }
            _ => desk.take(from, &["extends", key], text),
        }
    });
}
