//! From the configuration to the rooms: each crate gets its plain settings, and only here is it known
//! which key of the file means what.

mod clash;
mod commands;
mod shell;

use std::{collections::BTreeMap, num::NonZeroU32, path::Path, sync::Arc};

use durward_cage::{egress::Connector, files::RootSettings, peer};
use durward_core::{Clock, Provider, ServerName, SystemClock};
use durward_gate::{CatalogueError, ExchangeLimits, Gate, GateSettings, HouseSettings, OsUsers};
use durward_guard::{
    GuardError,
    breaker::BreakerSettings,
    limit::{LimitsSettings, ToolLimits, ToolTable},
    names::Likeness,
    policy::{Combine, Policy, PolicySettings, RoleSettings},
    redact::Redactor,
    template::TemplateFault,
};
use durward_ledger::{
    ChainName, ContentPolicy, DangerSync, Event, EventName, FsyncPolicy, Journal, JournalSettings,
    JsonlCopy, Keep, LedgerError, OnFailure, SigningKey,
};
use durward_packs::{
    PacksError,
    commands::CommandFault,
    fs::{FsPack, FsSettings},
    http::{HttpPack, HttpSettings},
    shell::ShellPack,
};
use durward_store::{
    StoreError,
    keys::{Accepted, KeyFile, KeyRing},
    limits::MemoryLimits,
    revocation::MemoryRevocations,
    sealing,
};
use thiserror::Error;

pub use clash::{catalogue, reload};
pub use commands::{dangers, program_faults, remedied, without_walls};

use crate::{
    config::{self, Config},
    egress, plugins,
    plugins::Plugins,
    sandbox::{self, Builder, SandboxError, Sandboxes},
    servers::{Planned, Servers},
    status::{Status, Statuses, WallsStatus},
};

/// A configuration that reads well and can't be used.
#[derive(Debug, Error)]
pub enum AssemblyError {
    /// Roles, limits or names.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// What is offered.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Two of what is offered have names that can't be told apart.
    #[error("{first} and {second} {how}; rename one of them")]
    Clash {
        /// Which was there.
        first: String,
        /// Which came later.
        second: String,
        /// How their names are alike.
        how: Likeness,
    },
    /// The journal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A command's template.
    #[error("commands.{name}: {fault}")]
    Command {
        /// The command.
        name: String,
        /// What is wrong.
        fault: TemplateFault,
    },
    /// Commands that can't be offered, and why.
    #[error("{0}")]
    Commands(String),
    /// A pack.
    #[error(transparent)]
    Packs(#[from] PacksError),
    /// Keys and other state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What children run in.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// The rooms of a running durward.
pub struct Rooms {
    /// The gate.
    pub gate: Arc<Gate>,
    /// The journal.
    pub journal: Arc<Journal>,
    /// The counted rates.
    pub limits: Arc<MemoryLimits>,
    /// The way out.
    pub connector: Connector,
    /// What a daemon tells of itself; others are there for one client, which started them.
    pub status: Option<Arc<Status>>,
    /// The servers behind the gate.
    pub servers: Arc<Servers>,
    /// The plugins.
    pub plugins: Arc<Plugins>,
    /// What children run in.
    pub sandboxes: Sandboxes,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Rooms {
    /// What a configuration says to this gate.
    ///
    /// # Errors
    /// [`AssemblyError`].
    pub fn house(
        &self,
        config: &Config,
        planned: &Planned,
    ) -> Result<HouseSettings, AssemblyError> {
        let builder = self.sandboxes.builder(config);
        let plugins = self.plugins.plan(config, &builder)?;
        house(
            config,
            &self.connector,
            (planned, &plugins),
            &builder,
            self.status.as_ref(),
        )
    }

    /// Which servers a configuration wants.
    ///
    /// # Errors
    /// [`AssemblyError`].
    pub fn planned(&self, config: &Config) -> Result<Planned, AssemblyError> {
        self.servers.plan(config, &self.sandboxes.builder(config))
    }

    /// Writes down that durward stopped, and closes the journal.
    pub fn close(&self) {
        let stopped = Event::new(EventName::STOPPED);
        let closed = self
            .journal
            .event(stopped)
            .and_then(|()| self.journal.close());
        if let Err(error) = closed {
            tracing::error!(%error, "the journal could not be closed");
        }
    }
}

/// Opens all rooms.
///
/// # Errors
/// [`AssemblyError`], with what is wrong and where.
pub fn open(config: &Config, chain: ChainName) -> Result<Rooms, AssemblyError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    durward_store::folder::make_private(&config.state)?;
    if durward_store::folder::is_open_to_all(&config.state) {
        let folder = config.state.display();
        tracing::warn!(
            "everyone on this machine may change what is in {folder}: `chmod o-w {folder}`"
        );
    }
    // First the configuration: nothing is begun that it then refuses.
    let connector = egress::connector(config)?;
    let limits = Arc::new(MemoryLimits::new(Arc::clone(&clock)));
    let sandboxes = Sandboxes::new();
    let builder = sandboxes.builder(config);
    let servers = Arc::new(Servers::new(
        config,
        sandboxes.launcher(),
        Arc::clone(&limits),
        Arc::clone(&clock),
    )?);
    let planned = servers.plan(config, &builder)?;
    let plugins = Arc::new(Plugins::default());
    let looked = plugins.plan(config, &builder)?;
    let status = match chain {
        ChainName::Serve => {
            let redactor = Redactor::new(&config.audit.redact_names)?;
            Some(Arc::new(Status::new(Arc::clone(&clock), redactor)))
        }
        _ => None,
    };
    let offered = (&planned, &looked);
    let house = house(config, &connector, offered, &builder, status.as_ref())?;
    if let Some(status) = &status {
        status.enclosed_in(WallsStatus::of(config, (&sandboxes, &builder), offered));
    }
    let sealing_key = match &config.cluster.sealing_key {
        Some(key) => sealing::parse(key.secret())?,
        None => sealing::of_file(&config.state.join("sealing.key"), clock.as_ref())?,
    };
    let journal = Arc::new(Journal::open(journal(config, chain), Arc::clone(&clock))?);
    let settings = GateSettings {
        journal: Arc::clone(&journal),
        limits: Arc::clone(&limits),
        revocations: Arc::new(MemoryRevocations::new(Arc::clone(&clock))),
        sealing_key,
        clock: Arc::clone(&clock),
        stateless: config.listen.stateless,
    };
    let gate = clash::gate(settings, house, &looked)?;
    if let Some(status) = &status {
        status.stand_at(&gate);
        status.ask_of(Arc::clone(&servers) as Arc<dyn Statuses>);
        status.ask_of_plugins(Arc::clone(&plugins));
    }
    servers.hold(planned);
    plugins.put(looked);
    record_start(&journal, config, &sandboxes);
    Ok(Rooms {
        gate,
        journal,
        limits,
        connector,
        status,
        servers,
        plugins,
        sandboxes,
        clock,
    })
}

/// Writes down that durward begins, whether it does so without walls, and which commands may run what
/// destroys.
fn record_start(journal: &Journal, config: &Config, sandboxes: &Sandboxes) {
    let is_off = config.sandbox.mode == config::SandboxMode::Off;
    let reduced = sandboxes.told(config).filter(|_| is_off).map(|why| {
        Event::new(EventName::PROTECTION_REDUCED)
            .subject("sandbox.mode")
            .why(why)
    });
    let started = std::iter::once(Event::new(EventName::STARTED));
    for event in started.chain(reduced).chain(dangers(config)) {
        journal
            .event(event)
            .unwrap_or_else(|error| tracing::error!(%error, "the start could not be recorded"));
    }
}

/// What the configuration would say to the gate, for those who only look.
///
/// # Errors
/// [`AssemblyError`].
pub fn tried(config: &Config, builder: &Builder<'_>) -> Result<HouseSettings, AssemblyError> {
    let plugins = Plugins::default().plan(config, builder)?;
    let house = tried_with(config, &plugins, builder)?;
    catalogue(&house, &plugins)?;
    Ok(house)
}

/// The same, with plugins that were looked at, and before anyone held names against each other.
///
/// # Errors
/// [`AssemblyError`].
pub fn tried_with(
    config: &Config,
    plugins: &plugins::Planned,
    builder: &Builder<'_>,
) -> Result<HouseSettings, AssemblyError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let limits = Arc::new(MemoryLimits::new(Arc::clone(&clock)));
    let servers = Servers::new(config, builder.launcher(), limits, clock)?;
    let planned = servers.plan(config, builder)?;
    let offered = (&planned, plugins);
    house(config, &egress::connector(config)?, offered, builder, None)
}

/// What is wrong with any of the commands, for those who only look.
///
/// # Errors
/// [`AssemblyError`], where it can't be found out.
pub fn command_faults(
    config: &Config,
    sandboxes: &Sandboxes,
) -> Result<Vec<CommandFault>, AssemblyError> {
    let settings = commands::settings(config, &sandboxes.builder(config))?;
    Ok(durward_packs::commands::faults(&settings))
}

/// What the configuration says to the gate. What reaches elsewhere does so by `connector`, and to other
/// servers and plugins by those that are planned; what starts programs does so within what `builder` says.
///
/// # Errors
/// [`AssemblyError`].
pub fn house(
    config: &Config,
    connector: &Connector,
    (planned, plugins): (&Planned, &plugins::Planned),
    builder: &Builder<'_>,
    status: Option<&Arc<Status>>,
) -> Result<HouseSettings, AssemblyError> {
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    if config.packs.fs.enabled {
        let pack = FsPack::open(&files(config))?;
        for warning in pack.warnings() {
            tracing::warn!("{warning}");
        }
        providers.push(Arc::new(pack));
    }
    if config.packs.http.enabled {
        let pack = HttpPack::new(connector.clone(), http(config))?;
        providers.push(Arc::new(pack));
    }
    if config.packs.shell.enabled {
        let settings = shell::settings(config, builder)?;
        for warning in settings.programs.warnings() {
            tracing::warn!("{warning}");
        }
        providers.push(Arc::new(ShellPack::open(settings)?));
    }
    if !config.commands.is_empty() {
        let pack = commands::pack(config, builder)?;
        for warning in pack.warnings() {
            tracing::warn!("{warning}");
        }
        providers.push(Arc::new(pack));
    }
    if let Some(status) = status {
        providers.push(Arc::clone(status) as Arc<dyn Provider>);
    }
    // Before the servers: what they announce keeps no plugin from its name.
    providers.extend(plugins.provider());
    providers.extend(planned.providers());
    Ok(HouseSettings {
        policy: policy(config)?,
        providers,
        limits: limits(config)?,
        exchange: exchange(config),
        keys: keys(config)?,
        os_users: os_users(config),
        redactor: Redactor::new(&config.audit.redact_names)?,
        keep_results: keep(config.audit.content.results),
    })
}

/// The roles and what they may do.
///
/// # Errors
/// [`GuardError`], naming the role and the selector.
pub fn policy(config: &Config) -> Result<Policy, GuardError> {
    let words = |selectors: &[config::Selector]| {
        selectors
            .iter()
            .map(|selector| selector.as_str().to_owned())
            .collect()
    };
    let roles = config.roles.iter().map(|(name, role)| {
        let settings = RoleSettings {
            inherit: role.inherit.clone(),
            allow: words(&role.allow),
            deny: words(&role.deny),
            confirm: words(&role.confirm),
            limits: ToolLimits {
                calls: role.limits.calls.map(config::Rate::rate),
                burst: role.limits.burst.map(Into::into),
                concurrency: role.limits.concurrency.map(Into::into),
                timeout: None,
            },
        };
        (name.clone(), settings)
    });
    let combine = match config.policy.combine {
        config::Combine::Union => Combine::Union,
        config::Combine::Intersect => Combine::Intersect,
    };
    Policy::build(PolicySettings {
        combine,
        roles: roles.collect(),
    })
}

fn exchange(config: &Config) -> ExchangeLimits {
    let exchange = &config.limits.exchange;
    let count = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
    ExchangeLimits {
        ttl: exchange.ttl.duration(),
        rounds: exchange.rounds.get(),
        each_caller: count(exchange.each_caller),
        all: count(exchange.all),
    }
}

/// What holds at single servers, where the file says something of it.
fn servers(config: &Config) -> BTreeMap<ServerName, ToolLimits> {
    let all = config.servers.iter().map(|(key, server)| {
        let limits = ToolLimits {
            calls: server.limits.calls.map(config::Rate::rate),
            burst: server.limits.burst.map(Into::into),
            concurrency: server.limits.concurrency.map(Into::into),
            timeout: server.timeout.map(config::Period::duration),
        };
        (key.name().clone(), limits)
    });
    all.filter(|(_, limits)| *limits != ToolLimits::default())
        .collect()
}

fn limits(config: &Config) -> Result<LimitsSettings, GuardError> {
    let limits = &config.limits;
    let mut tools: BTreeMap<_, _> = commands::timeouts(config).collect();
    for (key, tool) in &limits.tools {
        let settings: &mut ToolLimits = tools.entry(key.to_string()).or_default();
        settings.calls = tool.calls.map(config::Rate::rate);
        settings.burst = tool.burst.map(Into::into);
        settings.concurrency = tool.concurrency.map(Into::into);
    }
    Ok(LimitsSettings {
        calls: Some(limits.calls.rate()),
        total: limits.total.map(config::Rate::rate),
        session: limits.session.map(config::Rate::rate),
        burst: limits.burst.map(Into::into),
        concurrency: Some(limits.concurrency.into()),
        tools: ToolTable::build(&tools)?,
        timeout: limits.timeout.duration(),
        result_bytes: limits.result.as_usize(),
        servers: servers(config),
        breaker: BreakerSettings {
            faults: limits.breaker.faults,
            window: limits.breaker.window.duration(),
            cool_down: limits.breaker.cool_down.duration(),
        },
    })
}

fn files(config: &Config) -> FsSettings {
    let files = &config.files;
    let words = |globs: &[config::Glob]| {
        globs
            .iter()
            .map(|glob| glob.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    let roots = files.shared().into_iter().map(|(name, path)| RootSettings {
        name: name
            .map(|name| name.as_str().to_owned())
            .unwrap_or_default(),
        path: path.to_owned(),
        allow_dangerous: files.allow_dangerous_root,
        quota: name
            .and_then(|name| files.roots.get(name)?.quota)
            .or(files.quota)
            .map(config::Size::bytes),
    });
    let write_in = files.roots.iter().filter_map(|(name, root)| {
        let write = root.write.as_ref()?;
        Some((name.as_str().to_owned(), words(write)))
    });
    let mut forbidden = sandbox::of_durward(config);
    forbidden.extend(config.identity.keys.file.parent().map(Path::to_owned));
    // Whoever may write there says what runs.
    forbidden.extend(config.plugins.iter().map(config::Plugins::real_dir));
    forbidden.extend(config.own_file.clone());
    FsSettings {
        roots: roots.collect(),
        read: words(&files.read),
        write: words(&files.write),
        write_in: write_in.collect(),
        deny: words(&files.deny),
        builtin_deny: files.builtin_deny,
        max_read: files.max_read.bytes(),
        max_write: files.max_write.bytes(),
        durable: true,
        forbidden,
    }
}

fn http(config: &Config) -> HttpSettings {
    let pack = &config.packs.http;
    HttpSettings {
        max_body: pack.max_body.as_usize(),
        redirects: pack.redirects.count(),
        markdown: pack.markdown,
        note: egress::note(config),
    }
}

/// The keys of the file, and those of the configuration.
fn keys(config: &Config) -> Result<KeyRing, StoreError> {
    let records = KeyFile::new(&config.identity.keys.file).load()?;
    let accepted: Vec<_> = config
        .identity
        .keys
        .accept
        .iter()
        .map(|accepted| Accepted {
            key: accepted.key.secret().clone(),
            role: accepted.role.clone(),
        })
        .collect();
    Ok(KeyRing::new(&records, &accepted))
}

fn os_users(config: &Config) -> OsUsers {
    let mut users = OsUsers {
        own_uid: peer::current_uid(),
        ..OsUsers::default()
    };
    for (user, roles) in &config.identity.os_user.roles {
        match user {
            config::OsUser::Oneself => users.own.clone_from(roles),
            config::OsUser::Everyone => users.others.clone_from(roles),
            config::OsUser::Named(name) => {
                users.named.insert(name.clone(), roles.clone());
            }
        }
    }
    users
}

/// How the journal is kept.
pub fn journal(config: &Config, chain: ChainName) -> JournalSettings {
    let audit = &config.audit;
    let within = |sync: config::Sync| match sync {
        config::Sync::Before => std::time::Duration::ZERO,
        config::Sync::Within(period) => period.duration(),
    };
    let key = match &audit.signing_key {
        Some(key) => SigningKey::Seed(key.secret().clone()),
        None => SigningKey::File(config.state.join("audit.key")),
    };
    let mut settings = JournalSettings::new(audit.journal.clone(), chain, key);
    settings.fsync = FsyncPolicy {
        read: within(audit.fsync.read),
        operate: within(audit.fsync.operate),
        danger: match audit.fsync.danger {
            config::Sync::Before => DangerSync::Before,
            config::Sync::Within(period) => DangerSync::Within(period.duration()),
        },
    };
    settings.on_failure = match audit.on_failure {
        config::OnFailure::Refuse => OnFailure::Refuse,
        config::OnFailure::Degrade => OnFailure::Degrade,
    };
    settings.content = ContentPolicy {
        arguments: keep(audit.content.arguments),
        results: keep(audit.content.results),
    };
    settings.copy = audit.export.file.clone().map(|file| JsonlCopy {
        file,
        rotate_bytes: 64 << 20,
        keep: 5,
    });
    settings
}

fn keep(keep: config::Keep) -> Keep {
    match keep {
        config::Keep::None => Keep::Nothing,
        config::Keep::Digest => Keep::Digest,
        config::Keep::Redacted => Keep::Redacted,
    }
}

impl From<AssemblyError> for crate::exit::Failure {
    fn from(error: AssemblyError) -> Self {
        let text = error.to_string();
        match error {
            AssemblyError::Ledger(_) => Self::Failed(text),
            _ => Self::Unusable(text),
        }
    }
}
