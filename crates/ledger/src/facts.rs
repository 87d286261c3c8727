//! What is known about a call before it runs.

use std::{borrow::Cow, sync::Arc};

use durward_core::{CallId, Caller, Door, PackName, RawJson, Revision, Target, Tier};
use uuid::Uuid;

/// What the record says of a call: who, what, from where. Nothing in it may hold a secret; the gate has
/// redacted the arguments.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The call's name.
    pub call: CallId,
    /// Who asks: id, name, roles, tenant and proof are recorded.
    pub caller: Arc<Caller>,
    /// By which door.
    pub door: Door,
    /// The legacy session, if there is one.
    pub session: Option<Uuid>,
    /// The revision in force.
    pub revision: Revision,
    /// The name in `clientInfo`, if it gave one.
    pub client: Option<Arc<str>>,
    /// The method, such as `tools/call`.
    pub method: Cow<'static, str>,
    /// What it is about.
    pub subject: Subject,
    /// Who would do it, if that is known.
    pub provider: Option<PackName>,
    /// How much harm it can do.
    pub tier: Tier,
    /// The arguments, redacted.
    pub arguments: Option<RawJson>,
    /// The rule that let it pass, if one did.
    pub rule: Option<String>,
}

/// What a call is about.
#[derive(Debug, Clone)]
pub enum Subject {
    /// Something that is in the catalogue or could be.
    Known(Target),
    /// What the client named and durward does not know.
    Unknown {
        /// `tool`, `resource` or `prompt`.
        kind: &'static str,
        /// The name as it came; a long one is clipped.
        name: String,
    },
    /// Nothing in particular.
    Nothing,
}

impl Subject {
    /// `tool`, `resource` or `prompt`.
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Known(target) => Some(target.kind()),
            Self::Unknown { kind, .. } => Some(kind),
            Self::Nothing => None,
        }
    }

    /// The name or URI.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Known(target) => Some(target.name()),
            Self::Unknown { name, .. } => Some(name),
            Self::Nothing => None,
        }
    }
}

impl From<Target> for Subject {
    fn from(target: Target) -> Self {
        Self::Known(target)
    }
}
