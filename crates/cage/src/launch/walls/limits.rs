//! How much a program may use.

use std::time::Duration;

/// How much a program and its descendants may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Time of processors.
    pub cpu: Duration,
    /// Processes and threads.
    pub processes: u64,
    /// Open files of one process.
    pub files: u64,
    /// Bytes of one file that it writes.
    pub file_size: Option<u64>,
}
