use std::{fs, path::Path};

use durward_core::Tier;

use super::*;
use crate::{
    frame::{Found, Frames},
    testing::{journal, one_call, put, run, settings},
};

/// A chain of several segments, closed in order.
fn recorded(folder: &Path, segment_bytes: u64, calls: u64) -> PathBuf {
    let mut settings = settings(folder);
    settings.segment_bytes = segment_bytes;
    let (journal, _) = journal(settings);
    for n in 0..calls {
        run(one_call(&journal, n, Tier::Read));
    }
    drop(journal);
    folder.join("audit")
}

/// The frames of a segment: where each begins and ends.
fn frames(file: &Path) -> Vec<(usize, usize)> {
    let mut frames = Frames::open(file, 0).unwrap();
    let mut all = Vec::new();
    while let Some(found) = frames.next().unwrap() {
        let Found::Record { offset, record } = found else {
            panic!("{found:?}")
        };
        let offset = usize::try_from(offset).unwrap();
        all.push((offset, offset + 8 + record.len()));
    }
    all
}

fn seal(bytes: &mut [u8], (start, end): (usize, usize)) {
    crate::frame::seal(&mut bytes[..end], start + 8);
}

/// Verifies the segment with these bytes in it, then puts it back.
fn with(journal: &Path, file: &Path, bytes: &[u8]) -> ChainReport {
    let before = fs::read(file).unwrap();
    let key = verify(journal, None).unwrap().chains[0].keys[0];
    put(file, bytes);
    let report = verify(journal, Some(key)).unwrap().chains.remove(0);
    put(file, &before);
    report
}

#[test]
fn every_flipped_byte_is_found_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let dir = recorded(folder.path(), 1 << 20, 2);
    let file = dir.join("serve/000001.dwj");
    let bytes = fs::read(&file).unwrap();
    for (index, &(start, end)) in frames(&file).iter().enumerate() {
        for at in (start..start + 8)
            .chain((start + 8..end).step_by(5))
            .chain([end - 1])
        {
            let mut changed = bytes.clone();
            changed[at] ^= 0x20;
            let report = with(&dir, &file, &changed);
            let found = report.faults.first().map(|fault| (fault.offset, fault.seq));
            let torn = report
                .torn
                .as_ref()
                .map(|torn| (torn.offset, Some(index as u64)));
            assert_eq!(
                found.or(torn).map(|(offset, _)| offset),
                Some(start as u64),
                "byte {at}"
            );
            assert!(
                found.is_some() || end == bytes.len(),
                "byte {at} is no torn tail"
            );
            assert!(found.is_none_or(|(_, seq)| seq == Some(index as u64) || index == 0));
        }
    }
}

#[test]
fn an_edit_with_a_right_checksum_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let dir = recorded(folder.path(), 1 << 20, 2);
    let file = dir.join("serve/000001.dwj");
    let bytes = fs::read(&file).unwrap();
    let all = frames(&file);
    for &(start, end) in &all[..all.len() - 1] {
        for at in (start + 8..end).step_by(3) {
            let mut changed = bytes.clone();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            seal(&mut changed, (start, end));
            let report = with(&dir, &file, &changed);
            let fault = report
                .faults
                .first()
                .unwrap_or_else(|| panic!("byte {at} was changed unseen"));
            assert!(fault.offset <= start as u64, "{fault:?} is after {start}");
        }
    }
}

#[test]
fn records_that_are_cut_out_doubled_swapped_or_added_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let dir = recorded(folder.path(), 1 << 20, 3);
    let file = dir.join("serve/000001.dwj");
    let bytes = fs::read(&file).unwrap();
    let all = frames(&file);
    let piece = |index: usize| &bytes[all[index].0..all[index].1];
    for index in 0..all.len() - 1 {
        let (start, end) = all[index];
        let deleted = [&bytes[..start], &bytes[end..]].concat();
        let doubled = [&bytes[..end], &bytes[start..]].concat();
        let swapped = [
            &bytes[..start],
            piece(index + 1),
            piece(index),
            &bytes[all[index + 1].1..],
        ]
        .concat();
        let inserted = [&bytes[..end], b"garbage", &bytes[end..]].concat();
        for (what, changed) in [
            ("deleted", deleted),
            ("doubled", doubled),
            ("swapped", swapped),
            ("inserted", inserted),
        ] {
            let report = with(&dir, &file, &changed);
            let fault = report
                .faults
                .first()
                .unwrap_or_else(|| panic!("record {index} was {what} unseen"));
            let place = if matches!(what, "doubled" | "inserted") {
                end
            } else {
                start
            };
            assert_eq!(
                fault.offset, place as u64,
                "record {index} was {what}: {fault:?}"
            );
        }
    }
}

#[test]
fn a_cut_tail_is_found_back_to_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let dir = recorded(folder.path(), 1 << 20, 3);
    let file = dir.join("serve/000001.dwj");
    let bytes = fs::read(&file).unwrap();
    let all = frames(&file);
    let report = with(&dir, &file, &bytes[..all[all.len() - 2].1]);
    assert!(report.faults.is_empty());
    assert_eq!(report.unsigned_tail, 6);
}

#[test]
fn segments_that_are_gone_swapped_or_from_elsewhere_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let dir = recorded(folder.path(), 3_000, 10);
    let name = |number: u32| folder::segment(&dir.join("serve"), number);
    assert!(verify(&dir, None).unwrap().is_intact());
    let (second, third) = (fs::read(name(2)).unwrap(), fs::read(name(3)).unwrap());
    let intact = || verify(&dir, None).unwrap().is_intact();

    fs::remove_file(name(2)).unwrap();
    assert!(!intact(), "one is gone");
    fs::write(name(2), &third).unwrap();
    fs::write(name(3), &second).unwrap();
    assert!(!intact(), "two are swapped");
    fs::write(name(3), &third).unwrap();
    assert!(!intact(), "one stands twice");
    fs::write(name(2), &second[..frames(&name(2))[1].1]).unwrap();
    assert!(!intact(), "one is cut");
    fs::write(name(2), []).unwrap();
    assert!(!intact(), "one is empty");

    let other = tempfile::tempdir().unwrap();
    let mut settings = settings(other.path());
    settings.segment_bytes = 3_000;
    settings.chain = crate::ChainName::Named("other".to_owned());
    let clock = std::sync::Arc::new(durward_core::SystemClock::new());
    let journal = crate::Journal::open(settings, clock).unwrap();
    (0..10).for_each(|n| run(one_call(&journal, n, Tier::Read)));
    drop(journal);
    fs::copy(
        folder::segment(&other.path().join("audit/other"), 2),
        name(2),
    )
    .unwrap();
    assert!(!intact(), "one is from another chain");

    fs::write(name(2), &second).unwrap();
    assert!(intact(), "all is back");
    fs::remove_file(name(1)).unwrap();
    assert!(!intact(), "the first is gone");
}

#[test]
fn a_chain_without_checkpoints_is_no_chain() {
    let folder = tempfile::tempdir().unwrap();
    let dir = recorded(folder.path(), 1 << 20, 3);
    let file = dir.join("serve/000001.dwj");
    let bytes = fs::read(&file).unwrap();
    let all = frames(&file);
    let mut forged = bytes[..all[0].1].to_vec();
    for seq in 1..=3 {
        let start = forged.len();
        forged.extend_from_slice(&[0; 8]);
        let record = format!(r#"{{"seq":{seq},"t":1800000000000000,"kind":"event","event":"x"}}"#);
        forged.extend_from_slice(record.as_bytes());
        let end = forged.len();
        seal(&mut forged, (start, end));
    }
    assert!(!with(&dir, &file, &forged).faults.is_empty());
}

#[test]
fn another_key_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let dir = recorded(folder.path(), 1 << 20, 1);
    let own = verify(&dir, None).unwrap().chains.remove(0).keys[0];
    assert!(verify(&dir, Some(own)).unwrap().is_intact());
    assert!(!verify(&dir, Some(PublicKey([9; 32]))).unwrap().is_intact());
}

#[test]
fn there_must_be_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("audit");
    assert!(matches!(
        verify(&missing, None),
        Err(LedgerError::NoJournal { .. })
    ));
    assert!(!missing.exists());
}
