//! A file that is open for reading.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    os::{fd::OwnedFd, unix::fs::FileExt},
};

use rustix::buffer::spare_capacity;

use super::{FileFault, Meta};

/// Reads an [`OpenFile`] on and on.
#[derive(Debug)]
pub struct FileReader<'a>(&'a File);

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

/// What a file may grow by between two reads without costing one more.
const GROWTH: u64 = 512;

/// A file, opened for reading and judged, with what `fstat` said of it.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    meta: Meta,
    resolved: Option<String>,
}

impl OpenFile {
    pub(super) fn new(fd: OwnedFd, meta: Meta, resolved: Option<String>) -> Self {
        Self {
            file: File::from(fd),
            meta,
            resolved,
        }
    }

    /// What was known of it when it was opened.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Its path below the root, where links led elsewhere than was asked for.
    pub fn resolved(&self) -> Option<&str> {
        self.resolved.as_deref()
    }

    /// Reads it from where the last reader stopped, at first its beginning.
    pub fn reader(&self) -> FileReader<'_> {
        FileReader(&self.file)
    }

    /// Appends the whole file to `buffer`.
    ///
    /// # Errors
    /// [`FileFault::TooLarge`] where it has more than `limit` bytes, or grows beyond them meanwhile;
    /// no more than `limit` + 1 bytes are ever held.
    pub fn read_all(&self, limit: u64, buffer: &mut Vec<u8>) -> Result<(), FileFault> {
        let expected = self.meta.size;
        if expected > limit {
            return Err(FileFault::TooLarge {
                size: expected,
                limit,
            });
        }
        let start = buffer.len();
        let mut size = 0;
        loop {
            // One byte more than is expected, so that one call sees both the content and its end.
            let room = expected.saturating_sub(size).max(GROWTH).min(limit - size) + 1;
            buffer.reserve_exact(usize::try_from(room).unwrap_or(usize::MAX));
            let room = (buffer.capacity() - buffer.len()) as u64;
            let read = self.append_some(size, buffer)?;
            size = (buffer.len() - start) as u64;
            if size > limit {
                return Err(FileFault::TooLarge { size, limit });
            }
            if self.ended(size, read, room) {
                return Ok(());
            }
        }
    }

    /// Reads from `offset` until `buffer` is full or the file ends; gives the bytes read.
    pub fn read_range(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FileFault> {
        let mut filled = 0;
        while filled < buffer.len() {
            let at = offset.saturating_add(filled as u64);
            let room = buffer.len() - filled;
            let read = self.read_some(at, &mut buffer[filled..])?;
            filled += read;
            if self.ended(at.saturating_add(read as u64), read, room as u64) {
                break;
            }
        }
        Ok(filled)
    }

    /// Fills the room that is left, which is never zeroed before.
    fn append_some(&self, offset: u64, buffer: &mut Vec<u8>) -> Result<usize, FileFault> {
        loop {
            match rustix::io::pread(&self.file, spare_capacity(buffer), offset) {
                Err(rustix::io::Errno::INTR) => {}
                done => return Ok(done.map_err(std::io::Error::from)?),
            }
        }
    }

    fn read_some(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FileFault> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                done => return Ok(done?),
            }
        }
    }

    /// Is this the file's end? It is where a read gave nothing, and where one that had room for more
    /// came to the size that the file had: that saves asking once more.
    fn ended(&self, position: u64, read: usize, room: u64) -> bool {
        read == 0 || (position == self.meta.size && (read as u64) < room)
    }
}
