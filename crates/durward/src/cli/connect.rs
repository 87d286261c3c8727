//! `durward connect`

use std::ffi::OsString;

use clap::Args;
use durward_cage::background;
use durward_core::Secret;

use crate::{
    bridge::{Bridge, Place, PlaceFault},
    cli::{Common, setup},
    doors::stdio,
    exit::{Failure, failed},
};

/// Relay between stdin and stdout and the daemon's socket; starts the daemon if none runs. Nothing but
/// JSON-RPC is written to stdout. The caller is the operating system's user, or the holder of the key in
/// `DURWARD_KEY`.
#[derive(Debug, Args)]
pub(super) struct Connect {
    /// One server alone, under its own names.
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
}

impl Connect {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let found = setup::whereabouts(common)?;
        let key = std::env::var("DURWARD_KEY").ok();
        let place = Place {
            state: found.state,
            socket: found.listen.socket,
            line: found.listen.limits.line.as_usize(),
            server: self.server,
            key: key.filter(|key| !key.is_empty()).map(Secret::new),
            program: background::own_program().map_err(failed)?,
            arguments: daemon(common),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let relayed = runtime.block_on(async {
            let input = stdio::input().map_err(failed)?;
            let output = stdio::output().map_err(failed)?;
            let relayed = Bridge::new(place, input, output).run().await;
            relayed.map_err(|fault| match fault {
                PlaceFault::NotStarted { why, code } => Failure::Elsewhere { code, why },
                other => failed(other),
            })
        });
        // A thread may still wait for a terminal's next line; nobody waits for it.
        runtime.shutdown_background();
        relayed
    }
}

/// How the daemon of the same configuration is started.
fn daemon(common: &Common) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["serve", "--detach", "--unasked"].map(Into::into).into();
    let mut say = |option: &str, value: OsString| arguments.extend([option.into(), value]);
    if let Some(file) = &common.config {
        say("--config", file.into());
    }
    if let Some(folder) = &common.state {
        say("--state", folder.into());
    }
    if let Some(level) = &common.log {
        say("--log", level.into());
    }
    for set in &common.set {
        say("--set", set.into());
    }
    arguments
}
