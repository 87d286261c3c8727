//! Records that wait to be written: framed, chained, and in order.

use std::sync::Arc;

use durward_core::{Clock, Monotonic, Wall};

use crate::{chain::Link, encode::Object, frame, key::Signer, record, record::Origin};

/// A checkpoint is due after so many records, bytes or nanoseconds.
pub(crate) const CHECKPOINT_RECORDS: u64 = 1_000;
pub(crate) const CHECKPOINT_BYTES: u64 = 1 << 20;
const CHECKPOINT_NANOS: u64 = 1_000_000_000;

/// Where the next segment begins in waiting bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) at: usize,
    pub(crate) segment: u32,
}

/// Framed records that are not yet in the file.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) cuts: Vec<Cut>,
}

/// Where a chain ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) link: Link,
    pub(crate) segment: u32,
    /// Bytes in that segment.
    pub(crate) length: u64,
}

/// The end of the chain, and what of it is not yet in the file.
pub(crate) struct Pending {
    pub(crate) batch: Batch,
    pub(crate) end: End,
    /// When the earliest of these bytes must be on disk.
    pub(crate) due: Option<Monotonic>,
    /// Records that were not kept since the last one that was.
    pub(crate) dropped: u64,
    segment_bytes: u64,
    unsigned: u64,
    /// Bytes of the segment that are signed.
    signed_length: u64,
    signed_at: Monotonic,
    origin: Origin,
    signer: Signer,
    clock: Arc<dyn Clock>,
}

impl Pending {
    /// After what is in the file already.
    pub(crate) fn new(
        end: End,
        segment_bytes: u64,
        origin: Origin,
        signer: Signer,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            batch: Batch::default(),
            end,
            due: None,
            dropped: 0,
            segment_bytes,
            unsigned: 0,
            signed_length: end.length,
            signed_at: clock.monotonic(),
            origin,
            signer,
            clock,
        }
    }

    /// Adds a record and gives its number.
    pub(crate) fn append(&mut self, kind: &'static str, fill: impl FnOnce(&mut Object<'_>)) -> u64 {
        self.append_at(self.clock.wall(), kind, fill)
    }

    /// Adds a record of something that happened then, and gives its number.
    pub(crate) fn append_at(
        &mut self,
        at: Wall,
        kind: &'static str,
        fill: impl FnOnce(&mut Object<'_>),
    ) -> u64 {
        if self.end.length >= self.segment_bytes {
            self.next_segment();
        }
        let seq = self.end.link.seq;
        push(&mut self.batch.bytes, &mut self.end, at, kind, fill);
        self.unsigned += 1;
        if self.unsigned >= CHECKPOINT_RECORDS
            || self.end.length - self.signed_length >= CHECKPOINT_BYTES
        {
            self.sign();
        }
        seq
    }

    /// Adds the record that names the chain: `genesis`, `opened` or `segment`.
    pub(crate) fn introduce(&mut self, kind: &'static str) {
        let (at, segment, before) = (self.clock.wall(), self.end.segment, self.end.link.hash);
        let origin = &self.origin;
        push(&mut self.batch.bytes, &mut self.end, at, kind, |record| {
            origin.write(record, segment, &before);
        });
        self.unsigned += 1;
    }

    /// When the next checkpoint is due, if anything is unsigned.
    pub(crate) fn sign_due(&self) -> Option<Monotonic> {
        (self.unsigned > 0).then(|| Monotonic(self.signed_at.0.saturating_add(CHECKPOINT_NANOS)))
    }

    /// Signs what is there, if that is due.
    pub(crate) fn sign_if_due(&mut self) {
        if self
            .sign_due()
            .is_some_and(|due| due <= self.clock.monotonic())
        {
            self.sign();
        }
    }

    /// Signs what is there, if anything is unsigned.
    pub(crate) fn sign(&mut self) {
        if self.unsigned == 0 {
            return;
        }
        let (at, monotonic) = (self.clock.wall(), self.clock.monotonic());
        let checkpoint = self.origin.checkpoint(&self.end, at, monotonic.0);
        let signature = self.signer.sign(&checkpoint);
        push(
            &mut self.batch.bytes,
            &mut self.end,
            at,
            "checkpoint",
            |record| {
                record::checkpoint(record, &checkpoint, &signature);
            },
        );
        (self.unsigned, self.signed_at) = (0, monotonic);
        self.signed_length = self.end.length;
    }

    /// These bytes must be on disk at that time.
    pub(crate) fn sync_by(&mut self, at: Monotonic) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Every segment ends signed, and its successor names what came before: so either can stand alone.
    fn next_segment(&mut self) {
        self.sign();
        self.end.segment += 1;
        self.end.length = 0;
        self.signed_length = 0;
        self.batch.cuts.push(Cut {
            at: self.batch.bytes.len(),
            segment: self.end.segment,
        });
        self.introduce("segment");
    }
}

fn push(
    out: &mut Vec<u8>,
    end: &mut End,
    at: Wall,
    kind: &'static str,
    fill: impl FnOnce(&mut Object<'_>),
) {
    let start = frame::begin(out);
    let mut record = record::begin(out, end.link.seq, at, kind);
    fill(&mut record);
    record.end();
    frame::seal(out, start);
    end.link.push(&out[start..]);
    end.length += (out.len() - start + frame::HEADER) as u64;
}
