//! Units of systemd (`systemd.service(5)`, `systemd.exec(5)`).

use std::path::Path;

use super::{SYSTEM_STATE, Service};

/// So many seconds more than the drain, for what comes after it.
const GRACE: u64 = 10;

/// For the person who runs the command.
pub(super) fn user(service: &Service) -> String {
    format!(
        "\
# durward for one person. To install it:
#   durward … --unit user > ~/.config/systemd/user/durward.service
#   systemctl --user daemon-reload && systemctl --user enable --now durward
# To run it without a login as well: loginctl enable-linger

[Unit]
Description=durward, the door-ward for AI agents

[Service]
{}
[Install]
WantedBy=default.target
",
        run(service)
    )
}

/// For a machine: a user of its own, and walls as far as servers that are programs can live within them.
pub(super) fn system(service: &Service) -> String {
    let writes: Vec<String> = service
        .writes
        .iter()
        .map(|path| format!("ReadWritePaths={}\n", quoted_path(path)))
        .collect();
    let capabilities = match service.low_port {
        true => {
            "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE"
        }
        false => "CapabilityBoundingSet=",
    };
    format!(
        "\
# durward for a machine. To install it, as root:
#   useradd --system --home-dir {SYSTEM_STATE} --shell /usr/sbin/nologin durward
#   durward … --unit system > /etc/systemd/system/durward.service
#   systemctl daemon-reload && systemctl enable --now durward
# Secrets may stand in /etc/durward/env, mode 0600, as NAME=value: systemd reads it before it gives up its rights.
# A key for a caller: sudo -u durward durward keys new --state {SYSTEM_STATE} --role reader

[Unit]
Description=durward, the door-ward for AI agents
Wants=network-online.target
After=network-online.target

[Service]
User=durward
Group=durward
StateDirectory=durward
StateDirectoryMode=0700
EnvironmentFile=-/etc/durward/env
{}NoNewPrivileges=yes
{capabilities}
ProtectSystem=strict
ProtectHome=read-only
{}PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
",
        run(service),
        writes.concat()
    )
}

/// What both have. An exit for a wrong command line or configuration is not tried again.
fn run(service: &Service) -> String {
    let words: Vec<String> = std::iter::once(service.program.display().to_string())
        .chain(service.arguments.iter().cloned())
        .map(|word| quoted(&word))
        .collect();
    format!(
        "\
Type=exec
WorkingDirectory={}
ExecStart={}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartPreventExitStatus=2 3
TimeoutStopSec={}
UMask=0077
",
        specified(&service.folder.display().to_string()),
        words.join(" "),
        service.drain + GRACE
    )
}

/// A word of `ExecStart=`: neither `$` nor `%` means anything in it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{}\"", specified(&escaped.replace('$', "$$")))
}

/// A path of a list of paths.
fn quoted_path(path: &Path) -> String {
    let text = specified(&path.display().to_string());
    match text.contains([' ', '"', '\\']) {
        true => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        false => text,
    }
}

/// `%` begins a specifier.
fn specified(text: &str) -> String {
    text.replace('%', "%%")
}
