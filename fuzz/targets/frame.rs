//! Lines, heads and chunks: the same bytes give the same frames however the network cuts them.
#![no_main]

use bytes::BytesMut;
use durward_wire::{
    Frame, LineFrames,
    http1::{ChunkedDecoder, HeadLimits, parse_head},
};

const LIMIT: usize = 64;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((cut, data)) = data.split_first() else {
        return;
    };
    let cut = usize::from(*cut).min(data.len());
    let (first, second) = data.split_at(cut);
    assert_eq!(lines(&[data]), lines(&[first, second]));
    assert_eq!(unchunked(&[data]), unchunked(&[first, second]));
    if let Ok(Some((_, taken))) = parse_head(
        data,
        HeadLimits {
            bytes: 1024,
            headers: 16,
        },
    ) {
        assert!(taken <= data.len());
    }
});

fn lines(pieces: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
    let mut frames = LineFrames::new(LIMIT);
    let mut found = Vec::new();
    for piece in pieces {
        frames.push(piece);
        while let Some(frame) = frames.next() {
            found.push(match frame {
                Frame::Line(line) => {
                    assert!(line.len() <= LIMIT);
                    Some(line.to_vec())
                }
                Frame::TooLong => None,
            });
        }
    }
    found
}

/// The body as far as it is sound, or nothing where it is not.
fn unchunked(pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let (mut decoder, mut input, mut out) =
        (ChunkedDecoder::new(), BytesMut::new(), BytesMut::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        decoder.decode(&mut input, &mut out, LIMIT).ok()?;
        assert!(out.len() <= LIMIT);
    }
    Some(out.to_vec())
}
