//! Another configuration without a restart: when the file changes, or what it names (keys, secrets in
//! files), at SIGHUP, and when a server refuses a secret that a program prints. Logins that others make are looked at when they are made.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use durward_cage::egress::Connector;
use durward_core::ServerName;
use durward_gate::Gate;
use durward_guard::redact::Redactor;
use durward_ledger::{Event, EventName};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    assembly::{self, AssemblyError, Rooms},
    config::{Config, Loaded, SecretSource, Sources, Watch, load},
    egress, logins,
    plugins::{self, Plugins},
    sandbox::{Builder, Sandboxes},
    servers::{self, Servers},
    signals::HangUps,
    status::{Status, WallsStatus},
};

/// Programs that print secrets run no more often than this for a server's refusal.
const PAUSE: Duration = Duration::from_secs(60);

/// Watches and reloads. A wrong configuration is said and recorded, and the old one stays.
pub struct Reloader {
    gate: Arc<Gate>,
    connector: Connector,
    status: Option<Arc<Status>>,
    servers: Arc<Servers>,
    plugins: Arc<Plugins>,
    sandboxes: Sandboxes,
    sources: Sources,
    /// What is in force.
    config: Config,
    hang_ups: HangUps,
    file: Option<Watch>,
    named: Vec<(Named, Watch)>,
    /// Are there secrets that nobody tells of when they change?
    asks_programs: bool,
    /// Before then no refusal makes them be read again.
    not_before: Instant,
}

/// What the configuration names, and another program changes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// It is read with the configuration.
    File(PathBuf),
    /// It is a login at this server.
    Login(ServerName, PathBuf),
}

impl Named {
    /// All of a configuration.
    fn all(config: &Config, cwd: &Path) -> Vec<Self> {
        let mut all = vec![Self::File(config.identity.keys.file.clone())];
        for source in config.secrets.values() {
            if let SecretSource::File(path) = source {
                all.push(Self::File(cwd.join(path)));
            }
        }
        let logins = logins::files(config).into_iter();
        all.extend(logins.map(|(server, path)| Self::Login(server, path)));
        all
    }

    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Login(_, path) => path,
        }
    }
}

impl Reloader {
    /// For these rooms, built from this configuration. Changes from here on are seen; within a runtime.
    ///
    /// # Errors
    /// Where signals can't be caught.
    pub fn new(rooms: &Rooms, sources: Sources, loaded: &Loaded) -> io::Result<Self> {
        if let Some(status) = &rooms.status {
            status.hide(&loaded.secrets);
        }
        let mut reloader = Self {
            gate: Arc::clone(&rooms.gate),
            connector: rooms.connector.clone(),
            status: rooms.status.clone(),
            servers: Arc::clone(&rooms.servers),
            plugins: Arc::clone(&rooms.plugins),
            sandboxes: rooms.sandboxes.clone(),
            sources,
            config: loaded.config.clone(),
            hang_ups: HangUps::catch()?,
            file: loaded.path.as_deref().and_then(watch),
            named: Vec::new(),
            asks_programs: false,
            not_before: Instant::now(),
        };
        reloader.watch(&loaded.config);
        Ok(reloader)
    }

    /// Goes on for as long as it is waited for. `applied` puts in force what is not the gate's.
    pub async fn run(mut self, mut applied: impl FnMut(&Config)) {
        loop {
            tokio::select! {
                () = self.hang_ups.next() => {}
                () = changed(&mut self.file) => {}
                () = refused(&self.servers, self.not_before), if self.asks_programs => {
                    self.not_before = Instant::now() + PAUSE;
                }
                () = self.plugins.stirred() => {
                    self.look_at_plugins();
                    continue;
                }
                named = changed_named(&mut self.named) => {
                    if let Named::Login(server, _) = named {
                        self.servers.look_again(&server);
                        continue;
                    }
                }
            }
            if let Some(config) = self.reload().await {
                self.watch(&config);
                applied(&config);
                self.config = config;
            }
        }
    }

    /// Watches what this configuration names; what was watched before still is, and nothing of it is lost.
    fn watch(&mut self, config: &Config) {
        if !logins::files(config).is_empty()
            && let Err(error) = durward_store::folder::make_private(&logins::folder(config))
        {
            tracing::warn!(%error, "logins will be seen at a restart alone");
        }
        let programs = |source: &SecretSource| {
            matches!(source, SecretSource::Command(_) | SecretSource::Keyring(_))
        };
        self.asks_programs = config.secrets.values().any(programs);
        let mut before = std::mem::take(&mut self.named);
        for named in Named::all(config, &self.sources.cwd) {
            let at = before.iter().position(|(known, _)| *known == named);
            match at {
                Some(at) => self.named.push(before.swap_remove(at)),
                None => {
                    let watch = watch(named.path());
                    self.named.extend(watch.map(|watch| (named, watch)));
                }
            }
        }
    }

    async fn reload(&mut self) -> Option<Config> {
        let put = self.read().await.and_then(|loaded| {
            let config = &loaded.config;
            let builder = self.sandboxes.builder(config);
            let planned = self
                .servers
                .plan(config, &builder)
                .map_err(|error| error.to_string())?;
            let plugins = self
                .plugins
                .plan(config, &builder)
                .map_err(|error| error.to_string())?;
            let (offered, status) = ((&planned, &plugins), self.status.as_ref());
            let house = assembly::house(config, &self.connector, offered, &builder, status)
                .map_err(|error| error.to_string())?;
            assembly::reload(&self.gate, house, &plugins).map_err(|error| error.to_string())?;
            self.tell_walls(config, &builder, offered);
            self.servers.put(planned);
            self.plugins.put(plugins);
            // It reads well: loading has tried it.
            self.connector
                .reload(egress::settings(&loaded.config))
                .map_err(|error| error.to_string())?;
            if let Some(status) = &self.status {
                status.hide(&loaded.secrets);
                let redactor = Redactor::new(&loaded.config.audit.redact_names);
                status.redact_by(redactor.map_err(|error| error.to_string())?);
            }
            Ok(loaded)
        });
        match put {
            Ok(loaded) => {
                tracing::info!("the configuration was reloaded");
                self.tell(None);
                self.record(Event::new(EventName::CONFIG_RELOADED));
                for danger in assembly::dangers(&loaded.config) {
                    self.record(danger);
                }
                Some(loaded.config)
            }
            Err(why) => {
                tracing::error!("the new configuration is wrong, the old one stays:\n{why}");
                self.tell(Some(why.clone()));
                self.record(Event::new(EventName::CONFIG_REFUSED).why(why));
                None
            }
        }
    }

    /// Something of a plugin has changed, under the same configuration.
    fn look_at_plugins(&self) {
        let config = &self.config;
        let builder = self.sandboxes.builder(config);
        let put = || -> Result<bool, AssemblyError> {
            let plugins = self.plugins.plan(config, &builder)?;
            if self.plugins.is_put(&plugins) {
                return Ok(false);
            }
            let servers = self.servers.plan(config, &builder)?;
            let (offered, status) = ((&servers, &plugins), self.status.as_ref());
            let house = assembly::house(config, &self.connector, offered, &builder, status)?;
            assembly::reload(&self.gate, house, &plugins)?;
            self.tell_walls(config, &builder, offered);
            self.plugins.put(plugins);
            Ok(true)
        };
        match put() {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!("the plugins were looked at again");
                self.record(Event::new(EventName::PLUGINS_RELOADED));
            }
            Err(error) => {
                let why = error.to_string();
                if self.plugins.refused(&why) {
                    tracing::error!("the changed plugins are wrong, the old ones stay: {why}");
                    self.record(Event::new(EventName::PLUGINS_REFUSED).why(why));
                }
            }
        }
    }

    /// On a thread of its own: for a secret's command no client has to wait. Given up, the thread ends when
    /// the command does, or its time is over.
    async fn read(&self) -> Result<Loaded, String> {
        let (sender, read) = oneshot::channel();
        let sources = self.sources.clone();
        let work = move || {
            // Nobody waits any more where durward ends.
            let _ = sender.send(load(&sources));
        };
        thread::Builder::new()
            .name("reload".to_owned())
            .spawn(work)
            .map_err(|error| error.to_string())?;
        match read.await {
            Ok(loaded) => loaded.map_err(|error| error.to_string()),
            Err(_) => Err("reading it failed".to_owned()),
        }
    }

    fn tell(&self, refused: Option<String>) {
        if let Some(status) = &self.status {
            status.reloaded(refused);
        }
    }

    fn tell_walls(
        &self,
        config: &Config,
        builder: &Builder<'_>,
        offered: (&servers::Planned, &plugins::Planned),
    ) {
        if let Some(status) = &self.status {
            let within = (&self.sandboxes, builder);
            status.enclosed_in(WallsStatus::of(config, within, offered));
        }
    }

    fn record(&self, event: Event) {
        if let Err(error) = self.gate.journal().event(event) {
            tracing::error!(%error, "a reload could not be recorded");
        }
    }
}

fn watch(path: &Path) -> Option<Watch> {
    Watch::start(path)
        .inspect_err(|error| tracing::warn!(%error, "changes will be seen at SIGHUP alone"))
        .ok()
}

async fn changed(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// A server refuses what it is shown.
async fn refused(servers: &Servers, not_before: Instant) {
    tokio::time::sleep_until(not_before).await;
    servers.refused().await;
}

/// The first of these to change.
async fn changed_named(all: &mut [(Named, Watch)]) -> Named {
    let waiting = all.iter_mut().map(|(named, watch)| {
        Box::pin(async {
            watch.changed().await;
            named.clone()
        })
    });
    // Where nothing is watched nothing changes.
    let waiting: futures_util::stream::FuturesUnordered<_> = waiting.collect();
    match futures_util::StreamExt::into_future(waiting).await {
        (Some(named), _) => named,
        (None, _) => std::future::pending().await,
    }
}
