//! Decoders fed in every portion, and with anything.

use proptest::prelude::*;

use super::*;
use crate::egress::tests::coded;

/// Feeds a body in portions and takes what it becomes.
fn decode(
    coding: Coding,
    body: &[u8],
    portion: usize,
    most: usize,
) -> Result<(Bytes, bool), EgressFault> {
    let mut decoder = Decoder::new(coding, most, 64 << 20);
    for bytes in body.chunks(portion) {
        if !decoder.take(bytes)? {
            break;
        }
    }
    decoder.finish()
}

fn all(text: &[u8]) -> [(Coding, Vec<u8>); 6] {
    [
        (Coding::Identity, text.to_vec()),
        (Coding::Gzip, coded::gzip(text)),
        (Coding::Deflate, coded::zlib(text)),
        (Coding::Deflate, coded::deflate(text)),
        (Coding::Brotli, coded::brotli(text)),
        (Coding::Zstd, coded::zstd(text)),
    ]
}

#[test]
fn a_body_is_the_same_in_every_portion() {
    let text: Vec<u8> = (0..300_000_u32).map(|n| (n / 7 % 251) as u8).collect();
    for (coding, body) in all(&text) {
        for portion in [1, 2, 1000, body.len()] {
            let decoded = decode(coding, &body, portion, 1 << 20);
            assert!(
                decoded == Ok((text.clone().into(), false)),
                "{coding:?} {portion}"
            );
        }
    }
}

#[test]
fn an_empty_body_is_empty_in_every_coding() {
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
        assert_eq!(
            decode(coding, b"", 1, 10),
            Ok((Bytes::new(), false)),
            "{coding:?}"
        );
    }
}

#[test]
fn exactly_the_bound_is_whole_and_one_more_is_cut() {
    for (coding, body) in all(&[b'a'; 5000]) {
        let (kept, is_cut) = decode(coding, &body, 100, 5000).unwrap();
        assert_eq!((kept.len(), is_cut), (5000, false), "{coding:?}");
        let (kept, is_cut) = decode(coding, &body, 100, 4999).unwrap();
        assert_eq!((kept.len(), is_cut), (4999, true), "{coding:?}");
        let (kept, is_cut) = decode(coding, &body, 100, 0).unwrap();
        assert_eq!((kept.len(), is_cut), (0, true), "{coding:?}");
    }
}

#[test]
fn beyond_a_mebibyte_the_ratio_counts() {
    let bomb = vec![0; 4 << 20];
    for (coding, body) in all(&bomb).into_iter().skip(1) {
        let (kept, is_cut) = decode(coding, &body, 1000, 64 << 20).unwrap();
        assert!(is_cut && kept.len() < 2 << 20, "{coding:?}: {}", kept.len());
    }
    // A text that shrinks well, and not like a bomb.
    let text: Vec<u8> = (0..600_000_u32)
        .flat_map(|n| (n % 50_000).to_le_bytes())
        .collect();
    let (kept, is_cut) = decode(Coding::Gzip, &coded::gzip(&text), 1000, 64 << 20).unwrap();
    assert_eq!((kept.len(), is_cut), (text.len(), false));
}

#[test]
fn so_much_is_read_from_the_wire_and_no_more() {
    let mut decoder = Decoder::new(Coding::Identity, 1000, 10);
    assert_eq!(decoder.take(b"123456"), Ok(true));
    assert_eq!(decoder.take(b"789abc"), Ok(false));
    let (kept, is_cut) = decoder.finish().unwrap();
    assert_eq!((&kept[..], is_cut), (&b"123456789a"[..], true));
}

#[test]
fn zstd_asks_for_no_window_beyond_https() {
    // A frame whose window is 16 MiB: descriptor 0, exponent 14.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 14 << 3, 1, 0, 0];
    assert_eq!(
        decode(Coding::Zstd, &frame, 9, 100),
        Err(EgressFault::BadEncoding)
    );
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3, 1, 0, 0];
    assert_eq!(
        decode(Coding::Zstd, &frame, 1, 100),
        Ok((Bytes::new(), false))
    );
    // A dictionary, a skippable frame, a block beyond 128 KiB.
    for frame in [
        &[0x28, 0xb5, 0x2f, 0xfd, 1, 13 << 3, 7, 1, 0, 0][..],
        &[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0],
        &[0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3, 0xff, 0xff, 0xff],
    ] {
        assert_eq!(
            decode(Coding::Zstd, frame, 1, 100),
            Err(EgressFault::BadEncoding)
        );
    }
}

#[test]
fn several_members_are_one_body() {
    for (coding, body) in [
        (
            Coding::Gzip,
            [coded::gzip(b"one "), coded::gzip(b"two")].concat(),
        ),
        (
            Coding::Zstd,
            [coded::zstd(b"one "), coded::zstd(b"two")].concat(),
        ),
    ] {
        assert_eq!(
            decode(coding, &body, 3, 100),
            Ok(("one two".into(), false)),
            "{coding:?}"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(
        body in prop::collection::vec(any::<u8>(), 0..400),
        portion in 1usize..50,
        flip in any::<usize>(),
    ) {
        for (coding, mut good) in all(&body) {
            let at = flip % good.len().max(1);
            if let Some(byte) = good.get_mut(at) {
                *byte ^= 1 << (flip % 8);
            }
            if let Ok((kept, _)) = decode(coding, &good, portion, 1000) {
                prop_assert!(kept.len() <= 1000);
            }
            let _ = decode(coding, &body, portion, 1000);
        }
    }

    #[test]
    fn any_body_comes_back(body in prop::collection::vec(0u8..4, 0..3000), portion in 1usize..500) {
        for (coding, coded) in all(&body) {
            prop_assert_eq!(decode(coding, &coded, portion, 3000), Ok((body.clone().into(), false)));
        }
    }
}
