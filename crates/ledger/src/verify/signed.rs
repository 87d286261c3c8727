//! What a chain says of itself, held against what it is: its origins, its keys, its checkpoints.

use super::{
    Fault,
    walk::{Place, Walk},
};
use crate::{
    KeyPlace, PublicKey,
    encode::unhex,
    line::{CheckpointLine, Head, OriginLine},
};

impl Walk {
    pub(super) fn origin(&mut self, offset: u64, head: &Head<'_>, record: &[u8], segment: u32) {
        let Ok(origin) = serde_json::from_slice::<OriginLine>(record) else {
            return self.fault(
                offset,
                Some(head.seq),
                "this origin can't be read".to_owned(),
            );
        };
        if origin.segment != segment || (head.kind == "genesis") != (head.seq == 0) {
            let what = format!("this belongs to segment {:06}.dwj", origin.segment);
            self.fault(offset, Some(head.seq), what);
        }
        if *self.chain.get_or_insert(origin.chain) != origin.chain {
            self.fault(
                offset,
                Some(head.seq),
                "this belongs to another chain".to_owned(),
            );
        }
        let before = unhex::<32>(&origin.before);
        match (self.hash, before) {
            (Some(hash), Some(before)) if hash != before => {
                self.changed(offset, head.seq);
                self.hash = Some(before);
            }
            (None, before) => self.hash = before,
            _ => {}
        }
        if self.report.records == 1 {
            self.first_before = origin.before;
        }
        self.learn_key(offset, head.seq, &origin.key);
        self.report.key_place = KeyPlace::parse(&origin.key_place);
    }

    fn learn_key(&mut self, offset: u64, seq: u64, text: &str) {
        let Some(key) = PublicKey::parse(text) else {
            return self.fault(offset, Some(seq), "this names no public key".to_owned());
        };
        if self.report.keys.last() != Some(&key) {
            self.report.keys.push(key);
            if self.expected.is_some_and(|expected| expected != key) {
                self.fault(
                    offset,
                    Some(seq),
                    format!("the chain is signed with another key, {key}"),
                );
            }
        }
        self.key = self.expected.or(Some(key));
    }

    pub(super) fn checkpoint(&mut self, offset: u64, head: &Head<'_>, record: &[u8]) {
        let Some((checkpoint, signature)) = CheckpointLine::of(record) else {
            self.known_bad = true;
            return self.fault(
                offset,
                Some(head.seq),
                "this checkpoint can't be read".to_owned(),
            );
        };
        if self.hash.is_some_and(|hash| hash != checkpoint.hash)
            || self.chain.is_some_and(|chain| chain != checkpoint.chain)
        {
            self.changed(offset, head.seq);
            self.known_bad = true;
        }
        if !self
            .key
            .is_some_and(|key| key.verifies(&checkpoint, &signature))
        {
            if !self.known_bad {
                let what = "the checkpoint's signature is wrong".to_owned();
                self.fault(offset, Some(head.seq), what);
            }
            self.known_bad = true;
            return;
        }
        self.hash = Some(checkpoint.hash);
        self.report.checkpoints += 1;
        self.report.unsigned_tail = 0;
        self.since = None;
        self.known_bad = false;
    }

    /// The hash is not what it should be: something since the last checkpoint was changed.
    fn changed(&mut self, offset: u64, seq: u64) {
        // A fault that was found already explains it.
        if self.known_bad {
            return;
        }
        let here = Place {
            file: self.file.clone(),
            offset,
            seq,
        };
        let since = self.since.clone().unwrap_or(here);
        let what = format!(
            "something in the records {} to {} was changed",
            since.seq,
            seq.saturating_sub(1)
        );
        self.push(Fault {
            file: since.file,
            offset: since.offset,
            seq: Some(since.seq),
            what,
        });
    }
}
