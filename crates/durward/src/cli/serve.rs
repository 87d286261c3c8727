//! `durward serve`

use std::path::Path;

use clap::Args;

use crate::{
    cli::{Common, setup},
    config::Loaded,
    daemon::{Daemon, Start},
    exit::{Failure, failed},
    service::{Manager, SYSTEM_STATE, Service},
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
    /// Print the service file that runs this command, and end.
    #[arg(long, value_name = "MANAGER")]
    unit: Option<Manager>,
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
        if let Some(manager) = self.unit {
            print!("{}", self.service(common, &loaded, manager)?.file(manager));
            return Ok(());
        }
        telemetry::start(&loaded.config.telemetry)?;
        let start = Start {
            loaded,
            sources,
            json: common.json,
            dry_run: self.dry_run,
        };
        Daemon::run(start)
    }

    /// This command again, with whole paths, as a service manager runs it.
    fn service(
        &self,
        common: &Common,
        loaded: &Loaded,
        manager: Manager,
    ) -> Result<Service, Failure> {
        let folder = std::env::current_dir().map_err(failed)?;
        let whole = |path: &Path| folder.join(path).display().to_string();
        let state = match (&common.state, manager) {
            (Some(state), _) => Some(whole(state)),
            (None, Manager::System) => Some(SYSTEM_STATE.to_owned()),
            (None, _) => None,
        };
        let options = [
            ("--config", loaded.path.as_deref().map(whole)),
            ("--state", state),
            ("--log", common.log.clone()),
            ("--listen", self.listen.clone()),
            (
                "--root",
                self.root.as_deref().map(|root| whole(Path::new(root))),
            ),
        ];
        let set = common.set.iter().map(|set| ("--set", Some(set.clone())));
        let options = options.into_iter().chain(set);
        let words = options.filter_map(|(name, value)| Some([name.to_owned(), value?]));
        let arguments = std::iter::once("serve".to_owned()).chain(words.flatten());
        let program = std::env::current_exe().map_err(failed)?;
        let mut service = Service::of(&loaded.config, program, arguments.collect(), folder.clone());
        let state = common.state.iter().map(|state| folder.join(state));
        service.writes.extend(state);
        Ok(service)
    }
}
