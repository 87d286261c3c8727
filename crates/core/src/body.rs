//! A message as it leaves.

use std::ops::Range;

use bytes::Bytes;

/// Bytes, of which one part may be said again further on: a long text stands in a result twice, and here
/// once.
#[derive(Debug, Clone)]
pub struct Body {
    bytes: Bytes,
    again: Range<usize>,
    at: usize,
}

impl Body {
    /// `bytes`, into which at `at` the part `again` is put once more.
    pub(crate) fn repeating(bytes: Bytes, again: Range<usize>, at: usize) -> Self {
        Self { bytes, again, at }
    }

    /// How long it is on the wire.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.again.len()
    }

    /// True where it is no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The pieces that follow each other on the wire; some may be empty.
    pub fn parts(&self) -> [&[u8]; 3] {
        let (before, after) = self.bytes.split_at(self.at);
        [before, &self.bytes[self.again.clone()], after]
    }

    /// All of it in one piece: copied only where a part is said again.
    pub fn into_bytes(self) -> Bytes {
        if self.again.is_empty() {
            return self.bytes;
        }
        self.parts().concat().into()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self {
            at: bytes.len(),
            again: 0..0,
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_said_again_where_it_belongs() {
        let body = Body::repeating(Bytes::from_static(b"a-bc-d"), 2..4, 5);
        assert_eq!(body.parts(), [&b"a-bc-"[..], b"bc", b"d"]);
        assert_eq!((body.len(), body.is_empty()), (8, false));
        assert_eq!(&body.into_bytes()[..], b"a-bc-bcd");
        let plain = Body::from(Bytes::from_static(b"abc"));
        assert_eq!(plain.parts().concat(), b"abc");
        assert_eq!((plain.len(), &plain.into_bytes()[..]), (3, &b"abc"[..]));
    }
}
