//! Starting the servers, to see what they say and offer.

use std::{sync::Arc, time::Duration};

use durward_core::{Provider, SystemClock};
use durward_store::limits::MemoryLimits;
use futures_util::future::join_all;
use tokio::{runtime::Runtime, time::timeout};

use super::Finding;
use crate::{
    assembly::AssemblyError,
    config::Config,
    exit::{Failure, failed},
    sandbox::Builder,
    servers::{Planned, Servers},
    status::{ServerState, ServerStatus, Statuses},
};

/// How long servers may take to say what they have.
const PATIENCE: Duration = Duration::from_secs(60);
/// So many of a server's last lines are shown.
const LAST_WORDS: usize = 5;

/// Servers that were started for this alone; they end when it is dropped.
pub(crate) struct Connected {
    runtime: Runtime,
    servers: Servers,
}

impl Connected {
    /// Starts all servers and waits for what they have, or for their failing.
    ///
    /// # Errors
    /// Where a server can't even be tried.
    pub(crate) fn to_all(config: &Config, builder: &Builder<'_>) -> Result<Self, Failure> {
        let clock = Arc::new(SystemClock::new());
        let limits = Arc::new(MemoryLimits::new(clock.clone()));
        let launcher = builder.launcher();
        let servers = Servers::new(config, launcher, limits, clock).map_err(AssemblyError::from)?;
        let planned = servers.plan(config, builder)?;
        servers.hold(planned);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        runtime.block_on(async {
            servers.start();
            let all = servers.all();
            for server in &all {
                server.wanted();
            }
            let ready = all.iter().filter_map(|server| server.ready());
            // Who is not ready by then is told as it stands.
            let _ = timeout(PATIENCE, join_all(ready)).await;
        });
        Ok(Self { runtime, servers })
    }

    /// The same servers again, with what they offer.
    ///
    /// # Errors
    /// Where one can't be planned, which was so before.
    pub(crate) fn planned(
        &self,
        config: &Config,
        builder: &Builder<'_>,
    ) -> Result<Planned, AssemblyError> {
        self.servers.plan(config, builder)
    }

    /// Which server does not serve, and which serves and is untidy.
    pub(crate) fn findings(&self) -> Vec<(bool, Finding)> {
        self.servers.servers().iter().flat_map(findings).collect()
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.runtime.block_on(self.servers.stop());
    }
}

/// Findings, and whether the server is of no use as it is.
fn findings(server: &ServerStatus) -> Vec<(bool, Finding)> {
    let name = &server.name;
    let mut all = Vec::new();
    if server.state != ServerState::Ready {
        let why = server
            .error
            .as_deref()
            .unwrap_or("it has not said anything in time");
        let mend = match why {
            _ if why.contains("not JSON") => {
                "its logs belong to standard error: look for its own option that says so".to_owned()
            }
            _ if server.stderr.is_empty() => {
                format!("`durward config show` says how `{name}` is reached")
            }
            _ => {
                let from = server.stderr.len().saturating_sub(LAST_WORDS);
                format!("its last words: {}", server.stderr[from..].join(" / "))
            }
        };
        all.push((
            true,
            Finding::new(format!("`{name}` does not serve: {why}"), plain(&mend)),
        ));
    }
    for note in &server.notes {
        let mend = match note.contains("standard output") {
            true => {
                "look for its own option that sends logs to standard error, or switches them off"
                    .to_owned()
            }
            false => format!("see `servers.{name}` in `durward config docs`"),
        };
        all.push((
            false,
            Finding::new(plain(&format!("`{name}`: {note}")), mend),
        ));
    }
    all
}

/// A terminal obeys nothing of what servers wrote.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
