//! Lines, heads, chunks and events: the same bytes give the same frames however the network cuts them.
#![no_main]

use bytes::BytesMut;
use durward_wire::{
    Frame, LineFrames,
    http1::{ChunkedDecoder, HeadLimits, parse_head, take_answer_head},
    sse::EventParser,
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
    assert_eq!(events(&[data]), events(&[first, second]));
    let limits = HeadLimits {
        bytes: 1024,
        headers: 16,
    };
    if let Ok(Some((_, taken))) = parse_head(data, limits) {
        assert!(taken <= data.len());
    }
    let mut answer = BytesMut::from(data);
    if let Ok(Some(_)) = take_answer_head(&mut answer, limits) {
        assert!(data.ends_with(&answer));
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

/// Names and data, and whether the stream is too long in the end.
fn events(pieces: &[&[u8]]) -> (Vec<(Box<str>, Vec<u8>)>, bool) {
    let mut parser = EventParser::new(LIMIT);
    let mut found = Vec::new();
    for piece in pieces {
        parser.buffer().extend_from_slice(piece);
        loop {
            match parser.next() {
                Ok(Some(event)) => found.push((event.name, event.data.to_vec())),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
    }
    (found, false)
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
