//! Folders and file names of a journal, and the lock that makes a chain one process's own.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{ChainName, LedgerError};

const MOST_STDIO: u32 = 256;

/// Makes a folder that only its owner can enter.
pub(crate) fn make(path: &Path) -> Result<(), LedgerError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(LedgerError::io("make", path))
}

/// What the lock's file says after a process that left nothing to be synced.
const LEFT: &str = "left";

/// A chain's folder, ours until dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) dir: PathBuf,
    /// The process before had synced the names of its segments when it ended.
    pub(crate) names_synced: bool,
    /// Holds the lock.
    lock: File,
}

impl Held {
    /// Says to the next process that the names of all segments are on disk.
    pub(crate) fn leave(&self) {
        // If that is lost, the next one syncs once more.
        let _ = say(&self.lock, LEFT);
    }
}

/// Writes in place: a file that is cut first is flushed by some file systems, and the next start waits.
fn say(lock: &File, word: &str) -> io::Result<()> {
    lock.write_all_at(format!("{word:<10}\n").as_bytes(), 0)
}

/// Takes the chain, or says who has it.
pub(crate) fn hold(journal: &Path, chain: &ChainName) -> Result<Held, LedgerError> {
    make(journal)?;
    match chain {
        ChainName::Serve => hold_one(journal.join("serve")),
        ChainName::Named(name) => hold_one(journal.join(checked(name)?)),
        ChainName::Stdio => {
            for number in 1..=MOST_STDIO {
                match hold_one(journal.join(format!("stdio-{number}"))) {
                    Err(LedgerError::Held { .. }) => {}
                    other => return other,
                }
            }
            Err(LedgerError::TooManyChains {
                dir: journal.to_owned(),
                most: MOST_STDIO,
            })
        }
    }
}

fn checked(name: &str) -> Result<&str, LedgerError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=31).contains(&name.len()) && name.bytes().all(fits) {
        Ok(name)
    } else {
        Err(LedgerError::ChainName {
            name: name.chars().take(40).collect(),
        })
    }
}

fn hold_one(dir: PathBuf) -> Result<Held, LedgerError> {
    make(&dir)?;
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    let options = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let lock = options
        .open(&path)
        .map_err(LedgerError::io("open", &path))?;
    let locked = lock.try_lock();
    let mut text = String::new();
    // Whose it is only helps people; that it is held is enough to refuse.
    let _ = (&lock).take(16).read_to_string(&mut text);
    match locked {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let by = text.trim().parse().ok();
            return Err(LedgerError::Held { dir, by });
        }
        Err(TryLockError::Error(error)) => return Err(LedgerError::io("lock", &path)(error)),
    }
    // A full disk must not keep durward from reading its state; the journal itself will say so.
    let _ = say(&lock, &std::process::id().to_string());
    Ok(Held {
        dir,
        names_synced: text.trim() == LEFT,
        lock,
    })
}

/// The file of a segment.
pub(crate) fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}.dwj"))
}

/// The numbers of a chain's segments, rising.
pub(crate) fn segments(dir: &Path) -> Result<Vec<u32>, LedgerError> {
    let mut numbers: Vec<u32> = names(dir)?
        .iter()
        .filter_map(|name| name.strip_suffix(".dwj")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The names and folders of a journal's chains, in order.
pub(crate) fn chains(journal: &Path) -> Result<Vec<(String, PathBuf)>, LedgerError> {
    let mut chains = Vec::new();
    let listed = names(journal);
    if matches!(&listed, Err(LedgerError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound)
    {
        return Err(LedgerError::NoJournal {
            dir: journal.to_owned(),
        });
    }
    for name in listed? {
        let dir = journal.join(&name);
        if dir.is_dir() && !segments(&dir)?.is_empty() {
            chains.push((name, dir));
        }
    }
    chains.sort();
    if chains.is_empty() {
        return Err(LedgerError::NoJournal {
            dir: journal.to_owned(),
        });
    }
    Ok(chains)
}

fn names(dir: &Path) -> Result<Vec<String>, LedgerError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(LedgerError::io("read", dir))? {
        let entry = entry.map_err(LedgerError::io("read", dir))?;
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_a_chain() {
        let folder = tempfile::tempdir().unwrap();
        let first = hold(folder.path(), &ChainName::Serve).unwrap();
        let refused = hold(folder.path(), &ChainName::Serve).unwrap_err();
        assert!(
            matches!(refused, LedgerError::Held { by: Some(pid), .. } if pid == std::process::id())
        );
        drop(first);
        let second = hold(folder.path(), &ChainName::Serve).unwrap();
        assert!(!second.names_synced, "the first one did not say so");
        second.leave();
        drop(second);
        assert!(hold(folder.path(), &ChainName::Serve).unwrap().names_synced);
    }

    #[test]
    fn stdio_takes_the_first_free_chain() {
        let folder = tempfile::tempdir().unwrap();
        let take = || hold(folder.path(), &ChainName::Stdio).unwrap();
        let (first, second) = (take(), take());
        assert!(first.dir.ends_with("stdio-1") && second.dir.ends_with("stdio-2"));
        drop(first);
        assert!(take().dir.ends_with("stdio-1"));
    }

    #[test]
    fn a_name_is_no_path() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "..", "a/b", "A", &"a".repeat(32)] {
            let refused = hold(folder.path(), &ChainName::Named(name.to_owned())).unwrap_err();
            assert!(matches!(refused, LedgerError::ChainName { .. }));
        }
    }
}
