//! Zstandard (RFC 8878), one block at a time: a block of four bytes may become 128 KiB.

use std::io::{self, Write};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The largest window that HTTP allows (RFC 9659 section 3).
const WINDOW: u64 = 8 << 20;
const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// The largest block (RFC 8878 section 3.1.1.2.4).
const BLOCK: usize = 128 << 10;
const CHECKSUM: usize = 4;

/// Bytes in, text out to `W`.
pub(super) struct Zstd<W> {
    decoder: FrameDecoder,
    waiting: Vec<u8>,
    place: Place,
    kept: W,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    BeforeFrame,
    InFrame { has_checksum: bool },
}

impl<W: Write> Zstd<W> {
    pub(super) fn new(kept: W) -> Self {
        Self {
            decoder: FrameDecoder::new(),
            waiting: Vec::new(),
            place: Place::BeforeFrame,
            kept,
        }
    }

    pub(super) fn kept(&mut self) -> &mut W {
        &mut self.kept
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        let mut done = 0;
        while let Some(length) = self.unit(done)? {
            let unit = &self.waiting[done..done + length];
            self.place = match self.place {
                Place::BeforeFrame => begin(&mut self.decoder, unit)?,
                Place::InFrame { .. } => {
                    let one = BlockDecodingStrategy::UptoBlocks(1);
                    let is_last = self.decoder.decode_blocks(unit, one).map_err(broken)?;
                    self.decoder.collect_to_writer(&mut self.kept)?;
                    if is_last {
                        Place::BeforeFrame
                    } else {
                        self.place
                    }
                }
            };
            done += length;
        }
        self.waiting.drain(..done);
        Ok(())
    }

    /// Nothing may be left over.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() && self.place == Place::BeforeFrame {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// How long what comes next is, a frame's header or a block, if all of it is here.
    fn unit(&self, from: usize) -> io::Result<Option<usize>> {
        let rest = &self.waiting[from..];
        let length = match self.place {
            Place::BeforeFrame => header_length(rest)?,
            Place::InFrame { has_checksum } => block_length(rest, has_checksum)?,
        };
        Ok(length.filter(|length| *length <= rest.len()))
    }
}

fn begin(decoder: &mut FrameDecoder, header: &[u8]) -> io::Result<Place> {
    if window(header) > WINDOW {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    decoder.reset(header).map_err(broken)?;
    let has_checksum = header[4] & 0b100 != 0;
    Ok(Place::InFrame { has_checksum })
}

/// RFC 8878 section 3.1.1.1. Skippable frames and dictionaries have no business in HTTP.
fn header_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let (magic, rest) = bytes.split_at(bytes.len().min(4));
    if !MAGIC.starts_with(magic) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let Some(&descriptor) = rest.first() else {
        return Ok(None);
    };
    if descriptor & 0b11 != 0 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let is_single = descriptor & 0b10_0000 != 0;
    let content_size = match descriptor >> 6 {
        0 => usize::from(is_single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    Ok(Some(5 + usize::from(!is_single) + content_size))
}

/// The window that a whole header asks for (RFC 8878 section 3.1.1.1.2).
fn window(header: &[u8]) -> u64 {
    let is_single = header[4] & 0b10_0000 != 0;
    if !is_single {
        let (exponent, mantissa) = (header[5] >> 3, header[5] & 0b111);
        let base = 1_u64 << (10 + exponent);
        return base + base / 8 * u64::from(mantissa);
    }
    let mut size = [0; 8];
    let field = &header[5..];
    size[..field.len()].copy_from_slice(field);
    let offset = if field.len() == 2 { 256 } else { 0 };
    u64::from_le_bytes(size).saturating_add(offset)
}

/// RFC 8878 section 3.1.1.2, with the checksum behind the last block.
fn block_length(bytes: &[u8], has_checksum: bool) -> io::Result<Option<usize>> {
    let [a, b, c, ..] = *bytes else {
        return Ok(None);
    };
    let header = u32::from_le_bytes([a, b, c, 0]);
    let size = (header >> 3) as usize;
    if size > BLOCK {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let is_run = header >> 1 & 0b11 == 1;
    let is_last = header & 1 == 1;
    let content = if is_run { 1 } else { size };
    let checksum = if is_last && has_checksum { CHECKSUM } else { 0 };
    Ok(Some(3 + content + checksum))
}

fn broken(error: ruzstd::decoding::errors::FrameDecoderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
