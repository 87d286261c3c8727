//! The few things that the journal asks of a disk, behind a trait, so that tests can break them.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::PathBuf,
    sync::Arc,
};

/// A chain's folder.
pub(crate) trait Disk: Send + Sync {
    /// Opens a segment, and makes it where there is none.
    fn open(&self, number: u32) -> io::Result<Arc<dyn Segment>>;
    /// Puts the names of new segments on disk.
    fn sync_names(&self) -> io::Result<()>;
}

/// A segment's file.
pub(crate) trait Segment: Send + Sync {
    /// Writes all of it there.
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file.
    fn cut(&self, length: u64) -> io::Result<()>;
    /// Fills `bytes` from there.
    fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// Puts what was written on disk.
    fn sync(&self) -> io::Result<()>;
}

/// The real one.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Disk for Folder {
    fn open(&self, number: u32) -> io::Result<Arc<dyn Segment>> {
        let path = crate::folder::segment(&self.0, number);
        let mut options = OpenOptions::new();
        let options = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        Ok(Arc::new(options.open(path)?))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl Segment for File {
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
