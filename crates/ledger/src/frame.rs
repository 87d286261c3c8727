//! Frames: a record's length, its CRC-32C and its bytes, and how they are found again.

use std::{fs::File, io, io::Read, path::Path};

use crate::LedgerError;

/// Bytes before a record: length and checksum, both u32 LE.
pub(crate) const HEADER: usize = 8;

/// No record is longer: every text that others choose is clipped well below.
pub(crate) const MAX_RECORD: usize = 1 << 20;

/// How every record begins; where bytes are damaged, the next sound frame is found by it.
const BEGIN: &[u8] = b"{\"seq\":";

const CHUNK: usize = 256 << 10;

/// Makes room for a header; the record follows.
pub(crate) fn begin(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; HEADER]);
    out.len()
}

/// Fills in the header of the record that began at `start`.
pub(crate) fn seal(out: &mut [u8], start: usize) {
    let (head, record) = out.split_at_mut(start);
    let length = u32::try_from(record.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    let header = &mut head[start - HEADER..];
    header[..4].copy_from_slice(&length);
    header[4..].copy_from_slice(&checksum(length, record).to_le_bytes());
}

/// The records in sound bytes of our own.
pub(crate) fn records(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, _) = header(bytes)?;
        let record = bytes.get(HEADER..HEADER + length)?;
        bytes = &bytes[HEADER + length..];
        Some(record)
    })
}

fn checksum(length: [u8; 4], record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), record)
}

fn header(bytes: &[u8]) -> Option<(usize, u32)> {
    let length = bytes.first_chunk::<4>()?;
    let crc = bytes.get(4..)?.first_chunk::<4>()?;
    Some((
        u32::from_le_bytes(*length) as usize,
        u32::from_le_bytes(*crc),
    ))
}

/// What is found in a segment; `R` is a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<R> {
    /// A sound frame.
    Record {
        /// Where its frame begins.
        offset: u64,
        /// The record.
        record: R,
    },
    /// Bytes that are no frame, with sound frames after them.
    Broken {
        offset: u64,
        bytes: u64,
        what: &'static str,
    },
    /// Bytes that are no frame, with nothing sound after them.
    Torn {
        offset: u64,
        bytes: u64,
        what: &'static str,
    },
}

impl<R> Found<R> {
    /// The same, with another form of the record.
    pub(crate) fn map<S>(self, form: impl FnOnce(R) -> S) -> Found<S> {
        match self {
            Self::Record { offset, record } => Found::Record {
                offset,
                record: form(record),
            },
            Self::Broken {
                offset,
                bytes,
                what,
            } => Found::Broken {
                offset,
                bytes,
                what,
            },
            Self::Torn {
                offset,
                bytes,
                what,
            } => Found::Torn {
                offset,
                bytes,
                what,
            },
        }
    }
}

/// Reads a segment front to back through a bounded buffer.
pub(crate) struct Frames {
    file: File,
    buffer: Vec<u8>,
    /// Where in the buffer the bytes begin that were read and not yet looked at.
    start: usize,
    /// Where they end.
    end: usize,
    /// The file offset of that place.
    offset: u64,
}

impl Frames {
    /// From `offset` on, where a frame begins.
    pub(crate) fn open(path: &Path, offset: u64) -> Result<Self, LedgerError> {
        use std::io::{Seek, SeekFrom};
        let mut file = File::open(path).map_err(LedgerError::io("open", path))?;
        file.seek(SeekFrom::Start(offset))
            .map_err(LedgerError::io("read", path))?;
        Ok(Self {
            file,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            offset,
        })
    }

    /// The next thing, or nothing at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Found<&[u8]>>> {
        self.fill(HEADER)?;
        if self.rest().is_empty() {
            return Ok(None);
        }
        match self.frame_at(0)? {
            Ok(length) => {
                let (offset, start) = (self.offset, self.start + HEADER);
                self.skip(HEADER + length);
                let record = &self.buffer[start..start + length];
                Ok(Some(Found::Record { offset, record }))
            }
            Err(what) => self.resync(what).map(Some),
        }
    }

    /// The length of the sound record whose frame begins `at` bytes further, or what is wrong there.
    fn frame_at(&mut self, at: usize) -> io::Result<Result<usize, &'static str>> {
        self.fill(at + HEADER)?;
        let Some((length, crc)) = header(&self.rest()[at..]) else {
            return Ok(Err("a frame's header is cut"));
        };
        if !(BEGIN.len()..=MAX_RECORD).contains(&length) {
            return Ok(Err("a frame's length is impossible"));
        }
        self.fill(at + HEADER + length)?;
        let Some(record) = self.rest().get(at + HEADER..at + HEADER + length) else {
            return Ok(Err("a record is cut"));
        };
        if checksum((length as u32).to_le_bytes(), record) != crc {
            return Ok(Err("a record's checksum is wrong"));
        }
        Ok(Ok(length))
    }

    /// Goes on to the next sound frame, if there is one.
    fn resync(&mut self, what: &'static str) -> io::Result<Found<&[u8]>> {
        const NEED: usize = HEADER + BEGIN.len();
        let offset = self.offset;
        self.skip(1);
        loop {
            self.fill(NEED)?;
            let begin = self
                .rest()
                .get(HEADER..)
                .and_then(|rest| rest.windows(BEGIN.len()).position(|window| window == BEGIN));
            match begin {
                Some(at) => {
                    self.skip(at);
                    if self.frame_at(0)?.is_ok() {
                        return Ok(Found::Broken {
                            offset,
                            bytes: self.offset - offset,
                            what,
                        });
                    }
                    self.skip(1);
                }
                // A frame may still begin in the last bytes, if more follow.
                None if self.rest().len() >= NEED => self.skip(self.rest().len() - NEED + 1),
                None => {
                    self.skip(self.rest().len());
                    return Ok(Found::Torn {
                        offset,
                        bytes: self.offset - offset,
                        what,
                    });
                }
            }
        }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn skip(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Reads until `need` bytes are at hand or the file ends.
    fn fill(&mut self, need: usize) -> io::Result<()> {
        if self.rest().len() >= need {
            return Ok(());
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.buffer.len() < need {
            self.buffer.resize(need, 0);
        }
        while self.end < need {
            match self.file.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(more) => self.end += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(records: &[String]) -> Vec<u8> {
        let mut out = Vec::new();
        for record in records {
            let start = begin(&mut out);
            out.extend_from_slice(record.as_bytes());
            seal(&mut out, start);
        }
        out
    }

    fn read(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut frames = Frames::open(file.path(), 0).unwrap();
        let (mut sound, mut bad) = (Vec::new(), Vec::new());
        while let Some(found) = frames.next().unwrap() {
            match found {
                Found::Record { record, .. } => {
                    sound.push(String::from_utf8(record.to_vec()).unwrap())
                }
                other => bad.push(format!("{other:?}")),
            }
        }
        (sound, bad)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn one_flip_costs_one_record(sizes in prop::collection::vec(0usize..400_000, 1..5), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let records: Vec<_> = sizes.iter().enumerate().map(|(seq, size)| format!("{{\"seq\":{seq},\"x\":\"{}\"}}", "y".repeat(*size))).collect();
            let mut bytes = framed(&records);
            prop_assert_eq!(read(&bytes), (records.clone(), vec![]));
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let (sound, bad) = read(&bytes);
            prop_assert_eq!(sound.len(), records.len() - 1);
            prop_assert_eq!(bad.len(), 1);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            read(&bytes);
        }
    }
}
