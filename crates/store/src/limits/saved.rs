//! What is spent outlives a restart.

use std::{path::Path, time::Duration};

use durward_core::{CallerId, ServerName, ToolName, Wall};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LimitKey, MemoryLimits, read};
use crate::{StoreError, file};

/// One budget in the file; the parts that are there say which.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller: Option<CallerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<Uuid>,
    /// Is it what servers ask of the caller's model?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sampling: bool,
    /// When nothing is spent any more.
    until: Wall,
}

impl Saved {
    fn of(key: &LimitKey, until: Wall) -> Self {
        let mut saved = Self {
            caller: None,
            tool: None,
            server: None,
            session: None,
            sampling: false,
            until,
        };
        match key {
            LimitKey::Total => {}
            LimitKey::Caller(caller) => saved.caller = Some(caller.clone()),
            LimitKey::Session(session) => saved.session = Some(*session),
            LimitKey::Tool(caller, tool) => {
                saved.caller = Some(caller.clone());
                saved.tool = Some(tool.as_str().to_owned());
            }
            LimitKey::Server(caller, server) => {
                saved.caller = Some(caller.clone());
                saved.server = Some(server.as_str().to_owned());
            }
            LimitKey::Sampling(caller) => {
                saved.caller = Some(caller.clone());
                saved.sampling = true;
            }
        }
        saved
    }

    fn into_key(self) -> Option<LimitKey> {
        if self.sampling {
            return self.caller.map(LimitKey::Sampling);
        }
        match (self.caller, self.tool, self.server, self.session) {
            (None, None, None, None) => Some(LimitKey::Total),
            (Some(caller), None, None, None) => Some(LimitKey::Caller(caller)),
            (None, None, None, Some(session)) => Some(LimitKey::Session(session)),
            (Some(caller), Some(tool), None, None) => {
                Some(LimitKey::Tool(caller, ToolName::new(&tool).ok()?))
            }
            (Some(caller), None, Some(server), None) => {
                Some(LimitKey::Server(caller, ServerName::new(&server).ok()?))
            }
            _ => None,
        }
    }
}

impl MemoryLimits {
    /// Writes what is spent, by the time of day, for [`Self::load`] after a restart. It waits for
    /// the disk.
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        let saved = self.spent();
        let bytes = serde_json::to_vec(&saved).map_err(|error| malformed(path, &error))?;
        file::replace(path, &bytes)
    }

    /// Counts what was spent before a restart; without a file, nothing was.
    pub fn load(&self, path: &Path) -> Result<(), StoreError> {
        let Some(bytes) = file::read_private(path)? else {
            return Ok(());
        };
        let saved: Vec<Saved> =
            serde_json::from_slice(&bytes).map_err(|error| malformed(path, &error))?;
        let (wall, now) = (self.clock.wall(), self.clock.monotonic());
        for saved in saved {
            let spent = Duration::from_micros(saved.until.0.saturating_sub(wall.0));
            if let (false, Some(key)) = (spent.is_zero(), saved.into_key()) {
                self.cell(&key).spend(now, spent);
            }
        }
        Ok(())
    }

    fn spent(&self) -> Vec<Saved> {
        let (wall, now) = (self.clock.wall(), self.clock.monotonic());
        let mut spent = Vec::new();
        for shard in &self.shards {
            let cells = read(&shard.cells);
            let used = cells.iter().filter(|(_, cell)| !cell.is_whole(now));
            spent.extend(used.map(|(key, cell)| Saved::of(key, wall.after(cell.spent(now)))));
        }
        spent
    }
}

fn malformed(path: &Path, error: &serde_json::Error) -> StoreError {
    StoreError::Malformed {
        path: path.to_owned(),
        why: error.to_string(),
    }
}
