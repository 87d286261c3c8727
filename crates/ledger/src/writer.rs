//! The only hand that writes segments. What it could not write it keeps and tries again.

use std::{io, sync::Arc};

use crate::{
    copy::Copy,
    disk::{Disk, Segment},
    pending::{Batch, End},
};

/// A buffer that grew beyond this is given back.
const KEEP_BUFFER: usize = 1 << 20;

/// A segment that we write or wrote.
#[derive(Clone)]
pub(crate) struct Open {
    number: u32,
    file: Arc<dyn Segment>,
    /// Bytes written.
    length: u64,
    /// Of these, bytes known to be on disk.
    synced: u64,
}

/// The segments and what is on its way into them.
pub(crate) struct Writer {
    disk: Arc<dyn Disk>,
    current: Open,
    /// Full ones that are not yet on disk.
    full: Vec<Open>,
    batch: Batch,
    /// Bytes of the batch that are in the file.
    done: usize,
    /// The current file may hold part of a frame.
    torn: bool,
    /// A sync failed: what the kernel holds can't be trusted to reach the disk.
    doubtful: bool,
    /// The folder lists files that it may not list after a power cut.
    new_names: bool,
    copy: Option<Copy>,
}

impl Writer {
    /// Goes on at the end of a chain; `new_names`: its folder may not be on disk as it is.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        end: End,
        new_names: bool,
        copy: Option<Copy>,
    ) -> io::Result<Self> {
        let file = disk.open(end.segment)?;
        Ok(Self {
            current: Open {
                number: end.segment,
                file,
                length: end.length,
                synced: end.length,
            },
            disk,
            full: Vec::new(),
            batch: Batch::default(),
            done: 0,
            torn: false,
            doubtful: false,
            new_names,
            copy,
        })
    }

    /// Takes over what waits.
    pub(crate) fn take(&mut self, waiting: &mut Batch) {
        if self.batch.bytes.is_empty() {
            std::mem::swap(&mut self.batch, waiting);
        } else {
            let before = self.batch.bytes.len();
            self.batch.bytes.append(&mut waiting.bytes);
            let cuts = waiting.cuts.drain(..).map(|mut cut| {
                cut.at += before;
                cut
            });
            self.batch.cuts.extend(cuts);
        }
    }

    /// Writes what was taken. On an error nothing is lost: the next call goes on from there.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        self.mend()?;
        if let Err(error) = self.write_batch() {
            self.torn = true;
            // Leaves no half frame to readers and gives the space back; `mend` makes sure of it.
            let _ = self.current.file.cut(self.current.length);
            return Err(error);
        }
        if let Some(copy) = &mut self.copy {
            copy.write(&self.batch.bytes);
        }
        self.batch.bytes.clear();
        self.batch.bytes.shrink_to(KEEP_BUFFER);
        self.done = 0;
        Ok(())
    }

    /// What was written and may not be on disk.
    pub(crate) fn unsynced(&self) -> Unsynced {
        let opens = self.full.iter().chain([&self.current]);
        Unsynced {
            opens: opens
                .filter(|open| open.synced < open.length)
                .cloned()
                .collect(),
            names: self.new_names.then(|| self.disk.clone()),
        }
    }

    /// The folder lists files that it may not list after a power cut.
    pub(crate) fn has_new_names(&self) -> bool {
        self.new_names
    }

    /// That is on disk.
    pub(crate) fn synced(&mut self, unsynced: &Unsynced) {
        for done in &unsynced.opens {
            let opens = self.full.iter_mut().chain([&mut self.current]);
            for open in opens.filter(|open| open.number == done.number) {
                open.synced = open.synced.max(done.length);
            }
        }
        self.full.retain(|open| open.synced < open.length);
        // A segment that was begun meanwhile is the current one and has bytes that are not synced.
        self.new_names &= unsynced.names.is_none() || self.current.synced == 0;
    }

    /// A sync failed. Trying it again would say nothing: the kernel may have dropped the bytes.
    pub(crate) fn doubt(&mut self) {
        self.doubtful = true;
    }

    fn write_batch(&mut self) -> io::Result<()> {
        while let Some(cut) = self.batch.cuts.first().copied() {
            self.write_to(cut.at)?;
            self.rotate(cut.segment)?;
            self.batch.cuts.remove(0);
        }
        self.write_to(self.batch.bytes.len())
    }

    fn write_to(&mut self, end: usize) -> io::Result<()> {
        let bytes = &self.batch.bytes[self.done..end];
        self.current.file.write(bytes, self.current.length)?;
        self.current.length += bytes.len() as u64;
        self.done = end;
        Ok(())
    }

    fn rotate(&mut self, number: u32) -> io::Result<()> {
        let file = self.disk.open(number)?;
        let next = Open {
            number,
            file,
            length: 0,
            synced: 0,
        };
        self.new_names = true;
        self.full.push(std::mem::replace(&mut self.current, next));
        Ok(())
    }

    /// Puts right what the last error left: a poisoned descriptor is never written to again.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.current.file = self.disk.open(self.current.number)?;
            self.current.file.cut(self.current.length)?;
            self.torn = false;
        }
        if self.doubtful {
            let unsynced = self.unsynced();
            for open in &unsynced.opens {
                rewrite(&*self.disk, open)?;
            }
            self.disk.sync_names()?;
            self.synced(&unsynced);
            self.current.file = self.disk.open(self.current.number)?;
            self.doubtful = false;
        }
        Ok(())
    }
}

/// What is to be put on disk.
pub(crate) struct Unsynced {
    opens: Vec<Open>,
    names: Option<Arc<dyn Disk>>,
}

impl Unsynced {
    /// Puts it there.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.opens.iter().try_for_each(|open| open.file.sync())?;
        self.names.as_ref().map_or(Ok(()), |disk| disk.sync_names())
    }
}

/// Writes over itself what may not have reached the disk, through a fresh descriptor.
fn rewrite(disk: &dyn Disk, open: &Open) -> io::Result<()> {
    let file = disk.open(open.number)?;
    let mut chunk = vec![0; 64 << 10];
    let mut at = open.synced;
    while at < open.length {
        let size = usize::try_from(open.length - at)
            .unwrap_or(chunk.len())
            .min(chunk.len());
        file.read(&mut chunk[..size], at)?;
        file.write(&chunk[..size], at)?;
        at += size as u64;
    }
    file.sync()
}
