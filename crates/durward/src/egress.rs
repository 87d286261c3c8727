//! The way out, as the configuration has it.

use durward_cage::egress::{Connector, Credential, EgressSettings};
use durward_guard::{GuardError, egress::EgressRules};

use crate::config::{Config, Http};

/// So many hosts are named to a caller.
const MOST_NAMED: usize = 50;

/// A connector for this configuration.
///
/// # Errors
/// [`GuardError::Egress`], naming the entry that can't be used.
pub fn connector(config: &Config) -> Result<Connector, GuardError> {
    Connector::new(settings(config))
}

/// What the configuration says of the way to one server: what it says of any, and that server's own URL.
/// Nobody else's way leads there, least of all a tool's: past the gate there is no door to a server.
pub fn for_server(config: &Config, server: &Http) -> EgressSettings {
    let mut settings = settings(config);
    settings.rules.written_urls = vec![server.url.to_string()];
    settings
}

/// The way to what a server names in its OAuth metadata: any public host, for nobody could write those down
/// before; private ones where `networks` or `hosts` names them; this machine, if the server itself is here.
pub fn for_login(config: &Config, server: &Http) -> EgressSettings {
    let mut settings = for_server(config, server);
    settings.rules.hosts.push("*".to_owned());
    settings.rules.this_machine = server.url.target().host().is_this_machine();
    // What is for an operator's own site goes to none that a server names.
    settings.credentials = Vec::new();
    settings
}

/// What the configuration says of the way out.
pub fn settings(config: &Config) -> EgressSettings {
    let egress = &config.egress;
    let rules = EgressRules {
        hosts: egress.hosts.iter().map(ToString::to_string).collect(),
        networks: egress.networks.iter().map(ToString::to_string).collect(),
        block_ports: egress.block_ports.iter().map(|port| port.get()).collect(),
        dns_enabled: egress.dns.enabled,
        dns_allow: egress.dns.allow.iter().map(ToString::to_string).collect(),
        // Those of servers are for their own connections: see `for_server`.
        written_urls: Vec::new(),
        this_machine: false,
    };
    let credentials = egress.credentials.iter().filter_map(|(site, credential)| {
        Some(Credential {
            // A site that is none was refused when it was read.
            origin: site.target().ok()?,
            header: credential.header.clone(),
            value: credential.value.secret().clone(),
        })
    });
    EgressSettings {
        rules,
        proxy: egress.proxy.as_ref().map(|proxy| proxy.target().clone()),
        credentials: credentials.collect(),
        extra_roots: Vec::new(),
    }
}

/// What callers are told about where they get.
pub fn note(config: &Config) -> String {
    let hosts = config.egress.hosts.iter().map(ToString::to_string);
    let networks = config.egress.networks.iter().map(ToString::to_string);
    let all: Vec<_> = hosts.chain(networks).collect();
    if all.is_empty() {
        return "## Hosts\n\nNo host may be reached.".to_owned();
    }
    let named = all.iter().take(MOST_NAMED).map(|host| format!("`{host}`"));
    let named = named.collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MOST_NAMED) {
        0 => format!("## Hosts\n\nThese may be reached: {named}."),
        more => format!("## Hosts\n\nThese may be reached: {named}, and {more} more."),
    }
}
