//! How a server stands, for those who run it.

use durward_cage::launch::Level;
use durward_core::Revision;

use crate::{Transport, server::Server, slot::Phase};

/// How a server stands.
#[derive(Debug, Clone)]
pub struct Health {
    /// How it is reached, once that is known.
    pub transport: Option<Transport>,
    /// What is spoken with it, once that is known.
    pub revision: Option<Revision>,
    /// How it is held, if it is a program that runs.
    pub level: Option<Level>,
    /// Where it is in its life.
    pub state: State,
    /// How often it was opened again.
    pub restarts: u64,
    /// What went wrong last, if anything did.
    pub error: Option<String>,
    /// What it last wrote to its standard error.
    pub stderr: String,
    /// What whoever configures it should know.
    pub notes: Vec<String>,
}

/// Where a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody has needed it yet.
    Idle,
    /// It is being opened.
    Starting,
    /// It serves.
    Ready,
    /// It failed, and is tried again in a while.
    Waiting,
}

impl Server {
    /// How it stands now.
    pub fn health(&self) -> Health {
        let slot = self.shared_slot();
        let link = slot.live();
        let hello = link.as_ref().map(|link| link.hello());
        let found = self.found();
        let mut notes: Vec<_> = self
            .offered()
            .left_out
            .iter()
            .map(|left_out| format!("`{}` is left out: {}", left_out.what, left_out.why))
            .collect();
        notes.extend(
            self.unlisted()
                .map(|why| format!("its lists can't be had: {why}")),
        );
        if let Some(counts) = link.as_ref().map(|link| link.counts()) {
            if counts.unattributed > 0 {
                notes.push(format!(
                    "{} of its messages could not be told apart by caller: `instances: per_caller` helps",
                    counts.unattributed
                ));
            }
            if counts.garbage > 0 {
                notes.push(format!(
                    "{} bytes that it wrote to its standard output were no message: logs belong to standard error",
                    counts.garbage
                ));
            }
        }
        let unrecorded = self.questions().unrecorded();
        if unrecorded > 0 {
            notes.push(format!(
                "{unrecorded} of its questions came to nothing and were too many for the ledger"
            ));
        }
        if self.instance_count() > 0 {
            notes.push(format!(
                "{} more connections, one for each session or caller",
                self.instance_count()
            ));
        }
        Health {
            transport: found.map(|found| found.transport),
            revision: hello.map(|hello| hello.revision),
            level: link.as_ref().and_then(|link| link.level()),
            state: match slot.phase() {
                Phase::Idle => State::Idle,
                Phase::Starting => State::Starting,
                Phase::Up => State::Ready,
                Phase::Down(_) => State::Waiting,
            },
            restarts: slot.restarts(),
            error: slot.fault().map(|fault| fault.to_string()),
            stderr: link.map_or_else(|| slot.last_words(), |link| link.stderr_tail()),
            notes,
        }
    }
}
