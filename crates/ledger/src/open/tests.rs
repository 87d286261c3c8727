use std::{path::PathBuf, sync::Arc};

use durward_core::{ManualClock, RawJson, Secret, Tier};
use proptest::prelude::*;

use super::*;
use crate::{
    Journal, SigningKey,
    frame::HEADER,
    key::Signer,
    testing::{done, facts, journal, kinds, put, run, settings},
    verify,
};

/// A chain of one segment of some 300 KiB that was closed, with checkpoints all along it.
struct Long {
    _folder: tempfile::TempDir,
    dir: PathBuf,
    file: PathBuf,
    key: PublicKey,
    bytes: Vec<u8>,
    /// Where each record's frame begins, and whether it is a checkpoint.
    frames: Vec<(usize, bool)>,
}

impl Long {
    fn new() -> Self {
        Self::with(ManualClock::new())
    }

    fn with(clock: ManualClock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(clock);
        let journal = Journal::open(settings(folder.path()), clock.clone()).unwrap();
        for n in 0..100 {
            call(&journal, n, 2_000);
            clock.advance(std::time::Duration::from_millis(100));
        }
        let key = journal.public_key();
        drop(journal);
        let dir = folder.path().join("audit/serve");
        let file = folder::segment(&dir, 1);
        let bytes = fs::read(&file).unwrap();
        let mut frames = Vec::new();
        let mut read = Frames::open(&file, 0).unwrap();
        while let Some(Found::Record { offset, record }) = read.next().unwrap() {
            let kind = Head::of(record).unwrap().kind;
            frames.push((offset as usize, kind == "checkpoint"));
        }
        Self {
            _folder: folder,
            dir,
            file,
            key,
            bytes,
            frames,
        }
    }

    /// What a start finds with these bytes in the segment, and what it finds where it reads them all.
    fn read(&self, bytes: &[u8]) -> (Result<Read, String>, Result<Read, String>) {
        put(&self.file, bytes);
        let text = |read: Result<Read, LedgerError>| read.map_err(|error| error.to_string());
        (
            text(read_last(&self.dir, 1, &self.key)),
            text(read_on(&self.file, 1, None)),
        )
    }

    fn finds(&self, key: &PublicKey) -> Option<SignedEnd> {
        find(&self.file, 1, key).unwrap()
    }

    /// From the `n`th frame before the end that is a checkpoint to the end.
    fn last_checkpoints(&self, n: usize) -> &[u8] {
        let mut checkpoints = self.frames.iter().rev().filter(|(_, is)| *is);
        &self.bytes[checkpoints.nth(n).unwrap().0..]
    }
}

fn call(journal: &Journal, n: u64, bytes: usize) {
    let mut facts = facts(n, Tier::Read);
    facts.arguments = Some(RawJson::of(&"x".repeat(bytes)).unwrap());
    run(async {
        let mut seat = journal.enter().unwrap();
        seat.intent(facts, journal.durability(Tier::Read))
            .await
            .unwrap();
        seat.close(done()).await.unwrap();
    });
}

#[test]
fn a_start_goes_on_from_the_last_checkpoint() {
    let long = Long::new();
    let signed = long.finds(&long.key).unwrap();
    assert!(signed.offset > long.bytes.len() as u64 - (64 << 10));
    // What stands between the first record and the window is not even read.
    let mut damaged = long.bytes.clone();
    damaged[2_000..long.bytes.len() - (70 << 10)].fill(0);
    let (quick, whole) = long.read(&damaged);
    assert!(whole.is_err());
    put(&long.file, &long.bytes);
    assert_eq!(
        quick,
        read_on(&long.file, 1, None).map_err(|_| String::new())
    );
}

#[test]
fn what_was_changed_before_is_found_by_verify() {
    let long = Long::new();
    let (offset, _) = long.frames[4];
    let mut changed = long.bytes.clone();
    changed[offset + HEADER + 200] ^= 1;
    put(&long.file, &changed);
    let settings = settings(long.dir.parent().unwrap().parent().unwrap());
    drop(journal(settings));
    let report = verify(long.dir.parent().unwrap(), Some(long.key)).unwrap();
    let faults = &report.chains[0].faults;
    assert_eq!((faults.len(), faults[0].offset), (1, offset as u64));
    assert_eq!(report.chains[0].unsigned_tail, 0);
}

#[test]
fn another_key_signs_nothing_here() {
    let long = Long::new();
    let seed = SigningKey::Seed(Secret::new("77".repeat(32)));
    let other = Signer::load(&seed, &ManualClock::new()).unwrap();
    assert!(long.finds(&other.public).is_none());
    let whole = read_on(&long.file, 1, None).unwrap();
    assert_eq!(read_last(&long.dir, 1, &other.public).unwrap(), whole);
}

#[test]
fn a_signed_stretch_that_stands_elsewhere_is_none() {
    let long = Long::new();
    for n in [0, 1, 5] {
        let again = [&long.bytes, long.last_checkpoints(n)].concat();
        // Nothing but the copy is near the end.
        let far = [again.as_slice(), &vec![b' '; 60 << 10]].concat();
        let wide = [again.as_slice(), long.last_checkpoints(8)].concat();
        for bytes in [again, far, wide] {
            let (quick, whole) = long.read(&bytes);
            assert!(quick.is_err(), "{n}");
            assert_eq!(quick, whole);
        }
    }
}

#[test]
fn another_chains_end_is_not_this_ones() {
    let clock = ManualClock::new();
    clock.random(&mut [0; 16]);
    let (long, other) = (Long::new(), Long::with(clock));
    // Both have the same key, sizes and numbers.
    assert_eq!(long.frames, other.frames);
    let (middle, _) = long.frames[40];
    let mixed = [&long.bytes[..middle], &other.bytes[middle..]].concat();
    let (quick, whole) = long.read(&mixed);
    assert!(long.finds(&long.key).is_none());
    assert_eq!(quick, whole);
}

#[test]
fn another_segments_end_is_not_this_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    settings.segment_bytes = 150 << 10;
    let (journal, _) = journal(settings);
    (0..220).for_each(|n| call(&journal, n, 2_000));
    let dir = folder.path().join("audit/serve");
    let (second, third) = (folder::segment(&dir, 2), folder::segment(&dir, 3));
    let (own, mut later) = (fs::read(&second).unwrap(), fs::read(third).unwrap());
    let key = journal.public_key();
    assert_eq!(own.len(), later.len());
    assert!(find(&second, 2, &key).unwrap().is_some());
    later[..20_000].copy_from_slice(&own[..20_000]);
    put(&second, &later);
    assert!(find(&second, 2, &key).unwrap().is_none());
    assert!(read_last(&dir, 2, &key).is_err());
}

#[test]
fn no_checkpoint_is_far_from_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = journal(settings(folder.path()));
    for n in 0..60 {
        call(&journal, n, 60_000);
    }
    // As if it were killed now.
    let chain = folder.path().join("audit/serve");
    let file = folder::segment(&chain, 1);
    let length = fs::metadata(&file).unwrap().len();
    let found = find(&file, 1, &journal.public_key()).unwrap().unwrap();
    assert!(length - found.offset > 64 << 10);
    let signed = kinds(&chain)
        .iter()
        .filter(|kind| *kind == "checkpoint")
        .count();
    assert_eq!(signed, 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_ended_the_process_both_ways_find_the_same(
        length in any::<prop::sample::Index>(), torn in prop::collection::vec(any::<u8>(), 0..40)
    ) {
        thread_local!(static LONG: Long = Long::new());
        LONG.with(|long| {
            let crashed = [&long.bytes[..length.index(long.bytes.len() + 1)], &torn].concat();
            let (quick, whole) = long.read(&crashed);
            prop_assert_eq!(quick, whole);
            Ok(())
        })?;
    }

    #[test]
    fn whatever_was_changed_at_the_end_is_no_better_hidden(
        at in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(), count in 0usize..60
    ) {
        thread_local!(static LONG: Long = Long::new());
        LONG.with(|long| {
            let frame = |index: usize| long.frames.get(index).map_or(long.bytes.len(), |frame| frame.0);
            let (at, from) = (at.index(long.frames.len()), from.index(long.frames.len()));
            let piece = &long.bytes[frame(from)..frame(from + count)];
            let changed = [&long.bytes[..frame(at)], piece].concat();
            let (quick, whole) = long.read(&changed);
            prop_assert_eq!(quick, whole);
            Ok(())
        })?;
    }
}
