//! Questions for a name's address (RFC 1035, section 4).

use std::net::Ipv4Addr;

/// An IPv4 address.
pub(super) const A: u16 = 1;
/// The internet.
const IN: u16 = 1;

const HEADER: usize = 12;
const LABEL: usize = 63;
const NAME: usize = 253;
/// How long an answer holds, in seconds: as long as a box may well live.
const TTL: u32 = 60;

const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

/// One question.
pub(super) struct Question<'a> {
    id: [u8; 2],
    recursion: u8,
    /// As it came, to be sent back.
    asked: &'a [u8],
    /// Labels of letters, digits and `-`, with dots between; none where it is no such name.
    pub(super) name: Option<String>,
    pub(super) kind: u16,
}

impl<'a> Question<'a> {
    /// Reads a message with one question; what else it has is ignored.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        // A query, of the standard kind, with one question.
        if header[2] & 0xf8 != 0 || header[4..6] != [0, 1] {
            return None;
        }
        let (name, end) = name(bytes)?;
        let [kind, kind_low, class, class_low] = *bytes.get(end..)?.first_chunk()?;
        let class = u16::from_be_bytes([class, class_low]);
        Some(Self {
            id: [header[0], header[1]],
            recursion: header[2] & 1,
            asked: &bytes[HEADER..end + 4],
            name: name.filter(|_| class == IN),
            kind: u16::from_be_bytes([kind, kind_low]),
        })
    }

    /// The answer: this address, or that the name has none of the kind.
    pub(super) fn answer(&self, address: Option<Ipv4Addr>) -> Vec<u8> {
        let mut bytes = self.reply(0, address.is_some());
        if let Some(address) = address {
            // The name of the question, which begins behind the header.
            bytes.extend([0xc0, HEADER as u8]);
            bytes.extend(A.to_be_bytes());
            bytes.extend(IN.to_be_bytes());
            bytes.extend(TTL.to_be_bytes());
            bytes.extend([0, 4]);
            bytes.extend(address.octets());
        }
        bytes
    }

    /// There is no such name, as far as the box is concerned.
    pub(super) fn no_such_name(&self) -> Vec<u8> {
        self.reply(NO_SUCH_NAME, false)
    }

    /// It can't be answered.
    pub(super) fn failure(&self) -> Vec<u8> {
        self.reply(SERVER_FAILURE, false)
    }

    fn reply(&self, code: u8, has_answer: bool) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.asked.len() + 16);
        bytes.extend(self.id);
        // An answer, and recursion is available.
        bytes.extend([0x80 | self.recursion, 0x80 | code]);
        bytes.extend([0, 1, 0, u8::from(has_answer), 0, 0, 0, 0]);
        bytes.extend(self.asked);
        bytes
    }
}

/// The name behind the header, and where it ends. In a question nothing is compressed.
fn name(bytes: &[u8]) -> Option<(Option<String>, usize)> {
    let (mut name, mut at, mut is_plain) = (String::new(), HEADER, true);
    loop {
        let length = usize::from(*bytes.get(at)?);
        if length > LABEL || name.len() > NAME {
            return None;
        }
        at += 1;
        if length == 0 {
            let is_name = is_plain && !name.is_empty();
            return Some((is_name.then_some(name), at));
        }
        if !name.is_empty() {
            name.push('.');
        }
        for byte in bytes.get(at..at + length)? {
            // A dot within a label would be read as two of them.
            is_plain &= byte.is_ascii_alphanumeric() || *byte == b'-';
            name.push(char::from(byte.to_ascii_lowercase()));
        }
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(labels: &[&[u8]], kind: u16, class: u16) -> Vec<u8> {
        let mut bytes = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in labels {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(*label);
        }
        bytes.push(0);
        bytes.extend(kind.to_be_bytes());
        bytes.extend(class.to_be_bytes());
        bytes
    }

    #[test]
    fn a_question_is_answered_in_its_own_words() {
        let bytes = query(&[b"Api", b"x-1", b"example"], A, IN);
        let question = Question::read(&bytes).unwrap();
        assert_eq!(question.name.as_deref(), Some("api.x-1.example"));
        let answer = question.answer(Some(Ipv4Addr::new(198, 18, 0, 1)));
        assert_eq!(answer[..12], [7, 9, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert_eq!(answer[12..bytes.len()], bytes[12..]);
        assert_eq!(
            answer[bytes.len()..],
            [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 1]
        );
        assert_eq!(question.answer(None)[3..8], [0x80, 0, 1, 0, 0]);
        assert_eq!(question.no_such_name()[3], 0x83);
        assert_eq!(question.failure()[3], 0x82);
    }

    #[test]
    fn what_is_no_name_of_a_host_has_none() {
        for labels in [
            &[&b"a\0"[..], b"example"][..],
            &[b"a.b", b"example"],
            &[b"a_b", b"example"],
            &[b"a b", b"example"],
            &[b"\xc3\xa4", b"example"],
            &[],
        ] {
            let bytes = query(labels, A, IN);
            assert_eq!(Question::read(&bytes).unwrap().name, None, "{labels:?}");
        }
        // Of another class than the internet's.
        assert_eq!(Question::read(&query(&[b"a"], A, 3)).unwrap().name, None);
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        let whole = query(&[b"a", b"example"], A, IN);
        for length in 0..whole.len() {
            assert!(Question::read(&whole[..length]).is_none(), "{length}");
        }
        for (at, byte) in [(2, 0x81), (2, 0x10), (5, 0), (5, 2), (12, 0xc0)] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            assert!(Question::read(&bytes).is_none(), "{at} {byte}");
        }
        let long = query(&[&[b'a'; 63][..]; 5], A, IN);
        assert!(Question::read(&long).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Some(question) = Question::read(&bytes) {
                let answer = question.answer(Some(Ipv4Addr::LOCALHOST));
                prop_assert!(answer.len() <= bytes.len() + 16);
                if let Some(name) = question.name {
                    prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)));
                }
            }
        }
    }
}
