//! Service files: what makes systemd or launchd run exactly the command that was given, printed and never
//! installed.

mod launchd;
mod systemd;

use std::path::PathBuf;

use crate::config::{Config, HttpDoor};

/// Who is to run durward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Manager {
    /// systemd, as this user, from the login on.
    User,
    /// systemd, as the user `durward`, from the start of the machine on.
    System,
    /// launchd of macOS, as this user.
    Launchd,
}

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Service {
    /// The program's whole path.
    pub(crate) program: PathBuf,
    /// Its arguments; paths in them are whole.
    pub(crate) arguments: Vec<String>,
    /// Where it begins, for relative paths of the configuration.
    pub(crate) folder: PathBuf,
    /// What of the file system it writes to, its state folder aside.
    pub(crate) writes: Vec<PathBuf>,
    /// Does it listen on a port below 1024?
    pub(crate) low_port: bool,
    /// How long it may take to end, in seconds.
    pub(crate) drain: u64,
}

/// Where a system's service keeps its state.
pub(crate) const SYSTEM_STATE: &str = "/var/lib/durward";

impl Service {
    /// The command, as this configuration needs it.
    pub(crate) fn of(
        config: &Config,
        program: PathBuf,
        arguments: Vec<String>,
        folder: PathBuf,
    ) -> Self {
        let files = &config.files;
        let writable = files.are_writable() && config.packs.fs.enabled;
        let mut writes: Vec<PathBuf> = match writable {
            true => files
                .shared()
                .iter()
                .map(|(_, path)| folder.join(path))
                .collect(),
            false => Vec::new(),
        };
        let copies = [&config.audit.export.file, &config.telemetry.file];
        let kept = [&config.audit.index, &config.identity.keys.file];
        let kept = kept
            .into_iter()
            .filter(|file| !file.starts_with(&config.state));
        let files = copies.into_iter().flatten().chain(kept);
        writes.extend(files.filter_map(|file| Some(folder.join(file.parent()?))));
        if !config.audit.journal.starts_with(&config.state) {
            writes.push(folder.join(&config.audit.journal));
        }
        let port = match &config.listen.http {
            HttpDoor::Open(address) => address.port(),
            HttpDoor::Off => 0,
        };
        Self {
            program,
            arguments,
            folder,
            writes,
            low_port: (1..1024).contains(&port),
            drain: config.listen.limits.drain.duration().as_secs(),
        }
    }

    /// The service file, with how it is installed at its head.
    pub(crate) fn file(&self, manager: Manager) -> String {
        match manager {
            Manager::User => systemd::user(self),
            Manager::System => systemd::system(self),
            Manager::Launchd => launchd::agent(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        let mut config = Config {
            state: SYSTEM_STATE.into(),
            ..Config::default()
        };
        config.audit.journal = "/srv/journal".into();
        config.audit.index = config.state.join("audit.db");
        config.identity.keys.file = config.state.join("keys.json");
        let arguments = ["serve", "--root", "/srv/100% \"mine\"", "--set", "a=${b}"];
        let mut service = Service::of(
            &config,
            "/opt/durward/bin/durward".into(),
            arguments.map(str::to_owned).to_vec(),
            "/srv/project".into(),
        );
        service.writes.push("/srv/project/new files".into());
        service
    }

    #[test]
    fn service_files() {
        let all = [Manager::User, Manager::System, Manager::Launchd];
        let files = all.map(|manager| format!("=== {manager:?}\n{}", service().file(manager)));
        insta::assert_snapshot!(files.join("\n"));
    }

    #[test]
    fn a_port_below_1024_needs_one_capability() {
        let mut service = service();
        assert!(!service.file(Manager::System).contains("CAP_"));
        service.low_port = true;
        assert!(
            service
                .file(Manager::System)
                .contains("AmbientCapabilities=CAP_NET_BIND_SERVICE")
        );
    }
}
