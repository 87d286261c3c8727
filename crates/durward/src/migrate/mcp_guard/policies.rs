//! `auth` of mcp-guard: keys, roles and what they may do.

use durward_guard::glob::{Glob, Span};

use super::super::{
    desk::{Desk, Line, key_of, line},
    draft::Value,
};
use crate::config::Tree;

/// The role of whoever has none there: it is not in the file, and nothing bounds it.
const DEFAULT: &str = "default";

/// Their pattern as a glob of ours, where it is one: exact, with `*`, or an expression that is no more.
pub(super) fn glob_of(pattern: &str) -> Option<String> {
    let glob = match pattern.strip_prefix('^') {
        None => pattern.to_owned(),
        Some(regex) => {
            let (body, open) = match regex.strip_suffix('$') {
                Some(body) => (body, false),
                None => (regex, true),
            };
            let (body, open) = match body.strip_suffix(".*") {
                Some(body) => (body, true),
                None => (body, open),
            };
            let literal = |c: char| c.is_ascii_alphanumeric() || "_-/".contains(c);
            if !body.chars().all(literal) {
                return None;
            }
            match open {
                true => format!("{body}*"),
                false => body.to_owned(),
            }
        }
    };
    Glob::new(&glob, Span::Name).ok().map(|_| glob)
}

/// A count in so much time.
pub(super) fn rate(desk: &mut Desk<'_>, from: &Line, path: &[&str], count: &Tree, unit: &str) {
    let count = count.text().and_then(|text| text.parse::<f64>().ok());
    match count.filter(|count| *count >= 1.0 && *count < 1e9) {
        // Between two whole numbers, the smaller is the stricter.
        Some(count) => desk.take(
            from,
            path,
            Value::word(format!("{:.0}/{unit}", count.floor())),
        ),
        None => desk.no_equal(from, "no number above 0"),
    }
}

/// Where the file says nothing of callers, whoever runs mcp-guard may do everything.
pub(super) fn without_auth(desk: &mut Desk<'_>) {
    desk.otherwise(
        &line("their default", "auth.mode: os"),
        "whoever runs durward has the role `developer`: all but what is of the tier danger",
    );
}

/// How callers prove who they are: `os`, `api_key` or `oauth`.
pub(super) fn mode(config: &Tree) -> &str {
    let mode = config.get("auth").and_then(|auth| auth.get("mode"));
    mode.and_then(Tree::text).unwrap_or("os")
}

/// `auth`, with the servers' names there and here.
pub(super) fn auth(desk: &mut Desk<'_>, file: &str, tree: &Tree, servers: &[(String, String)]) {
    let mode = tree.get("mode").and_then(Tree::text).unwrap_or("os");
    let defined: Vec<&str> = tree
        .get("roles")
        .map(Tree::entries)
        .unwrap_or_default()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let everything = || Value::texts(servers.iter().map(|(_, name)| format!("server:{name}")));
    let mut needs_default = mode == "os" && !defined.contains(&DEFAULT);
    for (key, value) in tree.entries() {
        let from = key_of(file, value, &format!("auth.{key}"));
        match key.as_str() {
            "mode" => match mode {
                "oauth" => desk.no_equal(
                    &from,
                    "no tokens of an identity provider yet (`identity.jwt`): keys and OS users until then",
                ),
                "api_key" => desk.take(&from, &["identity", "keys"], Value::Map(Vec::new())),
                _ => desk.taken(&from, &["identity", "os_user"]),
            },
            "api_keys" => {
                for (secret, of) in value.entries() {
                    let from = key_of(file, of, "auth.api_keys.(a key)");
                    let roles = roles_of(of);
                    needs_default |= roles.iter().any(|role| role == DEFAULT) && !defined.contains(&DEFAULT);
                    let role = one_role(desk, &roles);
                    desk.accept(&from, "mcp-guard-key", secret, &role);
                }
            }
            "roles" => {
                for (name, of) in value.entries() {
                    let path = format!("auth.roles.{name}");
                    role(desk, file, &path, name, of, servers);
                    if mode == "os" && name != DEFAULT {
                        let from = key_of(file, of, &path);
                        let users = ["identity", "os_user", "roles", name.as_str()];
                        desk.take(&from, &users, Value::texts([name.as_str()]));
                    }
                }
            }
            "oauth" => oauth(desk, file, value),
            _ => desk.no_equal(&from, "mcp-guard does not read it either"),
        }
    }
    if needs_default {
        let from = line("their default", "the role `default` may do everything");
        desk.take(&from, &["roles", DEFAULT, "allow"], everything());
    }
    let nobody = || Value::List(Vec::new());
    if mode != "os" {
        // A proof that was needed stays needed: the OS user alone is none.
        for user in ["self", "*"] {
            desk.draft
                .set(&["identity", "os_user", "roles", user], nobody());
        }
        let from = line("their default", "without a key or a token nobody is served");
        desk.taken(&from, &["identity", "os_user", "roles"]);
    } else {
        let from = line("their default", "other users have the role `default`");
        let own = Value::texts([DEFAULT]);
        desk.draft
            .set(&["identity", "os_user", "roles", "self"], own);
        desk.draft.set(
            &["identity", "os_user", "roles", "*"],
            Value::List(Vec::new()),
        );
        desk.taken_otherwise(
            &from,
            &["identity", "os_user", "roles"],
            "whoever runs durward has it; other users have no role",
        );
    }
}

fn roles_of(key: &Tree) -> Vec<String> {
    let said = key.get("roles").map(Tree::items).unwrap_or_default();
    let roles: Vec<String> = said
        .iter()
        .filter_map(|role| role.text().map(str::to_owned))
        .collect();
    match key.get("roles") {
        Some(_) => roles,
        None => vec![DEFAULT.to_owned()],
    }
}

/// A key has one role here: of several, one that inherits them all.
fn one_role(desk: &mut Desk<'_>, roles: &[String]) -> String {
    match roles {
        [one] => one.clone(),
        [] => {
            desk.draft
                .set(&["roles", "nothing", "allow"], Value::List(Vec::new()));
            "nothing".to_owned()
        }
        many => {
            let name = many.join("-and-");
            desk.draft
                .set(&["roles", &name, "inherit"], Value::texts(many.to_vec()));
            name
        }
    }
}

/// A role's lists name tools as their servers do; here they have the server's name before them. What has
/// no list there is open to the role.
fn role(
    desk: &mut Desk<'_>,
    file: &str,
    path: &str,
    name: &str,
    tree: &Tree,
    servers: &[(String, String)],
) {
    let permissions = tree.get("permissions");
    let lists = permissions.map(Tree::entries).unwrap_or_default();
    let has = |key: &str| permissions.is_some_and(|it| it.get(key).is_some());
    let allow = ["roles", name, "allow"];
    let mut open = Vec::new();
    if !has("allowed_tools") && !has("allowed_resources") {
        open.extend(servers.iter().map(|(_, server)| format!("server:{server}")));
    } else {
        if !has("allowed_tools") {
            open.extend(
                servers
                    .iter()
                    .map(|(_, server)| format!("tool:{server}__*")),
            );
        }
        if !has("allowed_resources") {
            open.push("resource:**".to_owned());
        }
        open.push("prompt:*".to_owned());
    }
    desk.draft.set(&allow, Value::texts(open));
    for (key, value) in lists {
        let path = format!("{path}.permissions.{key}");
        let (list, kind) = match key.as_str() {
            "allowed_tools" => ("allow", "tool:*__"),
            "denied_tools" => ("deny", "tool:*__"),
            "allowed_resources" => ("allow", "resource:"),
            "denied_resources" => ("deny", "resource:"),
            _ => {
                desk.no_equal(
                    &key_of(file, value, &path),
                    "mcp-guard does not read it either",
                );
                continue;
            }
        };
        for item in value.items() {
            let from = key_of(file, item, &path);
            let said = match (item.text().and_then(glob_of), kind) {
                // A star of theirs ends at a slash; what is denied goes on to what lies below.
                (Some(glob), "resource:") => {
                    let glob = glob.replace("**", "*");
                    Some(match list {
                        "deny" => glob.replace('*', "**"),
                        _ => glob,
                    })
                }
                (glob, _) => glob,
            };
            match (said, list) {
                (Some(glob), _) => {
                    let selector = Value::text(format!("{kind}{glob}"));
                    desk.take_item(&from, &["roles", name, list], selector);
                }
                (None, "deny") => {
                    let all = match kind {
                        "resource:" => "resource:**",
                        _ => "tool:*",
                    };
                    desk.draft.push(&["roles", name, "deny"], Value::text(all));
                    desk.no_equal(
                        &from,
                        "no regular expressions; ALL OF THEM are denied to the role until this is said with `*`",
                    );
                }
                (None, _) => {
                    desk.no_equal(&from, "no regular expressions; say it by patterns with `*`")
                }
            }
        }
    }
    if let Some(limit) = tree.get("rate_limit") {
        for (key, value) in limit.entries() {
            let from = key_of(file, value, &format!("{path}.rate_limit.{key}"));
            match key.as_str() {
                "requests_per_minute" => {
                    rate(
                        desk,
                        &from,
                        &["roles", name, "limits", "calls"],
                        value,
                        "min",
                    );
                }
                "requests_per_hour" if limit.get("requests_per_minute").is_none() => {
                    rate(desk, &from, &["roles", name, "limits", "calls"], value, "h");
                }
                _ => desk.no_equal(
                    &from,
                    "one rate a role; `limits.tools` has those of tools, for all roles",
                ),
            }
        }
    }
}

/// Kept for the version that knows tokens.
fn oauth(desk: &mut Desk<'_>, file: &str, tree: &Tree) {
    let mut issuer = Vec::new();
    for (key, value) in tree.entries() {
        let text = Value::text(value.text().unwrap_or_default());
        match key.as_str() {
            "issuer" => issuer.push(("issuer".to_owned(), text)),
            "jwks_uri" => issuer.push(("jwks".to_owned(), text)),
            "audience" => issuer.push(("audience".to_owned(), Value::List(vec![text]))),
            "clock_tolerance_seconds" => {
                let leeway = format!("{}s", value.text().unwrap_or_default());
                issuer.push(("leeway".to_owned(), Value::word(leeway)));
            }
            "claims_to_roles" => {
                let claim = value
                    .get("claim_name")
                    .and_then(Tree::text)
                    .unwrap_or("roles");
                issuer.push((
                    "claims".to_owned(),
                    Value::map([("roles", Value::text(claim))]),
                ));
                let mapping = value.get("mapping").map(Tree::entries).unwrap_or_default();
                let roles = mapping.iter().map(|(group, roles)| {
                    let roles = roles.items().iter().filter_map(Tree::text);
                    (group.clone(), Value::texts(roles))
                });
                issuer.push(("roles".to_owned(), Value::Map(roles.collect())));
            }
            _ => {
                let from = key_of(file, value, &format!("auth.oauth.{key}"));
                desk.no_equal(&from, "of the person's login: `durward auth login`");
                continue;
            }
        }
        let from = key_of(file, value, &format!("auth.oauth.{key}"));
        desk.taken(&from, &["identity", "jwt"]);
    }
    desk.draft.push(&["identity", "jwt"], Value::Map(issuer));
}

#[cfg(test)]
mod tests {
    use super::glob_of;

    #[test]
    fn patterns_are_globs_where_they_can_be() {
        let glob = |text: &str| glob_of(text);
        assert_eq!(glob("delete_*").as_deref(), Some("delete_*"));
        assert_eq!(glob("^get_.*$").as_deref(), Some("get_*"));
        assert_eq!(glob("^get_").as_deref(), Some("get_*"));
        assert_eq!(glob("^get$").as_deref(), Some("get"));
        for wild in ["^(a|b)$", "^get_[a-z]+$", "^bad(", "^a.b"] {
            assert_eq!(glob(wild), None, "{wild}");
        }
    }
}
