//! A caller as one configuration sees it. A door keeps it with the connection, so that most calls
//! find everything about their caller in one place.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use durward_core::{Caller, ServerName, Target, ToolName};
use durward_guard::{
    breaker::Breaker,
    limit::{Bounds, Quota},
};
use durward_store::limits::{Cell, Gauge, LimitKey, MemoryLimits};

use crate::{house::House, view::View};

/// A bucket and how it fills.
pub(crate) struct Bucket {
    pub(crate) cell: Arc<Cell>,
    pub(crate) quota: Quota,
}

/// The limits of one tool for one caller.
#[derive(Default)]
pub(crate) struct ToolStanding {
    pub(crate) bucket: Option<Bucket>,
    pub(crate) gauge: Option<Arc<Gauge>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) breaker: Option<Arc<Breaker>>,
}

/// A caller's standing.
pub struct Standing {
    caller: Arc<Caller>,
    house: Arc<House>,
    view: Arc<View>,
    pub(crate) calls: Option<Bucket>,
    pub(crate) total: Option<Bucket>,
    pub(crate) gauge: Option<Arc<Gauge>>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) timeout: Duration,
    tools: Vec<OnceLock<ToolStanding>>,
    /// What holds at single servers, where something does.
    servers: Vec<(ServerName, ToolStanding)>,
}

impl Standing {
    pub(crate) fn new(caller: Arc<Caller>, house: Arc<House>, store: &MemoryLimits) -> Self {
        let view = house.view(&caller.roles);
        let limits = &house.settings.limits;
        let of_all = Bounds {
            quota: limits.calls_quota(),
            concurrency: limits.concurrency,
            timeout: Some(limits.timeout),
        };
        let own = of_all.strictest(house.settings.policy.limits_for(&caller.roles));
        let bucket = |key, quota: Option<Quota>| {
            quota.map(|quota| Bucket {
                cell: store.cell(&key),
                quota,
            })
        };
        let id = || caller.id.clone();
        Self {
            calls: bucket(LimitKey::Caller(id()), own.quota),
            total: bucket(LimitKey::Total, limits.total_quota()),
            concurrency: own.concurrency,
            timeout: own.timeout.unwrap_or(limits.timeout),
            gauge: own
                .concurrency
                .map(|cap| store.gauge(&LimitKey::Caller(id()), cap)),
            tools: house
                .catalogue
                .tools()
                .iter()
                .map(|_| OnceLock::new())
                .collect(),
            servers: limits
                .servers
                .iter()
                .map(|(server, limits)| {
                    let key = LimitKey::Server(id(), server.clone());
                    (server.clone(), bounded(&key, limits.bounds(), store))
                })
                .collect(),
            view,
            caller,
            house,
        }
    }

    /// Who it is.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// The configuration that this standing is of.
    pub(crate) fn house(&self) -> &Arc<House> {
        &self.house
    }

    /// What the caller may see.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// The caller's limits for the tool at this place of the catalogue.
    pub(crate) fn tool(&self, place: usize, store: &MemoryLimits) -> &ToolStanding {
        self.tools[place].get_or_init(|| {
            let entry = &self.house.catalogue.tools()[place];
            let name = &entry.tool.name;
            let bounds = self.house.settings.limits.tool(name.as_str());
            let provider = &entry.provider;
            // What runs elsewhere may break down; a server, or a program that is started for the call.
            let runs_elsewhere =
                provider.server().is_some() || provider.room(&Target::Tool(name.clone())).is_some();
            self.of_tool(name, runs_elsewhere, bounds, store)
        })
    }

    fn of_tool(
        &self,
        name: &ToolName,
        runs_elsewhere: bool,
        bounds: Bounds,
        store: &MemoryLimits,
    ) -> ToolStanding {
        let key = LimitKey::Tool(self.caller.id.clone(), name.clone());
        ToolStanding {
            // What a tool of our own can't reach is its argument's fault.
            breaker: runs_elsewhere.then(|| store.breaker(name)),
            ..bounded(&key, bounds, store)
        }
    }

    /// What holds for the caller at this server; `None` where nothing does.
    pub(crate) fn server(&self, server: Option<&ServerName>) -> Option<&ToolStanding> {
        if self.servers.is_empty() {
            return None;
        }
        let found = self.servers.iter().find(|(name, _)| Some(name) == server);
        found.map(|(_, standing)| standing)
    }
}

fn bounded(key: &LimitKey, bounds: Bounds, store: &MemoryLimits) -> ToolStanding {
    ToolStanding {
        bucket: bounds.quota.map(|quota| Bucket {
            cell: store.cell(key),
            quota,
        }),
        gauge: bounds.concurrency.map(|cap| store.gauge(key, cap)),
        timeout: bounds.timeout,
        breaker: None,
    }
}
