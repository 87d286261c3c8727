//! Records as they are read back.

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{encode::unhex, key::Checkpoint};

/// Any record. Which fields there are depends on `kind`.
#[derive(Debug, Deserialize)]
pub(crate) struct Line<'a> {
    pub(crate) seq: u64,
    pub(crate) t: u64,
    pub(crate) kind: &'a str,
    pub(crate) call: Option<String>,
    pub(crate) caller: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) tenant: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) uid: Option<u64>,
    pub(crate) door: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) on: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) tier: Option<String>,
    #[serde(borrow)]
    pub(crate) args: Option<&'a RawValue>,
    pub(crate) rule: Option<String>,
    pub(crate) intent: Option<u64>,
    pub(crate) decision: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) denied_by: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) us: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) sha256: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) remote: Option<String>,
    pub(crate) why: Option<String>,
    pub(crate) room: Option<String>,
    pub(crate) level: Option<String>,
}

/// The beginning of every record, written by us in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) seq: u64,
    pub(crate) wall: u64,
    pub(crate) kind: &'a str,
}

impl<'a> Head<'a> {
    /// Reads it without parsing the rest.
    pub(crate) fn of(record: &'a [u8]) -> Option<Self> {
        let rest = record.strip_prefix(b"{\"seq\":")?;
        let (seq, rest) = number(rest)?;
        let (wall, rest) = number(rest.strip_prefix(b",\"t\":")?)?;
        let rest = rest.strip_prefix(b",\"kind\":\"")?;
        let end = rest.iter().position(|byte| *byte == b'"')?;
        Some(Self {
            seq,
            wall,
            kind: std::str::from_utf8(&rest[..end]).ok()?,
        })
    }
}

/// The digits at the beginning, and what follows them.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut digits) = (0u64, 0);
    while let Some(digit @ b'0'..=b'9') = text.get(digits) {
        number = number
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
        digits += 1;
    }
    (digits > 0).then(|| (number, &text[digits..]))
}

/// `genesis`, `opened` and `segment`: which chain this is and who writes it.
#[derive(Debug, Deserialize)]
pub(crate) struct OriginLine {
    pub(crate) chain: Uuid,
    pub(crate) segment: u32,
    pub(crate) before: String,
    pub(crate) key: String,
    pub(crate) key_place: String,
}

/// `checkpoint`.
#[derive(Debug, Deserialize)]
pub(crate) struct CheckpointLine {
    pub(crate) seq: u64,
    pub(crate) t: u64,
    pub(crate) chain: Uuid,
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    pub(crate) hash: String,
    pub(crate) monotonic: u64,
    pub(crate) boot: Uuid,
    pub(crate) signature: String,
}

impl CheckpointLine {
    /// What it vouches for, and the signature that is to prove it.
    pub(crate) fn of(record: &[u8]) -> Option<(Checkpoint, [u8; 64])> {
        let line: Self = serde_json::from_slice(record).ok()?;
        let checkpoint = Checkpoint {
            chain: line.chain,
            seq: line.seq,
            segment: line.segment,
            offset: line.offset,
            hash: unhex(&line.hash)?,
            wall: line.t,
            monotonic: line.monotonic,
            boot: line.boot,
        };
        Some((checkpoint, unhex(&line.signature)?))
    }
}

/// `pruned`: what was dropped on purpose.
#[derive(Debug, Deserialize)]
pub(crate) struct PrunedLine {
    pub(crate) through: u32,
    pub(crate) hash: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_head_is_read_alone() {
        let record = br#"{"seq":7,"t":1800000000000000,"kind":"event","event":"x"}"#;
        let head = Head::of(record).unwrap();
        assert_eq!(
            head,
            Head {
                seq: 7,
                wall: 1_800_000_000_000_000,
                kind: "event"
            }
        );
    }

    #[test]
    fn a_head_that_we_never_write_is_none() {
        for number in ["", "-1", "+1", "1.0", "18446744073709551616", " 1"] {
            let record = format!(r#"{{"seq":{number},"t":1,"kind":"event"}}"#);
            assert_eq!(Head::of(record.as_bytes()), None, "{number}");
        }
        let most = br#"{"seq":18446744073709551615,"t":1,"kind":"event"}"#;
        assert_eq!(Head::of(most).unwrap().seq, u64::MAX);
    }

    proptest! {
        #[test]
        fn no_record_makes_it_panic(record in prop::collection::vec(any::<u8>(), 0..80)) {
            Head::of(&record);
            Head::of(&[b"{\"seq\":1", record.as_slice()].concat());
        }
    }
}
