//! Where a chain ends, found again after whatever ended the process that wrote it.

use std::{fs, path::Path};

use durward_core::Clock;
use uuid::Uuid;

use crate::{
    LedgerError, PublicKey,
    chain::Link,
    encode::unhex,
    folder,
    frame::{Found, Frames},
    line::{Head, OriginLine},
    pending::End,
    signed_end::{SignedEnd, find},
};

/// How a chain was found.
pub(crate) struct Left {
    pub(crate) end: End,
    /// Its id; none, if it is to begin.
    pub(crate) chain: Option<Uuid>,
    /// Bytes of a record that a crash cut, now removed.
    pub(crate) cut: Option<u64>,
}

/// Finds the end of the chain and removes what a crash left half written. What `key` signed is taken as
/// it is: whoever wants to know about older records asks [`crate::verify`].
pub(crate) fn recover(dir: &Path, key: &PublicKey) -> Result<Left, LedgerError> {
    let mut cut = None;
    for number in folder::segments(dir)?.into_iter().rev() {
        let read = read_last(dir, number, key)?;
        if read.torn > 0 {
            truncate(dir, number, read.length)?;
            *cut.get_or_insert(0) += read.torn;
        }
        if let Some((link, chain)) = read.end {
            let end = End {
                link,
                segment: number,
                length: read.length,
            };
            return Ok(Left {
                end,
                chain: Some(chain),
                cut,
            });
        }
        // Not one record got into it: the chain ends in the segment before.
        let path = folder::segment(dir, number);
        fs::remove_file(&path).map_err(LedgerError::io("remove", path))?;
    }
    let end = End {
        link: Link::START,
        segment: 1,
        length: 0,
    };
    Ok(Left {
        end,
        chain: None,
        cut,
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Read {
    end: Option<(Link, Uuid)>,
    length: u64,
    torn: u64,
}

fn read_last(dir: &Path, number: u32, key: &PublicKey) -> Result<Read, LedgerError> {
    let path = folder::segment(dir, number);
    if let Some(signed) = find(&path, number, key)?
        && let Ok(read) = read_on(&path, number, Some(signed))
    {
        return Ok(read);
    }
    // Nothing signed is near the end, or something is wrong after it: the whole segment tells more.
    read_on(&path, number, None)
}

/// Reads a segment to its end, from its last signature or from its beginning.
fn read_on(path: &Path, number: u32, from: Option<SignedEnd>) -> Result<Read, LedgerError> {
    let damaged = |offset, what: &str| LedgerError::Damaged {
        file: path.to_owned(),
        offset,
        what: what.to_owned(),
    };
    let length = from.as_ref().map_or(0, |signed| signed.offset);
    let mut frames = Frames::open(path, length)?;
    let mut read = Read {
        end: from.map(|signed| (signed.link, signed.chain)),
        length,
        torn: 0,
    };
    while let Some(found) = frames.next().map_err(LedgerError::io("read", path))? {
        match found {
            Found::Record { offset, record } => {
                let head = Head::of(record)
                    .ok_or_else(|| damaged(offset, "this is no record of a journal"))?;
                let (link, _) = match &mut read.end {
                    Some(end) => end,
                    None => read.end.insert(
                        first(number, &head, record)
                            .ok_or_else(|| damaged(offset, "this is no beginning of a segment"))?,
                    ),
                };
                if link.seq != head.seq {
                    let what = format!("record {} is missing: here is {}", link.seq, head.seq);
                    return Err(damaged(offset, &what));
                }
                link.push(record);
                read.length = offset + (record.len() + crate::frame::HEADER) as u64;
            }
            Found::Broken { offset, what, .. } => return Err(damaged(offset, what)),
            Found::Torn { bytes, .. } => read.torn = bytes,
        }
    }
    Ok(read)
}

/// What a segment's first record says of all before it.
pub(crate) fn first(number: u32, head: &Head<'_>, record: &[u8]) -> Option<(Link, Uuid)> {
    let kind = if number == 1 { "genesis" } else { "segment" };
    if head.kind != kind {
        return None;
    }
    let origin: OriginLine = serde_json::from_slice(record).ok()?;
    let hash = unhex(&origin.before)?;
    (origin.segment == number).then_some((
        Link {
            seq: head.seq,
            hash,
        },
        origin.chain,
    ))
}

fn truncate(dir: &Path, number: u32, length: u64) -> Result<(), LedgerError> {
    let path = folder::segment(dir, number);
    let file = fs::OpenOptions::new().write(true).open(&path);
    // What is written next is synced in time, and this with it; before that, it is only to be cut again.
    let cut = file.and_then(|file| file.set_len(length));
    cut.map_err(LedgerError::io("cut", path))
}

/// This start of the machine, or nil where the system does not say.
pub(crate) fn boot() -> Uuid {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(Uuid::nil())
}

/// A new chain's id (RFC 9562, section 5.4).
pub(crate) fn new_chain(clock: &dyn Clock) -> Uuid {
    let mut bytes = [0; 16];
    clock.random(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests;
