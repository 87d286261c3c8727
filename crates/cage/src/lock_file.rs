//! A file that one living process holds. The lock goes with the process, however it ends (flock(2)); what
//! is left is taken over by the next one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::fs::OFlags;
use thiserror::Error;

/// What a file says at most, in bytes.
const LONGEST: u64 = 8 * 1024;
/// Whoever only looks holds a lock for a moment, too.
const LOOKS: usize = 20;
const LOOK: Duration = Duration::from_millis(10);

/// Why a file can't be taken.
#[derive(Debug, Error)]
pub enum LockFault {
    /// A living process has it.
    #[error("`{}` is held by another process", path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// What its holder wrote.
        content: String,
    },
    /// The system refused.
    #[error("`{}` can't be locked: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Who holds a file, and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// There is no file.
    Nobody,
    /// A process that did not end in order; the file is gone now.
    Dead(String),
    /// A living process.
    Living(String),
}

/// A file of ours until this is dropped; then it is removed.
#[derive(Debug)]
pub struct LockFile {
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

impl LockFile {
    /// Takes the file, of mode 0600, and writes this into it. The folder is made with mode 0700 where there
    /// is none.
    ///
    /// # Errors
    /// [`LockFault`].
    pub fn take(path: &Path, content: &str) -> Result<Self, LockFault> {
        let fail = |error| LockFault::Io {
            path: path.to_owned(),
            error,
        };
        if let Some(folder) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(fail)?;
        }
        for _ in 0..LOOKS {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false);
            let options = options.mode(0o600).custom_flags(flags());
            let file = options.open(path).map_err(fail)?;
            match file.try_lock() {
                Ok(()) if is_there(&file, path) => {
                    say(&file, content).map_err(fail)?;
                    let path = path.to_owned();
                    return Ok(Self { path, _file: file });
                }
                // Its holder before removed it just now.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
                Err(TryLockError::Error(error)) => return Err(fail(error)),
            }
        }
        Err(LockFault::Held {
            path: path.to_owned(),
            content: read(path).unwrap_or_default(),
        })
    }

    /// Who holds a file. What a dead process left is removed.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn look(path: &Path) -> io::Result<Holder> {
        let mut options = OpenOptions::new();
        let opened = options.read(true).custom_flags(flags()).open(path);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) => {
                let left = read(path)?;
                if is_there(&file, path) {
                    fs::remove_file(path)?;
                }
                Ok(Holder::Dead(left))
            }
            Err(TryLockError::WouldBlock) => {
                // Between taking it and saying so lies a moment.
                for _ in 0..LOOKS {
                    match read(path) {
                        Ok(content) if !content.is_empty() => return Ok(Holder::Living(content)),
                        _ => thread::sleep(LOOK),
                    }
                }
                Ok(Holder::Living(String::new()))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // It may be gone already, with its folder.
        let _ = fs::remove_file(&self.path);
    }
}

/// No link is followed, and a FIFO is not waited for.
fn flags() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}

/// Is this the file that stands there now?
fn is_there(file: &File, path: &Path) -> bool {
    let same = |one: fs::Metadata, other: fs::Metadata| {
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    };
    file.metadata()
        .and_then(|mine| Ok(same(mine, fs::symlink_metadata(path)?)))
        .unwrap_or(false)
}

fn say(mut file: &File, content: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(content.as_bytes())
}

fn read(path: &Path) -> io::Result<String> {
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags()).open(path)?;
    let mut content = String::new();
    file.take(LONGEST).read_to_string(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn one_holder_at_a_time_who_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/lock");
        assert_eq!(LockFile::look(&path).unwrap(), Holder::Nobody);
        let first = LockFile::take(&path, "first\n").unwrap();
        let refused = LockFile::take(&path, "second\n").unwrap_err();
        assert!(matches!(refused, LockFault::Held { content, .. } if content == "first\n"));
        let living = Holder::Living("first\n".to_owned());
        assert_eq!(LockFile::look(&path).unwrap(), living);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(first);
        assert!(!path.exists());
        LockFile::take(&path, "second\n").unwrap();
    }

    #[test]
    fn what_a_dead_process_left_is_taken_over_or_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        fs::write(&path, "a much longer text of one that was killed").unwrap();
        let taken = LockFile::take(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        drop(taken);
        fs::write(&path, "killed").unwrap();
        let dead = Holder::Dead("killed".to_owned());
        assert_eq!(LockFile::look(&path).unwrap(), dead);
        assert!(!path.exists());
    }

    #[test]
    fn no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, target) = (dir.path().join("lock"), dir.path().join("precious"));
        fs::write(&target, "x").unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert!(matches!(
            LockFile::take(&path, ""),
            Err(LockFault::Io { .. })
        ));
        assert_eq!(fs::read_to_string(&target).unwrap(), "x");
    }
}
