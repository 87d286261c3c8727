//! What the program tells the journal.

use std::{path::PathBuf, time::Duration};

use durward_core::{Secret, Tier};

/// How a journal is kept.
#[derive(Debug, Clone)]
pub struct JournalSettings {
    /// The folder that holds the chains; made with mode 0700.
    pub dir: PathBuf,
    /// Which chain this process writes.
    pub chain: ChainName,
    /// A segment that has reached this many bytes is followed by another.
    pub segment_bytes: u64,
    /// How much a power cut may cost.
    pub fsync: FsyncPolicy,
    /// What happens to calls while no record can be written.
    pub on_failure: OnFailure,
    /// What signs the checkpoints.
    pub key: SigningKey,
    /// What is kept of arguments and results.
    pub content: ContentPolicy,
    /// How many calls may be under way at once.
    pub max_open: usize,
    /// A second, unchained copy for other programs.
    pub copy: Option<JsonlCopy>,
}

impl JournalSettings {
    /// The defaults of the configuration.
    pub fn new(dir: PathBuf, chain: ChainName, key: SigningKey) -> Self {
        Self {
            dir,
            chain,
            segment_bytes: 64 << 20,
            fsync: FsyncPolicy::default(),
            on_failure: OnFailure::Refuse,
            key,
            content: ContentPolicy {
                arguments: Keep::Redacted,
                results: Keep::Digest,
            },
            max_open: 4096,
            copy: None,
        }
    }
}

/// Which chain a process writes: one folder each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainName {
    /// The one of `durward serve`; refused while another process holds it.
    Serve,
    /// The first of `stdio-1`, `stdio-2`, … that no process holds.
    Stdio,
    /// One by name: 1 to 31 of `a-z`, `0-9` and `-`.
    Named(String),
}

/// When records are forced to disk. They are always handed to the kernel before the answer leaves.
#[derive(Debug, Clone, Copy)]
pub struct FsyncPolicy {
    /// At the latest so long after a record of a `read` call or an event.
    pub read: Duration,
    /// At the latest so long after a record of an `operate` call.
    pub operate: Duration,
    /// For `danger` calls.
    pub danger: DangerSync,
}

impl Default for FsyncPolicy {
    fn default() -> Self {
        let soon = Duration::from_millis(100);
        Self {
            read: soon,
            operate: soon,
            danger: DangerSync::Before,
        }
    }
}

impl FsyncPolicy {
    /// How a call of that tier has its intent recorded.
    pub fn durability(&self, tier: Tier) -> Durability {
        match (tier, self.danger) {
            (Tier::Read, _) => Durability::WithOutcome,
            (Tier::Danger, DangerSync::Before) => Durability::Synced,
            _ => Durability::Written,
        }
    }

    /// How soon a record of that tier must be on disk.
    pub(crate) fn within(&self, tier: Tier) -> Duration {
        match (tier, self.danger) {
            (Tier::Read, _) => self.read,
            (Tier::Operate, _) => self.operate,
            (Tier::Danger, DangerSync::Before) => Duration::ZERO,
            (Tier::Danger, DangerSync::Within(time)) => time,
        }
    }
}

/// When a `danger` call's intent is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DangerSync {
    /// Before the call runs.
    Before,
    /// At the latest so long after.
    Within(Duration),
}

/// How an intent is recorded before the call may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Kept in the seat and written together with the outcome: for calls that change nothing.
    WithOutcome,
    /// In the file: survives the death of the process.
    Written,
    /// On disk: survives a power cut.
    Synced,
}

/// What happens to calls while no record can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// They are refused.
    Refuse,
    /// They go on; what could not be kept is counted, and the count recorded as soon as possible.
    Degrade,
}

/// Where the Ed25519 key comes from.
#[derive(Debug, Clone)]
pub enum SigningKey {
    /// From the configuration: 32 bytes as 64 hexadecimal digits or as base64.
    Seed(Secret),
    /// From a file of 64 hexadecimal digits, made with mode 0600 where there is none.
    File(PathBuf),
}

/// What is kept of what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentPolicy {
    /// Of arguments.
    pub arguments: Keep,
    /// Of results.
    pub results: Keep,
}

/// How much is kept of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Its size.
    Nothing,
    /// Its size and SHA-256.
    Digest,
    /// The text as the gate redacted it; of one above 64 KiB, the digest.
    Redacted,
}

/// A copy of every record as a line of JSON, mode 0600.
#[derive(Debug, Clone)]
pub struct JsonlCopy {
    /// The file; older ones are called `file.1`, `file.2`, …
    pub file: PathBuf,
    /// A file that has reached this many bytes is put aside.
    pub rotate_bytes: u64,
    /// How many are kept aside.
    pub keep: u32,
}
