//! A message as it leaves.

use std::{collections::VecDeque, io::IoSlice, iter::once, ops::Range};

use bytes::{Buf, Bytes};

/// Bytes in pieces that follow each other on the wire. A long text that stands in a result twice is here
/// once, and what a server said at length is not copied into its envelope.
#[derive(Debug, Clone)]
pub struct Body {
    first: Bytes,
    rest: Vec<Bytes>,
}

impl Body {
    /// `bytes`, into which at `at` the part `again` is put once more.
    pub(crate) fn repeating(bytes: Bytes, again: Range<usize>, at: usize) -> Self {
        Self {
            first: bytes.slice(..at),
            rest: vec![bytes.slice(again), bytes.slice(at..)],
        }
    }

    /// How long it is on the wire.
    pub fn len(&self) -> usize {
        self.parts().map(<[u8]>::len).sum()
    }

    /// True where it is no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces that follow each other on the wire; some may be empty.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        once(&self.first).chain(&self.rest).map(|part| &part[..])
    }

    /// All of it in one piece: copied only where there are several.
    pub fn into_bytes(self) -> Bytes {
        if self.rest.is_empty() {
            return self.first;
        }
        self.parts().collect::<Vec<_>>().concat().into()
    }
}

impl From<Bytes> for Body {
    fn from(first: Bytes) -> Self {
        let rest = Vec::new();
        Self { first, rest }
    }
}

impl FromIterator<Bytes> for Body {
    fn from_iter<T: IntoIterator<Item = Bytes>>(pieces: T) -> Self {
        let mut pieces = pieces.into_iter();
        Self {
            first: pieces.next().unwrap_or_default(),
            rest: pieces.collect(),
        }
    }
}

/// Parts that are written one after the other: several at once, where the system takes them so.
#[derive(Debug)]
pub struct Gather<'a>(VecDeque<&'a [u8]>);

impl<'a> FromIterator<&'a [u8]> for Gather<'a> {
    fn from_iter<T: IntoIterator<Item = &'a [u8]>>(parts: T) -> Self {
        let parts = parts.into_iter();
        Self(parts.filter(|part| !part.is_empty()).collect())
    }
}

impl Buf for Gather<'_> {
    fn remaining(&self) -> usize {
        self.0.iter().map(|part| part.len()).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.front().copied().unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.iter_mut().zip(&self.0);
        filled
            .map(|(slice, part)| *slice = IoSlice::new(part))
            .count()
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(part) = self.0.front_mut() {
            if count < part.len() {
                *part = &part[count..];
                return;
            }
            count -= part.len();
            self.0.pop_front();
        }
        debug_assert_eq!(count, 0, "no more is written than there is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_gathered_is_all_of_it_in_order(
            parts: Vec<Vec<u8>>,
            steps in prop::collection::vec(1usize..40, 1..400),
        ) {
            let mut gather: Gather<'_> = parts.iter().map(Vec::as_slice).collect();
            let mut read = Vec::new();
            for step in steps.into_iter().cycle().take(10_000) {
                if !gather.has_remaining() {
                    break;
                }
                let mut slices = [IoSlice::new(&[]); 3];
                let filled = gather.chunks_vectored(&mut slices);
                let there: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                prop_assert!(there.starts_with(gather.chunk()));
                let taken = step.min(there.len());
                read.extend_from_slice(&there[..taken]);
                gather.advance(taken);
            }
            prop_assert_eq!(read, parts.concat());
        }
    }

    #[test]
    fn a_part_is_said_again_where_it_belongs() {
        let body = Body::repeating(Bytes::from_static(b"a-bc-d"), 2..4, 5);
        let parts: Vec<_> = body.parts().collect();
        assert_eq!(parts, [&b"a-bc-"[..], b"bc", b"d"]);
        assert_eq!((body.len(), body.is_empty()), (8, false));
        assert_eq!(&body.into_bytes()[..], b"a-bc-bcd");
    }

    #[test]
    fn pieces_are_one_body() {
        let plain = Body::from(Bytes::from_static(b"abc"));
        assert_eq!((plain.len(), &plain.into_bytes()[..]), (3, &b"abc"[..]));
        let several: Body = [&b"a"[..], b"bc"]
            .map(Bytes::from_static)
            .into_iter()
            .collect();
        assert_eq!((several.len(), &several.into_bytes()[..]), (3, &b"abc"[..]));
        let none: Body = [].into_iter().collect();
        assert!(none.is_empty() && none.into_bytes().is_empty());
    }
}
