//! The log's file: the owner's alone, and bounded.

use std::{
    fs::{File, OpenOptions, rename},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A file of this size, in bytes, makes way for a new one.
const LONGEST: u64 = 16 << 20;

/// A file that lines are added to. When it is full it becomes `….1`, in the place of the one before.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    longest: u64,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    length: u64,
}

impl LogFile {
    /// Opens a file of mode 0600 to add to it.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            open: Mutex::new(Open::at(path)?),
            path: path.to_owned(),
            longest: LONGEST,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }
}

impl Write for &LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut open = self.lock();
        if open.length >= self.longest {
            let mut old = self.path.as_os_str().to_owned();
            old.push(".1");
            rename(&self.path, &old)?;
            *open = Open::at(&self.path)?;
        }
        let wrote = open.file.write(bytes)?;
        open.length += u64::try_from(wrote).unwrap_or(u64::MAX);
        Ok(wrote)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn it_is_private_goes_on_and_makes_way_when_it_is_full() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log");
        let mut log = LogFile::at(&path).unwrap();
        log.longest = 8;
        for line in ["one\n", "two two\n", "three\n"] {
            (&log).write_all(line.as_bytes()).unwrap();
        }
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(read(&path), "three\n");
        assert_eq!(read(&home.path().join("log.1")), "one\ntwo two\n");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(log);
        (&LogFile::at(&path).unwrap()).write_all(b"four\n").unwrap();
        assert_eq!(read(&path), "three\nfour\n");
    }
}
