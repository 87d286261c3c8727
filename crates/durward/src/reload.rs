//! Another configuration without a restart: when the file or the keys change, and at SIGHUP.

use std::{io, path::Path, sync::Arc, thread};

use durward_cage::egress::Connector;
use durward_gate::Gate;
use durward_guard::redact::Redactor;
use durward_ledger::{Event, EventName};
use tokio::sync::oneshot;

use crate::{
    assembly::{self, Rooms},
    config::{Config, Loaded, Sources, Watch, load},
    egress,
    servers::Servers,
    signals::HangUps,
    status::Status,
};

/// Watches and reloads. A wrong configuration is said and recorded, and the old one stays.
pub struct Reloader {
    gate: Arc<Gate>,
    connector: Connector,
    status: Option<Arc<Status>>,
    servers: Arc<Servers>,
    sources: Sources,
    hang_ups: HangUps,
    file: Option<Watch>,
    keys: Option<Watch>,
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
        Ok(Self {
            gate: Arc::clone(&rooms.gate),
            connector: rooms.connector.clone(),
            status: rooms.status.clone(),
            servers: Arc::clone(&rooms.servers),
            sources,
            hang_ups: HangUps::catch()?,
            file: loaded.path.as_deref().and_then(watch),
            keys: watch(&loaded.config.identity.keys.file),
        })
    }

    /// Goes on for as long as it is waited for. `applied` puts in force what is not the gate's.
    pub async fn run(mut self, mut applied: impl FnMut(&Config)) {
        loop {
            tokio::select! {
                () = self.hang_ups.next() => {}
                () = changed(&mut self.file) => {}
                () = changed(&mut self.keys) => {}
            }
            if let Some(config) = self.reload().await {
                applied(&config);
            }
        }
    }

    async fn reload(&mut self) -> Option<Config> {
        let put = self.read().await.and_then(|loaded| {
            let planned = self
                .servers
                .plan(&loaded.config)
                .map_err(|error| error.to_string())?;
            let status = self.status.as_ref();
            let house = assembly::house(&loaded.config, &self.connector, &planned, status)
                .map_err(|error| error.to_string())?;
            self.gate.reload(house).map_err(|error| error.to_string())?;
            self.servers.put(planned);
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
                self.record(Event::new(EventName::CONFIG_RELOADED));
                Some(loaded.config)
            }
            Err(why) => {
                tracing::error!("the new configuration is wrong, the old one stays:\n{why}");
                self.record(Event::new(EventName::CONFIG_REFUSED).why(why));
                None
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
