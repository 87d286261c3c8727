//! pocket-homeserver's MCP server (<https://github.com/Partha-dev01/pocket-homeserver>, 1.1): part of the
//! home server's one `.env`; its tools are the `ops` of durward.

use super::{
    desk::{Desk, line},
    doors::{Door, Kept},
    draft::Value,
    given::Setting,
};
use crate::config::{PublicUrl, Rate};

const ROLE: &str = "pocket";

/// What its MCP server reads of the home server's variables.
const KNOWN: [&str; 28] = [
    "ENABLE_MCP",
    "MCP_TRANSPORT",
    "MCP_HTTP_HOST",
    "MCP_HTTP_PORT",
    "MCP_HTTP_BIND",
    "MCP_ALLOW_OPERATE",
    "MCP_ALLOW_DANGER",
    "MCP_BEARER_TOKEN_FILE",
    "MCP_LOG_REDACT",
    "MCP_ALLOWED_LOGS",
    "MCP_RATE_LIMIT",
    "CF_ACCESS_MODE",
    "CF_ACCESS_TEAM_DOMAIN",
    "CF_ACCESS_AUD",
    "POCKET_ROOT",
    "POCKET_STATE_DIR",
    "POCKET_LOG_DIR",
    "POCKET_METRICS_LOG",
    "POCKET_SITES_ROOT",
    "DATA_DIR",
    "BACKUP_DIR",
    "DOMAIN",
    "ADMINWEB_PORT",
    "CADDY_BIND",
    "CADDY_PORT",
    "ENABLE_SITES",
    "ENABLE_METRICS",
    "ENABLE_HONEYPOT",
];
const FEATURES: [&str; 5] = [
    "ENABLE_SITES",
    "ENABLE_METRICS",
    "ENABLE_HONEYPOT",
    "ENABLE_USER_ADMIN",
    "ENABLE_OFFSITE_BACKUP",
];

pub(super) fn knows(variable: &str) -> bool {
    KNOWN.contains(&variable) || FEATURES.contains(&variable)
}

pub(super) fn account(desk: &mut Desk<'_>) {
    let given = desk.given;
    let transport = given.value("MCP_TRANSPORT").unwrap_or("stdio");
    let http = ["http", "both"].contains(&transport);
    let host = given.value("MCP_HTTP_HOST").unwrap_or("mcp");
    let url = given
        .value("DOMAIN")
        .map(|domain| format!("https://{host}.{domain}"))
        .filter(|url| url.parse::<PublicUrl>().is_ok());
    let door = Door {
        host: given.value("MCP_HTTP_BIND").unwrap_or("127.0.0.1"),
        port: given.value("MCP_HTTP_PORT").unwrap_or("9120"),
        public_url: url.as_deref(),
    };
    let kept = http.then(|| door.open(desk));
    for setting in &given.variables {
        if !knows(&setting.name) {
            desk.not_its(
                setting,
                "the home server's own, not of its MCP server; it stays there",
            );
        } else if !desk.is_beaten(setting) {
            variable(desk, setting, kept, url.as_deref());
        }
    }
    for command in &given.commands {
        let from = line(&command.at, "command line");
        desk.otherwise(&from, "over SSH that is `ssh <host> durward stdio`");
    }
    for remote in &given.remotes {
        let from = line(&remote.at, "url");
        desk.otherwise(
            &from,
            "the client's address works on: `/mcp` and `/` are served",
        );
        if let Some(key) = &remote.bearer {
            desk.accept(&line(&remote.at, "Authorization"), ROLE, key, ROLE);
        }
    }
    if !given.is_empty() {
        unsaid(desk, http);
    }
}

fn variable(desk: &mut Desk<'_>, setting: &Setting, kept: Option<Kept>, url: Option<&str>) {
    let value = setting.value.trim();
    match setting.name.as_str() {
        "ENABLE_MCP" => desk.otherwise(setting, "durward runs where it is started"),
        "MCP_TRANSPORT" => match kept {
            Some(_) => desk.otherwise(
                setting,
                "`durward serve`; beside it, `ssh <host> durward stdio` always works",
            ),
            None => desk.otherwise(setting, "`ssh <host> durward stdio`"),
        },
        "MCP_HTTP_PORT" | "MCP_HTTP_BIND" => match kept {
            Some(Kept::Same) => desk.taken(setting, &["listen", "http"]),
            Some(Kept::Moved(why)) => desk.taken_otherwise(setting, &["listen", "http"], why),
            None => desk.otherwise(setting, "of no use on stdio, there as here"),
        },
        "MCP_HTTP_HOST" | "DOMAIN" => match (kept, url) {
            (Some(_), Some(url)) => {
                desk.take(setting, &["listen", "public_url"], Value::text(url));
            }
            _ => desk.otherwise(setting, "of no use on stdio, there as here"),
        },
        "MCP_BEARER_TOKEN_FILE" => match kept {
            Some(_) => {
                let path = Value::Reference(setting.path());
                let key = desk.secret_elsewhere(ROLE, "file", path);
                desk.accept_reference(setting, key, ROLE);
            }
            None => desk.otherwise(
                setting,
                "on stdio, the operating system's user is the proof",
            ),
        },
        "MCP_RATE_LIMIT" => match value.parse::<Rate>() {
            Ok(_) => desk.take(setting, &["limits", "session"], Value::word(value)),
            Err(_) => {
                let path = ["limits", "session"];
                desk.draft.set(&path, Value::word("60/min"));
                desk.taken_otherwise(setting, &path, "no rate: 60/min holds, there as here");
            }
        },
        "CF_ACCESS_TEAM_DOMAIN" | "CF_ACCESS_AUD" if value.is_empty() => {
            desk.otherwise(setting, "empty: nothing is said");
        }
        "CF_ACCESS_TEAM_DOMAIN" => {
            access(desk);
            desk.no_equal(
                setting,
                "no tokens of Cloudflare Access yet (`identity.jwt`): UNTIL THEN THE KEY ALONE IS THE PROOF; keep the \
                 check of the header in Caddy",
            );
        }
        "CF_ACCESS_AUD" => desk.taken(setting, &["identity", "jwt"]),
        "CF_ACCESS_MODE" => desk.not_its(
            setting,
            "the admin panel's; the MCP server does not read it",
        ),
        "MCP_ALLOW_OPERATE" | "MCP_ALLOW_DANGER" => {
            let tier = match setting.name.as_str() {
                "MCP_ALLOW_OPERATE" => "operate",
                _ => "danger",
            };
            // Nothing but `true` switched it on there.
            let on = Value::word(value.eq_ignore_ascii_case("true"));
            desk.take(setting, &["ops", "tiers", tier], on);
        }
        "MCP_LOG_REDACT" => desk.otherwise(
            setting,
            "secrets are always taken out of what `ops` returns, once it is built",
        ),
        "MCP_ALLOWED_LOGS" => logs(desk, setting),
        "BACKUP_DIR" => {
            let path = Value::Reference(setting.path());
            desk.take(setting, &["ops", "backups", "dir"], path);
        }
        "POCKET_METRICS_LOG" => {
            let path = Value::Reference(setting.path());
            desk.take(setting, &["ops", "metrics", "file"], path);
        }
        name if FEATURES.contains(&name) => {
            desk.no_equal(
                setting,
                "which of the tools there are, `ops` will say; not built into this version yet",
            );
        }
        _ => desk.no_equal(
            setting,
            "for the tools' scripts and files (`ops`), not built into this version yet",
        ),
    }
}

fn logs(desk: &mut Desk<'_>, setting: &Setting) {
    let given = desk.given;
    let folder = match (given.value("POCKET_LOG_DIR"), given.value("DATA_DIR")) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(data)) => format!("{data}/logs"),
        (None, None) => "${DATA_DIR}/logs".to_owned(),
    };
    for log in setting.items() {
        let name = log.rsplit('/').next().unwrap_or(log);
        let key = name.strip_suffix(".log").unwrap_or(name);
        let path = Value::Reference(format!("{folder}/{name}"));
        desk.take(setting, &["ops", "logs", key], path);
    }
}

fn access(desk: &mut Desk<'_>) {
    let team = desk
        .given
        .value("CF_ACCESS_TEAM_DOMAIN")
        .unwrap_or_default();
    let audience = desk.given.value("CF_ACCESS_AUD").unwrap_or_default();
    let issuer = Value::map([
        ("issuer", Value::text(format!("https://{team}"))),
        (
            "jwks",
            Value::text(format!("https://{team}/cdn-cgi/access/certs")),
        ),
        ("audience", Value::texts([audience])),
        ("header", Value::text("cf-access-jwt-assertion")),
    ]);
    desk.draft.push(&["identity", "jwt"], issuer);
}

/// What holds there though nobody says it.
fn unsaid(desk: &mut Desk<'_>, http: bool) {
    desk.unsaid(
        "no file tools",
        &["packs", "fs", "enabled"],
        Value::word(false),
    );
    let tools = Value::texts(["ops-pocket.yaml"]);
    desk.unsaid(
        "its 34 tools, 5 resources and 3 prompts",
        &["ops", "include"],
        tools,
    );
    if !http {
        desk.unsaid("stdio alone", &["listen", "http"], Value::text("off"));
        return;
    }
    let paths = Value::texts(["/mcp", "/"]);
    desk.unsaid("its address has no path", &["listen", "paths"], paths);
    if desk.given.value("MCP_BEARER_TOKEN_FILE").is_none() && desk.given.remotes.is_empty() {
        let data = desk.given.value("DATA_DIR").unwrap_or("${DATA_DIR}");
        let path = Value::Reference(format!("{data}/secrets/mcp-bearer.cred"));
        let key = desk.secret_elsewhere(ROLE, "file", path);
        let from = line("their default", "MCP_BEARER_TOKEN_FILE");
        desk.accept_reference(&from, key, ROLE);
    }
    let allow = Value::texts(["tier:read", "tier:operate", "tier:danger"]);
    desk.draft
        .set(&["roles", ROLE, "confirm"], Value::texts(["tier:danger"]));
    desk.unsaid(
        "its key may do what its tiers allow",
        &["roles", ROLE, "allow"],
        allow,
    );
}
