//! The last checkpoint of a segment, found from its end: a start must not take longer the more there is.

use std::{fs, path::Path};

use uuid::Uuid;

use crate::{
    LedgerError, PublicKey,
    chain::Link,
    frame::{Found, Frames, MAX_RECORD},
    line::{CheckpointLine, Head},
    open::first,
    pending::CHECKPOINT_BYTES,
};

/// Bytes to search from the end: a chain that was closed ends with its checkpoint; in one that was not,
/// many small records may follow it, or a few large ones.
const WINDOWS: [u64; 3] = [
    64 << 10,
    512 << 10,
    CHECKPOINT_BYTES + 2 * MAX_RECORD as u64,
];

/// A place near a segment's end that a signature vouches for.
pub(crate) struct SignedEnd {
    /// Where the checkpoint's frame begins.
    pub(crate) offset: u64,
    /// Before the checkpoint.
    pub(crate) link: Link,
    pub(crate) chain: Uuid,
}

/// Finds a checkpoint of this very place that `key` signed. None is found in a segment that is as soon
/// read as a whole.
///
/// The signature covers segment and offset as well as chain, number and hash: a copy of a checkpoint that
/// stands anywhere else is none.
pub(crate) fn find(
    path: &Path,
    number: u32,
    key: &PublicKey,
) -> Result<Option<SignedEnd>, LedgerError> {
    let length = fs::metadata(path)
        .map_err(LedgerError::io("read", path))?
        .len();
    for window in WINDOWS {
        let Some(from) = length.checked_sub(window).filter(|from| *from > 0) else {
            break;
        };
        if let Some(found) = find_after(path, from, number, key)? {
            return Ok(belongs(path, number, &found)?.then_some(found));
        }
    }
    Ok(None)
}

fn find_after(
    path: &Path,
    from: u64,
    segment: u32,
    key: &PublicKey,
) -> Result<Option<SignedEnd>, LedgerError> {
    let mut frames = Frames::open(path, from)?;
    while let Some(found) = frames.next().map_err(LedgerError::io("read", path))? {
        // The search begins anywhere, so the first bytes are seldom a frame.
        let Found::Record { offset, record } = found else {
            continue;
        };
        if Head::of(record).is_none_or(|head| head.kind != "checkpoint") {
            continue;
        }
        let signed = CheckpointLine::of(record).filter(|(checkpoint, signature)| {
            (checkpoint.segment, checkpoint.offset) == (segment, offset)
                && key.verifies(checkpoint, signature)
        });
        if let Some((checkpoint, _)) = signed {
            let link = Link {
                seq: checkpoint.seq,
                hash: checkpoint.hash,
            };
            let chain = checkpoint.chain;
            return Ok(Some(SignedEnd {
                offset,
                link,
                chain,
            }));
        }
    }
    Ok(None)
}

/// Does the segment begin as one of the checkpoint's chain?
fn belongs(path: &Path, number: u32, signed: &SignedEnd) -> Result<bool, LedgerError> {
    let mut frames = Frames::open(path, 0)?;
    let found = frames.next().map_err(LedgerError::io("read", path))?;
    let Some(Found::Record { record, .. }) = found else {
        return Ok(false);
    };
    let begins = Head::of(record).and_then(|head| first(number, &head, record));
    Ok(begins.is_some_and(|(link, chain)| chain == signed.chain && link.seq < signed.link.seq))
}
