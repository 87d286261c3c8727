//! A gate with a watched provider, a real journal, five callers with keys and a clock by hand.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use bytes::Bytes;
use durward_core::{BoxFuture, Clock, ManualClock, Provider, RawJson, RoleName, Secret, Wall};
use durward_guard::{
    limit::{LimitsSettings, ToolLimits, ToolTable},
    policy::{Policy, PolicySettings, RoleSettings},
    redact::Redactor,
};
use durward_ledger::{ChainName, Journal, JournalSettings, Keep, SigningKey};
use durward_store::{
    keys::{KeyRecord, KeyRequest, KeyRing, new_key},
    limits::MemoryLimits,
    revocation::MemoryRevocations,
};
use durward_wire::{
    http1::Headers,
    scan::{Params, ScanLimits},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    served::Served,
    watched::{Watched, records},
};
use crate::{
    Endpoint, ExchangeLimits, Gate, GateSettings, HouseSettings, Messages, OsUsers, Posted, Reply,
    Running, Standing, stream::Streams,
};

/// Answers above that are too large here.
pub(super) const RESULT_BYTES: usize = 4096;

/// Who calls, in which role.
const CALLERS: [(&str, &str); 5] = [
    ("alice", "worker"),
    ("bob", "worker"),
    ("carol", "reader"),
    ("dora", "boss"),
    ("erin", "worker"),
];
/// How long erin's key is good for.
pub(super) const ERIN_LASTS: Duration = Duration::from_secs(3600);

/// What the configuration says; a test changes it before the start or at a reload.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) policy: PolicySettings,
    pub(super) limits: LimitsSettings,
    pub(super) keys: Vec<KeyRecord>,
    pub(super) os_users: OsUsers,
    pub(super) segment_bytes: u64,
    pub(super) stateless: bool,
    pub(super) exchange: ExchangeLimits,
    /// Servers behind the gate, beside the watched provider.
    pub(super) servers: Vec<Arc<Served>>,
}

impl Plan {
    fn new(keys: Vec<KeyRecord>) -> Self {
        Self {
            policy: PolicySettings {
                roles: BTreeMap::from([
                    role("worker", &["*"], &["tool:elsewhere"], &["tier:danger"]),
                    role("boss", &["*"], &[], &[]),
                ]),
                ..PolicySettings::default()
            },
            limits: limits(),
            keys,
            os_users: OsUsers::default(),
            segment_bytes: 64 << 20,
            stateless: false,
            exchange: ExchangeLimits::default(),
            servers: Vec::new(),
        }
    }

    fn house(&self, watched: &Arc<Watched>) -> HouseSettings {
        HouseSettings {
            policy: Policy::build(self.policy.clone()).unwrap(),
            providers: std::iter::once(Arc::clone(watched) as Arc<dyn Provider>)
                .chain(
                    self.servers
                        .iter()
                        .map(|it| Arc::clone(it) as Arc<dyn Provider>),
                )
                .collect(),
            limits: self.limits.clone(),
            exchange: self.exchange,
            keys: KeyRing::new(&self.keys, &[]),
            os_users: self.os_users.clone(),
            redactor: Redactor::new(&[]).unwrap(),
            keep_results: Keep::Digest,
        }
    }
}

pub(super) fn role(
    name: &str,
    allow: &[&str],
    deny: &[&str],
    confirm: &[&str],
) -> (RoleName, RoleSettings) {
    let list = |selectors: &[&str]| selectors.iter().map(|&it| it.to_owned()).collect();
    let settings = RoleSettings {
        allow: list(allow),
        deny: list(deny),
        confirm: list(confirm),
        ..RoleSettings::default()
    };
    (RoleName::new(name), settings)
}

fn limits() -> LimitsSettings {
    let limited = ToolLimits {
        calls: Some("2/min".parse().unwrap()),
        ..ToolLimits::default()
    };
    let single = ToolLimits {
        concurrency: Some(1),
        ..ToolLimits::default()
    };
    let tools = [("limited", limited), ("single", single)]
        .map(|(name, limits)| (name.to_owned(), limits))
        .into();
    LimitsSettings {
        calls: None,
        tools: ToolTable::build(&tools).unwrap(),
        result_bytes: RESULT_BYTES,
        ..LimitsSettings::default()
    }
}

pub(super) struct World {
    pub(super) gate: Arc<Gate>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) watched: Arc<Watched>,
    keys: BTreeMap<&'static str, Secret>,
    plan: Plan,
    asked: AtomicU64,
    folder: TempDir,
}

/// What a POST came to.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) status: u16,
    /// `null` where there is none.
    pub(super) body: Value,
    /// What came before it.
    pub(super) messages: Vec<Value>,
    /// `Mcp-Session-Id`
    pub(super) session: Option<String>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::planned(|_| {})
    }

    pub(super) fn planned(change: impl FnOnce(&mut Plan)) -> Self {
        let clock = Arc::new(ManualClock::new());
        let (keys, records) = new_keys(&clock);
        let mut plan = Plan::new(records);
        change(&mut plan);
        Self::of(clock, keys, plan)
    }

    /// Another process of the same configuration, with the same sealing key.
    pub(super) fn twin(&self) -> Self {
        Self::of(
            Arc::clone(&self.clock),
            self.keys.clone(),
            self.plan.clone(),
        )
    }

    fn of(clock: Arc<ManualClock>, keys: BTreeMap<&'static str, Secret>, plan: Plan) -> Self {
        let folder = TempDir::new().unwrap();
        let shared: Arc<dyn Clock> = clock.clone();
        let watched = Arc::new(Watched::new(&folder.path().join("audit")));
        let seed = SigningKey::Seed(Secret::new("5a".repeat(32)));
        let journal = JournalSettings {
            segment_bytes: plan.segment_bytes,
            ..JournalSettings::new(folder.path().join("audit"), ChainName::Serve, seed)
        };
        let settings = GateSettings {
            journal: Arc::new(Journal::open(journal, Arc::clone(&shared)).unwrap()),
            limits: Arc::new(MemoryLimits::new(Arc::clone(&shared))),
            revocations: Arc::new(MemoryRevocations::new(Arc::clone(&shared))),
            sealing_key: [7; 32],
            clock: shared,
            stateless: plan.stateless,
        };
        Self {
            gate: Gate::new(settings, plan.house(&watched)).unwrap(),
            clock,
            watched,
            keys,
            plan,
            asked: AtomicU64::new(0),
            folder,
        }
    }

    pub(super) fn reload(&self, change: impl FnOnce(&mut Plan)) {
        let mut plan = self.plan.clone();
        change(&mut plan);
        self.gate.reload(plan.house(&self.watched)).unwrap();
    }

    /// A reload that is refused, and why.
    pub(super) fn refused_reload(&self, change: impl FnOnce(&mut Plan)) -> String {
        let mut plan = self.plan.clone();
        change(&mut plan);
        let refused = self.gate.reload(plan.house(&self.watched));
        refused.unwrap_err().to_string()
    }

    /// With these servers behind the gate.
    pub(super) fn serving(servers: &[&Arc<Served>]) -> Self {
        Self::planned(|plan| plan.servers = servers.iter().map(|it| Arc::clone(it)).collect())
    }

    pub(super) fn stand(&self, who: &str) -> Arc<Standing> {
        let key = self.keys[who].expose().as_bytes();
        self.gate.stand_by_key(key).unwrap()
    }

    /// An id that no request of this world has had.
    pub(super) fn next_id(&self) -> u64 {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst)
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.folder.path().join("audit")
    }

    /// The calls' records on disk, oldest first.
    pub(super) fn records(&self) -> Vec<Value> {
        let mut all = records(&self.journal());
        all.retain(|record| record["call"].is_string());
        all
    }

    /// How the last call on record ended.
    pub(super) fn last_status(&self) -> String {
        let last = self.records().pop().expect("a record");
        last["status"].as_str().unwrap_or("none").to_owned()
    }

    pub(super) fn post(&self, who: &str, headers: &[(&str, &str)], body: &str) -> Posted {
        self.post_at(&Endpoint::Merged, who, headers, body)
    }

    pub(super) fn post_at(
        &self,
        endpoint: &Endpoint,
        who: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Posted {
        let pairs = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()));
        let headers = Headers::from_pairs(pairs);
        let body = Bytes::copy_from_slice(body.as_bytes());
        let standing = self.stand(who);
        self.gate
            .post(&standing, endpoint, &headers, &body, ScanLimits::default())
    }
}

fn new_keys(clock: &ManualClock) -> (BTreeMap<&'static str, Secret>, Vec<KeyRecord>) {
    let mut keys = BTreeMap::new();
    let mut records = Vec::new();
    for (name, role) in CALLERS {
        let expires = (name == "erin").then(|| Wall(clock.wall().0).after(ERIN_LASTS));
        let request = KeyRequest {
            label: name.to_owned(),
            roles: vec![RoleName::new(role)],
            expires,
            ..KeyRequest::default()
        };
        let (key, record) = new_key(clock, request);
        keys.insert(name, key);
        records.push(record);
    }
    (keys, records)
}

/// Waits for what a POST comes to, as a door does.
pub(super) async fn sent(posted: Posted) -> Sent {
    let plain = |status, body: Option<durward_core::Body>, session| Sent {
        status,
        body: body.map_or(Value::Null, |body| {
            serde_json::from_slice(&body.into_bytes()).unwrap()
        }),
        messages: Vec::new(),
        session,
    };
    let of = |reply| match reply {
        Reply::Message { status, body } => plain(status, Some(body), None),
        Reply::Opened { body, session } => plain(200, Some(body), Some(session)),
        Reply::Silent => plain(202, None, None),
    };
    match posted {
        Posted::Now(reply) => of(reply),
        Posted::Accepted => plain(202, None, None),
        Posted::NoSession => plain(404, None, None),
        Posted::Running(Running { work, messages, .. }) => {
            let mut sent = of(in_time(work).await);
            sent.messages = before(messages).await;
            sent
        }
    }
}

/// What came before a reply that is there.
async fn before(messages: Messages) -> Vec<Value> {
    let mut all = Vec::new();
    match messages {
        Messages::None => {}
        Messages::Channel(mut receiver) => {
            while let Ok(message) = receiver.try_recv() {
                all.push(serde_json::from_slice(&message.into_bytes()).unwrap());
            }
        }
        Messages::Stream { streams, id, .. } => {
            all = on_stream(&streams, id, 0).await;
            // Where the stream has begun the reply stands there too.
            all.retain(|message| message.get("method").is_some());
        }
    }
    all
}

/// What a stream of a session holds after its event `after`, until it ends or nothing more comes.
pub(super) async fn on_stream(streams: &Arc<Streams>, id: u64, after: u64) -> Vec<Value> {
    let mut all = Vec::new();
    let mut reader = streams.read(id, after).expect("the stream");
    let moment = Duration::from_millis(20);
    while let Ok(Some((_, event))) = tokio::time::timeout(moment, reader.next()).await {
        all.push(serde_json::from_slice(&event).unwrap());
    }
    all
}

/// A future that must end soon.
pub(super) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(3), future)
        .await
        .expect("it ends in time")
}

/// Work that is under way.
pub(super) fn running(posted: Posted) -> (BoxFuture<'static, Reply>, Messages) {
    match posted {
        Posted::Running(running) => (running.work, running.messages),
        _ => panic!("it does not run"),
    }
}

/// Lets work run until the watched provider has begun.
pub(super) async fn until_begun(world: &World, work: &mut BoxFuture<'static, Reply>) {
    tokio::select! {
        biased;
        _ = work => panic!("it ended before it began"),
        () = in_time(world.watched.begun.notified()) => {}
    }
}

pub(super) fn request(id: &Value, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

pub(super) fn notification(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

pub(super) fn params(value: &Value) -> Params {
    Params::try_from(RawJson::of(value).unwrap()).unwrap()
}

/// The code of a refused tool call.
pub(super) fn refusal(body: &Value) -> &str {
    let code = &body["result"]["_meta"]["dev.durward/refusal"]["code"];
    code.as_str().unwrap_or_default()
}
