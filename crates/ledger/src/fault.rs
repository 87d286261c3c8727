//! What can go wrong while serving.

use std::sync::Arc;

use durward_core::{Refusal, RefusalCode};
use thiserror::Error;

/// Why a record can't be written now. The call that it belongs to must be refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerFault {
    /// As many calls are under way as the configuration allows.
    #[error("{most} calls are under way, which is the limit")]
    Full {
        /// The limit.
        most: usize,
    },
    /// The disk took no record; it is tried again as calls come in.
    #[error("the audit journal can't be written: {why}")]
    Failed {
        /// The system's word.
        why: Arc<str>,
    },
    /// The journal was closed: durward is stopping.
    #[error("the audit journal is closed")]
    Closed,
}

impl From<LedgerFault> for Refusal {
    fn from(fault: LedgerFault) -> Self {
        match fault {
            LedgerFault::Full { .. } => Self::new(
                RefusalCode::RateLimited,
                "Too many calls are under way. Try again soon.",
            )
            .detail("too_many_open_calls"),
            LedgerFault::Failed { .. } => Self::new(
                RefusalCode::Unavailable,
                "The call was refused because it can't be recorded now. Try again later.",
            )
            .detail("audit_unavailable"),
            LedgerFault::Closed => {
                Self::new(RefusalCode::Unavailable, "The server is stopping.").detail("stopping")
            }
        }
    }
}

/// How the journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Records can be written.
    pub ok: bool,
    /// What went wrong last, if it still does.
    pub last_error: Option<Arc<str>>,
    /// Records that could not be kept since the start; a `dropped` record says so in the journal.
    pub dropped: u64,
    /// What went wrong last with the JSON Lines copy.
    pub copy_error: Option<Arc<str>>,
    /// Calls under way.
    pub open: usize,
}
