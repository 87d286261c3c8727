//! `servers` of mcp-guard: how each is reached, and its policy.

use super::super::{
    desk::{Desk, Line, key_of, name_of},
    draft::Value,
    given::ConfigFile,
};
use super::policies::{glob_of, rate};
use crate::config::Tree;

/// The servers' names, there and here.
pub(super) fn names(tree: &Tree) -> Vec<(String, String)> {
    let servers = tree.get("servers").map(Tree::entries).unwrap_or_default();
    servers
        .iter()
        .map(|(name, _)| (name.clone(), name_of(name, 31)))
        .collect()
}

pub(super) fn account(desk: &mut Desk<'_>, config: &ConfigFile, tree: &Tree) {
    for (theirs, server) in tree.entries() {
        let name = name_of(theirs, 31);
        if name != *theirs {
            let how = format!("called `{name}` here: a name has letters a-z, digits and `-`");
            let from = key_of(&config.file, server, &format!("servers.{theirs}"));
            desk.otherwise(&from, &how);
        }
        one(desk, config, theirs, &name, server);
    }
}

fn one(desk: &mut Desk<'_>, config: &ConfigFile, theirs: &str, name: &str, server: &Tree) {
    let file = &config.file;
    for (key, value) in server.entries() {
        let from = key_of(file, value, &format!("servers.{theirs}.{key}"));
        let text = value.text().unwrap_or_default();
        match key.as_str() {
            "command" => desk.take(&from, &["servers", name, "command"], command(server)),
            "args" => desk.taken(&from, &["servers", name, "command"]),
            "env" => {
                for (variable, of) in value.entries() {
                    let from = key_of(file, of, &format!("servers.{theirs}.env.{variable}"));
                    let value = variable_of(desk, name, variable, of.text().unwrap_or_default());
                    desk.take(&from, &["servers", name, "env", variable], value);
                }
            }
            "url" => {
                let url = Value::Reference(text.to_owned());
                desk.take(&from, &["servers", name, "url"], url);
            }
            "transport" => match text {
                "sse" => desk.take(&from, &["servers", name, "transport"], Value::text("sse")),
                "streamable-http" => {
                    desk.take(&from, &["servers", name, "transport"], Value::text("http"));
                }
                _ => desk.otherwise(&from, "a server with a `command` speaks on stdio"),
            },
            "upstream_auth_token" => {
                let token = reference(desk, &format!("{name}-token"), text);
                desk.take(&from, &["servers", name, "auth", "bearer"], token);
            }
            "policy" => policy(desk, file, theirs, name, value),
            _ => desk.no_equal(&from, "mcp-guard does not read it either"),
        }
    }
}

fn command(server: &Tree) -> Value {
    let program = server.get("command").and_then(Tree::text);
    let args = server.get("args").map(Tree::items).unwrap_or_default();
    let words = program
        .into_iter()
        .chain(args.iter().filter_map(Tree::text));
    Value::List(
        words
            .map(|word| Value::Reference(word.to_owned()))
            .collect(),
    )
}

/// A variable's value: as it is, unless its name says that it is a secret.
fn variable_of(desk: &mut Desk<'_>, server: &str, variable: &str, value: &str) -> Value {
    let upper = variable.to_uppercase();
    let secret = ["TOKEN", "SECRET", "KEY", "PASS", "CREDENTIAL", "AUTH"]
        .iter()
        .any(|word| upper.contains(word));
    match secret && !value.is_empty() {
        true => reference(desk, &format!("{server}-{variable}"), value),
        false => Value::Reference(value.to_owned()),
    }
}

/// A secret: of the variable that it is taken from, or in a file of its own.
fn reference(desk: &mut Desk<'_>, name: &str, value: &str) -> Value {
    let variable = value.strip_prefix("${").and_then(|it| it.strip_suffix('}'));
    match variable {
        Some(variable) => {
            let name = name_of(variable, 63);
            desk.secret_elsewhere(&name, "env", Value::text(variable))
        }
        None => desk.secret(name, value),
    }
}

fn policy(desk: &mut Desk<'_>, file: &str, theirs: &str, name: &str, tree: &Tree) {
    for (key, value) in tree.entries() {
        let path = format!("servers.{theirs}.policy.{key}");
        let from = key_of(file, value, &path);
        match key.as_str() {
            "permissions" => permissions(desk, file, &path, name, value),
            "rate_limit" => limits(desk, file, &path, name, value),
            "sampling" => sampling(desk, &from, name, value),
            "locked" => desk.no_equal(
                &from,
                "of use in a base configuration alone (`extends`, not built yet)",
            ),
            _ => desk.no_equal(&from, "mcp-guard does not read it either"),
        }
    }
}

/// What can't be said here must not be let through: then nothing of it is offered.
fn permissions(desk: &mut Desk<'_>, file: &str, path: &str, name: &str, tree: &Tree) {
    for (key, value) in tree.entries() {
        let path = format!("{path}.{key}");
        let list = match key.as_str() {
            "allowed_tools" => "allow",
            "denied_tools" => "deny",
            "allowed_resources" | "denied_resources" => {
                resources(desk, &key_of(file, value, &path), name, key, value);
                continue;
            }
            _ => {
                desk.no_equal(
                    &key_of(file, value, &path),
                    "mcp-guard does not read it either",
                );
                continue;
            }
        };
        if value.items().is_empty() && list == "allow" {
            let none = Value::List(Vec::new());
            desk.take(
                &key_of(file, value, &path),
                &["servers", name, "tools", "allow"],
                none,
            );
        }
        for item in value.items() {
            let from = key_of(file, item, &path);
            let pattern = item.text().unwrap_or_default();
            match (glob_of(pattern), list) {
                (Some(glob), _) => {
                    desk.take_item(&from, &["servers", name, "tools", list], Value::text(glob));
                }
                (None, "deny") => {
                    desk.draft
                        .push(&["servers", name, "tools", "deny"], Value::text("*"));
                    desk.no_equal(
                        &from,
                        "no regular expressions; ALL TOOLS of the server are denied until this is said by patterns \
                         with `*`",
                    );
                }
                (None, _) => {
                    // An allow-list of which nothing could be said allows nothing, not everything.
                    if desk
                        .draft
                        .get(&["servers", name, "tools", "allow"])
                        .is_none()
                    {
                        desk.draft.set(
                            &["servers", name, "tools", "allow"],
                            Value::List(Vec::new()),
                        );
                    }
                    desk.no_equal(&from, "no regular expressions; say it by patterns with `*`");
                }
            }
        }
    }
}

fn resources(desk: &mut Desk<'_>, from: &Line, name: &str, key: &str, value: &Tree) {
    if key == "denied_resources" && value.items().is_empty() {
        desk.otherwise(from, "empty: nothing is said");
        return;
    }
    let kept = ["tools", "prompts", "completions", "logging"];
    desk.draft
        .set(&["servers", name, "capabilities"], Value::texts(kept));
    desk.no_equal(
        from,
        "no lists of one server's resources: NONE OF THEM is offered until a role says so (`resource:…`)",
    );
}

fn limits(desk: &mut Desk<'_>, file: &str, path: &str, name: &str, tree: &Tree) {
    let minute = tree.get("requests_per_minute").is_some();
    for (key, value) in tree.entries() {
        let path = format!("{path}.{key}");
        let from = key_of(file, value, &path);
        match key.as_str() {
            "requests_per_minute" => {
                rate(
                    desk,
                    &from,
                    &["servers", name, "limits", "calls"],
                    value,
                    "min",
                );
            }
            "requests_per_hour" if minute => {
                desk.no_equal(&from, "one rate a server: that of the minute holds");
            }
            "requests_per_hour" => {
                rate(
                    desk,
                    &from,
                    &["servers", name, "limits", "calls"],
                    value,
                    "h",
                );
            }
            "tool_limits" => {
                for (tool, limit) in value.entries() {
                    let from = key_of(file, limit, &format!("{path}.{tool}"));
                    let whole = format!("{name}__{tool}");
                    match limit.get("requests_per_minute") {
                        Some(count) => {
                            rate(desk, &from, &["limits", "tools", &whole], count, "min")
                        }
                        None => desk.otherwise(&from, "nothing is said"),
                    }
                }
            }
            _ => desk.no_equal(&from, "mcp-guard does not read it either"),
        }
    }
}

/// A bound that can't be kept yet is no reason to let it go unbounded.
fn sampling(desk: &mut Desk<'_>, from: &Line, name: &str, tree: &Tree) {
    let on = tree.get("enabled").and_then(Tree::text) == Some("true");
    let bounded = tree.get("max_tokens").or(tree.get("rate_limit")).is_some();
    match (on, bounded) {
        (false, _) => desk.otherwise(from, "off, as it is unless `capabilities` names it"),
        (true, true) => desk.no_equal(
            from,
            "its bounds are not built yet (`inspect.sampling`), so it is off; `capabilities` can name it",
        ),
        (true, false) => {
            let all = ["tools", "resources", "prompts", "completions", "logging", "sampling"];
            let path = ["servers", name, "capabilities"];
            desk.take(from, &path, Value::texts(all));
        }
    }
}
