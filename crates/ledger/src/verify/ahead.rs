//! Reads a segment in a thread of its own, so that frames are found while those before are hashed.

use std::{
    io, mem,
    sync::mpsc::{SyncSender, sync_channel},
    thread::{Builder, scope},
};

use crate::frame::{Found, Frames};

/// Bytes handed over at once.
const BATCH: usize = 128 << 10;
/// Batches that may wait.
const WAITING: usize = 4;

/// Hands what is in the segment to `take`, in order.
pub(super) fn read(frames: Frames, mut take: impl FnMut(Found<&[u8]>)) -> io::Result<()> {
    let (sender, batches) = sync_channel::<Batch>(WAITING);
    scope(|scope| {
        let reader = Builder::new().spawn_scoped(scope, move || send(frames, &sender))?;
        batches.into_iter().for_each(|batch| batch.give(&mut take));
        reader
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn send(mut frames: Frames, sender: &SyncSender<Batch>) -> io::Result<()> {
    let mut batch = Batch::default();
    while let Some(found) = frames.next()? {
        batch.push(found);
        // Nobody takes it only where the taker panicked.
        if batch.records.len() >= BATCH && sender.send(mem::take(&mut batch)).is_err() {
            return Ok(());
        }
    }
    let _ = sender.send(batch);
    Ok(())
}

/// What was found, on its way.
#[derive(Default)]
struct Batch {
    /// All records, one after the other.
    records: Vec<u8>,
    /// With their lengths.
    found: Vec<Found<usize>>,
}

impl Batch {
    fn push(&mut self, found: Found<&[u8]>) {
        if self.records.capacity() == 0 {
            self.records.reserve(BATCH + BATCH / 2);
        }
        self.found.push(found.map(|record| {
            self.records.extend_from_slice(record);
            record.len()
        }));
    }

    fn give(self, take: &mut impl FnMut(Found<&[u8]>)) {
        let mut rest = self.records.as_slice();
        for found in self.found {
            take(found.map(|length| {
                let (record, after) = rest.split_at(length);
                rest = after;
                record
            }));
        }
    }
}
