//! One chain, front to back.

use std::path::{Path, PathBuf};

use durward_core::Wall;
use uuid::Uuid;

use super::{ChainReport, Fault, TornTail, ahead};
use crate::{
    LedgerError, PublicKey,
    chain::{Hash, Link},
    folder,
    frame::{Found, Frames},
    line::{Head, PrunedLine},
    pending::CHECKPOINT_RECORDS,
};

const MOST_FAULTS: usize = 100;
/// durward signs after so many; a new segment's own record comes on top.
const MOST_UNSIGNED: u64 = CHECKPOINT_RECORDS + 1;
/// A chain begins with its genesis and a checkpoint; a crash in between adds `opened` and `recovered`.
const MOST_NEVER_SIGNED: u64 = 3;

/// Checks one chain.
pub(super) fn chain(
    name: String,
    dir: &Path,
    key: Option<PublicKey>,
) -> Result<ChainReport, LedgerError> {
    let numbers = folder::segments(dir)?;
    let mut walk = Walk::new(name, key);
    for (index, number) in numbers.iter().enumerate() {
        let before = if index == 0 {
            None
        } else {
            Some(numbers[index - 1])
        };
        walk.segment(
            folder::segment(dir, *number),
            *number,
            before,
            index + 1 == numbers.len(),
        )?;
    }
    Ok(walk.finish(numbers.first().copied()))
}

/// A record's place.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) offset: u64,
    pub(super) seq: u64,
}

pub(super) struct Walk {
    pub(super) report: ChainReport,
    /// The only key to trust, if the caller named one.
    pub(super) expected: Option<PublicKey>,
    pub(super) key: Option<PublicKey>,
    pub(super) chain: Option<Uuid>,
    /// The number that the next record must have; none before the first.
    next: Option<u64>,
    /// The hash so far; none after a fault, until a checkpoint says it anew.
    pub(super) hash: Option<Hash>,
    /// The first record that no checkpoint vouches for yet.
    pub(super) since: Option<Place>,
    /// A fault stands between the last checkpoint and here.
    pub(super) known_bad: bool,
    /// Damaged bytes were passed over and may have held records.
    gap: bool,
    /// What the first segment says of the one before it.
    pub(super) first_before: String,
    pruned: Vec<PrunedLine>,
    pub(super) file: PathBuf,
}

impl Walk {
    fn new(name: String, expected: Option<PublicKey>) -> Self {
        let report = ChainReport {
            name,
            records: 0,
            segments: 0,
            checkpoints: 0,
            first: None,
            last: None,
            keys: Vec::new(),
            key_place: None,
            pruned: 0,
            unsigned_tail: 0,
            torn: None,
            faults: Vec::new(),
            more_faults: 0,
        };
        Self {
            report,
            expected,
            key: expected,
            chain: None,
            next: None,
            hash: None,
            since: None,
            known_bad: false,
            gap: false,
            first_before: String::new(),
            pruned: Vec::new(),
            file: PathBuf::new(),
        }
    }

    fn segment(
        &mut self,
        file: PathBuf,
        number: u32,
        before: Option<u32>,
        last: bool,
    ) -> Result<(), LedgerError> {
        self.file = file;
        self.report.segments += 1;
        if before.is_some_and(|before| before + 1 != number) {
            self.fault(
                0,
                self.next,
                format!("the segments before {number:06}.dwj are missing"),
            );
            self.gap = true;
        }
        let frames = Frames::open(&self.file, 0)?;
        let mut first = true;
        ahead::read(frames, |found| {
            self.found(found, number, std::mem::take(&mut first), last);
        })
        .map_err(LedgerError::io("read", &self.file))?;
        if first && !last {
            self.fault(0, self.next, "the segment is empty".to_owned());
        }
        Ok(())
    }

    fn found(&mut self, found: Found<&[u8]>, segment: u32, first: bool, last: bool) {
        match found {
            Found::Record { offset, record } => self.record(offset, record, segment, first),
            Found::Broken {
                offset,
                bytes,
                what,
            } => self.broken(offset, bytes, what),
            Found::Torn { offset, bytes, .. } if last => {
                self.report.torn = Some(TornTail {
                    file: self.file.clone(),
                    offset,
                    bytes,
                });
            }
            Found::Torn {
                offset,
                bytes,
                what,
            } => self.broken(offset, bytes, what),
        }
    }

    fn broken(&mut self, offset: u64, bytes: u64, what: &'static str) {
        self.fault(
            offset,
            self.next,
            format!("{what}; {bytes} bytes are no records"),
        );
        self.gap = true;
    }

    fn record(&mut self, offset: u64, record: &[u8], segment: u32, first: bool) {
        let Some(head) = Head::of(record) else {
            self.fault(
                offset,
                self.next,
                "this is no record of a journal".to_owned(),
            );
            self.gap = true;
            return;
        };
        self.count(&head);
        self.order(offset, head.seq);
        if self.since.is_none() {
            self.since = Some(Place {
                file: self.file.clone(),
                offset,
                seq: head.seq,
            });
        }
        let begins = matches!(head.kind, "genesis" | "segment");
        if first != begins {
            let what = if begins {
                "a segment begins where none may"
            } else {
                "the segment's beginning is missing"
            };
            self.fault(offset, Some(head.seq), what.to_owned());
        }
        match head.kind {
            "genesis" | "segment" | "opened" => self.origin(offset, &head, record, segment),
            "checkpoint" => self.checkpoint(offset, &head, record),
            "pruned" => self
                .pruned
                .extend(serde_json::from_slice::<PrunedLine>(record)),
            _ => {}
        }
        if let Some(hash) = self.hash {
            let mut link = Link {
                seq: head.seq,
                hash,
            };
            link.push(record);
            self.hash = Some(link.hash);
        }
        self.next = Some(head.seq + 1);
        if head.kind != "checkpoint" {
            self.count_unsigned();
        }
    }

    fn count_unsigned(&mut self) {
        self.report.unsigned_tail += 1;
        if self.report.unsigned_tail == MOST_UNSIGNED + 1 {
            self.not_signed();
        }
    }

    /// More records without a checkpoint than durward ever writes: checkpoints were taken out.
    fn not_signed(&mut self) {
        let Some(since) = self.since.clone().filter(|_| !self.known_bad) else {
            return;
        };
        let what = format!("no checkpoint follows record {}", since.seq);
        self.push(Fault {
            file: since.file,
            offset: since.offset,
            seq: Some(since.seq),
            what,
        });
    }

    fn count(&mut self, head: &Head<'_>) {
        self.report.records += 1;
        self.report.first = self.report.first.or(Some(Wall(head.wall)));
        self.report.last = Some(Wall(head.wall));
    }

    fn order(&mut self, offset: u64, seq: u64) {
        let gap = std::mem::take(&mut self.gap);
        let Some(next) = self.next.filter(|next| *next != seq) else {
            return;
        };
        self.hash = None;
        self.known_bad = true;
        if gap && seq > next {
            return;
        }
        let what = if seq > next {
            format!("records {next} to {} are missing", seq - 1)
        } else {
            format!(
                "record {seq} stands after {}: a second time, or out of order",
                next - 1
            )
        };
        self.fault(offset, Some(seq.min(next)), what);
    }

    pub(super) fn fault(&mut self, offset: u64, seq: Option<u64>, what: String) {
        let file = self.file.clone();
        self.push(Fault {
            file,
            offset,
            seq,
            what,
        });
    }

    pub(super) fn push(&mut self, fault: Fault) {
        if self.report.faults.len() < MOST_FAULTS {
            self.report.faults.push(fault);
        } else {
            self.report.more_faults += 1;
        }
    }

    /// What is gone from the front must have been dropped on purpose.
    fn finish(mut self, first: Option<u32>) -> ChainReport {
        if self.report.checkpoints == 0 && self.report.records > MOST_NEVER_SIGNED {
            self.not_signed();
        }
        self.report.pruned = first.map_or(0, |first| first.saturating_sub(1));
        let gone = self.report.pruned;
        let said = |line: &PrunedLine| {
            line.through > gone || (line.through == gone && line.hash == self.first_before)
        };
        if gone > 0 && !self.pruned.iter().any(said) {
            let seq = self.since.as_ref().map(|place| place.seq);
            self.fault(0, seq, format!("the first {gone} segments are missing"));
        }
        self.report
    }
}
