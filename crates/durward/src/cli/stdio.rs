//! `durward stdio`

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use durward_cage::peer;
use durward_core::{Cancel, Door};
use durward_gate::{OsUsers, Pipe};
use durward_ledger::ChainName;
use durward_wire::scan::ScanLimits;

use crate::{
    assembly::{self, Rooms},
    cli::{Common, setup},
    config::SandboxMode,
    doors::{pipe, stdio},
    exit::{Failure, failed},
    reload::Reloader,
    sandbox::Sandboxes,
    signals::StopSignals,
    telemetry,
};

/// Serve one client on stdin and stdout: what an MCP client launches. Nothing but JSON-RPC is written
/// to stdout.
#[derive(Debug, Args)]
pub(super) struct Stdio {
    /// The folder to share.
    #[arg(long, value_name = "DIR")]
    root: Option<String>,
    /// Offer a command as a tool, such as `size=du -sh {dir:path}`; may be given several times.
    #[arg(long, value_name = "NAME=TEMPLATE")]
    command: Vec<String>,
    /// Check everything, say which commands there would be, with their placeholders, and end.
    #[arg(long)]
    dry_run: bool,
    /// More environment variables for the configuration: `NAME=value` lines.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

impl Stdio {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let set: Vec<_> = self
            .root
            .iter()
            .map(|root| format!("files.root={root}"))
            .collect();
        let mut sources = setup::sources(common, &set)?;
        if let Some(file) = &self.env_file {
            sources = sources.with_env_file(file).map_err(Failure::Unusable)?;
        }
        let (loaded, sources) =
            setup::loaded_with_commands(common, sources, &self.command, self.dry_run)?;
        if self.dry_run {
            let sandboxes = Sandboxes::new();
            let house = assembly::tried(&loaded.config, &sandboxes.builder(&loaded.config))?;
            return match own_roles(&house.os_users) {
                0 => Err(no_role(&own_name())),
                _ => Ok(()),
            };
        }
        telemetry::start(&loaded.config.telemetry)?;
        let rooms = assembly::open(&loaded.config, ChainName::Stdio)?;
        if let Some(walls) = rooms.sandboxes.told(&loaded.config) {
            match loaded.config.sandbox.mode {
                SandboxMode::Off => tracing::warn!("{walls}"),
                _ => tracing::info!("{walls}"),
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let (signals, reloader) = {
            let _within = runtime.enter();
            let reloader = Reloader::new(&rooms, sources, &loaded).map_err(failed)?;
            rooms.servers.start();
            (StopSignals::catch().map_err(failed)?, reloader)
        };
        let served = runtime.block_on(serve(
            &rooms,
            &loaded.config.listen.limits,
            (signals, reloader),
        ));
        runtime.block_on(rooms.servers.stop());
        // A thread may still wait for a terminal's next line; nobody waits for it.
        runtime.shutdown_background();
        rooms.close();
        served
    }
}

async fn serve(
    rooms: &Rooms,
    limits: &crate::config::ListenLimits,
    (signals, reloader): (StopSignals, Reloader),
) -> Result<(), Failure> {
    let name = own_name();
    let standing = rooms.gate.stand_by_os_user(peer::current_uid(), &name);
    let standing = standing.ok_or_else(|| no_role(&name))?;
    let (sender, outbox) = pipe::outbox();
    let depth = usize::try_from(limits.depth.get()).unwrap_or(usize::MAX);
    let scan = ScanLimits { depth };
    let served = Pipe::new(Arc::clone(&rooms.gate), standing, door(), scan, sender);
    let (stop, drain) = (Cancel::new(), limits.drain.duration());
    let (reader, writer) = (
        stdio::input().map_err(failed)?,
        stdio::output().map_err(failed)?,
    );
    let gate = Arc::clone(&rooms.gate);
    let serving = async {
        let line = limits.line.as_usize();
        let end = pipe::serve(served, outbox, line, reader, writer, &stop, drain).await;
        match end {
            // The client is gone: that is how it ends us.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(failed(error)),
            _ => Ok(()),
        }
    };
    tokio::select! {
        served = serving => served,
        () = signals.twice(|| { gate.drain(); stop.cancel(); }) => Ok(()),
        () = reloader.run(|_| {}) => Ok(()),
    }
}

/// Who runs durward, and so is the client's user.
fn own_name() -> String {
    let uid = peer::current_uid();
    peer::user_name(uid).unwrap_or_else(|| uid.to_string())
}

/// How many roles that user would have.
fn own_roles(users: &OsUsers) -> usize {
    let named = users.named.get(&own_name());
    users.own.len() + users.others.len() + named.map_or(0, Vec::len)
}

fn no_role(name: &str) -> Failure {
    Failure::Unusable(format!(
        "the user `{name}` has no role here; add one to `identity.os_user.roles`"
    ))
}

/// Where the client is: sshd says so of what it starts (ssh(1), ENVIRONMENT).
fn door() -> Door {
    match std::env::var_os("SSH_CONNECTION") {
        Some(said) if !said.is_empty() => Door::Ssh,
        _ => Door::Stdio,
    }
}
