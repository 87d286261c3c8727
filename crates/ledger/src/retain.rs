//! Retention: whole old segments are dropped from the front of a chain, and the chain says so.

use std::fs;

use durward_core::{Tier, Wall};

use crate::{
    LedgerError,
    commit::Shared,
    folder,
    frame::{Found, Frames},
    line::{Head, OriginLine},
};

const DAY_MICROS: u64 = 86_400_000_000;

/// How long and how much of a chain is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Segments whose records are all older are dropped.
    pub days: Option<u32>,
    /// Segments are dropped until the chain has no more bytes; the one being written always stays.
    pub bytes: Option<u64>,
}

/// What was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Segments.
    pub segments: u32,
    /// Their bytes.
    pub bytes: u64,
}

struct Old {
    number: u32,
    bytes: u64,
    /// When its successor begins: all of its records are older.
    until: u64,
    /// The chain's hash after it.
    hash: String,
}

/// Drops what may go, oldest first, after a record that says so is signed and on disk.
pub(crate) fn prune(shared: &Shared, retention: &Retention) -> Result<Pruned, LedgerError> {
    let old = full_segments(shared)?;
    let now = shared.clock.wall();
    let go = &old[..count(&old, retention, now)];
    let Some(last) = go.last() else {
        return Ok(Pruned::default());
    };
    let dir = &shared.held.dir;
    let target = shared.append(Tier::Read, |pending| {
        pending.append("pruned", |record| {
            record.number("through", u64::from(last.number));
            record.text("hash", &last.hash);
        });
        pending.sign();
    });
    if shared.written_now(target).is_err() || !shared.health().ok {
        // Nothing is dropped that the chain could not account for.
        return Ok(Pruned::default());
    }
    shared.sync();
    for segment in go {
        let path = folder::segment(dir, segment.number);
        fs::remove_file(&path).map_err(LedgerError::io("remove", path))?;
    }
    Ok(Pruned {
        segments: go.len() as u32,
        bytes: go.iter().map(|old| old.bytes).sum(),
    })
}

fn count(old: &[Old], retention: &Retention, now: Wall) -> usize {
    let aged = retention.days.map_or(0, |days| {
        let before = now.0.saturating_sub(u64::from(days) * DAY_MICROS);
        old.iter().take_while(|old| old.until < before).count()
    });
    let large = retention.bytes.map_or(0, |most| {
        let mut total: u64 = old.iter().map(|old| old.bytes).sum();
        old.iter()
            .take_while(|old| {
                let over = total > most;
                total -= old.bytes;
                over
            })
            .count()
    });
    aged.max(large)
}

/// All segments but the one that is being written.
fn full_segments(shared: &Shared) -> Result<Vec<Old>, LedgerError> {
    let dir = &shared.held.dir;
    let mut old = Vec::new();
    for pair in folder::segments(dir)?.windows(2) {
        let path = folder::segment(dir, pair[0]);
        let bytes = fs::metadata(&path)
            .map_err(LedgerError::io("read", path))?
            .len();
        let Some((until, hash)) = beginning(dir, pair[1])? else {
            break;
        };
        old.push(Old {
            number: pair[0],
            bytes,
            until,
            hash,
        });
    }
    Ok(old)
}

fn beginning(dir: &std::path::Path, number: u32) -> Result<Option<(u64, String)>, LedgerError> {
    let path = folder::segment(dir, number);
    let mut frames = Frames::open(&path, 0)?;
    let found = frames.next().map_err(LedgerError::io("read", &path))?;
    let Some(Found::Record { record, .. }) = found else {
        return Ok(None);
    };
    let origin = serde_json::from_slice::<OriginLine>(record);
    Ok(Head::of(record)
        .zip(origin.ok())
        .map(|(head, origin)| (head.wall, origin.before)))
}
