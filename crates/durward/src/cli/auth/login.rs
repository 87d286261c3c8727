//! `durward auth login`

use std::{io::IsTerminal, time::Duration};

use durward_core::{RawJson, Secret};
use durward_guard::oauth::{Challenge, OAuthFault};
use durward_upstream::{
    Attempt, FaultKind, Headers, Hears, Link, LinkFault, LinkLimits, Own, Pinned, Reach, Target,
    Url,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::timeout,
};

use super::{Site, browser, listener::Listener, plain, runtime};
use crate::{
    config::{self, Config},
    egress,
    exit::{Failure, failed},
    servers,
};

/// Logs in; nothing is kept where it fails.
pub(super) fn run(
    config: &Config,
    site: &Site<'_>,
    no_browser: bool,
    patience: Duration,
) -> Result<(), Failure> {
    if site.grant == config::GrantWord::ClientCredentials {
        return Err(Failure::Usage(format!(
            "durward logs in at `{}` by itself (`grant: client_credentials`)",
            site.name
        )));
    }
    durward_store::folder::make_private(&config.state).map_err(failed)?;
    let runtime = runtime()?;
    let done = runtime.block_on(log_in(config, site, no_browser, patience));
    // A thread may still wait for a terminal's next line; nobody waits for it.
    runtime.shutdown_background();
    done
}

async fn log_in(
    config: &Config,
    site: &Site<'_>,
    no_browser: bool,
    patience: Duration,
) -> Result<(), Failure> {
    let said = |fault: &dyn std::fmt::Display| Failure::Failed(plain(&fault.to_string()));
    let challenge = challenge(config, site).await?;
    let found = site.oauth.discover(challenge.as_ref()).await;
    let found = found.map_err(|fault| said(&fault))?;
    let before = site.oauth.redirect(&found).map_err(|fault| said(&fault))?;
    let listener = Listener::bind(before.as_deref()).await.map_err(failed)?;
    let attempt = site.oauth.attempt(found, &listener.redirect).await;
    let attempt = attempt.map_err(|fault| said(&fault))?;
    let is_open = !no_browser && browser::open(attempt.url());
    invite(&attempt, is_open);
    let by_hand = !is_open || std::io::stdin().is_terminal();
    let answer = async {
        tokio::select! {
            answer = listener.answer(|query| attempt.judge(query)) => answer,
            answer = pasted(&attempt), if by_hand => answer,
        }
    };
    let code = match timeout(patience, answer).await {
        Ok(answer) => answer.map_err(|fault| said(&fault))?,
        Err(_) => {
            return Err(Failure::Failed(format!(
                "nobody logged in within {} s, and nothing was changed; run `durward auth login {}` to try again",
                patience.as_secs(),
                site.name
            )));
        }
    };
    let redeemed = site.oauth.redeem(attempt, code).await;
    redeemed.map_err(|fault| said(&fault))
}

fn invite(attempt: &Attempt, is_open: bool) {
    let first = match is_open {
        true => "A browser should have opened. If it has not, open this address:",
        false => "Open this address in a browser:",
    };
    eprintln!("{first}\n\n  {}\n", attempt.url());
    if !is_open {
        eprintln!(
            "If that browser is on another machine, it ends on a page that it can't show: paste the address of \
             that page here."
        );
    }
}

/// Waits for the address that a browser elsewhere has ended on.
async fn pasted(attempt: &Attempt) -> Result<Secret, OAuthFault> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Some((_, query)) = line.trim().split_once('?') else {
            if !line.trim().is_empty() {
                eprintln!("That is no address that a login ends on; it has a `?` and a `code`.");
            }
            continue;
        };
        match attempt.judge(query.split('#').next().unwrap_or_default()) {
            Err(fault @ (OAuthFault::OtherState | OAuthFault::NoAnswer(_))) => {
                eprintln!("{}", plain(&fault.to_string()));
            }
            judged => return judged,
        }
    }
    // Nobody types: the listener may still be answered.
    std::future::pending().await
}

/// What the server says when it is asked without a token; `None` where it does not mind.
async fn challenge(config: &Config, site: &Site<'_>) -> Result<Option<Challenge>, Failure> {
    let target = target(config, site)?;
    let asked = async {
        let link = Link::open(&target, std::sync::Arc::new(Deaf), None).await?;
        // Some let everybody in, and want a login for what they have.
        let listed = link
            .call("tools/list", &RawJson::empty_object(), &Own::default())
            .await;
        listed.map(|_| ())
    };
    let fault: LinkFault = match timeout(target.limits.initialise, asked).await {
        Ok(Ok(())) => return Ok(None),
        Ok(Err(fault)) => fault,
        Err(_) => {
            return Err(Failure::Failed(format!(
                "`{}` did not answer in time",
                site.http.url
            )));
        }
    };
    match fault.kind {
        FaultKind::Unauthorized { challenge, .. } => {
            Ok(challenge.as_deref().and_then(Challenge::parse))
        }
        kind => Err(Failure::Failed(format!(
            "`{}` can't be asked: {}",
            site.http.url,
            plain(&kind.to_string())
        ))),
    }
}

/// The server, as whoever has no token meets it.
fn target(config: &Config, site: &Site<'_>) -> Result<Target, Failure> {
    let connector = durward_cage::egress::Connector::new(egress::for_server(config, site.http));
    let headers = servers::headers(site.http);
    Ok(Target {
        reach: Reach::Url(Box::new(Url {
            target: site.http.url.target().clone(),
            transport: Pinned::Auto,
            connector: connector.map_err(failed)?,
            headers: Headers::new(
                headers.iter().map(|(name, value)| (&**name, value)),
                std::sync::Arc::default(),
            ),
            auth: None,
        })),
        era: durward_upstream::EraPin::Auto,
        capabilities: RawJson::empty_object(),
        shared: true,
        limits: LinkLimits {
            initialise: Duration::from_secs(20),
            ..LinkLimits::default()
        },
    })
}

/// Hears what belongs to no call, and does nothing with it.
struct Deaf;

impl Hears for Deaf {
    fn notified(&self, _: &str, _: &RawJson) {}
}
