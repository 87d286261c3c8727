//! Pagurus (<https://github.com/rdemeritt/pagurus>, 0.1): all of it is in `PAGURUS_*` variables, most often
//! in the `.env` of a compose file.

use std::{net::IpAddr, path::Path};

use durward_guard::egress::{AddressClass, classify};

use super::{
    desk::{Desk, line},
    doors::{Door, Kept, of_a_client, site_of},
    draft::Value,
    given::Setting,
};
use crate::config::{EgressHost, Glob, ProgramName};

const ROLE: &str = "pagurus";
/// The most that Pagurus reads of a file, whatever it is told.
const LARGEST: u64 = 100 << 20;

pub(super) fn account(desk: &mut Desk<'_>) {
    let given = desk.given;
    let url = given.value("PAGURUS_EXTERNAL_URL");
    let (host, port) = of_a_client(given).unwrap_or(("127.0.0.1".to_owned(), "8080".to_owned()));
    let door = Door {
        host: given.value("PAGURUS_BIND_HOST").unwrap_or(&host),
        port: given.value("PAGURUS_BIND_PORT").unwrap_or(&port),
        public_url: url,
    };
    let kept = door.open(desk);
    for setting in &given.variables {
        if !desk.is_beaten(setting) {
            variable(desk, setting, kept);
        }
    }
    unsaid(desk);
    mounts(desk);
    for remote in &given.remotes {
        let how = "the client's address works on: the same port and path";
        desk.otherwise(&line(&remote.at, "url"), how);
        if let Some(key) = &remote.bearer {
            desk.accept(&line(&remote.at, "Authorization"), ROLE, key, ROLE);
        }
    }
    for command in &given.commands {
        desk.not_its(&line(&command.at, "command"), "Pagurus takes no options");
    }
    role(desk);
}

fn variable(desk: &mut Desk<'_>, setting: &Setting, kept: Kept) {
    let value = setting.value.trim();
    match setting.name.as_str() {
        "PAGURUS_BIND_HOST" | "PAGURUS_BIND_PORT" => match kept {
            Kept::Same => desk.taken(setting, &["listen", "http"]),
            Kept::Moved(why) => desk.taken_otherwise(setting, &["listen", "http"], why),
        },
        "PAGURUS_EXTERNAL_URL" if value.is_empty() => {
            desk.otherwise(setting, "empty: nothing is said")
        }
        "PAGURUS_EXTERNAL_URL" => external_url(desk, setting, value),
        "PAGURUS_API_KEYS" => {
            for key in setting.items() {
                desk.accept(setting, ROLE, key, ROLE);
            }
        }
        "PAGURUS_FS_ROOT" => root(desk, setting),
        "PAGURUS_FS_WRITE" => write(desk, setting, value != "false"),
        "PAGURUS_FS_DENYLIST" => deny(desk, setting),
        "PAGURUS_FS_MAX_READ_BYTES" => {
            let bytes = value.parse::<u64>().unwrap_or(0);
            let bytes = if bytes == 0 {
                1 << 20
            } else {
                bytes.min(LARGEST)
            };
            desk.draft.set(&["files", "max_write"], Value::word(bytes));
            desk.take(setting, &["files", "max_read"], Value::word(bytes));
        }
        "PAGURUS_HTTP_ALLOWLIST" => hosts(desk, setting),
        "PAGURUS_HTTP_ALLOW_PRIVATE" if value == "true" => desk.no_equal(
            setting,
            "no switch opens all private networks; name those that are meant in `egress.networks`",
        ),
        "PAGURUS_HTTP_ALLOW_PRIVATE" => {
            desk.otherwise(
                setting,
                "private addresses are refused unless `egress.networks` names them",
            );
        }
        "PAGURUS_SHELL_ENABLED" => {
            let on = Value::word(value == "true");
            match value {
                "true" => desk.take(setting, &["packs", "shell", "enabled"], on),
                _ => desk.otherwise(setting, "off, as it is unless said"),
            }
        }
        "PAGURUS_SHELL_ALLOWLIST" => programs(desk, setting),
        "PAGURUS_DOMAIN" => desk.not_its(setting, "the reverse proxy's; it stays there"),
        "HOST_WORKSPACE" => desk.not_its(setting, "the compose file's, for its volume"),
        _ => desk.not_its(setting, "no setting of Pagurus"),
    }
}

/// Pagurus takes the site of an address that has a path.
fn external_url(desk: &mut Desk<'_>, setting: &Setting, value: &str) {
    let path = ["listen", "public_url"];
    match site_of(value) {
        Some(url) if value.trim_end_matches('/') == url.as_str() => {
            desk.take(setting, &path, Value::text(url.as_str()));
        }
        Some(url) => {
            desk.draft.set(&path, Value::text(url.as_str()));
            desk.taken_otherwise(setting, &path, "without its path");
        }
        None => desk.no_equal(setting, "no address of a site"),
    }
}

fn root(desk: &mut Desk<'_>, setting: &Setting) {
    let path = setting.path();
    match desk.given.outside(Path::new(&path)) {
        Some((outside, _)) => {
            let outside = outside.display().to_string();
            desk.draft
                .set(&["files", "root"], Value::Reference(outside));
            let how = "the folder that the container has there";
            desk.taken_otherwise(setting, &["files", "root"], how);
        }
        None => desk.take(setting, &["files", "root"], Value::Reference(path)),
    }
}

fn write(desk: &mut Desk<'_>, setting: &Setting, on: bool) {
    match on {
        true => desk.take(setting, &["files", "write"], Value::texts(["**"])),
        false => desk.take(setting, &["files", "write"], Value::List(Vec::new())),
    }
}

fn deny(desk: &mut Desk<'_>, setting: &Setting) {
    if setting.items().next().is_none() {
        desk.otherwise(setting, "empty; durward's own list holds in any case");
    }
    for pattern in setting.items() {
        match pattern.parse::<Glob>() {
            Ok(_) if !pattern.starts_with('!') => {
                desk.take_item(setting, &["files", "deny"], Value::text(pattern));
            }
            _ => desk.no_equal(
                setting,
                &format!("`{pattern}` is no pattern of `files.deny`"),
            ),
        }
    }
}

fn hosts(desk: &mut Desk<'_>, setting: &Setting) {
    if setting.items().next().is_none() {
        desk.otherwise(
            setting,
            "empty: nothing may be fetched, so `http_fetch` is not offered",
        );
        return;
    }
    desk.draft
        .set(&["packs", "http", "enabled"], Value::word(true));
    for host in setting.items() {
        let host = host.to_lowercase();
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            address_of(desk, setting, address);
        } else if host.parse::<EgressHost>().is_ok() {
            desk.take_item(setting, &["egress", "hosts"], Value::text(host));
        } else {
            desk.no_equal(setting, &format!("`{host}` is no host of `egress.hosts`"));
        }
    }
}

/// A host that is an address: a private one was never reached unless all of them were.
fn address_of(desk: &mut Desk<'_>, setting: &Setting, address: IpAddr) {
    let open = desk.given.value("PAGURUS_HTTP_ALLOW_PRIVATE") == Some("true");
    match open || classify(address) == AddressClass::Global {
        true => {
            let network = Value::text(address.to_string());
            desk.take_item(setting, &["egress", "networks"], network);
        }
        false => desk.otherwise(
            setting,
            &format!("`{address}` is private: refused, as it was"),
        ),
    }
}

/// What holds there though nobody says it.
fn unsaid(desk: &mut Desk<'_>) {
    let given = desk.given;
    let said = |name: &str| given.value(name).is_some();
    if given.is_empty() {
        return;
    }
    if !said("PAGURUS_BIND_PORT") && given.published.is_empty() && given.remotes.is_empty() {
        desk.taken(
            &line("their default", "PAGURUS_BIND_PORT"),
            &["listen", "http"],
        );
    }
    desk.unsaid("no sessions", &["listen", "stateless"], Value::word(true));
    if given.value("PAGURUS_SHELL_ENABLED") == Some("true")
        && given.holding("PAGURUS_SHELL_ALLOWLIST").is_none()
    {
        desk.unsaid(
            "PAGURUS_SHELL_ALLOWLIST",
            &["packs", "shell", "allow"],
            Value::List(Vec::new()),
        );
    }
    if !said("PAGURUS_FS_ROOT") {
        let inside = Path::new("/workspace");
        let root = given.outside(inside).map(|(outside, _)| outside);
        let root = root.unwrap_or(inside.to_owned()).display().to_string();
        desk.unsaid(
            "PAGURUS_FS_ROOT",
            &["files", "root"],
            Value::Reference(root),
        );
    }
    if given.holding("PAGURUS_FS_WRITE").is_none() {
        desk.unsaid(
            "PAGURUS_FS_WRITE",
            &["files", "write"],
            Value::texts(["**"]),
        );
    }
}

fn mounts(desk: &mut Desk<'_>) {
    let root = Path::new(desk.given.value("PAGURUS_FS_ROOT").unwrap_or("/workspace"));
    let used = desk.given.outside(root).map(|(_, mount)| mount);
    for mount in &desk.given.mounts {
        let from = line(&mount.at, "volumes");
        if used != Some(mount) {
            desk.not_its(&from, "a volume that holds nothing that is shared");
        } else if mount.read_only {
            desk.draft.set(&["files", "write"], Value::List(Vec::new()));
            desk.taken_otherwise(
                &from,
                &["files", "root"],
                "read-only, so nothing may be written",
            );
        } else {
            desk.taken(&from, &["files", "root"]);
        }
    }
}

/// An empty list allows nothing; durward's own, where nothing is said, is not empty.
fn programs(desk: &mut Desk<'_>, setting: &Setting) {
    let path = ["packs", "shell", "allow"];
    let (fit, unfit): (Vec<_>, Vec<_>) = setting
        .items()
        .partition(|item| item.parse::<ProgramName>().is_ok());
    desk.take(setting, &path, Value::texts(fit));
    for item in unfit {
        desk.no_equal(setting, &format!("`{item}` is no name of a program"));
    }
}

/// Whoever has one of its keys may go on calling its tools, and no others.
fn role(desk: &mut Desk<'_>) {
    if desk.draft.get(&["identity", "keys", "accept"]).is_some() {
        let tools = ["fs_list", "fs_read", "fs_write", "http_fetch", "shell_exec"];
        let allow = Value::texts(tools.map(|tool| format!("tool:{tool}")));
        desk.unsaid("the tools of Pagurus", &["roles", ROLE, "allow"], allow);
    }
}
