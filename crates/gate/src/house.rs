//! One configuration in force: an immutable snapshot that a reload replaces whole.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use durward_core::{
    Arguments, Caller, CallerId, OwnResult, Proof, Provider, RawJson, Refusal, RoleName,
};
use durward_guard::{limit::LimitsSettings, policy::Policy, redact::Redactor};
use durward_ledger::{Keep, ResultFacts};
use durward_store::keys::KeyRing;

use uuid::Uuid;

use crate::{
    catalogue::{Catalogue, CatalogueError},
    newcomers::Newcomers,
    view::View,
};

/// The roles of callers that the operating system names.
#[derive(Debug, Clone, Default)]
pub struct OsUsers {
    /// The user who runs durward.
    pub own_uid: u32,
    /// What that user may do.
    pub own: Vec<RoleName>,
    /// By user name.
    pub named: HashMap<String, Vec<RoleName>>,
    /// Everyone else; empty: refused.
    pub others: Vec<RoleName>,
}

/// How calls may wait for what their clients are asked (`limits.exchange`).
#[derive(Debug, Clone, Copy)]
pub struct ExchangeLimits {
    /// How long a person may take.
    pub ttl: Duration,
    /// How often one call may ask.
    pub rounds: u32,
    /// Calls of one caller that may wait at once, and tasks of its.
    pub each_caller: usize,
    /// Calls that may wait at once, and tasks.
    pub all: usize,
}

impl Default for ExchangeLimits {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(600),
            rounds: 8,
            each_caller: 16,
            all: 1024,
        }
    }
}

/// All that a configuration says to the gate.
pub struct HouseSettings {
    /// Roles and what they may do.
    pub policy: Policy,
    /// Who offers tools.
    pub providers: Vec<Arc<dyn Provider>>,
    /// How often, how many at once, how long, how large.
    pub limits: LimitsSettings,
    /// How calls may wait for what their clients are asked.
    pub exchange: ExchangeLimits,
    /// API keys.
    pub keys: KeyRing,
    /// Callers by operating system user.
    pub os_users: OsUsers,
    /// Hides secrets from the record.
    pub redactor: Redactor,
    /// What of the results is recorded.
    pub keep_results: Keep,
}

/// A configuration in force, with what is offered under it.
pub struct House {
    pub(crate) epoch: u64,
    pub(crate) catalogue: Catalogue,
    pub(crate) settings: Arc<HouseSettings>,
    pub(crate) newcomers: Arc<Newcomers>,
    views: Mutex<HashMap<Arc<[RoleName]>, Arc<View>>>,
}

impl House {
    pub(crate) fn new(settings: HouseSettings, epoch: u64) -> Result<Self, CatalogueError> {
        Ok(Self {
            epoch,
            catalogue: Catalogue::merge(&settings.providers)?,
            newcomers: Arc::new(Newcomers::of(&settings.providers)),
            settings: Arc::new(settings),
            views: Mutex::default(),
        })
    }

    /// The same configuration with what is offered now.
    pub(crate) fn merged_anew(&self) -> Self {
        Self {
            epoch: self.epoch + 1,
            catalogue: self.catalogue.merge_anew(&self.settings.providers),
            newcomers: Arc::clone(&self.newcomers),
            settings: Arc::clone(&self.settings),
            views: Mutex::default(),
        }
    }

    /// Tells all that kept something for it alone.
    pub(crate) fn session_ended(&self, session: Uuid) {
        for provider in &self.settings.providers {
            provider.session_ended(session);
        }
    }

    /// What these roles may see; judged once.
    pub(crate) fn view(&self, roles: &Arc<[RoleName]>) -> Arc<View> {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let view = views
            .entry(Arc::clone(roles))
            .or_insert_with(|| Arc::new(View::new(&self.catalogue, &self.settings.policy, roles)));
        Arc::clone(view)
    }

    /// Is this caller still one of ours?
    pub(crate) fn knows(&self, caller: &Caller) -> bool {
        match &caller.proof {
            Proof::Key(fingerprint) => self.settings.keys.holds(fingerprint),
            Proof::OsUser { .. } => true,
        }
    }

    /// The caller that the operating system names; `None` where no role is meant for it.
    pub(crate) fn os_user(&self, uid: u32, name: &str) -> Option<Caller> {
        let users = &self.settings.os_users;
        let mut roles = users.named.get(name).cloned().unwrap_or_default();
        if uid == users.own_uid {
            roles.extend(users.own.iter().cloned());
        }
        if roles.is_empty() {
            roles.clone_from(&users.others);
        }
        (!roles.is_empty()).then(|| Caller {
            id: CallerId::of_os_user(uid),
            name: name.into(),
            roles: roles.into(),
            tenant: None,
            proof: Proof::OsUser { uid },
            expires: None,
        })
    }

    /// A call's arguments as the record has them.
    pub(crate) fn recorded_arguments(&self, arguments: &Arguments) -> RawJson {
        self.settings.redactor.arguments(arguments)
    }

    /// A refusal as the record has it: its sentence may repeat what the client sent.
    pub(crate) fn recorded_refusal(&self, refusal: &Refusal) -> Refusal {
        let mut recorded = refusal.clone();
        let redacted = RawJson::of(refusal.reason.as_ref())
            .ok()
            .and_then(|reason| {
                self.settings
                    .redactor
                    .redact(&reason)
                    .parse::<String>()
                    .ok()
            });
        recorded.reason = redacted.unwrap_or_default().into();
        recorded
    }

    /// A result as the record has it.
    pub(crate) fn recorded_result(&self, raw: &RawJson) -> ResultFacts {
        match self.settings.keep_results {
            Keep::Nothing => ResultFacts::size(raw.len()),
            Keep::Digest => ResultFacts::digest(raw.len(), &[raw.bytes()]),
            Keep::Redacted => ResultFacts {
                body: Some(self.settings.redactor.redact(raw)),
                ..ResultFacts::digest(raw.len(), &[raw.bytes()])
            },
        }
    }

    /// A result of our own as the record has it. Its text repeats its structure: one digest is enough.
    pub(crate) fn recorded_own_result(&self, result: &OwnResult) -> ResultFacts {
        let bytes = result.size();
        match self.settings.keep_results {
            Keep::Nothing => ResultFacts::size(bytes),
            Keep::Digest => ResultFacts::digest(bytes, &result.told()),
            Keep::Redacted => ResultFacts {
                body: Some(self.settings.redactor.redact(&result.to_raw())),
                ..ResultFacts::digest(bytes, &result.told())
            },
        }
    }
}
