//! The life of `durward serve`: open the rooms and the doors, announce, serve, drain.

use std::{net::TcpListener, path::PathBuf, sync::Arc, thread::JoinHandle, time::Duration};

use durward_cage::{background, socket::OwnSocket};
use durward_core::Cancel;
use durward_ledger::ChainName;

use crate::{
    announcement,
    assembly::{self, Rooms},
    config::{self, Config, Loaded, Sources},
    doors::{
        http::{Access, HttpDoor, HttpLimits, HttpSettings},
        socket::{PipeLimits, SocketDoor},
    },
    exit::Failure,
    first_key::{self, FirstKey},
    instance::Instance,
    reload::Reloader,
    sandbox::Sandboxes,
    signals::StopSignals,
    telemetry,
    upkeep::Upkeep,
};

/// What a daemon starts with.
pub struct Start {
    /// The configuration.
    pub loaded: Loaded,
    /// What it was made from, to make it again.
    pub sources: Sources,
    /// Say where it listens as JSON.
    pub json: bool,
    /// End before anything is served.
    pub dry_run: bool,
    /// A file to write the process's number to.
    pub pid_file: Option<PathBuf>,
    /// Whoever started it waits for what it says on stdout, and then leaves.
    pub detached: bool,
}

/// A daemon.
pub struct Daemon;

impl Daemon {
    /// Runs until a signal ends it.
    ///
    /// # Errors
    /// Whatever keeps it from serving; nothing is half-started.
    pub fn run(start: Start) -> Result<(), Failure> {
        let config = &start.loaded.config;
        begin_log(&start)?;
        // Before anything is touched: it may be another's.
        let _instance = match start.dry_run {
            true => None,
            false => Some(Instance::take(config, start.pid_file.as_deref())?),
        };
        let listener = listen(config)?;
        let port = match &listener {
            Some(listener) => listener.local_addr().map_err(failed)?.port(),
            None => 0,
        };
        if start.dry_run {
            let sandboxes = Sandboxes::new();
            assembly::tried(config, &sandboxes.builder(config))?;
            announcement::print(&start, port, listener.is_some(), None, &sandboxes);
            return Ok(());
        }
        let rooms = assembly::open(config, ChainName::Serve)?;
        let own: Vec<_> = listener
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect();
        rooms.servers.set_listeners(&own);
        rooms.sandboxes.set_listeners(own.clone());
        rooms.connector.set_listeners(own);
        let socket = OwnSocket::open(&config.listen.socket).map_err(failed)?;
        let key = first_key(config, &rooms, listener.is_some())?;
        let upkeep = Upkeep::begin(&rooms, config).map_err(failed)?;
        let runtime = runtime()?;
        // Whoever reads the announcement may signal, or change the file, at once.
        let (signals, reloader) = {
            let _within = runtime.enter();
            let reloader = Reloader::new(&rooms, start.sources.clone(), &start.loaded);
            rooms.servers.start();
            (
                StopSignals::catch().map_err(failed)?,
                reloader.map_err(failed)?,
            )
        };
        let (stop, cut) = (Cancel::new(), Cancel::new());
        let door = Arc::new(HttpDoor::new(
            Arc::clone(&rooms.gate),
            http_settings(config, port),
            stop.clone(),
            cut.clone(),
        ));
        let http = listener.is_some();
        let workers = workers(listener, &door)?;
        announcement::print(&start, port, http, key.as_ref(), &rooms.sandboxes);
        if start.detached {
            background::let_go().map_err(failed)?;
        }
        let work = Work {
            rooms: &rooms,
            door: &door,
            stop: &stop,
            upkeep: upkeep.clone(),
            port,
        };
        let served = runtime.block_on(work.until_stopped(config, socket, signals, reloader));
        stop.cancel();
        cut.cancel();
        runtime.block_on(rooms.servers.stop());
        for worker in workers {
            // A worker that panicked has said so in the log.
            let _ = worker.join();
        }
        upkeep.save();
        rooms.close();
        served
    }
}

/// What is detached has no stderr once it serves.
fn begin_log(start: &Start) -> Result<(), Failure> {
    let config = &start.loaded.config;
    if !start.detached {
        return telemetry::start(&config.telemetry);
    }
    durward_store::folder::make_private(&config.state).map_err(failed)?;
    telemetry::start_without_stderr(&config.telemetry, &config.state.join("serve.log"))
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

/// Binds the address, so that a port that is taken is said before anything else is touched.
fn listen(config: &Config) -> Result<Option<TcpListener>, Failure> {
    let config::HttpDoor::Open(address) = &config.listen.http else {
        return Ok(None);
    };
    if !address.is_loopback() && !has_keys(config) {
        return Err(Failure::Unusable(format!(
            "`listen.http` is {address}, which others can reach, and there are no keys; make one with `durward keys new`"
        )));
    }
    let listener = TcpListener::bind(&address.addresses()[..]).map_err(|error| {
        let hint = if error.kind() == std::io::ErrorKind::AddrInUse {
            "; another program uses it: stop that, or listen elsewhere with `--listen`"
        } else {
            ""
        };
        Failure::Failed(format!("can't listen on {address}: {error}{hint}"))
    })?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(Some(listener))
}

fn has_keys(config: &Config) -> bool {
    let file = durward_store::keys::KeyFile::new(&config.identity.keys.file);
    // A file that can't be read is told of when the rooms open.
    !config.identity.keys.accept.is_empty() || file.load().map_or(true, |keys| !keys.is_empty())
}

fn first_key(config: &Config, rooms: &Rooms, http: bool) -> Result<Option<FirstKey>, Failure> {
    if !http {
        return Ok(None);
    }
    let key = first_key::make(config, rooms.clock.as_ref()).map_err(failed)?;
    if key.is_some() {
        let planned = rooms.planned(config)?;
        let house = rooms.house(config, &planned)?;
        rooms.gate.reload(house).map_err(failed)?;
    }
    Ok(key)
}

fn http_settings(config: &Config, port: u16) -> HttpSettings {
    let listen = &config.listen;
    let limits = &listen.limits;
    let words = |hosts: &[config::HostName]| -> Vec<String> {
        hosts.iter().map(|host| host.as_str().to_owned()).collect()
    };
    let origins: Vec<String> = listen
        .allowed_origins
        .iter()
        .map(|origin| origin.as_str().to_owned())
        .collect();
    let public = listen.public_url.as_ref().map(config::PublicUrl::as_str);
    HttpSettings {
        paths: listen
            .paths
            .iter()
            .map(|path| path.as_str().to_owned())
            .collect(),
        access: Access::new(port, public, &words(&listen.allowed_hosts), &origins),
        limits: HttpLimits {
            body: limits.body.as_usize(),
            depth: usize::try_from(limits.depth.get()).unwrap_or(usize::MAX),
            connections: usize::try_from(limits.connections.get()).unwrap_or(usize::MAX),
            header_timeout: limits.header_timeout.duration(),
            idle_timeout: limits.idle_timeout.duration(),
        },
    }
}

/// One runtime a core, each on its own thread: a connection and its calls never change threads.
fn workers(
    listener: Option<TcpListener>,
    door: &Arc<HttpDoor>,
) -> Result<Vec<JoinHandle<()>>, Failure> {
    let Some(listener) = listener else {
        return Ok(Vec::new());
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut workers = Vec::new();
    for number in 0..cores {
        let (listener, door) = (listener.try_clone().map_err(failed)?, Arc::clone(door));
        let runtime = runtime()?;
        let work = move || {
            runtime.block_on(async move {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => door.run(listener).await,
                    Err(error) => tracing::error!(%error, "a worker can't listen"),
                }
            });
        };
        let worker = std::thread::Builder::new()
            .name(format!("door-{number}"))
            .spawn(work);
        workers.push(worker.map_err(failed)?);
    }
    Ok(workers)
}

/// What the main thread sees to while the workers serve.
struct Work<'a> {
    rooms: &'a Rooms,
    door: &'a HttpDoor,
    stop: &'a Cancel,
    upkeep: Upkeep,
    port: u16,
}

impl Work<'_> {
    /// Signals, reloads, upkeep and the socket, until it is time to stop; then everything drains.
    async fn until_stopped(
        self,
        config: &Config,
        socket: OwnSocket,
        signals: StopSignals,
        reloader: Reloader,
    ) -> Result<(), Failure> {
        let (rooms, stop, port) = (self.rooms, self.stop, self.port);
        let limits = &config.listen.limits;
        let drain = limits.drain.duration();
        let pipes = PipeLimits {
            line: limits.line.as_usize(),
            depth: usize::try_from(limits.depth.get()).unwrap_or(usize::MAX),
            connections: usize::try_from(limits.connections.get()).unwrap_or(usize::MAX),
            drain,
        };
        let status = rooms.status.clone();
        let socket = SocketDoor::new(Arc::clone(&rooms.gate), socket, pipes, status);
        let socket = socket.map_err(failed)?;
        let (gate, ended) = (Arc::clone(&rooms.gate), stop.clone());
        let drained = async {
            tokio::join!(
                socket.run(stop.clone()),
                drained(rooms, self.door, stop, drain)
            );
        };
        let first_signal = move || {
            gate.drain();
            ended.cancel();
        };
        tokio::select! {
            () = drained => Ok(()),
            () = signals.twice(first_signal) => {
                Err(Failure::Failed("stopped at once, by a second signal".to_owned()))
            }
            () = self.upkeep.run() => Ok(()),
            () = reloader.run(|config| self.door.reload(http_settings(config, port))) => Ok(()),
        }
    }
}

/// Ends when all connections have ended after `stop`, or their time is up.
async fn drained(rooms: &Rooms, door: &HttpDoor, stop: &Cancel, limit: Duration) {
    stop.cancelled().await;
    let all = async {
        while door.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rooms.gate.drained().await;
    };
    if tokio::time::timeout(limit, all).await.is_err() {
        tracing::warn!("some calls did not end in time and were cut");
    }
}
