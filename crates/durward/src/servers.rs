//! The servers behind the gate: made from the configuration, and kept over its reloads.

mod made;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use durward_cage::{
    egress::Connector,
    launch::{Launcher, Level},
};
use durward_core::{Clock, Era, Monotonic, Provider, Secret, ServerName};
use durward_guard::breaker::Condition;
use durward_store::{StoreError, limits::MemoryLimits, servers::KnownServers};
use durward_upstream::{
    Command, EraPin, Headers, Health, Instances, LinkLimits, Reach, Sampling, Server,
    ServerSettings, State, Target, Transport,
};
use tokio::sync::Notify;

pub(crate) use made::headers;

use crate::{
    assembly::AssemblyError,
    config::{self, Config},
    egress,
    logins::Logins,
    sandbox::{self, Builder, Enclosure, Item},
    status::{BreakerStatus, ItemStatus, ServerState, ServerStatus, Statuses, whole_lines},
};

/// All servers, by name.
pub struct Servers {
    launcher: Launcher,
    store: KnownServers,
    logins: Logins,
    limits: Arc<MemoryLimits>,
    clock: Arc<dyn Clock>,
    standing: Mutex<BTreeMap<ServerName, Standing>>,
    listeners: Mutex<Vec<SocketAddr>>,
    /// Told where a server refuses what the configuration shows it.
    refused: Arc<Notify>,
}

/// One that is served, and the configuration that it was made from.
#[derive(Clone)]
struct Standing {
    made_from: MadeFrom,
    server: Arc<Server>,
    headers: Headers,
    /// The ways to it, and to what it names.
    connectors: Vec<Connector>,
    /// What it runs in, if it is a program.
    enclosed: Option<Enclosure>,
}

impl Standing {
    /// Begins it, on the runtime that serves it.
    fn start(&self) {
        let is_at_home = |it: &Enclosure| it.room == config::Room::Home && it.level > Level::None;
        if let (config::Reach::Program(program), Some(true)) = (
            &self.made_from.server.reach,
            self.enclosed.as_ref().map(is_at_home),
        ) {
            sandbox::make_ready(program.command.program());
        }
        self.server.start();
    }
}

/// What makes a server another one.
#[derive(Clone, PartialEq)]
struct MadeFrom {
    server: config::Server,
    egress: config::Egress,
    /// Where it may ask for it.
    sampling: Option<config::Sampling>,
    /// What decides of a program's walls beside its own entry.
    walls: Option<(config::Sandbox, config::Files)>,
}

impl MadeFrom {
    /// Is it the same server, whatever the headers hold that go there? Those change while it is in use.
    fn differs_in_headers_alone(&self, other: &Self) -> bool {
        let mut own = self.clone();
        if let (config::Reach::Http(own), config::Reach::Http(other)) =
            (&mut own.server.reach, &other.server.reach)
        {
            own.headers.clone_from(&other.headers);
            if let (Some(config::Auth::Bearer(own)), Some(config::Auth::Bearer(other))) =
                (&mut own.auth, &other.auth)
            {
                own.clone_from(other);
            }
        }
        own == *other
    }

    /// What goes to it with every request.
    fn headers(&self) -> Vec<(String, Secret)> {
        match &self.server.reach {
            config::Reach::Http(http) => made::headers(http),
            config::Reach::Program(_) => Vec::new(),
        }
    }
}

/// What a configuration wants served: those that stand already, and new ones that were not begun yet.
pub struct Planned(BTreeMap<ServerName, Standing>);

impl Planned {
    /// As the gate takes them.
    pub fn providers(&self) -> impl Iterator<Item = Arc<dyn Provider>> {
        let all = self.0.values();
        all.map(|standing| Arc::clone(&standing.server) as Arc<dyn Provider>)
    }

    /// What those run in that are programs.
    pub(crate) fn items(&self) -> impl Iterator<Item = ItemStatus> {
        self.0.iter().filter_map(|(name, standing)| {
            let enclosed = standing.enclosed.as_ref()?;
            let item = format!("servers.{name}");
            Some(ItemStatus::new(item, enclosed.word, enclosed.level))
        })
    }
}

impl Servers {
    /// None yet.
    ///
    /// # Errors
    /// `cluster.sealing_key` is none.
    pub fn new(
        config: &Config,
        launcher: Launcher,
        limits: Arc<MemoryLimits>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            logins: Logins::new(config, Arc::clone(&clock))?,
            launcher,
            store: KnownServers::new(config.state.join("servers")),
            limits,
            clock,
            standing: Mutex::default(),
            listeners: Mutex::default(),
            refused: Arc::default(),
        })
    }

    /// durward's own addresses, where no server is looked for.
    pub fn set_listeners(&self, listeners: &[SocketAddr]) {
        *lock(&self.listeners) = listeners.to_vec();
        for standing in lock(&self.standing).values() {
            for connector in &standing.connectors {
                connector.set_listeners(listeners.to_vec());
            }
        }
    }

    /// What this configuration wants served. Nothing is begun or ended.
    ///
    /// # Errors
    /// [`AssemblyError`], naming what can't be used.
    pub fn plan(&self, config: &Config, builder: &Builder<'_>) -> Result<Planned, AssemblyError> {
        let mut planned = BTreeMap::new();
        let standing = lock(&self.standing).clone();
        for (key, server) in &config.servers {
            let made_from = MadeFrom {
                server: server.clone(),
                egress: config.egress.clone(),
                sampling: server
                    .capabilities
                    .contains(&config::Capability::Sampling)
                    .then_some(config.inspect.sampling),
                walls: matches!(server.reach, config::Reach::Program(_))
                    .then(|| (config.sandbox.clone(), config.files.clone())),
            };
            let same = standing
                .get(key.name())
                .filter(|it| it.made_from.differs_in_headers_alone(&made_from));
            let it = match same {
                Some(same) => Standing {
                    made_from,
                    ..same.clone()
                },
                None => self.make(config, key.name(), made_from, builder)?,
            };
            planned.insert(key.name().clone(), it);
        }
        Ok(Planned(planned))
    }

    /// Takes the first ones, which [`Servers::start`] begins.
    pub fn hold(&self, planned: Planned) {
        *lock(&self.standing) = planned.0;
    }

    /// Begins those that are held, on the runtime that serves them.
    pub fn start(&self) {
        for standing in lock(&self.standing).values() {
            standing.start();
        }
    }

    /// Begins the new ones, and ends those that are wanted no more. On the runtime that serves them.
    pub fn put(&self, planned: Planned) {
        let before = std::mem::take(&mut *lock(&self.standing));
        for (name, standing) in &planned.0 {
            let stays = before
                .get(name)
                .is_some_and(|old| Arc::ptr_eq(&old.server, &standing.server));
            if !stays {
                standing.start();
            }
            let had = before.get(name).map(|old| old.made_from.server.clone());
            if had.as_ref() != Some(&standing.made_from.server) {
                let own = standing.made_from.headers();
                let own = own.iter().map(|(name, value)| (&**name, value));
                standing.headers.set(own);
                standing.server.look_again();
            }
        }
        for (name, old) in before {
            let stays = planned
                .0
                .get(&name)
                .is_some_and(|new| Arc::ptr_eq(&old.server, &new.server));
            if !stays {
                tokio::spawn(async move { old.server.stop().await });
            }
        }
        *lock(&self.standing) = planned.0;
    }

    /// Looks at what is kept of the login at this one: somebody has logged in, or out.
    pub fn look_again(&self, name: &ServerName) {
        if let Some(standing) = lock(&self.standing).get(name) {
            standing.server.look_again();
        }
    }

    /// Waits until a server refuses what the configuration shows it.
    pub async fn refused(&self) {
        self.refused.notified().await;
    }

    /// Ends all of them, with all that they started.
    pub async fn stop(&self) {
        let all = std::mem::take(&mut *lock(&self.standing));
        let ending = all.values().map(|standing| standing.server.stop());
        futures_util::future::join_all(ending).await;
    }

    /// Those that are served.
    pub fn all(&self) -> Vec<Arc<Server>> {
        let standing = lock(&self.standing);
        standing.values().map(|it| Arc::clone(&it.server)).collect()
    }

    fn make(
        &self,
        config: &Config,
        name: &ServerName,
        made_from: MadeFrom,
        builder: &Builder<'_>,
    ) -> Result<Standing, AssemblyError> {
        let server = &made_from.server;
        let own = made_from.headers();
        let headers = Headers::new(
            own.iter().map(|(name, value)| (&**name, value)),
            Arc::clone(&self.refused),
        );
        let mut enclosed = None;
        let (reach, connectors) = match &server.reach {
            config::Reach::Program(program) => {
                let enclosure = builder.enclose(&Item {
                    key: &format!("servers.{name}"),
                    said: program.sandbox.as_ref(),
                    usual: config::Room::Home,
                    folder: program.cwd.as_deref(),
                    shows: &[],
                })?;
                let plan = made::plan(program, &enclosure);
                enclosed = Some(enclosure);
                let launcher = self.launcher.clone();
                (Reach::Command(Command::new(launcher, plan)), Vec::new())
            }
            config::Reach::Http(http) => {
                let mut connectors = vec![Connector::new(egress::for_server(config, http))?];
                let mut reached = made::url(http, connectors[0].clone(), headers.clone());
                if let Some(login) = self.logins.at(config, name, http)? {
                    reached.auth = Some(login.oauth);
                    connectors.push(login.connector);
                }
                for connector in &connectors {
                    connector.set_listeners(lock(&self.listeners).clone());
                }
                (Reach::Url(Box::new(reached)), connectors)
            }
        };
        let sampling = made_from.sampling.unwrap_or_default();
        let mut may = made::may(&server.capabilities);
        may.sampling &= sampling.allow;
        let settings = ServerSettings {
            name: name.clone(),
            room: enclosed.as_ref().map(|enclosed| enclosed.word),
            target: Target {
                reach,
                era: match server.era {
                    config::EraPin::Auto => EraPin::Auto,
                    config::EraPin::Legacy => EraPin::Legacy,
                    config::EraPin::Modern => EraPin::Modern,
                },
                capabilities: made::client_capabilities(may),
                shared: server.instances == config::Instances::Shared,
                limits: LinkLimits {
                    message: server.line.as_usize(),
                    ..LinkLimits::default()
                },
            },
            tools: made::tools(&server.tools)?,
            may,
            sampling: Sampling {
                max_tokens: sampling.max_tokens.get(),
                calls: sampling.calls.rate().quota(None),
            },
            instances: match server.instances {
                config::Instances::Shared => Instances::Shared,
                config::Instances::PerSession => Instances::PerSession,
                config::Instances::PerCaller => Instances::PerCaller,
            },
            eager: server.connect == config::Connect::Eager,
        };
        let (store, limits) = (self.store.clone(), Arc::clone(&self.limits));
        let server = Server::new(settings, Some(store), limits, Arc::clone(&self.clock));
        Ok(Standing {
            made_from,
            server,
            headers,
            connectors,
            enclosed,
        })
    }
}

impl Statuses for Servers {
    fn servers(&self) -> Vec<ServerStatus> {
        let standing = lock(&self.standing);
        let all = standing.iter();
        all.map(|(name, it)| status(name, it.server.health(), it.enclosed.as_ref()))
            .collect()
    }

    fn breakers(&self, now: Monotonic) -> Vec<BreakerStatus> {
        let troubled = self.limits.troubled(now).into_iter();
        let told = troubled.map(|(tool, breaker)| BreakerStatus {
            tool: tool.to_string(),
            state: match breaker.condition(now) {
                Condition::HalfOpen => "half_open",
                Condition::Open | Condition::Closed => "open",
            }
            .to_owned(),
            retry_after_ms: u64::try_from(breaker.wait(now).as_millis()).unwrap_or(u64::MAX),
        });
        told.collect()
    }
}

fn status(name: &ServerName, health: Health, enclosed: Option<&Enclosure>) -> ServerStatus {
    let transport = health.transport.map(|transport| match transport {
        Transport::Stdio => "stdio",
        Transport::StreamableHttp => "http",
        Transport::Sse => "sse",
    });
    let era = health.revision.map(|revision| match revision.era() {
        Era::Legacy => "legacy",
        Era::Modern => "modern",
    });
    ServerStatus {
        name: name.to_string(),
        transport: transport.map(ToOwned::to_owned),
        era: era.map(ToOwned::to_owned),
        revision: health.revision.map(|revision| revision.as_str().to_owned()),
        room: enclosed.map(|it| it.word.to_owned()),
        level: (health.level)
            .or(enclosed.map(|it| it.level))
            .map(|level| level.name().to_owned()),
        state: match health.state {
            State::Idle => ServerState::Idle,
            State::Starting => ServerState::Starting,
            State::Ready => ServerState::Ready,
            State::Waiting => ServerState::Waiting,
        },
        restarts: health.restarts,
        error: health.error,
        stderr: whole_lines(&health.stderr),
        notes: health.notes,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
