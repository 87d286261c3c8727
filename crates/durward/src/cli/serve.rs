//! `durward serve`

use clap::Args;

use crate::{
    cli::{Common, setup},
    daemon::{Daemon, Start},
    exit::Failure,
    telemetry,
};

/// Serve over HTTP and the UNIX socket, as configured. Without a configuration: the files of this
/// folder, read-only, on loopback.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where to listen for HTTP: an address and a port, or `off`.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The folder to share.
    #[arg(long, value_name = "DIR")]
    root: Option<String>,
    /// Check everything, say what would be served, and end.
    #[arg(long)]
    dry_run: bool,
}

impl Serve {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let mut set = Vec::new();
        set.extend(
            self.listen
                .as_ref()
                .map(|listen| format!("listen.http={listen}")),
        );
        set.extend(self.root.as_ref().map(|root| format!("files.root={root}")));
        let (loaded, sources) = setup::loaded(common, &set)?;
        telemetry::start(&loaded.config.telemetry)?;
        let start = Start {
            loaded,
            sources,
            json: common.json,
            dry_run: self.dry_run,
        };
        Daemon::run(start)
    }
}
