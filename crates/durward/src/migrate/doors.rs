//! Where a predecessor listened, and where durward does: the address that its clients know.

use std::net::IpAddr;

use super::{
    desk::{Desk, line},
    draft::Value,
    given::Given,
};
use crate::config::PublicUrl;

/// What decides where durward listens.
pub(super) struct Door<'a> {
    /// The host that it bound.
    pub(super) host: &'a str,
    /// The port that it bound.
    pub(super) port: &'a str,
    /// What callers call it.
    pub(super) public_url: Option<&'a str>,
}

/// The site of an address, without a path.
pub(super) fn site_of(url: &str) -> Option<PublicUrl> {
    let end = url
        .match_indices('/')
        .nth(2)
        .map_or(url.len(), |(at, _)| at);
    url[..end].parse().ok()
}

/// The address on this machine that a client has, where nothing else says it.
pub(super) fn of_a_client(given: &Given) -> Option<(String, String)> {
    given.remotes.iter().find_map(|remote| {
        let rest = remote.url.strip_prefix("http://")?;
        let (host, port) = rest.split('/').next()?.rsplit_once(':')?;
        is_loopback(host).then(|| (host.to_owned(), port.to_owned()))
    })
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether the door is where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// At the same address.
    Same,
    /// At another one.
    Moved(&'static str),
}

const UNNAMED: &str =
    "on loopback: beyond it, durward must know what it is called (`listen.public_url`)";
const UNUSABLE: &str = "on loopback: an IP address or `localhost` is listened on, no other name";
const INSIDE: &str = "the container's own address: the published one is listened on";

impl Door<'_> {
    /// Sets `listen.http`, and accounts for published ports.
    pub(super) fn open(&self, desk: &mut Desk<'_>) -> Kept {
        let published = desk
            .given
            .published
            .iter()
            .find(|published| published.inside == self.port);
        let (address, port) = match published {
            Some(published) => (
                published.address.as_deref().unwrap_or("0.0.0.0"),
                published.outside.as_str(),
            ),
            None => (self.host, self.port),
        };
        let (address, kept) = self.possible(address);
        let port = port
            .parse::<u16>()
            .map_or_else(|_| "8787".to_owned(), |it| it.to_string());
        let whole = match address.parse::<IpAddr>() {
            Ok(IpAddr::V6(_)) => format!("[{address}]:{port}"),
            _ => format!("{address}:{port}"),
        };
        desk.draft.set(&["listen", "http"], Value::text(whole));
        let chosen = published.map(|published| published.at.clone());
        for published in &desk.given.published {
            let from = line(&published.at, "ports");
            match (chosen.as_ref() == Some(&published.at), kept) {
                (true, Kept::Same) => desk.taken(&from, &["listen", "http"]),
                (true, Kept::Moved(why)) => {
                    desk.taken_otherwise(&from, &["listen", "http"], why);
                }
                (false, _) => desk.not_its(&from, "another port of the container"),
            }
        }
        match chosen {
            Some(_) => Kept::Moved(INSIDE),
            None => kept,
        }
    }

    fn possible<'b>(&self, address: &'b str) -> (&'b str, Kept) {
        let named = self.public_url.and_then(site_of).is_some();
        match address.parse::<IpAddr>() {
            _ if is_loopback(address) => (address, Kept::Same),
            Ok(_) if named => (address, Kept::Same),
            Ok(_) => ("127.0.0.1", Kept::Moved(UNNAMED)),
            Err(_) => ("127.0.0.1", Kept::Moved(UNUSABLE)),
        }
    }
}
