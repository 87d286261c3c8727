//! Compressed bodies, as good servers and bad ones make them.

use std::io::Write;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};

pub(in crate::egress) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(in crate::egress) fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(in crate::egress) fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(in crate::egress) fn brotli(body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut coded, 4096, 5, 22);
    encoder.write_all(body).unwrap();
    drop(encoder);
    coded
}

pub(in crate::egress) fn zstd(body: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(body, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Half a gibibyte of nothing, made without having it in memory.
pub(in crate::egress) fn bomb(encoding: &str) -> Vec<u8> {
    const PORTION: usize = 128 << 10;
    const PORTIONS: usize = (512 << 20) / PORTION;
    let mut coded = Vec::new();
    let fill =
        |to: &mut dyn Write| (0..PORTIONS).for_each(|_| to.write_all(&[0; PORTION]).unwrap());
    match encoding {
        "gzip" => fill(&mut GzEncoder::new(&mut coded, Compression::fast())),
        "br" => fill(&mut brotli::CompressorWriter::new(&mut coded, 4096, 1, 22)),
        _ => {
            // A window of 8 MiB, and runs of one byte (RFC 8878 section 3.1.1.2.2).
            coded.extend([0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3]);
            for left in (0..PORTIONS).rev() {
                let header = (PORTION as u32) << 3 | 0b010 | u32::from(left == 0);
                coded.extend(&header.to_le_bytes()[..3]);
                coded.push(0);
            }
        }
    }
    coded
}
