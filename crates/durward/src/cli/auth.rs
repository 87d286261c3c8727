//! `durward auth`

mod browser;
mod listener;
mod login;

use std::sync::Arc;

use clap::{Args, Subcommand};
use durward_core::{Clock, SystemClock, Wall};
use durward_upstream::{LoggedOut, LoginStatus, OAuth};
use serde_json::json;

use crate::{
    cli::{Common, setup},
    config::{self, Config, Period},
    exit::{Failure, failed},
    logins::Logins,
};

/// Logins at other servers: OAuth 2.1 with PKCE; tokens lie sealed in the state folder.
#[derive(Debug, Args)]
pub(super) struct Auth {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Log in at a server, in a browser.
    Login {
        /// The server's name in the configuration.
        server: String,
        /// Open no browser: print the address, and take the one that the browser ends on.
        #[arg(long)]
        no_browser: bool,
        /// How long to wait for the browser.
        #[arg(long, default_value = "5m", value_name = "PERIOD")]
        timeout: Period,
    },
    /// Show how the logins stand.
    Status {
        /// One server, instead of all.
        server: Option<String>,
    },
    /// Give a login back and forget it.
    Logout {
        /// The server's name in the configuration.
        server: String,
    },
}

/// A server that is logged in at.
struct Site<'a> {
    name: &'a durward_core::ServerName,
    http: &'a config::Http,
    grant: config::GrantWord,
    oauth: Arc<OAuth>,
}

impl Auth {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let (loaded, _) = setup::loaded(common, &[])?;
        let config = &loaded.config;
        match self.what {
            What::Login {
                server,
                no_browser,
                timeout,
            } => {
                let site = site(config, &server)?;
                login::run(config, &site, no_browser, timeout.duration())?;
                let status = site.oauth.status().map_err(failed)?;
                shown(&site, status.as_ref(), common.json);
                Ok(())
            }
            What::Status { server } => {
                for site in sites(config, server.as_deref())? {
                    let status = site.oauth.status().map_err(failed)?;
                    shown(&site, status.as_ref(), common.json);
                }
                Ok(())
            }
            What::Logout { server } => {
                let site = site(config, &server)?;
                let told = runtime()?.block_on(site.oauth.log_out()).map_err(failed)?;
                logged_out(&site, &told, common.json);
                Ok(())
            }
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)
}

fn site<'a>(config: &'a Config, name: &str) -> Result<Site<'a>, Failure> {
    let mut found = sites(config, Some(name))?;
    // One was asked for, and one was found or it failed.
    Ok(found.remove(0))
}

/// The servers that are logged in at, or this one.
fn sites<'a>(config: &'a Config, only: Option<&str>) -> Result<Vec<Site<'a>>, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let logins = Logins::new(config, clock).map_err(failed)?;
    let mut found = Vec::new();
    for (key, server) in &config.servers {
        let name = key.name();
        if only.is_some_and(|only| only != name.as_str()) {
            continue;
        }
        if let config::Reach::Http(http) = &server.reach
            && let Some(config::Auth::OAuth(oauth)) = &http.auth
            && let Some(login) = logins.at(config, name, http).map_err(failed)?
        {
            found.push(Site {
                name,
                http,
                grant: oauth.grant,
                oauth: login.oauth,
            });
        } else if only.is_some() {
            return Err(Failure::Usage(format!(
                "`{name}` is not logged in at: a server that is has a `url`, and `auth: {{ oauth: {{}} }}`"
            )));
        }
    }
    match only {
        Some(only) if found.is_empty() => Err(Failure::Usage(format!(
            "there is no server `{only}` in the configuration"
        ))),
        _ => Ok(found),
    }
}

fn shown(site: &Site<'_>, status: Option<&LoginStatus>, as_json: bool) {
    let now = SystemClock::new().wall();
    let state = match status {
        None => "logged out",
        Some(status) if status.wanted.is_some() => "wants more",
        Some(status) if !status.renews && status.expires.is_some_and(|end| end <= now) => "expired",
        Some(_) => "logged in",
    };
    if as_json {
        let facts = json!({
            "server": site.name.as_str(),
            "state": state.replace(' ', "_"),
            "issuer": status.map(|status| &status.issuer),
            "scopes": status.map(|status| &status.scopes),
            "expires": status.and_then(|status| status.expires).map(Wall::to_rfc3339),
            "renews": status.map(|status| status.renews),
            "wanted": status.and_then(|status| status.wanted.as_ref()),
        });
        println!("{facts}");
        return;
    }
    let mut line = format!("{}: {state}", site.name);
    if let Some(status) = status {
        line.push_str(&format!(" at {}", plain(&status.issuer)));
        if !status.scopes.is_empty() {
            line.push_str(&format!(", for {}", status.scopes));
        }
        match status.expires {
            _ if status.renews => line.push_str(", renewed by itself"),
            Some(end) => line.push_str(&format!(", until {}", end.to_rfc3339())),
            None => {}
        }
        if let Some(wanted) = &status.wanted {
            line.push_str(&format!(
                "\n  it also wants {wanted}: run `durward auth login {}`",
                site.name
            ));
        }
    }
    println!("{line}");
}

fn logged_out(site: &Site<'_>, told: &LoggedOut, as_json: bool) {
    let (word, sentence) = match told {
        LoggedOut::Nothing => ("nothing", "there was no login".to_owned()),
        LoggedOut::Forgotten => (
            "forgotten",
            "logged out; the authorization server has no way to be told".to_owned(),
        ),
        LoggedOut::Revoked => (
            "revoked",
            "logged out, and the tokens are revoked".to_owned(),
        ),
        LoggedOut::NotRevoked(fault) => (
            "not_revoked",
            format!("logged out here; the tokens may still be good, for {fault}"),
        ),
    };
    if as_json {
        println!("{}", json!({"server": site.name.as_str(), "state": word}));
    } else {
        println!("{}: {}", site.name, plain(&sentence));
    }
}

/// What others wrote, on a terminal that obeys none of it.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
