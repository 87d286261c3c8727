//! `audit`: the ledger.

use std::{fmt, num::NonZeroU32, path::PathBuf, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    secrets::SecretText,
    text::text_type,
    units::{Period, Size, Unfit},
};

/// What is recorded of every call, and where.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// The folder of the journal: append-only, hash-chained; an answer leaves after its record is written.
    pub journal: PathBuf,
    /// How much a power cut may cost, by tier.
    pub fsync: Fsync,
    /// What signs the checkpoints, as `${secret:…}`, kept elsewhere than the journal; none: a key is made
    /// in the state folder, and `verify` says so.
    pub signing_key: Option<SecretText>,
    /// The index for queries, filled when one is made; it can be rebuilt from the journal.
    pub index: PathBuf,
    /// What is kept of a call's content.
    pub content: Content,
    /// Names of arguments whose values are never kept, beside what is detected.
    pub redact_names: Vec<String>,
    /// How long and how much of the journal is kept: whole old segments are dropped, and the chain says so.
    pub retention: Retention,
    /// Copies for other programs.
    pub export: Export,
    /// What happens when a record can't be written: `refuse` the call, or `degrade` (serve reads
    /// unrecorded, and say so).
    pub on_failure: OnFailure,
}

impl Default for Audit {
    fn default() -> Self {
        let names = [
            "password",
            "passwd",
            "secret",
            "token",
            "api_key",
            "authorization",
            "cookie",
            "private_key",
        ];
        Self {
            journal: "${state}/audit".into(),
            fsync: Fsync::default(),
            signing_key: None,
            index: "${state}/audit.db".into(),
            content: Content::default(),
            redact_names: names.map(str::to_owned).to_vec(),
            retention: Retention::default(),
            export: Export::default(),
            on_failure: OnFailure::default(),
        }
    }
}

/// When records reach the disk, by tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fsync {
    /// How long the record of a call that reads may wait for the disk; `before`: not at all, and the
    /// call runs after.
    pub read: Sync,
    /// The same, of calls that change something.
    pub operate: Sync,
    /// The same, of calls that can destroy.
    pub danger: Sync,
}

impl Default for Fsync {
    fn default() -> Self {
        let soon = Sync::Within(Period::millis(100));
        Self {
            read: soon,
            operate: soon,
            danger: Sync::Before,
        }
    }
}

/// When a record reaches the disk: within a time, or `before` the call runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Before the call runs.
    Before,
    /// So long after it was written, at most.
    Within(Period),
}

impl FromStr for Sync {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if text == "before" {
            return Ok(Self::Before);
        }
        let unfit = |_| Unfit::new(text, "a length of time, such as `100ms`, or `before`");
        text.parse().map(Self::Within).map_err(unfit)
    }
}

impl fmt::Display for Sync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before => f.write_str("before"),
            Self::Within(period) => period.fmt(f),
        }
    }
}

text_type!(
    Sync,
    "a length of time, such as `100ms`, or `before`",
    r"^(before|[0-9]+ ?(ms|s|m|h|d))$"
);

/// What is kept of a call's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Content {
    /// How much is kept of a call's arguments: `none`, `digest` or `redacted`.
    pub arguments: Keep,
    /// How much is kept of its results.
    pub results: Keep,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            arguments: Keep::Redacted,
            results: Keep::Digest,
        }
    }
}

/// How much of a content is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Nothing.
    None,
    /// A keyed digest.
    Digest,
    /// All but what is secret.
    Redacted,
}

/// Copies of the records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Export {
    /// A file of JSON lines, rotated.
    pub file: Option<PathBuf>,
}

/// How long and how much of the journal is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Segments whose records are all older are dropped.
    pub days: NonZeroU32,
    /// The oldest segments are dropped until a chain has no more than this.
    pub size: Size,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: const { NonZeroU32::new(90).unwrap() },
            size: Size::mebibytes(10 * 1024),
        }
    }
}

/// What happens when a record can't be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Calls are refused.
    #[default]
    Refuse,
    /// Calls that read are served, and it is said loudly.
    Degrade,
}
