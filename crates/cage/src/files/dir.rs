//! A directory that is open for listing.

use std::{
    borrow::Cow,
    collections::BinaryHeap,
    ffi::{CStr, CString},
    fmt::Write,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, SeekFrom, fstat, openat, seek, statat};

use super::{FileFault, Kind, Meta, OpenFile, beneath::QUIET};

/// One name of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    name: CString,
    kind: Kind,
}

impl Entry {
    /// The name as people see it: a byte that is not UTF-8 is spelled `\xNN`, and a name that has
    /// one can be seen and not opened.
    pub fn name(&self) -> Cow<'_, str> {
        match self.name.to_str() {
            Ok(name) => Cow::Borrowed(name),
            Err(_) => Cow::Owned(escaped(self.name.to_bytes())),
        }
    }

    /// The name if it is UTF-8, and so can be asked for.
    pub fn utf8(&self) -> Option<&str> {
        self.name.to_str().ok()
    }

    /// The name's bytes: entries are sorted by them.
    pub fn bytes(&self) -> &[u8] {
        self.name.to_bytes()
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        &self.name
    }

    /// What it stands for; a link is a link, wherever it leads.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// Some entries of a directory, in the order of their names' bytes.
#[derive(Debug, Default)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// There are others after them.
    pub more: bool,
}

/// A directory, opened for reading and judged.
#[derive(Debug)]
pub struct OpenDir {
    fd: OwnedFd,
    meta: Meta,
    path: String,
}

impl OpenDir {
    pub(super) fn new(fd: OwnedFd, meta: Meta, path: String) -> Self {
        Self { fd, meta, path }
    }

    /// What was known of it when it was opened.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Its path below the root, over no link; `""` for the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path below the root of something in this directory.
    pub fn join(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.path)
        }
    }

    /// The first `limit` entries after the name `after`, of those that `keep` takes. However many
    /// there are, no more than `limit` + 1 are held. An error of `keep` ends the reading: a caller
    /// whose work is to stop says so there.
    pub fn page(
        &self,
        after: Option<&[u8]>,
        limit: usize,
        keep: &mut dyn FnMut(&Entry) -> Result<bool, FileFault>,
    ) -> Result<Page, FileFault> {
        let mut first = BinaryHeap::with_capacity(limit.min(1024) + 2);
        let mut more = false;
        self.each(&mut |name, file_type| {
            if after.is_some_and(|after| name.to_bytes() <= after) {
                return Ok(());
            }
            if first.len() > limit && first.peek().is_some_and(|last: &Entry| *last.name < *name) {
                return Ok(());
            }
            let entry = self.entry(name, file_type)?;
            if keep(&entry)? {
                first.push(entry);
            }
            if first.len() > limit.saturating_add(1) {
                first.pop();
            }
            Ok(())
        })?;
        if first.len() > limit {
            first.pop();
            more = true;
        }
        Ok(Page {
            entries: first.into_sorted_vec(),
            more,
        })
    }

    /// Facts about an entry; a link is not followed.
    pub fn stat(&self, entry: &Entry) -> Result<Meta, FileFault> {
        let stat = statat(&self.fd, entry.name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Meta::from(&stat))
    }

    /// Opens an entry that is a regular file; a link is not followed.
    pub fn open_file(&self, entry: &Entry) -> Result<OpenFile, FileFault> {
        let (fd, meta) = self.open_entry(entry, OFlags::RDONLY)?;
        if meta.kind != Kind::File {
            return Err(FileFault::NotARegularFile);
        }
        Ok(OpenFile::new(fd, meta, None))
    }

    /// Opens the entry of that name, if it is a regular file; a link is not followed.
    pub fn open_named(&self, name: &CStr) -> Result<OpenFile, FileFault> {
        self.open_file(&Entry {
            name: name.to_owned(),
            kind: Kind::File,
        })
    }

    /// Opens an entry that is a directory; a link is not followed.
    pub(super) fn open_dir(&self, entry: &Entry) -> Result<Self, FileFault> {
        let (fd, meta) = self.open_entry(entry, OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(Self::new(fd, meta, self.join(&entry.name())))
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn open_entry(&self, entry: &Entry, flags: OFlags) -> Result<(OwnedFd, Meta), FileFault> {
        let flags = flags | QUIET | OFlags::NOFOLLOW;
        let fd = openat(&self.fd, entry.name.as_c_str(), flags, Mode::empty())?;
        let meta = Meta::from(&fstat(&fd)?);
        Ok((fd, meta))
    }

    fn entry(&self, name: &CStr, file_type: FileType) -> Result<Entry, FileFault> {
        let mut entry = Entry {
            name: name.to_owned(),
            kind: Kind::of(file_type),
        };
        // Some file systems don't say in the directory what a name stands for.
        if file_type == FileType::Unknown {
            entry.kind = match self.stat(&entry) {
                Ok(meta) => meta.kind,
                Err(FileFault::NotFound) => Kind::Other,
                Err(fault) => return Err(fault),
            };
        }
        Ok(entry)
    }

    /// Calls `visit` with every name but `.` and `..`, from the first on.
    fn each(
        &self,
        visit: &mut dyn FnMut(&CStr, FileType) -> Result<(), FileFault>,
    ) -> Result<(), FileFault> {
        seek(&self.fd, SeekFrom::Start(0))?;
        let mut buffer = vec![MaybeUninit::uninit(); 32 * 1024];
        let mut names = RawDir::new(&self.fd, &mut buffer);
        while let Some(found) = names.next() {
            let found = found?;
            if !matches!(found.file_name().to_bytes(), b"." | b"..") {
                visit(found.file_name(), found.file_type())?;
            }
        }
        Ok(())
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string can't fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}
