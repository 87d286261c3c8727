//! The JSON Lines copy: every record as a line, for other programs. It is no evidence, and its errors
//! stop no call.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use crate::{JsonlCopy, LedgerError, commit::hold, frame};

/// The file that is being written.
pub(crate) struct Copy {
    settings: JsonlCopy,
    file: File,
    length: u64,
    lines: Vec<u8>,
    /// What went wrong last; others look at it.
    error: Arc<Mutex<Option<Arc<str>>>>,
    failing: bool,
}

impl Copy {
    /// Goes on at the file's end.
    pub(crate) fn open(settings: JsonlCopy) -> Result<Self, LedgerError> {
        let path = &settings.file;
        let file = open(path).map_err(LedgerError::io("open", path))?;
        let length = file
            .metadata()
            .map_err(LedgerError::io("open", path))?
            .len();
        Ok(Self {
            settings,
            file,
            length,
            lines: Vec::new(),
            error: Arc::default(),
            failing: false,
        })
    }

    /// Adds the records of these frames.
    pub(crate) fn write(&mut self, frames: &[u8]) {
        let error = self.try_write(frames).err();
        if error.is_some() || self.failing {
            self.failing = error.is_some();
            *hold(&self.error) = error.map(|error| error.to_string().into());
        }
    }

    /// Where what went wrong last can be seen without waiting for the writer.
    pub(crate) fn error(&self) -> Arc<Mutex<Option<Arc<str>>>> {
        self.error.clone()
    }

    fn try_write(&mut self, frames: &[u8]) -> io::Result<()> {
        if self.length >= self.settings.rotate_bytes {
            self.rotate()?;
        }
        self.lines.clear();
        for record in frame::records(frames) {
            self.lines.extend_from_slice(record);
            self.lines.push(b'\n');
        }
        self.file.write_all(&self.lines)?;
        self.length += self.lines.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..self.settings.keep).rev() {
            match fs::rename(self.aside(number), self.aside(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.settings.keep > 0 {
            fs::rename(&self.settings.file, self.aside(1))?;
        } else {
            fs::remove_file(&self.settings.file)?;
        }
        self.file = open(&self.settings.file)?;
        self.length = 0;
        Ok(())
    }

    fn aside(&self, number: u32) -> PathBuf {
        let mut name = self.settings.file.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn open(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}
