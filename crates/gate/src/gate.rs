//! The gate: what all doors share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use arc_swap::ArcSwap;
use durward_core::{Caller, CallerId, Cancel, Clock, Fingerprint, Proof, Provider, RoleName};
use durward_ledger::Journal;
use durward_store::{
    StoreError, keys::KeyFault, limits::MemoryLimits, revocation::Revocations, seal::Sealer,
};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::{
    catalogue::CatalogueError,
    endpoint::Endpoint,
    exchange::Park,
    guide::Guide,
    house::{House, HouseSettings},
    listen::Listeners,
    offers::Standings,
    session::{self, Session},
    standing::Standing,
    stream::GET_STREAM,
    tasks::{Holds, Kept},
    updates::Watches,
};

/// Sessions that this process holds live at once; the ids of the others still open when used.
const MOST_SESSIONS: usize = 16_384;
/// A live session that was not used for so long is let go.
const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);

/// What a gate is made of, beside its configuration.
pub struct GateSettings {
    /// Where every call is recorded.
    pub journal: Arc<Journal>,
    /// Where rates are counted.
    pub limits: Arc<MemoryLimits>,
    /// Sessions that were ended.
    pub revocations: Arc<dyn Revocations>,
    /// Seals what clients carry; replicas share one.
    pub sealing_key: [u8; 32],
    /// Time and chance.
    pub clock: Arc<dyn Clock>,
    /// Serve legacy revisions without a session too.
    pub stateless: bool,
}

/// The gate. One a process; doors hold it.
pub struct Gate {
    house: ArcSwap<House>,
    guide: Arc<Guide>,
    journal: Arc<Journal>,
    limits: Arc<MemoryLimits>,
    revocations: Arc<dyn Revocations>,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    stateless: bool,
    standings: Mutex<Standings>,
    sessions: Mutex<HashMap<Uuid, Arc<Session>>>,
    pub(crate) listeners: Listeners,
    pub(crate) watches: Watches,
    /// Calls that wait for their clients to come back.
    pub(crate) park: Park,
    /// Tasks whose questions wait for their clients.
    pub(crate) holds: Holds,
    /// What is remembered of tasks.
    pub(crate) kept: Kept,
    /// Held while one house follows another.
    pub(crate) changing: Mutex<()>,
    /// Itself, for those who call back later.
    pub(crate) weak: Weak<Self>,
    pub(crate) tasks: TaskTracker,
    draining: Cancel,
}

impl Gate {
    /// Opens the gate with its first configuration.
    pub fn new(
        settings: GateSettings,
        mut house: HouseSettings,
    ) -> Result<Arc<Self>, CatalogueError> {
        let guide = Arc::new(Guide::new());
        house
            .providers
            .push(Arc::clone(&guide) as Arc<dyn Provider>);
        let providers = house.providers.clone();
        let house = House::new(house, 0)?;
        let mut replica = [0; 16];
        settings.clock.random(&mut replica);
        let replica = uuid::Builder::from_random_bytes(replica).into_uuid();
        let gate = Arc::new_cyclic(|weak| Self {
            house: ArcSwap::from_pointee(house),
            guide,
            journal: settings.journal,
            limits: settings.limits,
            revocations: settings.revocations,
            sealer: Sealer::new(&settings.sealing_key, Arc::clone(&settings.clock)),
            clock: settings.clock,
            stateless: settings.stateless,
            standings: Mutex::default(),
            sessions: Mutex::default(),
            listeners: Listeners::default(),
            watches: Watches::default(),
            park: Park::new(replica),
            holds: Holds::default(),
            kept: Kept::default(),
            changing: Mutex::default(),
            weak: Weak::clone(weak),
            tasks: TaskTracker::new(),
            draining: Cancel::new(),
        });
        gate.guide.stand_at(Arc::downgrade(&gate));
        gate.attend(&providers);
        if providers.iter().any(|provider| provider.server().is_some()) {
            // What changed before it could be told.
            gate.offers_changed();
        }
        Ok(gate)
    }

    /// Puts another configuration in force. Calls under way keep the one that they began with; who
    /// listens is told of the lists that changed for them.
    pub fn reload(&self, mut settings: HouseSettings) -> Result<(), CatalogueError> {
        settings
            .providers
            .push(Arc::clone(&self.guide) as Arc<dyn Provider>);
        let _alone = self.one_at_a_time();
        let providers = settings.providers.clone();
        let house = House::new(settings, self.house().epoch + 1)?;
        // From here on, what changes is merged once this is in force.
        self.attend(&providers);
        let house = house.merged_anew();
        for (old, now) in self.put_in_force(house) {
            self.watch_anew(&now);
            self.announce(&old, &now);
        }
        Ok(())
    }

    /// The caller that this key proves.
    pub fn stand_by_key(&self, presented: &[u8]) -> Result<Arc<Standing>, KeyFault> {
        let house = self.house.load_full();
        let caller = house
            .settings
            .keys
            .authenticate(presented, self.clock.wall())?;
        Ok(self.stand(house, caller))
    }

    /// The caller that the operating system names; `None` where no role is meant for it.
    pub fn stand_by_os_user(&self, uid: u32, name: &str) -> Option<Arc<Standing>> {
        let house = self.house.load_full();
        let caller = Arc::new(house.os_user(uid, name)?);
        Some(self.stand(house, caller))
    }

    /// The caller of the key with this fingerprint, for whoever runs durward and may see with other
    /// eyes.
    pub fn stand_for_key(&self, fingerprint: &Fingerprint) -> Option<Arc<Standing>> {
        let house = self.house.load_full();
        let caller = house.settings.keys.caller(fingerprint)?;
        Some(self.stand(house, caller))
    }

    /// Whoever runs durward, with this role instead of their own.
    pub fn stand_for_role(&self, role: &RoleName) -> Option<Arc<Standing>> {
        let house = self.house.load_full();
        house.settings.policy.knows(role).then(|| {
            let uid = house.settings.os_users.own_uid;
            let caller = Caller {
                id: CallerId::of_os_user(uid),
                name: format!("as {role}").into(),
                roles: [role.clone()].into(),
                tenant: None,
                proof: Proof::OsUser { uid },
                expires: None,
            };
            self.stand(house, Arc::new(caller))
        })
    }

    /// The same caller under the configuration in force; `None` where it is none of ours any more.
    pub fn refresh(&self, standing: &Arc<Standing>) -> Option<Arc<Standing>> {
        let house = self.house.load();
        if house.epoch == standing.house().epoch {
            return Some(Arc::clone(standing));
        }
        let house = Arc::clone(&house);
        let caller = standing.caller();
        let caller = match &caller.proof {
            Proof::Key(fingerprint) => house.settings.keys.caller(fingerprint)?,
            Proof::OsUser { uid } => Arc::new(house.os_user(*uid, &caller.name)?),
        };
        Some(self.stand(house, caller))
    }

    fn stand(&self, house: Arc<House>, caller: Arc<Caller>) -> Arc<Standing> {
        let mut standings = self.standings();
        if let Some(standing) = standings.get(&caller.id)
            && standing.house().epoch == house.epoch
            && standing.caller().roles == caller.roles
        {
            return Arc::clone(standing);
        }
        let standing = Arc::new(Standing::new(caller, house, &self.limits));
        standings.insert(standing.caller().id.clone(), Arc::clone(&standing));
        standing
    }

    pub(crate) fn standing_of(&self, caller: &CallerId) -> Option<Arc<Standing>> {
        self.standings().get(caller).cloned()
    }

    /// Is the caller of this standing still one of ours?
    pub(crate) fn still_knows(&self, standing: &Standing) -> bool {
        let house = self.house.load();
        house.epoch == standing.house().epoch || house.knows(standing.caller())
    }

    /// Makes the id of a new session, and forgets the session: it comes back with its id.
    pub(crate) fn seal_session(&self, session: &Session) -> Option<String> {
        session::seal(&self.sealer, session, self.clock.wall())
    }

    /// The session of this id, if it is this caller's at this endpoint and has not ended.
    pub(crate) fn session(
        &self,
        token: &str,
        caller: &CallerId,
        endpoint: &Endpoint,
    ) -> Option<Arc<Session>> {
        let opened = session::open(&self.sealer, token, caller, self.clock.wall())
            .filter(|opened| opened.endpoint() == endpoint)?;
        if self.revocations.is_revoked(opened.id(), self.clock.wall()) {
            return None;
        }
        let mut sessions = self.sessions();
        self.make_room(&mut sessions);
        let live = sessions
            .entry(opened.id())
            .or_insert_with(|| Arc::new(opened));
        live.touch(self.clock.monotonic());
        Some(Arc::clone(live))
    }

    /// Keeps a pipe's session, so that it is told what it did not ask for.
    pub(crate) fn keep_session(&self, session: &Arc<Session>) {
        session.touch(self.clock.monotonic());
        self.sessions().insert(session.id(), Arc::clone(session));
    }

    /// Lets a session go and ends what it is doing.
    pub(crate) fn end_session(&self, session: &Session) {
        self.sessions().remove(&session.id());
        session.in_flight.cancel_all();
        session.unsubscribe_all();
        session.questions.close();
        session.streams.close();
        self.house().session_ended(session.id());
    }

    /// Ends a session for good: its id opens nothing any more.
    pub(crate) fn revoke_session(&self, session: &Session) -> Result<(), StoreError> {
        let until = self.clock.wall().after(session::SESSION_TTL);
        self.end_session(session);
        self.revocations.revoke(session.id(), until)
    }

    fn make_room(&self, sessions: &mut HashMap<Uuid, Arc<Session>>) {
        if sessions.len() < MOST_SESSIONS {
            return;
        }
        let now = self.clock.monotonic();
        sessions.retain(|_, session| {
            Arc::strong_count(session) > 1 || now.since(session.last_used()) < SESSION_IDLE
        });
        while sessions.len() >= MOST_SESSIONS {
            let idle = sessions
                .iter()
                .filter(|(_, session)| Arc::strong_count(session) == 1)
                .min_by_key(|(_, session)| session.last_used());
            let Some(id) = idle.map(|(id, _)| *id) else {
                break;
            };
            sessions.remove(&id);
        }
    }

    /// Lets all sessions go that were not used for long, and with them what they watch.
    pub(crate) fn let_go_idle(&self) {
        let now = self.clock.monotonic();
        let is_idle = |session: &Arc<Session>| {
            Arc::strong_count(session) == 1 && now.since(session.last_used()) >= SESSION_IDLE
        };
        let mut sessions = self.sessions();
        let idle: Vec<_> = sessions.extract_if(|_, session| is_idle(session)).collect();
        drop(sessions);
        drop(idle);
    }

    /// The live sessions, for those who tell them something.
    pub(crate) fn live_sessions(&self) -> Vec<Arc<Session>> {
        self.sessions().values().cloned().collect()
    }

    /// How many sessions this process holds live.
    pub fn session_count(&self) -> usize {
        self.sessions().len()
    }

    /// Ends what lasts: listens, GET streams, and calls whose clients are to come back. Calls under way go
    /// on.
    pub fn drain(&self) {
        self.draining.cancel();
        self.park.end_all();
        self.holds.end_all();
        self.kept.end_all();
        for session in self.live_sessions() {
            session.streams.finish(GET_STREAM);
        }
    }

    /// Ends when all work that outlived its connection has ended.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Stops with the gate.
    pub(crate) fn draining(&self) -> &Cancel {
        &self.draining
    }

    /// Where calls are recorded.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// The only source of time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn limits(&self) -> &MemoryLimits {
        &self.limits
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    pub(crate) fn is_stateless(&self) -> bool {
        self.stateless
    }

    pub(crate) fn house(&self) -> Arc<House> {
        self.house.load_full()
    }

    pub(crate) fn take_house(&self, house: House) {
        self.house.store(Arc::new(house));
    }

    pub(crate) fn standings(&self) -> MutexGuard<'_, Standings> {
        self.standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
