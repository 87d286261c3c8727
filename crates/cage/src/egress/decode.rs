//! Content codings (RFC 9110 section 8.4.1), undone as the bytes come and never beyond a bound.

mod zstd;

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use bytes::Bytes;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::EgressFault;
use zstd::Zstd;

/// What is asked for.
pub(super) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// From here on the ratio counts: small texts of one letter are no bombs.
const RATIO_FROM: usize = 1 << 20;
/// How many bytes one byte may become.
const RATIO: u64 = 100;

/// One layer of coding, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// Reads `Content-Encoding`, all its lines joined.
    pub(super) fn parse(text: &str) -> Result<Self, EgressFault> {
        let mut found = Self::Identity;
        for word in text.split(',').map(str::trim).filter(|w| !w.is_empty()) {
            let coding = match word.to_ascii_lowercase().as_str() {
                "identity" => continue,
                "gzip" | "x-gzip" => Self::Gzip,
                "deflate" => Self::Deflate,
                "br" => Self::Brotli,
                "zstd" => Self::Zstd,
                _ => return Err(EgressFault::UnknownEncoding),
            };
            if found != Self::Identity {
                return Err(EgressFault::NestedEncoding);
            }
            found = coding;
        }
        Ok(found)
    }
}

/// What is kept of a body.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    most: usize,
    taken: u64,
    is_cut: bool,
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.most - self.bytes.len();
        let is_bomb = self.bytes.len() >= RATIO_FROM
            && self.bytes.len() as u64 > self.taken.saturating_mul(RATIO);
        if bytes.len() > room || is_bomb {
            let rest = if is_bomb { 0 } else { room };
            self.bytes.extend_from_slice(&bytes[..rest]);
            self.is_cut = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // Doubling, but never beyond what may be kept: that is what a bomb costs.
        if self.bytes.capacity() - self.bytes.len() < bytes.len() {
            let wanted = (self.bytes.len() * 2).max(self.bytes.len() + bytes.len());
            self.bytes
                .reserve_exact(wanted.min(self.most) - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes a body in and keeps what it decodes to.
pub(super) struct Decoder {
    coding: Coding,
    inner: Inner,
    most_on_wire: u64,
}

enum Inner {
    Identity(Kept),
    Gzip(MultiGzDecoder<Kept>),
    Zlib(ZlibDecoder<Kept>),
    Bare(DeflateDecoder<Kept>),
    Brotli(Box<DecompressorWriter<Kept>>),
    Zstd(Box<Zstd<Kept>>),
}

impl Inner {
    /// A decoder for a body that begins with this byte: some send `deflate` as zlib (which RFC 9110
    /// says), some bare.
    fn new(coding: Coding, first: u8, kept: Kept) -> Self {
        match coding {
            Coding::Identity => Self::Identity(kept),
            Coding::Gzip => Self::Gzip(MultiGzDecoder::new(kept)),
            Coding::Deflate if first & 0x8f == 8 => Self::Zlib(ZlibDecoder::new(kept)),
            Coding::Deflate => Self::Bare(DeflateDecoder::new(kept)),
            Coding::Brotli => Self::Brotli(Box::new(DecompressorWriter::new(kept, 16 << 10))),
            Coding::Zstd => Self::Zstd(Box::new(Zstd::new(kept))),
        }
    }

    fn kept(&mut self) -> &mut Kept {
        match self {
            Self::Identity(kept) => kept,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zlib(decoder) => decoder.get_mut(),
            Self::Bare(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.kept(),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Identity(kept) => kept.write_all(bytes),
            Self::Gzip(decoder) => decoder.write_all(bytes),
            Self::Zlib(decoder) => decoder.write_all(bytes),
            Self::Bare(decoder) => decoder.write_all(bytes),
            Self::Brotli(decoder) => decoder.write_all(bytes),
            Self::Zstd(decoder) => decoder.write_all(bytes),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Identity(_) => Ok(()),
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Zlib(decoder) => decoder.try_finish(),
            Self::Bare(decoder) => decoder.try_finish(),
            Self::Brotli(decoder) => decoder.close(),
            Self::Zstd(decoder) => decoder.finish(),
        }
    }
}

impl Decoder {
    /// For a body of this coding, of which at most so much is kept and so much read.
    pub(super) fn new(coding: Coding, most: usize, most_on_wire: u64) -> Self {
        let kept = Kept {
            bytes: Vec::new(),
            most,
            taken: 0,
            is_cut: false,
        };
        Self {
            coding,
            inner: Inner::Identity(kept),
            most_on_wire,
        }
    }

    /// Takes bytes in. `false`: enough, the rest is not wanted.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<bool, EgressFault> {
        let Some(&first) = bytes.first() else {
            return Ok(true);
        };
        let kept = self.inner.kept();
        if kept.taken == 0 {
            let kept = std::mem::take(kept);
            self.inner = Inner::new(self.coding, first, kept);
        }
        let kept = self.inner.kept();
        let left = usize::try_from(self.most_on_wire - kept.taken).unwrap_or(usize::MAX);
        let wanted = &bytes[..bytes.len().min(left)];
        kept.taken += wanted.len() as u64;
        let written = self.inner.write_all(wanted);
        let kept = self.inner.kept();
        kept.is_cut |= wanted.len() < bytes.len();
        match written {
            _ if kept.is_cut => Ok(false),
            Err(_) => Err(EgressFault::BadEncoding),
            Ok(()) => Ok(true),
        }
    }

    /// How many bytes were taken in.
    pub(super) fn taken(&mut self) -> u64 {
        self.inner.kept().taken
    }

    /// The body, and whether there was more of it.
    pub(super) fn finish(mut self) -> Result<(Bytes, bool), EgressFault> {
        let finished = if self.inner.kept().is_cut {
            Ok(())
        } else {
            self.inner.finish()
        };
        let kept = self.inner.kept();
        if finished.is_err() && !kept.is_cut {
            return Err(EgressFault::BadEncoding);
        }
        Ok((std::mem::take(&mut kept.bytes).into(), kept.is_cut))
    }
}

#[cfg(test)]
mod tests;
