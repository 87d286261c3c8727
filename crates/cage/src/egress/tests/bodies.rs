//! Compressed bodies, over the wire.

use std::io::Write;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};

use super::*;

fn answer(encoding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

pub(in super::super) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(in super::super) fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(in super::super) fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(in super::super) fn brotli(body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut coded, 4096, 5, 22);
    encoder.write_all(body).unwrap();
    drop(encoder);
    coded
}

pub(in super::super) fn zstd(body: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(body, ruzstd::encoding::CompressionLevel::Fastest)
}

#[tokio::test]
async fn each_coding_is_undone() {
    let text = "what is said, said again, and said again ".repeat(2000);
    let text = text.as_bytes();
    for (encoding, body) in [
        ("gzip", gzip(text)),
        ("x-gzip", gzip(text)),
        ("GZIP", gzip(text)),
        ("deflate", zlib(text)),
        ("deflate", deflate(text)),
        ("br", brotli(text)),
        ("zstd", zstd(text)),
        ("identity", text.to_vec()),
        ("", text.to_vec()),
    ] {
        let answer = get(answer(encoding, &body), &Budget::default())
            .await
            .unwrap();
        assert!(&answer.body[..] == text && !answer.truncated, "{encoding}");
    }
}

#[tokio::test]
async fn one_layer_is_undone_and_no_more() {
    let twice = gzip(&gzip(b"a"));
    for (encoding, fault) in [
        ("gzip, gzip", EgressFault::NestedEncoding),
        ("br,gzip", EgressFault::NestedEncoding),
        ("compress", EgressFault::UnknownEncoding),
        ("gzip, aes128gcm", EgressFault::UnknownEncoding),
    ] {
        let seen = get(answer(encoding, &twice), &Budget::default())
            .await
            .unwrap_err();
        assert_eq!(seen, fault, "{encoding}");
    }
    let lines = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\na"
    );
    let fault = get(lines, &Budget::default()).await.unwrap_err();
    assert_eq!(fault, EgressFault::NestedEncoding);
}

#[tokio::test]
async fn a_broken_body_is_said() {
    let text = vec![b'a'; 50_000];
    for (encoding, body) in [
        ("gzip", gzip(&text)),
        ("br", brotli(&text)),
        ("zstd", zstd(&text)),
    ] {
        for body in [&body[..body.len() - 3], b"not at all", &[0xff; 300]] {
            let fault = get(answer(encoding, body), &Budget::default())
                .await
                .unwrap_err();
            assert_eq!(fault, EgressFault::BadEncoding, "{encoding}");
        }
    }
}

#[tokio::test]
async fn a_bomb_is_cut_at_the_bound() {
    let bomb = vec![b'A'; 20 << 20];
    for (encoding, body) in [
        ("gzip", gzip(&bomb)),
        ("deflate", zlib(&bomb)),
        ("deflate", deflate(&bomb)),
        ("br", brotli(&bomb)),
        ("zstd", zstd(&bomb)),
    ] {
        let answer = get(answer(encoding, &body), &Budget::default())
            .await
            .unwrap();
        assert!(answer.truncated, "{encoding}");
        assert!(answer.body.len() <= 1 << 20, "{encoding}");
        assert!(answer.body.iter().all(|b| *b == b'A'), "{encoding}");
    }
}
