//! What may be reached, judged once for the target and once for its addresses.

use std::net::IpAddr;

use super::{
    AddressClass, EgressFault, Host, HostName, Origin, OwnAddresses, Target, classify,
    hosts::HostPattern, network::NetworkRule,
};
use crate::GuardError;

/// The rules as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressRules {
    /// `api.github.com`, `*.example.com` (not the apex), `*` for any public host; with `:port` if it is
    /// neither 443 nor 80.
    pub hosts: Vec<String>,
    /// `192.168.5.0/24`, perhaps with `:port`: addresses that may be reached though they are not public.
    pub networks: Vec<String>,
    /// Ports that are never reached.
    pub block_ports: Vec<u16>,
    /// May names be looked up at all?
    pub dns_enabled: bool,
    /// Which names, as in `hosts` but without ports.
    pub dns_allow: Vec<String>,
    /// URLs of the operator's own configuration: each permits exactly its scheme, host and port.
    pub written_urls: Vec<String>,
    /// May this machine be reached, where a target says so by a loopback address or `localhost`? durward's own
    /// listeners still may not.
    pub this_machine: bool,
}

impl Default for EgressRules {
    /// Nothing may be reached, and any name be looked up that may.
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            networks: Vec::new(),
            block_ports: vec![22, 25],
            dns_enabled: true,
            dns_allow: vec!["*".to_owned()],
            written_urls: Vec::new(),
            this_machine: false,
        }
    }
}

/// The rules, ready to judge.
#[derive(Debug, Clone)]
pub struct EgressPolicy {
    hosts: Vec<HostPattern>,
    networks: Vec<NetworkRule>,
    block_ports: Vec<u16>,
    dns_enabled: bool,
    dns_allow: Vec<HostPattern>,
    written: Vec<Origin>,
    this_machine: bool,
}

impl EgressPolicy {
    /// Reads the rules.
    ///
    /// # Errors
    /// [`GuardError::Egress`], naming the entry.
    pub fn build(rules: &EgressRules) -> Result<Self, GuardError> {
        let policy = Self {
            hosts: read("hosts", &rules.hosts, HostPattern::parse)?,
            networks: read("networks", &rules.networks, NetworkRule::parse)?,
            block_ports: rules.block_ports.clone(),
            dns_enabled: rules.dns_enabled,
            dns_allow: read(
                "dns.allow",
                &rules.dns_allow,
                |text| match HostPattern::parse(text)? {
                    pattern if pattern.port().is_some() => {
                        Err("a name that is looked up has no port")
                    }
                    pattern => Ok(pattern),
                },
            )?,
            written: read("url", &rules.written_urls, |text| {
                Target::parse(text)
                    .map(|target| target.origin().clone())
                    .map_err(|_| "it is not an http or https URL without a user")
            })?,
            this_machine: rules.this_machine,
        };
        policy.check_ports(rules)?;
        Ok(policy)
    }

    /// What one key permits and another forbids is a mistake, and is said at once.
    fn check_ports(&self, rules: &EgressRules) -> Result<(), GuardError> {
        let ports = |list, ports: Vec<Option<u16>>, entries: &[String]| {
            let blocked = |port: &Option<u16>| port.is_some_and(|port| self.is_blocked(port));
            match ports.iter().position(blocked) {
                None => Ok(()),
                Some(at) => Err(GuardError::Egress {
                    list,
                    entry: entries[at].clone(),
                    why: "`block_ports` blocks its port",
                }),
            }
        };
        let hosts = self.hosts.iter().map(HostPattern::port).collect();
        ports("hosts", hosts, &rules.hosts)?;
        let networks = self.networks.iter().map(NetworkRule::port).collect();
        ports("networks", networks, &rules.networks)?;
        let written = self
            .written
            .iter()
            .map(|origin| Some(origin.port))
            .collect();
        ports("url", written, &rules.written_urls)
    }

    /// Judges a target before anything is looked up or sent.
    ///
    /// # Errors
    /// `host_not_allowed`, `port_not_allowed`, `name_blocked` or `private_ip_blocked`.
    pub fn judge_target(&self, target: &Target) -> Result<(), EgressFault> {
        let origin = target.origin();
        match target.host() {
            _ if self.written.contains(origin) => Ok(()),
            host if self.this_machine && host.is_this_machine() => Ok(()),
            Host::Address(address) => self.judge_literal(*address, origin.port),
            Host::Name(name) => self.judge_name(name, origin.port),
        }
    }

    /// May the target's name be looked up? An address is not.
    ///
    /// # Errors
    /// `dns_disabled` or `name_not_allowed`.
    pub fn judge_lookup(&self, target: &Target) -> Result<(), EgressFault> {
        let Host::Name(name) = target.host() else {
            return Ok(());
        };
        if !self.dns_enabled {
            Err(EgressFault::DnsDisabled)
        } else if !self.dns_allow.iter().any(|allowed| allowed.has_name(name)) {
            Err(EgressFault::NameNotAllowed)
        } else {
            Ok(())
        }
    }

    fn judge_literal(&self, address: IpAddr, port: u16) -> Result<(), EgressFault> {
        if self.is_empty() {
            return Err(EgressFault::HostNotAllowed);
        }
        if self.is_blocked(port) {
            return Err(EgressFault::PortNotAllowed);
        }
        if self.is_in_networks(address, port) {
            return Ok(());
        }
        if classify(address) != AddressClass::Global {
            return Err(EgressFault::PrivateIpBlocked);
        }
        let mut any = self.hosts.iter().filter(|host| host.is_any()).peekable();
        if any.peek().is_none() {
            return Err(EgressFault::HostNotAllowed);
        }
        if any.any(|host| host.has_port(port)) {
            Ok(())
        } else {
            Err(EgressFault::PortNotAllowed)
        }
    }

    fn judge_name(&self, name: &HostName, port: u16) -> Result<(), EgressFault> {
        let named = || self.hosts.iter().filter(|host| host.has_name(name));
        if named().next().is_none() {
            return Err(EgressFault::HostNotAllowed);
        }
        if name.is_inner() {
            return Err(EgressFault::NameBlocked);
        }
        if self.is_blocked(port) || !named().any(|host| host.has_port(port)) {
            return Err(EgressFault::PortNotAllowed);
        }
        Ok(())
    }

    /// Judges all addresses of a target before one of them is connected to. One that may not be
    /// reached refuses them all: a name that mixes public and private answers is not to be trusted.
    ///
    /// # Errors
    /// `private_ip_blocked`, or `empty_answer` where there is none.
    pub fn judge_addresses(
        &self,
        target: &Target,
        addresses: &[IpAddr],
        own: &OwnAddresses,
    ) -> Result<(), EgressFault> {
        if addresses.is_empty() {
            return Err(EgressFault::EmptyAnswer);
        }
        let origin = target.origin();
        let is_written = self.written.contains(origin);
        for &address in addresses {
            if own.is_listener(address, origin.port) {
                return Err(EgressFault::PrivateIpBlocked);
            }
            let class = classify(address);
            let is_here = self.this_machine && target.host().is_this_machine();
            let is_fine = class == AddressClass::Global && !own.is_near(address)
                || self.is_in_networks(address, origin.port)
                || is_here && class == AddressClass::Loopback
                || is_written && stands_as_written(target.host(), address, class);
            if !is_fine {
                return Err(EgressFault::PrivateIpBlocked);
            }
        }
        Ok(())
    }

    fn is_in_networks(&self, address: IpAddr, port: u16) -> bool {
        self.networks
            .iter()
            .any(|network| network.permits(address, port))
    }

    fn is_blocked(&self, port: u16) -> bool {
        self.block_ports.contains(&port)
    }

    fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.networks.is_empty() && self.written.is_empty()
    }
}

/// What the operator wrote holds as it stands: a literal address, the machine itself by `localhost`, a
/// neighbour by a name without a public zone. Another name has to answer with public addresses.
fn stands_as_written(host: &Host, address: IpAddr, class: AddressClass) -> bool {
    match host {
        Host::Address(written) => *written == address,
        Host::Name(name) if name.is_localhost() => class == AddressClass::Loopback,
        Host::Name(name) => {
            name.is_inner() && matches!(class, AddressClass::Loopback | AddressClass::Local)
        }
    }
}

fn read<T>(
    list: &'static str,
    entries: &[String],
    parse: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Vec<T>, GuardError> {
    let parse = |entry: &String| {
        parse(entry).map_err(|why| GuardError::Egress {
            list,
            entry: entry.chars().take(200).collect(),
            why,
        })
    };
    entries.iter().map(parse).collect()
}

#[cfg(test)]
mod tests;
