//! `durward serve`

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::Args;
use durward_cage::background::{self, Started};

use crate::{
    cli::{Common, setup},
    config::Loaded,
    daemon::{Daemon, Start},
    exit::{Failure, failed},
    service::{Manager, SYSTEM_STATE, Service},
};

/// Said to what `--detach` starts.
const DETACHED: &str = "--detached";

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
    /// Offer a command as a tool, such as `size=du -sh {dir:path}`; may be given several times.
    #[arg(long, value_name = "NAME=TEMPLATE")]
    command: Vec<String>,
    /// Serve in the background: end once it serves, or with the reason why it can't.
    #[arg(long, short)]
    detach: bool,
    /// A file to write the process's number to.
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Check everything, say what would be served, commands and their placeholders one by one, and end.
    #[arg(long)]
    dry_run: bool,
    /// Open no port and share no folder but those that the configuration names: nobody sits at a terminal
    /// to see them. `durward connect` starts it so.
    #[arg(long, hide = true)]
    unasked: bool,
    #[arg(long, hide = true)]
    detached: bool,
    /// Print the service file that runs this command, and end.
    #[arg(long, value_name = "MANAGER")]
    unit: Option<Manager>,
}

impl Serve {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        if self.detach {
            return detach();
        }
        if self.detached {
            background::leave_terminal().map_err(failed)?;
        }
        let mut set = Vec::new();
        set.extend(
            self.listen
                .as_ref()
                .map(|listen| format!("listen.http={listen}")),
        );
        set.extend(self.root.as_ref().map(|root| format!("files.root={root}")));
        let mut sources = setup::sources(common, &set)?;
        sources.unasked = self.unasked;
        let (loaded, sources) =
            setup::loaded_with_commands(common, sources, &self.command, self.dry_run)?;
        if let Some(manager) = self.unit {
            print!("{}", self.service(common, &loaded, manager)?.file(manager));
            return Ok(());
        }
        let start = Start {
            loaded,
            sources,
            json: common.json,
            dry_run: self.dry_run,
            pid_file: self.pid_file,
            detached: self.detached,
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
        let said = |name, values: &[String]| -> Vec<_> {
            values.iter().map(|it| (name, Some(it.clone()))).collect()
        };
        let options = options
            .into_iter()
            .chain(said("--command", &self.command))
            .chain(said("--set", &common.set));
        let words = options.filter_map(|(name, value)| Some([name.to_owned(), value?]));
        let arguments = std::iter::once("serve".to_owned()).chain(words.flatten());
        let program = std::env::current_exe().map_err(failed)?;
        let mut service = Service::of(&loaded.config, program, arguments.collect(), folder.clone());
        let state = common.state.iter().map(|state| folder.join(state));
        service.writes.extend(state);
        Ok(service)
    }
}

/// Starts the same command in the background, and says how that went.
#[expect(clippy::print_stdout, reason = "no protocol is spoken on this stdout")]
fn detach() -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(failed)?;
    let rest = std::env::args_os().skip(1);
    let mut arguments: Vec<OsString> = rest.filter(|it| it != "--detach" && it != "-d").collect();
    arguments.push(DETACHED.into());
    match background::start(&program, &arguments, &[]).map_err(failed)? {
        Started::Ready { announced, warned } => {
            eprint!("{warned}");
            print!("{announced}");
            Ok(())
        }
        Started::Failed { code, why } => Err(Failure::Elsewhere { code, why }),
    }
}
